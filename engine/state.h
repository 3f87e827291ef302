/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is on this node, in files: one record per pod interface under /run/faultwire (gone at reboot, as the kernel objects are),
 * aborts that outlive a reboot under /var/lib/faultwire. A record is written before anything is done and removed when all
 * of it has been undone, so it is a superset of what is in the kernel.
 */
#ifndef FAULTWIRE_STATE_H
#define FAULTWIRE_STATE_H

#include "lib/plan.h"

#define STATE_DIR "/run/faultwire"
#define STATE_PODS STATE_DIR "/pods"
#define STATE_SLOTS STATE_DIR "/slots" /* <n> -> the record that has slot n */
#define STATE_LOCK STATE_DIR "/lock"
#define STATE_ABORTS "/var/lib/faultwire/aborts"

struct state_pod {
	char *container_id, *ifname, *netns, *network;
	char *pod_namespace, *pod_name, *pod_uid; /* "" when the runtime does not say */
	char *experiment;                         /* "" = none */
	uint16_t slot;
	char *build; /* pin directory of the programs that serve it */
	uint32_t abi;
	uint64_t created_mono_ns, created_unix_ns;
	bool clsact_found; /* clsact was there before us */
	bool tx_checksum_was;
	uint32_t gso_segs_was;
	uint64_t netns_cookie; /* the kernel's, never given twice in a boot; 0 = not known */
	struct plan plan;
};

#define _cleanup_pod_ __attribute__((cleanup(state_pod_cleanup)))
#define _cleanup_pods_ __attribute__((cleanup(state_pods_cleanup)))

/*
 * An exclusive flock over everything below, held until state_unlockp (_cleanup_lock_). Directories are made on the way, 0700, and files
 * mended that one who was killed under the lock left behind.
 */
int state_lock(int *ret_fd, struct error *err);
void state_unlockp(int *fd);
#define _cleanup_lock_ __attribute__((cleanup(state_unlockp)))
/* Whether somebody was killed under the lock and nobody has taken it since: one stat(2) when not. */
bool state_interrupted(void);

/* Written whole or not at all (temporary file, rename), 0600. */
int state_save(const struct state_pod *pod, struct error *err);
/* -ENOENT when there is none. A record that cannot be read is -EBADMSG naming the file. */
int state_load(const char *container_id, const char *ifname, struct state_pod *ret, struct error *err);
/* Whether there is one, by one access(2): no lock, nothing opened. */
bool state_exists(const char *container_id, const char *ifname);
/* Removes a record and frees its slot (0 = not known: looked for). What is not there is success. */
int state_remove(const char *container_id, const char *ifname, uint16_t slot, struct error *err);

struct state_pods {
	struct state_pod *pods;
	size_t n;
};
/* All records; files that cannot be read are skipped and counted. */
int state_list(struct state_pods *ret, size_t *ret_unreadable, struct error *err);

/* The next free slot after the one given last (first in, first out: a lingering namespace must not hit a new pod). -ENOSPC. Under the lock. */
int state_slot_next(uint16_t *ret, struct error *err);
/* How many pods have faults now. */
size_t state_count(void);

/* Aborts that outlive a reboot: experiment "" = all. */
int state_abort_set(const char *experiment, bool aborted, struct error *err);
bool state_abort_get(const char *experiment);
/* Names aborted now; the array and strings are the caller's. "" stands for all. */
int state_abort_list(char ***ret, size_t *ret_n, struct error *err);

void state_pod_cleanup(struct state_pod *pod);
void state_pods_cleanup(struct state_pods *pods);

#endif
