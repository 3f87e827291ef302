/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spec -> plan: the ordered list of ops that the engine carries out and undoes in reverse. A plan is complete data: it prints
 * itself for people (dry run) and goes through JSON and back (the state file). Relative times stay relative until applied.
 */
#ifndef FAULTWIRE_PLAN_H
#define FAULTWIRE_PLAN_H

#include <stdio.h>

#include "bpf/abi.h"
#include "lib/spec.h"

/* What the node offers; the caller finds out (engine/probe), lib only decides. */
struct plan_env {
	bool htb, tbf, netem, fq, ifb, mirred;
	bool files;            /* programs at the kernel's file hooks do what they are told */
	const char *files_why; /* by what they do, or why they do not; for a sentence's middle. Not the plan's */
	/* the node's own addresses, exempt unless includeNode; not the plan's */
	const struct fault_prefix *node;
	size_t n_node;
};

enum plan_op_type {
	PLAN_RULES,    /* the slot's rules and tables */
	PLAN_OFFLOAD,  /* checksums computed by the stack, not left to the device */
	PLAN_SEGMENTS, /* GSO off: a packet is a wire segment */
	PLAN_IFB,      /* the ifb that shapes the way in */
	PLAN_ROOT,     /* an htb root on the interface (to) or its ifb (from) */
	PLAN_LEAF,     /* a class of it with its qdiscs */
	PLAN_ATTACH,   /* clsact and the programs: from here on packets are seen */
	PLAN_FILES,    /* of a container: what the node's programs at the file hooks let fail */
	PLAN_SYSCALLS, /* of a container: what its supervisor answers */
	PLAN_ACTS,     /* of a container: what its supervisor does by the clock */
	PLAN_OP_TYPES,
};

struct plan_rule {
	char name[FAULT_NAME_MAX + 1];
	unsigned int dirs; /* bits of enum fw_dir */
	bool include_node, armed;
	struct fault_target target; /* the plan's */
	struct calendar *calendar;  /* of FW_RULE_CALENDAR, the plan's */
	char *dns, *dns_types;      /* FW_OP_DNS: lib/dns.h's patterns and types, the plan's; NULL for others */
	uint32_t first_connections; /* FW_RULE_FIRST */
	struct fault_http http;     /* of FW_OP_HTTP */
	struct fw_rule rule;        /* start_ns relative to the sandbox's creation */
};

struct plan_rules {
	struct plan_rule *rules;
	size_t n_rules; /* at most FW_RULES, in the order in which a packet meets them */
};

struct plan_netem { /* struct tc_netem_qopt's fields in our units; zero = not used */
	uint64_t latency_ns, jitter_ns;
	enum fault_distribution distribution;
	uint32_t reorder_ppm, reorder_gap;
	bool has_slot;
	struct fault_slot slot;
	uint32_t corrupt_ppm;
	uint32_t limit; /* packets */
};

struct plan_tbf {
	uint64_t rate_bits, peak_bits;
	uint32_t limit_bytes, buffer_bytes, minburst_bytes;
};

/* A class of the root: netem, then tbf or fq below it; at least one of the three. */
struct plan_leaf {
	enum fw_dir dir;
	uint16_t minor;
	bool has_netem, has_tbf, has_fq;
	struct plan_netem netem;
	struct plan_tbf tbf;
	uint64_t fq_horizon_ns;
};

/* What the rules of a container have, whoever carries them out. */
struct plan_common {
	char name[FAULT_NAME_MAX + 1];
	bool armed;
	char *containers;          /* of a plan for all; NULL = every one. The plan's */
	struct calendar *calendar; /* of FW_RULE_CALENDAR, the plan's */
	struct fw_rule rule;       /* the gate; start_ns relative to the container's creation */
};

struct plan_syscall {
	struct plan_common common;
	struct fault_syscall syscall; /* the plan's; empty where 'io' is */
	bool is_io;                   /* faultwire.dev/io: 'io' says what is done to which calls */
	struct fault_io io;           /* the plan's */
};

struct plan_syscalls {
	struct plan_syscall *rules;
	size_t n_rules; /* at most FW_RULES, in the order in which a call meets them */
};

struct plan_file {
	struct plan_common common;
	struct fault_io io; /* action 'fault' alone; the plan's */
};

struct plan_files {
	struct plan_file *rules;
	size_t n_rules; /* at most FW_RULES, in the order in which a call meets them */
};

