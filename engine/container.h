/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Containers with faults, in files: <id>.json, the record, written before anything is done; <id>.page, shared by the container's
 * supervisor (counters), 'status' (reads them) and 'abort' (writes 'aborted'). Both go when the container has ended.
 */
#ifndef FAULTWIRE_CONTAINER_H
#define FAULTWIRE_CONTAINER_H

#include <sys/types.h>

#include "engine/state.h"

#define CONTAINER_DIR STATE_DIR "/containers"
#define CONTAINER_CONTROL STATE_DIR "/control"

/* A process that a recycled pid is not taken for: its start is in the kernel's ticks since boot. */
struct container_process {
	uint64_t pid, start;
};

struct container {
	char *id, *name, *sandbox_id;
	char *pod_namespace, *pod_name, *pod_uid; /* "" when the runtime does not say */
	char *experiment;                         /* "" = none */
	char *wanted;      /* the containers that the pod's faults name, each with a space behind it; "" = none */
	char *rootfs;      /* as its init sees it while it is created; not on record. NULL = "/" */
	char *files_build; /* of PLAN_FILES: the programs' pins, and its slot (engine/files.h); 0 = none */
	uint64_t files_slot;
	struct container_process init, supervisor; /* no supervisor where the plan needs none */
	uint64_t created_mono_ns, created_unix_ns;
	struct plan plan;
};
#define _cleanup_container_ __attribute__((cleanup(container_cleanup)))

#define CONTAINER_PAGE_MAGIC 0x6661756c74706731ULL
#define CONTAINER_ABORT_NODE 4U /* beside FW_ABORT_EXPERIMENT and FW_ABORT_POD */

/* Of an act (plan_act): what became of its last window. */
struct container_act {
	uint64_t window; /* gate_window; 0 = none yet */
	uint32_t hit;    /* the gate's decision for it */
	uint32_t done;
	uint64_t error; /* why it could not be done; EALREADY: it was so already */
};

/*
 * Abort is one pwrite(2) of a u64 to 'aborted', which the supervisor is woken by (a store into a mapping wakes nobody). Rules are the plan's, in
 * its order, the system calls' before the acts, with absolute times.
 */
struct container_page {
	uint64_t magic;
	uint32_t abi, n_rules;
	uint64_t aborted;  /* who wants it off; off for any value but 0 */
	uint64_t disarmed; /* rules that wait to be armed */
	uint64_t running;  /* the container's own program has begun */
	uint64_t seen;     /* calls that came to the supervisor */
	struct fw_rule rules[FW_RULES];
	struct container_act acts[FW_RULES]; /* as rules, of those that are acts */
	uint64_t over;                       /* there is nothing left to do, and the supervisor has ended before the container */
};

/* Starts the record of a container: init's and the caller's own processes, times of creation. -ESRCH when init is gone. */
int container_begin(struct container *c, pid_t init, struct error *err);
/* Only on record, without faults: it is there when it is asked which containers of a pod there are. */
int container_note(struct container *c, pid_t init, struct error *err);
/* Makes the caller its supervisor, and saves that. */
int container_take(struct container *c, struct error *err);
/* Written whole or not at all. */
int container_save(const struct container *c, struct error *err);
/* -ENOENT, or -EBADMSG naming the file. */
int container_load(const char *id, struct container *ret, struct error *err);
/* Whether its faults are in force for this very container: its supervisor is at work, where it has one. */
bool container_is_served(const char *id, pid_t init);
/* Bits of 'aborted' for one that is born now: an abort that outlived a reboot holds for it. */
uint64_t container_born_aborted(const struct container *c);
/* Makes the page of a saved container anew, with its rules; unmapped by the process's end. *ret_fd is the caller's. */
int container_page_make(const struct container *c, struct container_page **ret, int *ret_fd, struct error *err);
/* The page that is there, in place of a supervisor that has died. -ENOENT, -EBADMSG. */
int container_page_take(const struct container *c, struct container_page **ret, int *ret_fd, struct error *err);
/* Maps the page to be read. -ENOENT, -EBADMSG. */
int container_page_open(const char *id, const struct container_page **ret, struct error *err);
/* Sets or clears bits of its page's 'aborted', and wakes its supervisor. -ENOENT. */
int container_abort(const char *id, uint64_t bits, bool on, struct error *err);
/*
 * The node's word, CONTAINER_CONTROL: one pwrite of a u64 that every supervisor maps and is woken by. 0 = on. *ret_word is unmapped by the
 * process's end; *ret_fd names the file for a watch, and is the caller's.
 */
int container_node_open(const uint64_t **ret_word, int *ret_fd, struct error *err);
int container_abort_node(bool on, struct error *err);
/* The same of its page's 'disarmed', a bit each rule. */
int container_disarm(const char *id, uint64_t bits, bool on, struct error *err);
/* All records that can be read, by name; the array and what is in it are the caller's (containers_cleanup). */
struct containers {
	struct container *containers;
	size_t n;
};
#define _cleanup_containers_ __attribute__((cleanup(containers_cleanup)))
int container_list(struct containers *ret, struct error *err);
void containers_cleanup(struct containers *list);
/* Whether its supervisor lives; where it does not, its intercepted calls fail with ENOSYS as long as it lives itself. */
bool container_has_supervisor(const struct container *c);
/* Whether its own process has ended. */
bool container_has_ended(const struct container *c);
/* Removes what there is of it. fd: only if the page is still this one (-1 = whatever there is). */
void container_remove(const char *id, int page_fd);
/* The same when its supervisor has seen its end; a record that is the file hooks' as well stays for files_stop. */
void container_end(const struct container *c, int page_fd);
/*
 * Puts back what dead supervisors left changed, and removes the files of those whose container has ended too, but not the file hooks'
 * (files_sweep).
 */
void container_sweep(void);

void container_cleanup(struct container *c);

#endif
