// SPDX-License-Identifier: GPL-2.0-only
/*
 * One step does all: which windows are open, what of their acts is not done yet, and what is still done although its window is over. It is taken whenever
 * the worker wakes, by the clock or by 'abort', and asks for the next time. See acts.h.
 */
#include "engine/acts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "engine/birth.h"
#include "engine/clock.h"
#include "engine/device.h"
#include "engine/limits.h"
#include "engine/oom.h"
#include "engine/proc.h"
#include "engine/undo.h"
#include "lib/gate.h"
#include "lib/util.h"

#define RETRY_NS (500 * NSEC_PER_MSEC)      /* of what the kernel refused */
#define CLOCK_NS (10 * NSEC_PER_SEC)        /* the clock on the wall may be set */
#define FROZEN_LOOK_NS (50 * NSEC_PER_MSEC) /* for a SIGKILL that v1 holds back */

/* A control file, or a device's line of one, and the limits that are in it. */
struct knob {
	char *file, *period; /* period: of v1's cpu, else NULL */
	char key[DEVICE_KEY_MAX];
	bool v1;
	unsigned int kinds; /* bits of enum limit_kind */
};

struct acts {
	const struct container *container;
	struct container_page *page;
	const uint64_t *node_aborted;
	const struct plan_acts *plan;
	size_t base; /* of the page's rules, the first of ours */
	struct cgroup cgroup;
	int pidfd;
	char *freezer;
	char (*keys)[DEVICE_KEY_MAX]; /* the device of each rule */
	struct knob *knobs;
	size_t n_knobs;
	struct undo undo; /* a worker's own copy of what is on record */
	uint64_t due_ns, mono_ns, wall_ns;
	bool in_force[FW_RULES]; /* as of the last step */
	uint64_t armed_ns;       /* how long what is in force lasts yet: what PID 1 was told */
};

static bool is_moment(const struct plan_act *r)
{
	return r->type != ACT_PAUSE && r->type != ACT_LIMIT;
}

/* The container ends of it: its files are to be removed then. */
static bool is_end(const struct plan_act *r)
{
	return r->type == ACT_EXIT || r->type == ACT_OOM || (r->type == ACT_KILL && r->process.signal == SIGKILL);
}

static struct container_act *state_of(const struct acts *a, size_t i)
{
	return &a->page->acts[a->base + i];
}

static struct fw_rule *gate_of(const struct acts *a, size_t i)
{
	return &a->page->rules[a->base + i];
}

static void done(struct acts *a, size_t i)
{
	state_of(a, i)->done = 1;
	state_of(a, i)->error = 0;
	gate_injected(gate_of(a, i));
}

/* ---- windows */

static void due(struct acts *a, uint64_t in_ns)
{
	if (in_ns < UINT64_MAX - a->mono_ns)
		a->due_ns = MIN(a->due_ns, a->mono_ns + in_ns);
}

/* Whether a rule is in force, its window counted when it is new. *ret_over: it never will be again. */
static bool look(struct acts *a, size_t i, uint64_t *ret_left_ns, bool *ret_over)
{
	const struct plan_act *r = &a->plan->rules[i];
	const struct fw_calendar *calendar = r->common.calendar ? &r->common.calendar->fields : NULL;
	struct fw_rule *gate = gate_of(a, i);
	struct container_act *s = state_of(a, i);
	bool open = gate_open(gate, calendar, a->mono_ns, a->wall_ns, ret_left_ns), off;
	uint64_t wait_ns = open ? *ret_left_ns : gate_wait_ns(gate, calendar, a->mono_ns, a->wall_ns), window;

	due(a, gate->flags & FW_RULE_WALL ? MIN(wait_ns, CLOCK_NS) : wait_ns);
	off = a->page->aborted || __atomic_load_n(a->node_aborted, __ATOMIC_RELAXED) || (a->page->disarmed >> (a->base + i) & 1);
	window = open ? gate_window(gate, a->mono_ns, a->wall_ns, *ret_left_ns) : 0;
	if (open && !off && window != s->window)
		*s = (struct container_act){ .window = window, .hit = gate_count(gate, NULL) };
	*ret_over =
		wait_ns == UINT64_MAX && (!open || (s->window == window && (!s->hit || (is_moment(r) && s->done && !is_end(r)))));
	return open && !off && s->hit;
}

/* ---- acts */

