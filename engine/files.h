/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container's PLAN_FILES put into force and out of it: a slot in the maps of the node's programs, which are attached while some container has
 * one. The count of users is the records of containers: whatever was killed, the next run of any of these makes programs and maps agree with them.
 */
#ifndef FAULTWIRE_FILES_H
#define FAULTWIRE_FILES_H

#include "bpf/file_abi.h"
#include "engine/container.h"

/*
 * Says in 'env' whether programs at the file hooks do what they are told on this node: armed on the caller, who opens a file; once a boot, kept in
 * /run/faultwire/file-hooks. 'afresh' neither believes what is kept nor keeps.
 */
void files_env(struct plan_env *env, bool afresh);

/*
 * Puts c's PLAN_FILES (none: nothing is done) into force for the container of its init, whose bundle this is: from its own program's exec on. c is begun
 * (container_begin); its record is written. On failure nothing is left. Under the lock.
 */
int files_start(struct container *c, const char *bundle, struct error *err);
/* Takes it away. Under the lock. */
void files_stop(const struct container *c);
/*
 * The same, and container_sweep, for containers that have ended without their poststop, and programs that nobody uses. Takes the lock unless the
 * caller has it, and only where there is something of either.
 */
void files_sweep(bool locked);

/* Sets or clears bits of its 'aborted', its 'disarmed'; nothing where it has no slot. */
int files_abort(const struct container *c, uint64_t bits, bool on, struct error *err);
int files_disarm(const struct container *c, uint64_t bits, bool on, struct error *err);
/* What its slot says, and its rules (at least as many as the plan has). -ENOENT. */
int files_get(const struct container *c, struct fw_file *ret, struct fw_rule rules[FW_RULES], struct error *err);

#endif