enum act_type { ACT_KILL, ACT_PAUSE, ACT_OOM, ACT_EXIT, ACT_LIMIT };

/* Its events are windows: each that opens is one, and the gate decides whether it is used. */
struct plan_act {
	struct plan_common common;
	enum act_type type;
	struct fault_process process; /* ACT_KILL, ACT_EXIT */
	struct fault_resource limits; /* ACT_LIMIT; the plan's */
};

struct plan_acts {
	struct plan_act *rules;
	size_t n_rules; /* with those of the system calls at most FW_RULES */
};

struct plan_op {
	enum plan_op_type type;
	union {
		struct plan_syscalls syscalls;
		struct plan_files files;
		struct plan_acts acts;
		struct plan_rules rules;
		enum fw_dir root; /* PLAN_ROOT */
		struct plan_leaf leaf;
		struct {
			unsigned int dirs; /* bits of enum fw_dir */
			bool ifb, stamp;   /* a second ingress filter to the ifb; a program on the ifb that stamps */
		} attach;
	};
};

struct plan {
	struct plan_op *ops;
	size_t n_ops;
	char **notes; /* sentences for people: which backend was taken and why, what cannot be truthful */
	size_t n_notes;
};

#define _cleanup_plan_ __attribute__((cleanup(plan_cleanup)))

/*
 * Makes the plan of a whole spec. *ret is complete on success (plan_cleanup) and empty on failure. -ENOTSUP where the node lacks what a
 * fault needs (the message names the module and the remedy), -E2BIG over FW_RULES or a table's size, -EDOM for
 * faults that do not go together.
 */
int plan_build(const struct fault_spec *spec, const struct plan_env *env, struct plan *ret, struct error *err);

/*
 * Makes the plan of one container: the faults in containers that are for it; for NULL, of all containers, with the names they are for. *ret is
 * complete on success and empty when none is; -E2BIG over FW_RULES, -ENOTSUP for a backend that the node does not have. One fault has one
 * backend whole, the kernel's file hooks where they can.
 */
int plan_build_container(const struct fault_spec *spec, const char *container, const struct plan_env *env, struct plan *ret,
			 struct error *err);

/* For people: the ops in order, a line or more each, then the notes. */
void plan_print(const struct plan *plan, FILE *out);

/* plan_from_json(plan_to_json(p)) equals p. The object is the caller's. -EINVAL for a document that is not a plan. */
cJSON *plan_to_json(const struct plan *plan);
int plan_from_json(const struct json *j, struct plan *ret, struct error *err);

/* The rules op, or NULL; the system calls'; the files'; the acts'; and whether an op of a type is there. */
const struct plan_rules *plan_rules(const struct plan *plan);
const struct plan_syscalls *plan_syscalls(const struct plan *plan);
const struct plan_files *plan_files(const struct plan *plan);
const struct plan_acts *plan_acts(const struct plan *plan);

/* One of a container's rules; syscall or act is NULL. */
struct plan_rule_of {
	const struct plan_common *common;
	const struct plan_syscall *syscall;
	const struct fault_io *io; /* of io faults, whoever carries them out */
	const struct plan_act *act;
};
/* Number i, those of the system calls before the acts, as in a container's page; false when there are fewer. */
bool plan_rule_of(const struct plan *plan, size_t i, struct plan_rule_of *ret);

const struct plan_op *plan_find(const struct plan *plan, enum plan_op_type type);
/* Whether somebody has to stay with the container for it. */
bool plan_needs_supervisor(const struct plan *plan);

void plan_cleanup(struct plan *plan);

/* "to", "from", "both". */
extern const char *const plan_dir_names[FW_DIRS];

/*
 * For the kinds' plan(): the builder.
 */
struct plan_builder {
	const struct plan_env *env;
	struct plan *plan;
	struct plan_rules rules;
	struct plan_leaf *leaves; /* shape leaves, before corruption is woven in */
	size_t n_leaves;
	unsigned int shapes[FW_DIRS]; /* faults of ORDER_SHAPE in each direction */
	unsigned int corrupt_leaf;    /* directions that need a corrupting leaf */
	unsigned int edt;             /* directions that need an fq leaf */
	unsigned int edt_leaf;        /* its k, 0 = none yet */
	unsigned int next_leaf;
	bool offload, segments;
};

/* A rule's gate alone: window, when, key and percent of f. */
struct fw_rule plan_gate(const struct fault *f, enum fw_op op);

