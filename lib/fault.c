// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one list of fault kinds.
 */
#include "lib/fault.h"

#include "lib/target.h"
#include "lib/util.h"

const struct fault_kind *const fault_kinds[] = {
	&fault_kind_delay,   &fault_kind_loss,      &fault_kind_duplicate,  &fault_kind_corrupt,    &fault_kind_bandwidth,
	&fault_kind_rate,    &fault_kind_partition, &fault_kind_reset,      &fault_kind_dns,        &fault_kind_http,
	&fault_kind_syscall, &fault_kind_io_fault,  &fault_kind_io_latency, &fault_kind_io_mistake, &fault_kind_kill,
	&fault_kind_pause,   &fault_kind_oom,       &fault_kind_exit,       &fault_kind_resource,
};
const size_t fault_kinds_count = ARRAY_SIZE(fault_kinds);

const struct fault_kind *fault_kind_find(const char *name)
{
	for (size_t i = 0; i < fault_kinds_count; i++)
		if (util_streq(fault_kinds[i]->name, name))
			return fault_kinds[i];
	return NULL;
}

void fault_cleanup(struct fault *f)
{
	target_cleanup(&f->target);
	free(f->calendar);
	f->calendar = NULL;
	free(f->containers);
	f->containers = NULL;
	if (f->kind && f->kind->cleanup)
		f->kind->cleanup(f);
}
