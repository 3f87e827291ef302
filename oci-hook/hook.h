/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call of the hook: at create, the container's faults are put into force; at its end, what is left of them is removed.
 */
#ifndef FAULTWIRE_HOOK_H
#define FAULTWIRE_HOOK_H

#include <stdbool.h>

#include "lib/error.h"

/*
 * Reads the state from 'in'. stage: "createRuntime", "prestart" (the same; doing both is harmless), "poststop", or NULL: what the state says.
 * Returns 0 or -errno; a warning that goes with success is in *ret_warning ("" = none).
 */
int hook_run(int in, const char *stage, const char *policy, struct error *ret_warning, struct error *err);

#endif