/* The gate as JSON and back. */
void plan_gate_to_json(cJSON *o, const struct fw_rule *r);
int plan_gate_from_json(const struct json *j, struct fw_rule *r, struct error *err);

/* Whether a fault is for a container; NULL = all. */
bool plan_is_for(const struct fault *f, const char *container);
/* A rule's common part: made of a fault (all: with the names of those that it is for), as a new object, and back; the plan's. */
struct plan_common plan_common_of(const struct fault *f, bool all);
cJSON *plan_common_to_json(const struct plan_common *c);
int plan_common_from_json(const struct json *j, struct plan_common *c, struct error *err);
void plan_common_cleanup(struct plan_common *c);
/* Reads an op's "rules", at most FW_RULES, each by 'one', into an array as util_grow has them. */
typedef int plan_one_fn(const struct json *j, void *rule, struct error *err);
int plan_list_from_json(const struct json *j, void *array, size_t *n, size_t size, plan_one_fn *one, struct error *err);

/* PLAN_SYSCALLS. */
void plan_syscalls_to_json(cJSON *o, const struct plan_op *op);
int plan_syscalls_from_json(const struct json *j, struct plan_op *op, struct error *err);
void plan_syscalls_cleanup(struct plan_syscalls *s);

/* PLAN_FILES, likewise; whether an io fault goes there (1), or to PLAN_SYSCALLS (0), and why. -ENOTSUP where it was told to and cannot. */
int plan_files_take(const struct fault *f, const struct plan_env *env, struct plan *plan, struct error *err);
void plan_files_add(struct plan_files *files, const struct fault *f, bool all);
void plan_files_to_json(cJSON *o, const struct plan_op *op);
int plan_files_from_json(const struct json *j, struct plan_op *op, struct error *err);
void plan_files_cleanup(struct plan_files *files);
/* PLAN_ACTS; plan_acts_add() adds those that are for a container (NULL = all), at most 'room'. */
int plan_acts_add(const struct fault_spec *spec, const char *container, size_t room, struct plan *plan, struct error *err);
void plan_acts_to_json(cJSON *o, const struct plan_op *op);
int plan_acts_from_json(const struct json *j, struct plan_op *op, struct error *err);
void plan_acts_cleanup(struct plan_acts *acts);
/* What is done: "kill by SIGTERM", "pause", "cpu 200m, memory 64Mi". */
#define PLAN_ACT_TEXT_MAX 1280
void plan_act_text(const struct plan_act *r, char buf[PLAN_ACT_TEXT_MAX]);

/* Bits of enum fw_dir that a fault acts on. */
unsigned int plan_dirs(const struct fault *f);

/* Adds f's rule: its gate (window, when, key, percent), target and directions; the caller fills what the op needs. Valid until the next one. */
struct fw_rule *plan_add_rule(struct plan_builder *b, const struct fault *f, enum fw_op op);

/* The rule that was added last. */
struct plan_rule *plan_last_rule(struct plan_builder *b);

/* A share in ppm as a threshold of a 32-bit draw. */
uint32_t plan_threshold(uint32_t ppm);

/* The two-state chain whose share is p and whose lag-1 autocorrelation is c: P(hit after hit) = p + c(1 - p), P(hit after miss) = p(1 - c). */
struct fw_chain plan_chain(uint32_t share_ppm, uint32_t correlation_ppm);

/* Makes a rule hit a share of its events: independent ones by its probability (percent x share), correlated ones by the chain. */
void plan_share(struct fw_rule *r, const struct fault *f, uint32_t share_ppm, uint32_t correlation_ppm);

/* One shape, in both forms; plan_shape() takes the one that is truthful and there, and notes why. */
struct plan_shape {
	struct plan_leaf leaf; /* has_netem or has_tbf; dir and minor are plan_shape's */
	const char *wants_edt; /* why EDT is the truthful one, NULL = the leaf is as good */
	const char *no_leaf;   /* why no leaf can do it at all, NULL = it can */
	const char *no_edt;    /* why EDT cannot, NULL = it can */
	const char *leaf_note; /* what to note if the leaf is taken although EDT was wanted */
	enum fw_op edt_op;     /* FW_OP_DELAY or FW_OP_RATE */
	struct fw_delay delay;
	struct fw_rate rate;
	uint32_t rule_flags;
	struct fw_chain chain; /* of FW_RULE_REORDER */
};
int plan_shape(struct plan_builder *b, const struct fault *f, const struct plan_shape *shape, struct error *err);

void plan_note(struct plan_builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