static void do_kill(struct acts *a, size_t i)
{
	if (!syscall(SYS_pidfd_send_signal, a->pidfd, a->plan->rules[i].process.signal, NULL, 0))
		done(a, i);
	else
		state_of(a, i)->error = errno;
}

static void do_oom(struct acts *a, size_t i)
{
	int r = oom_kill(&a->cgroup, &a->undo, a->pidfd);

	if (!r)
		done(a, i);
	else
		state_of(a, i)->error = -r;
}

/* Only when nobody was there at its start (acts_born). */
static void do_exit(struct acts *a, size_t i)
{
	int r = birth_exit(a->container, a->plan->rules[i].process.code);

	if (!r)
		done(a, i);
	else
		state_of(a, i)->error = -r;
}

static void do_moments(struct acts *a, bool at_birth)
{
	static void (*const acts[])(struct acts *, size_t) = { [ACT_KILL] = do_kill, [ACT_OOM] = do_oom, [ACT_EXIT] = do_exit };

	for (size_t i = 0; i < a->plan->n_rules; i++) {
		const struct plan_act *r = &a->plan->rules[i];

		if (!a->in_force[i] || !is_moment(r) || state_of(a, i)->done || (at_birth && r->type == ACT_EXIT))
			continue;
		acts[r->type](a, i);
		if (!state_of(a, i)->done)
			due(a, RETRY_NS);
	}
}

/* Killed, but frozen by v1, which lets nobody die. */
static bool is_held_back(const struct acts *a)
{
	struct proc_number pending[] = { { "SigPnd", 16, 0 }, { "ShdPnd", 16, 0 } };

	(void)proc_status((pid_t)a->container->init.pid, pending, ARRAY_SIZE(pending));
	return (pending[0].value | pending[1].value) >> (SIGKILL - 1) & 1;
}

static void do_pause(struct acts *a)
{
	bool wanted = false, v1 = a->cgroup.v1[CGROUP_FREEZER];
	int r;

	for (size_t i = 0; i < a->plan->n_rules; i++)
		wanted |= a->in_force[i] && a->plan->rules[i].type == ACT_PAUSE;
	if (!wanted || !a->freezer || (v1 && undo_has(&a->undo, a->freezer, "") && is_held_back(a))) {
		if (a->freezer)
			undo_put_back(&a->undo, a->freezer, "");
		return;
	}
	r = undo_set(&a->undo, a->freezer, "", NULL, v1 ? "FROZEN" : "1");
	for (size_t i = 0; i < a->plan->n_rules; i++) {
		if (!a->in_force[i] || a->plan->rules[i].type != ACT_PAUSE || state_of(a, i)->done)
			continue;
		state_of(a, i)->error = r ? -r : undo_has(&a->undo, a->freezer, "") ? 0 : EALREADY;
		if (!state_of(a, i)->error)
			done(a, i);
	}
	due(a, r ? RETRY_NS : v1 ? FROZEN_LOOK_NS : UINT64_MAX);
}

/* Whether rule i has a number in this file, in force or not. */
static bool has_limit(const struct acts *a, size_t i, const struct knob *k, enum limit_kind kind)
{
	const struct plan_act *r = &a->plan->rules[i];

	return r->type == ACT_LIMIT && (k->kinds >> kind & 1) && limits_value(&r->limits, kind) &&
	       util_streq(k->key, kind < LIMIT_RBPS ? "" : a->keys[i]);
}

/* The least of the limits in force; 0 = none is. */
static uint64_t least(const struct acts *a, const struct knob *k, enum limit_kind kind)
{
	uint64_t value = UINT64_MAX;

	for (size_t i = 0; i < a->plan->n_rules; i++)
		if (a->in_force[i] && has_limit(a, i, k, kind))
			value = MIN(value, limits_value(&a->plan->rules[i].limits, kind));
	return value == UINT64_MAX ? 0 : value;
}

/* What a file is to say; false = what it said before us. */
static bool knob_text(const struct acts *a, const struct knob *k, const char *former, char ret[CGROUP_TEXT_MAX])
{
	char text[CGROUP_TEXT_MAX], period[CGROUP_TEXT_MAX] = "";
	bool lower = false;

	if (k->period)
		(void)cgroup_read(k->period, "", period);
	snprintf(text, sizeof(text), "%s", former);
	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++) {
		uint64_t value = k->kinds >> kind & 1 ? least(a, k, kind) : 0;

		if (!value || !limits_text(k->v1, kind, k->key, text, strtoull(period, NULL, 10), value, ret))
			continue;
		lower = true;
		snprintf(text, sizeof(text), "%s", ret);
	}
	return lower;
}

