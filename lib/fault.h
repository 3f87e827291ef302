/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model: what a fault is once its annotation has been read, and fault_kinds[], the one list of fault kinds.
 * Times are u64 ns, shares u32 ppm, rates u64 bit/s. A fault owns what its pointers name (fault_cleanup).
 */
#ifndef FAULTWIRE_FAULT_H
#define FAULTWIRE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/calendar.h"
#include "lib/error.h"
#include "lib/json.h"

#define FAULT_NAME_MAX 63
#define FAULT_CONNECTIONS_MAX 4096 /* firstConnections: a quarter of what the kernel remembers for the node */

struct plan_builder;

enum fault_direction { DIRECTION_TO, DIRECTION_FROM, DIRECTION_BOTH };
enum fault_backend { BACKEND_AUTO, BACKEND_NETEM, BACKEND_EDT };
enum fault_anchor { ANCHOR_POD, ANCHOR_CLOCK };
enum fault_protocol { PROTOCOL_ANY, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_ICMP };

/* strace's when=: events counted from 1. Every one is { 1, UINT64_MAX, 1 }; step 0 = only 'first'. */
struct fault_when {
	uint64_t first, last, step;
};

/* An address prefix; IPv4 as ::ffff:0:0/96, its length 96..128. */
struct fault_prefix {
	uint8_t addr[16];
	uint8_t len;
};

struct fault_range {
	uint16_t first, last;
};

#define FAULT_HOST_MAX 255
/* In lower case, without the last dot: "db.shop.svc.cluster.local", or "*.shop.svc.cluster.local" for all names below. */
struct fault_host {
	char name[FAULT_HOST_MAX + 1];
};

/* A packet's address is wanted if it is in cidrs or seeds or was learned as one of hosts; all of them empty = any. */
struct fault_target {
	struct fault_prefix *cidrs, *except;
	size_t n_cidrs, n_except;
	struct fault_host *hosts;
	struct fault_prefix *seeds; /* addresses that hosts have from the start */
	size_t n_hosts, n_seeds;
	struct fault_range *ports, *source_ports;
	size_t n_ports, n_source_ports;
	enum fault_protocol protocol;
};

enum fault_distribution { DIST_UNIFORM, DIST_NORMAL, DIST_PARETO, DIST_PARETONORMAL };

struct fault_slot { /* netem's slot: packets leave in bursts */
	uint64_t min_ns, max_ns;
	uint64_t packets, bytes;
};

struct fault_delay {
	uint64_t latency_ns, jitter_ns;
	uint32_t correlation_ppm; /* lag-1 autocorrelation of the jitter; PPM_ALL: one draw a window */
	enum fault_distribution distribution;
	uint32_t reorder_ppm; /* share sent at once */
	uint32_t reorder_correlation_ppm;
	uint32_t reorder_gap; /* 0 = none given */
	bool has_slot;
	struct fault_slot slot;
	uint64_t limit; /* packets; 0 = computed */
};

/* The two-state chain of a share and a correlation, Gilbert-Elliott, or netem's four states. */
enum fault_loss_model { LOSS_RANDOM, LOSS_GEMODEL, LOSS_STATE };
struct fault_loss {
	enum fault_loss_model model;
	uint32_t share_ppm, correlation_ppm;
	struct {
		uint32_t p, r, h, k; /* ppm; h, k: share that passes in the bad, the good state */
	} gemodel;
	struct {
		uint32_t p13, p31, p32, p23, p14; /* ppm */
	} state;
};

struct fault_share { /* duplicate */
	uint32_t share_ppm, correlation_ppm;
};

struct fault_corrupt {
	uint32_t share_ppm, correlation_ppm;
	bool valid; /* checksum made right: the damage reaches the application */
};

struct fault_bandwidth { /* bandwidth, and rate (only rate_bits) */
	uint64_t rate_bits, peak_bits;
	uint64_t limit_bytes, buffer_bytes, minburst_bytes; /* 0 = computed */
};

/* Patterns and query types as lib/dns.h has them, each separated by a space; NULL = all. Owned. */
struct fault_dns {
	char *patterns, *types;
	uint8_t rcode; /* 0 = no answer at all */
};

#define FAULT_PATH_MAX 127 /* as many literals as a rule holds (FW_HTTP_LITERALS) */
#define FAULT_METHOD_MAX 16

struct fault_http {
	char path[FAULT_PATH_MAX + 1];     /* a glob whose only wildcard is '*'; "*" = every one */
	char method[FAULT_METHOD_MAX + 1]; /* "" = every one */
	uint16_t code;                     /* 0 = the connection is reset */
};

#define FAULT_GLOB_MAX 1023

/* What is done to a system call. Owned. */
struct fault_syscall {
	char *names;       /* each with a space behind it, in the order given, groups expanded */
	char *path;        /* a glob (util_path_glob); NULL = any */
	uint16_t error;    /* the call is not made and fails with it; 0 = none */
	bool has_retval;   /* the call is not made and returns retval */
	int64_t retval;    /* not negative */
	uint8_t signal;    /* sent to the thread; 0 = none */
	uint64_t enter_ns; /* before the call, or what stands for it */
	uint64_t exit_ns;  /* after it */
	bool per_thread;   /* 'when' counts each thread's calls */
};

