// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aborts that hold a pod off: see held.h.
 */
#include "cli/held.h"

#include <errno.h>

#include "engine/bpf.h"
#include "lib/util.h"

int held_control(struct fw_control **ret, struct error *err)
{
	struct fw_control *control = NULL;
	int r = bpf_control_map(&control, err);

	if (r == -ENOENT && !state_count()) {
		*err = (struct error){};
		r = 0;
	}
	if (!r)
		*ret = control;
	return r;
}

struct held held_get(const struct fw_control *control, const struct state_pod *pod)
{
	struct held h = {};

	if (!control || pod->slot > FW_SLOTS)
		return h;
	h.node = __atomic_load_n(&control[0].aborted, __ATOMIC_RELAXED);
	h.experiment = __atomic_load_n(&control[pod->slot].aborted, __ATOMIC_RELAXED) & FW_ABORT_EXPERIMENT;
	h.pod = __atomic_load_n(&control[pod->slot].aborted, __ATOMIC_RELAXED) & FW_ABORT_POD;
	return h;
}

char *held_text(struct held h, const struct state_pod *pod)
{
	_cleanup_free_ char *experiment =
		util_printf("the abort of experiment '%s' ('faultwire resume --experiment %s')", pod->experiment, pod->experiment);

	return util_printf("%s%s%s%s%s", h.node ? "the abort of the node ('faultwire resume --all')" : "",
			   h.node && (h.experiment || h.pod) ? ", " : "", h.experiment ? experiment : "",
			   h.experiment && h.pod ? ", " : "", h.pod ? "its own abort ('faultwire resume' with its name)" : "");
}