static int set_knob(struct acts *a, const struct knob *k)
{
	char former[CGROUP_TEXT_MAX], text[CGROUP_TEXT_MAX], back[CGROUP_TEXT_MAX];
	enum limit_kind kind = (enum limit_kind)__builtin_ctz(k->kinds);
	int r = undo_former(&a->undo, k->file, k->key, former);

	if (r)
		return r;
	if (knob_text(a, k, former, text))
		return undo_set(&a->undo, k->file, k->key, limits_restore(k->v1, kind, k->key, former, back), text);
	undo_put_back(&a->undo, k->file, k->key);
	return 0;
}

/* What became of the rules that have a number in a file. */
static void tell(struct acts *a, const struct knob *k, int r)
{
	bool ours = undo_has(&a->undo, k->file, k->key);

	for (size_t i = 0; i < a->plan->n_rules; i++) {
		bool has = false;

		for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++)
			has |= a->in_force[i] && has_limit(a, i, k, kind);
		if (!has || state_of(a, i)->done)
			continue;
		if (!r && ours)
			done(a, i);
		else
			state_of(a, i)->error = r ? -r : EALREADY;
	}
}

static void do_limits(struct acts *a)
{
	for (size_t i = 0; i < a->n_knobs; i++) {
		int r = set_knob(a, &a->knobs[i]);

		tell(a, &a->knobs[i], r);
		if (r)
			due(a, RETRY_NS);
	}
}

/* ---- a step */

/* PID 1 is told before anything lasting is done, whenever that lasts longer than it knows of. */
static void tell_systemd(struct acts *a, uint64_t lasts_ns)
{
	if (lasts_ns && a->mono_ns + lasts_ns > a->armed_ns + NSEC_PER_SEC) {
		undo_arm(a->container->id, lasts_ns);
		a->armed_ns = a->mono_ns + lasts_ns;
	} else if (!lasts_ns && a->armed_ns && !a->undo.n) {
		undo_disarm(a->container->id);
		a->armed_ns = 0;
	}
}

/* True when there is nothing left to do. */
static bool step(struct acts *a, bool at_birth)
{
	uint64_t left_ns, lasts_ns = 0;
	bool over = true, rule_over;

	a->mono_ns = clock_ns(CLOCK_MONOTONIC);
	a->wall_ns = clock_ns(CLOCK_REALTIME);
	a->due_ns = KEEPER_NEVER;
	for (size_t i = 0; i < a->plan->n_rules; i++) {
		a->in_force[i] = look(a, i, &left_ns, &rule_over);
		over &= rule_over;
		if (a->in_force[i] && !is_moment(&a->plan->rules[i]) && left_ns != UINT64_MAX)
			lasts_ns = MAX(lasts_ns, left_ns);
	}
	if (lasts_ns)
		tell_systemd(a, lasts_ns);
	do_limits(a);
	do_pause(a);
	do_moments(a, at_birth);
	if (!lasts_ns)
		tell_systemd(a, 0);
	return over && !a->undo.n;
}

int acts_born(void *acts)
{
	struct acts *a = acts;

	(void)step(a, true);
	for (size_t i = 0; i < a->plan->n_rules; i++) {
		if (a->plan->rules[i].type != ACT_EXIT || !a->in_force[i])
			continue;
		done(a, i);
		return a->plan->rules[i].process.code;
	}
	return -1;
}

static void acts_begin(void *data)
{
	struct acts *a = data;

	undo_cleanup(&a->undo);
	if (undo_load(a->container->id, &a->undo, NULL))
		a->undo.container = util_strdup(a->container->id);
	a->due_ns = a->page->running ? 0 : KEEPER_NEVER;
}

static uint64_t acts_due_ns(const void *data)
{
	return ((const struct acts *)data)->due_ns;
}

static bool acts_wake(void *data, short events)
{
	struct acts *a = data;

	if (!(events & (POLLIN | POLLHUP | POLLERR)))
		return a->page->running && step(a, false);
	undo_put_back_all(&a->undo); /* others may live on in the cgroup */
	undo_disarm(a->container->id);
	return true;
}

