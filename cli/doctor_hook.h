/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What engines are told about the OCI hook, in whatever file: shared by the checks of doctor_hook.c and doctor_containerd.c.
 */
#ifndef FAULTWIRE_DOCTOR_HOOK_H
#define FAULTWIRE_DOCTOR_HOOK_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cli/doctor.h"

#define HOOK_NAME "faultwire-hook"
#define HOOK_PATH "/usr/local/libexec/" HOOK_NAME

struct hook_wiring {
	bool create, poststop; /* it is started at */
};

/* Whether an entry is the hook's: by the name of its program, as the script in config/ does. */
bool hook_is_ours(const cJSON *entry);
/* One entry (path, args) that 'file' has for 'stage'; problems into ret, the worst stays. */
void hook_wire(struct hook_wiring *w, const char *file, const char *stage, const cJSON *entry, struct doctor_result *ret);
/* Once all entries are seen: one without the other? */
void hook_wired(const struct hook_wiring *w, const char *where, struct doctor_result *ret);
/* Says it unless something as bad has been said. */
void hook_say(struct doctor_result *r, enum doctor_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Whether a file of the hook's is where NRI's hook-injector looks. */
bool hook_has_files(const struct doctor *d);

#endif
