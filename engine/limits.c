// SPDX-License-Identifier: GPL-2.0-only
/*
 * The texts of cgroup v1's and v2's control files: see limits.h.
 */
#include "engine/limits.h"

#include "lib/util.h"

#define PERIOD_US 100000
#define QUOTA_MIN_US 1000 /* the kernel's */
#define NO_LIMIT UINT64_MAX

static const struct kind {
	enum cgroup_control control;
	const char *v1, *v2; /* files */
	const char *field;   /* of a line of io.max */
	size_t offset;       /* in struct fault_resource */
} kinds[] = {
	[LIMIT_CPU] = { CGROUP_CPU, "cpu.cfs_quota_us", "cpu.max", NULL, offsetof(struct fault_resource, cpu_milli) },
	[LIMIT_MEMORY] = { CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max", NULL,
			   offsetof(struct fault_resource, memory_bytes) },
	[LIMIT_PIDS] = { CGROUP_PIDS, "pids.max", "pids.max", NULL, offsetof(struct fault_resource, pids) },
	[LIMIT_RBPS] = { CGROUP_IO, "blkio.throttle.read_bps_device", "io.max", "rbps", offsetof(struct fault_resource, io.rbps) },
	[LIMIT_WBPS] = { CGROUP_IO, "blkio.throttle.write_bps_device", "io.max", "wbps", offsetof(struct fault_resource, io.wbps) },
	[LIMIT_RIOPS] = { CGROUP_IO, "blkio.throttle.read_iops_device", "io.max", "riops",
			  offsetof(struct fault_resource, io.riops) },
	[LIMIT_WIOPS] = { CGROUP_IO, "blkio.throttle.write_iops_device", "io.max", "wiops",
			  offsetof(struct fault_resource, io.wiops) },
};

uint64_t limits_value(const struct fault_resource *l, enum limit_kind kind)
{
	return *(const uint64_t *)((const char *)l + kinds[kind].offset);
}

enum cgroup_control limits_control(enum limit_kind kind)
{
	return kinds[kind].control;
}

char *limits_file(const struct cgroup *c, enum limit_kind kind)
{
	enum cgroup_control control = kinds[kind].control;

	return util_printf("%s/%s", c->dir[control], c->v1[control] ? kinds[kind].v1 : kinds[kind].v2);
}

/* "max" and "-1" are none. */
static uint64_t number(const char *s)
{
	return *s >= '0' && *s <= '9' ? strtoull(s, NULL, 10) : NO_LIMIT;
}

/* The number behind " field=" of a line of io.max. */
static uint64_t field(const char *line, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strchr(line, ' '); p; p = strchr(p, ' ')) {
		p++;
		if (!strncmp(p, name, n) && p[n] == '=')
			return number(p + n + 1);
	}
	return NO_LIMIT;
}

static bool cpu_text(bool v1, const char *there, uint64_t period_us, uint64_t milli, char *ret)
{
	const char *space = strchr(there, ' ');
	uint64_t period = v1 ? period_us : space ? number(space + 1) : PERIOD_US, quota;

	if (!period || period == NO_LIMIT)
		period = PERIOD_US;
	quota = MAX(milli * period / 1000, QUOTA_MIN_US);
	if (v1)
		snprintf(ret, CGROUP_TEXT_MAX, "%llu", (unsigned long long)quota);
	else
		snprintf(ret, CGROUP_TEXT_MAX, "%llu %llu", (unsigned long long)quota, (unsigned long long)period);
	return quota < number(there);
}

static void io_field(char *line, const char *name, uint64_t value)
{
	size_t n = strlen(line);

	if (value == NO_LIMIT)
		snprintf(line + n, CGROUP_TEXT_MAX - n, " %s=max", name);
	else
		snprintf(line + n, CGROUP_TEXT_MAX - n, " %s=%llu", name, (unsigned long long)value);
}

/* The whole line, with one field (NULL = none) changed: as the kernel prints it. */
static void io_line(const char *key, const char *there, const char *changed, uint64_t value, char *ret)
{
	snprintf(ret, CGROUP_TEXT_MAX, "%s", key);
	for (enum limit_kind k = LIMIT_RBPS; k <= LIMIT_WIOPS; k++)
		io_field(ret, kinds[k].field,
			 changed && util_streq(changed, kinds[k].field) ? value : field(there, kinds[k].field));
}

bool limits_text(bool v1, enum limit_kind kind, const char *key, const char *there, uint64_t period_us, uint64_t value,
		 char ret[CGROUP_TEXT_MAX])
{
	const char *space = strchr(there, ' ');
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (kind == LIMIT_CPU)
		return cpu_text(v1, there, period_us, value, ret);
	if (kind == LIMIT_MEMORY)
		value -= value % page;
	if (kind <= LIMIT_PIDS) {
		snprintf(ret, CGROUP_TEXT_MAX, "%llu", (unsigned long long)value);
		return value < number(there);
	}
	if (v1) {
		snprintf(ret, CGROUP_TEXT_MAX, "%s %llu", key, (unsigned long long)value);
		return value < (space ? number(space + 1) : NO_LIMIT);
	}
	io_line(key, there, kinds[kind].field, value, ret);
	return value < field(there, kinds[kind].field);
}

const char *limits_restore(bool v1, enum limit_kind kind, const char *key, const char *there, char buf[CGROUP_TEXT_MAX])
{
	if (kind <= LIMIT_PIDS || there[0])
		return NULL;
	if (v1)
		snprintf(buf, CGROUP_TEXT_MAX, "%s 0", key);
	else
		io_line(key, "", NULL, 0, buf);
	return buf;
}