/* ---- preparation */

static int find_devices(struct acts *a, struct error *err)
{
	a->keys = util_alloc(a->plan->n_rules, sizeof(*a->keys));
	for (size_t i = 0; i < a->plan->n_rules; i++) {
		const struct plan_act *r = &a->plan->rules[i];
		int ret = 0;

		if (r->type == ACT_LIMIT && r->limits.io.path)
			ret = device_find((pid_t)a->container->init.pid, a->container->rootfs, r->limits.io.path, a->keys[i], err);
		if (ret)
			return error_wrap(err, "%s.io.path", r->common.name);
	}
	return 0;
}

static unsigned int controls_of(const struct plan_acts *plan)
{
	unsigned int controls = 0;

	for (size_t i = 0; i < plan->n_rules; i++) {
		const struct plan_act *r = &plan->rules[i];

		controls |= r->type == ACT_PAUSE ? 1U << CGROUP_FREEZER : r->type == ACT_OOM ? 1U << CGROUP_MEMORY : 0;
		for (enum limit_kind k = 0; r->type == ACT_LIMIT && k < LIMIT_KINDS; k++)
			controls |= limits_value(&r->limits, k) ? 1U << limits_control(k) : 0;
	}
	return controls;
}

static void add_knob(struct acts *a, enum limit_kind kind, const char *key)
{
	_cleanup_free_ char *file = limits_file(&a->cgroup, kind);
	bool v1 = a->cgroup.v1[limits_control(kind)];
	struct knob *k = NULL;

	for (size_t i = 0; i < a->n_knobs; i++)
		if (util_streq(a->knobs[i].file, file) && util_streq(a->knobs[i].key, key))
			k = &a->knobs[i];
	if (!k) {
		k = util_grow(&a->knobs, &a->n_knobs, sizeof(*k));
		k->v1 = v1;
		k->file = TAKE_PTR(file);
		if (kind == LIMIT_CPU && v1)
			k->period = util_printf("%s/cpu.cfs_period_us", a->cgroup.dir[CGROUP_CPU]);
		snprintf(k->key, sizeof(k->key), "%s", key);
	}
	k->kinds |= 1U << kind;
}

static void make_knobs(struct acts *a)
{
	for (size_t i = 0; i < a->plan->n_rules; i++) {
		const struct plan_act *r = &a->plan->rules[i];

		for (enum limit_kind k = 0; r->type == ACT_LIMIT && k < LIMIT_KINDS; k++)
			if (limits_value(&r->limits, k))
				add_knob(a, k, k < LIMIT_RBPS ? "" : a->keys[i]);
	}
	if (a->cgroup.dir[CGROUP_FREEZER])
		a->freezer = util_printf("%s/%s", a->cgroup.dir[CGROUP_FREEZER],
					 a->cgroup.v1[CGROUP_FREEZER] ? "freezer.state" : "cgroup.freeze");
}

int acts_open(const struct container *c, struct container_page *page, const uint64_t *node_aborted, struct acts **ret,
	      struct error *err)
{
	const struct plan_syscalls *calls = plan_syscalls(&c->plan);
	struct acts *a = util_alloc(1, sizeof(*a));
	int r;

	*a = (struct acts){ .container = c,
			    .page = page,
			    .node_aborted = node_aborted,
			    .plan = plan_acts(&c->plan),
			    .base = calls ? calls->n_rules : 0,
			    .due_ns = KEEPER_NEVER };
	a->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)c->init.pid, 0);
	if (a->pidfd < 0)
		return error_set(err, errno, "cannot hold the container's process: %s", strerror(errno));
	r = cgroup_find((pid_t)c->init.pid, controls_of(a->plan), &a->cgroup, err);
	if (!r)
		r = find_devices(a, err);
	if (r)
		return r;
	make_knobs(a);
	*ret = a;
	return 0;
}

struct keeper_source acts_source(struct acts *a)
{
	return (struct keeper_source){ .fd = a->pidfd, .data = a, .begin = acts_begin, .due_ns = acts_due_ns, .wake = acts_wake };
}

bool acts_need_resource_capability(const struct acts *a)
{
	bool oom = false;

	for (size_t i = 0; i < a->plan->n_rules; i++)
		oom |= a->plan->rules[i].type == ACT_OOM;
	return oom && a->cgroup.v1[CGROUP_MEMORY];
}