enum fault_io_backend { IO_AUTO, IO_LSM, IO_SECCOMP };
enum fault_filling { IO_ZERO, IO_RANDOM };
#define IO_OCCURRENCES_MAX 65536

/* What is done to what a container does to its files; the kind says which. Owned. */
struct fault_io {
	uint32_t methods; /* bits of enum fw_method; READ alone of a mistake */
	char *path;       /* a glob (util_path_glob) in which '**' is a whole component; NULL = all of the volume */
	char *volume;     /* the mount at this path alone; NULL = every one */
	enum fault_io_backend backend;
	uint16_t error;    /* fault: the call is not made and fails with it; else 0 */
	uint64_t delay_ns; /* latency: before the call; else 0 */
	/* mistake: up to max_occurrences stretches of up to max_length bytes of what a read returns are others; else max_length is 0 */
	enum fault_filling filling;
	uint32_t max_occurrences, max_length;
};

/* kill, exit; pause and oom have nothing of their own. */
struct fault_process {
	uint8_t signal, code;
};

struct fault_io_limit {
	char *path;                        /* in the container; its device is meant. NULL = none. Owned */
	uint64_t rbps, wbps, riops, wiops; /* a second; 0 = none */
};

/* Limits of the container's cgroup; 0 = none. */
struct fault_resource {
	uint64_t cpu_milli, memory_bytes, pids;
	struct fault_io_limit io;
};

struct fault {
	const struct fault_kind *kind;
	char path[96]; /* "faultwire.dev/network[0]", for messages */
	char name[FAULT_NAME_MAX + 1];
	uint32_t percent_ppm;
	uint64_t seed; /* drawn by the caller of spec_parse where the annotation has none (spec_seed) */
	bool seed_given;
	struct fault_when when;
	uint64_t start_ns, duration_ns, every_ns; /* duration 0 = until the pod ends; every 0 = one window */
	enum fault_anchor anchor;
	struct calendar *calendar; /* a wall-clock schedule, the fault's; NULL = none */
	bool armed;
	enum fault_direction direction;
	bool include_node, per_segment;
	uint32_t first_connections; /* 0 = every packet that matches */
	enum fault_backend backend;
	struct fault_target target;
	char *containers; /* of faults in containers: names, each with a space behind it; NULL = all but the sandbox. Owned */
	union {
		struct fault_delay delay;
		struct fault_loss loss;
		struct fault_share duplicate;
		struct fault_corrupt corrupt;
		struct fault_bandwidth bandwidth;
		struct fault_dns dns;
		struct fault_http http;
		struct fault_syscall syscall;
		struct fault_io io;
		struct fault_process process;
		struct fault_resource resource;
	};
};

/*
 * What carries a fault out: the programs on the pod's interface; a container's supervisor, which answers calls; that one, or programs at the
 * kernel's file hooks; the supervisor by the clock.
 */
enum fault_layer { LAYER_NETWORK, LAYER_SYSCALL, LAYER_IO, LAYER_ACT };

/*
 * A kind: its name is the "action". parse() reads its own body below j (the fault object) into f's union; plan() adds its rules,
 * leaves... to the plan. 'body' is the key that holds its parameters, NULL when it has none. 'order' is the place in
 * which a packet meets it.
 */
enum fault_order { ORDER_PARTITION, ORDER_ANSWER, ORDER_LOSS, ORDER_CORRUPT, ORDER_DUPLICATE, ORDER_SHAPE, ORDER_SYSCALL };
struct fault_kind {
	const char *name;
	const char *body;
	enum fault_layer layer;
	enum fault_order order;
	bool moment; /* happens when a window begins, and has no 'duration' */
	int (*parse)(const struct json *body, struct fault *f, struct error *err);
	/* Once all of f is read: what does not go together; NULL = all goes. */
	int (*check)(const struct fault *f, struct error *err);
	/* Frees what f's union owns; NULL = nothing. */
	void (*cleanup)(struct fault *f);
	/* of LAYER_NETWORK */
	int (*plan)(const struct fault *f, struct plan_builder *b, struct error *err);
	/* The longest delay and the share that it asks for, for the policy's ceilings; NULL = 0 and all. */
	uint64_t (*max_delay_ns)(const struct fault *f);
	uint32_t (*max_share_ppm)(const struct fault *f);
};

extern const struct fault_kind *const fault_kinds[];
extern const size_t fault_kinds_count;

/* NULL when there is none of that name. */
const struct fault_kind *fault_kind_find(const char *name);

void fault_cleanup(struct fault *f);

/* The kinds, each defined in faults/<file>.c */
extern const struct fault_kind fault_kind_partition, fault_kind_loss, fault_kind_corrupt, fault_kind_duplicate, fault_kind_delay,
	fault_kind_bandwidth, fault_kind_rate, fault_kind_reset, fault_kind_dns, fault_kind_http, fault_kind_syscall,
	fault_kind_io_fault, fault_kind_io_latency, fault_kind_io_mistake, fault_kind_kill, fault_kind_pause, fault_kind_oom,
	fault_kind_exit, fault_kind_resource;

#endif
