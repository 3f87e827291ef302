// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of checks: kernel, privileges, node, runtime, what is left over.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <linux/magic.h>

#include "cli/doctor.h"
#include "cli/input.h"
#include "cli/pods.h"
#include "engine/bpf.h"
#include "engine/engine.h"
#include "engine/files.h"
#include "engine/netns.h"
#include "lib/util.h"

#define UNUSED(d, check) ((void)(d), (void)(check))

#define TESTED_MAJOR 6
#define TESTED_MINOR 1

static void check_kernel(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	struct utsname u;
	int major = 0, minor = 0;

	UNUSED(d, check);
	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	if (major > TESTED_MAJOR || (major == TESTED_MAJOR && minor >= TESTED_MINOR))
		doctor_say(ret, DOCTOR_OK, "%s", u.release);
	else
		doctor_say(ret, DOCTOR_WARN, "%s is older than what is tested (%d.%d): 'programs' below decides", u.release,
			   TESTED_MAJOR, TESTED_MINOR);
}

static void check_btf(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	UNUSED(d, check);
	doctor_say(ret, DOCTOR_OK, "%s; network faults need none",
		   access("/sys/kernel/btf/vmlinux", R_OK) ? "the kernel has none" : "/sys/kernel/btf/vmlinux");
}

static void check_programs(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	struct error err = {};

	UNUSED(d, check);
	if (bpf_trial_load(&err))
		doctor_say(ret, DOCTOR_FAIL, "%s", err.msg);
	else
		doctor_say(ret, DOCTOR_OK, "the kernel takes them (build %s)", bpf_build());
}

/* One who has not the hooks has the supervisor. */
static void check_file_hooks(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	struct plan_env env = {};

	UNUSED(d, check);
	files_env(&env, true);
	if (env.files)
		doctor_say(ret, DOCTOR_OK, "io faults are done in the kernel, %s", env.files_why);
	else
		doctor_say(ret, DOCTOR_WARN,
			   "io faults are done by supervisors, which processes that are exec'd into a container escape (%s)",
			   env.files_why);
}

static void check_feature(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	enum doctor_answer a = d->probe.has[check->feature];

	if (a == ANSWER_YES)
		doctor_say(ret, DOCTOR_OK, "there");
	else if (a == ANSWER_NO)
		doctor_say(ret, check->without, "not there: %s", check->without_text);
	else
		doctor_say(ret, DOCTOR_WARN, "not known%s%s", d->probe.err.code ? ": " : " for want of what comes before it",
			   d->probe.err.msg);
}

/* Delays need one of the two shapers. */
static void check_shaper(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	check_feature(d, check, ret);
	if (d->probe.has[check->feature] == ANSWER_YES)
		doctor_say(ret, DOCTOR_OK, "there: %s", check->with_text);
	if (d->probe.has[FEATURE_NETEM] == ANSWER_NO && d->probe.has[FEATURE_FQ] == ANSWER_NO)
		doctor_say(ret, DOCTOR_FAIL, "not there, and %s is not there either: delays are refused",
			   check->feature == FEATURE_FQ ? "netem" : "fq");
}

static void check_bpffs(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	struct statfs fs;

	UNUSED(d, check);
	if (statfs("/sys/fs/bpf", &fs))
		doctor_say(ret, DOCTOR_FAIL, "/sys/fs/bpf: %s", strerror(errno));
	else if (fs.f_type != BPF_FS_MAGIC)
		doctor_say(ret, DOCTOR_FAIL, "no bpf filesystem is mounted at /sys/fs/bpf");
	else
		doctor_say(ret, DOCTOR_OK, "mounted at /sys/fs/bpf");
}

static void check_capabilities(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	static const struct {
		cap_value_t cap;
		const char *name;
	} caps[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
	};
	cap_t have = cap_get_proc();
	char missing[128] = "";

	UNUSED(d, check);
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (have)
			cap_get_flag(have, caps[i].cap, CAP_EFFECTIVE, &set);
		if (set == CAP_CLEAR)
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", caps[i].name);
	}
	cap_free(have);
	if (*missing)
		doctor_say(ret, DOCTOR_FAIL, "this process lacks%s", missing);
	else
		doctor_say(ret, DOCTOR_OK, "CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON");
}

static void check_lsm(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	UNUSED(d, check);
	if (input_read("/sys/kernel/security/lsm", 4096, &text, &n, NULL))
		doctor_say(ret, DOCTOR_OK, "not known (securityfs is not mounted); network faults need none");
	else
		doctor_say(ret, DOCTOR_OK, "%s; network faults need none", text);
}

static void check_zones(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	(void)d;
	(void)check;
	if (engine_has_zones())
		doctor_say(ret, DOCTOR_OK, "there, for 'timeZone'");
	else
		doctor_say(ret, DOCTOR_WARN, "not there: schedules with a 'timeZone' other than UTC are refused");
}

static void check_policy(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_policy_ struct policy policy = {};
	struct error err = {};

	UNUSED(d, check);
	if (input_policy(NULL, &policy, &err))
		doctor_say(ret, DOCTOR_FAIL, "%s", err.msg);
	else
		doctor_say(ret, DOCTOR_OK, "%s", access(POLICY_PATH, F_OK) ? "no " POLICY_PATH ": the defaults hold" : POLICY_PATH);
}

static void check_records(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_pods_list_ struct pods pods = {};
	struct error err = {};
	size_t stale = 0;

	UNUSED(d, check);
	if (pods_select(NULL, 0, &pods, &err)) {
		doctor_say(ret, DOCTOR_FAIL, "%s", err.msg);
		return;
	}
	for (size_t i = 0; i < pods.n; i++) {
		_cleanup_close_ int fd = -1;
		int r = netns_open(pods_at(&pods, i)->netns, &fd, NULL);

		stale += r == -ENOENT || r == -EINVAL;
	}
	if (pods.unreadable)
		doctor_say(ret, DOCTOR_WARN, "%zu of %s cannot be read, %zu are of pods that are gone, %zu are good",
			   pods.unreadable, STATE_PODS, stale, pods.n - stale);
	else if (stale)
		doctor_say(ret, DOCTOR_WARN, "%zu of %zu pods with faults are gone without a DEL", stale, pods.n);
	else
		doctor_say(ret, DOCTOR_OK, "%zu pods with faults", pods.n);
}

static void check_pins(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	DIR *dir = opendir(FW_PIN_ROOT);
	char builds[256] = "";
	struct dirent *e;

	UNUSED(d, check);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && !util_streq(e->d_name, "control") &&
		    strlen(builds) + strlen(e->d_name) + 2 < sizeof(builds))
			sprintf(builds + strlen(builds), " %s", e->d_name);
	if (dir)
		closedir(dir);
	if (*builds)
		doctor_say(ret, DOCTOR_OK, "loaded on this node:%s", builds);
	else
		doctor_say(ret, DOCTOR_OK, "none: the first annotated pod loads the programs");
}

static void check_aborts(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	struct error err = {};
	char **names = NULL;
	size_t n = 0;

	UNUSED(d, check);
	if (state_abort_list(&names, &n, &err))
		doctor_say(ret, DOCTOR_FAIL, "%s", err.msg);
	else if (!n)
		doctor_say(ret, DOCTOR_OK, "none");
	else
		doctor_say(ret, DOCTOR_WARN, "in force:");
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(ret->text);

		snprintf(ret->text + at, sizeof(ret->text) - at, "%s %s%s%s", i ? "," : "", *names[i] ? "experiment '" : "the node",
			 names[i], *names[i] ? "'" : "");
		free(names[i]);
	}
	free(names);
}

#define MODULES ", or install the distribution's extra modules (linux-modules-extra-$(uname -r), kernel-modules-extra)"

const struct doctor_check doctor_checks[] = {
	{ .name = "kernel", .run = check_kernel, .remedy = "a kernel from 6.1 on is what is tested" },
	{ .name = "BTF", .run = check_btf },
	{ .name = "capabilities", .run = check_capabilities, .remedy = "run doctor as root; the runtime calls the plugin as root" },
	{ .name = "bpffs", .run = check_bpffs, .remedy = "mount -t bpf bpf /sys/fs/bpf, at every boot" },
	{ .name = "programs", .run = check_programs },
	{ .name = "clsact",
	  .run = check_feature,
	  .remedy = "modprobe sch_ingress" MODULES,
	  .feature = FEATURE_CLSACT,
	  .without = DOCTOR_FAIL,
	  .without_text = "nothing can be attached" },
	{ .name = "cls_bpf",
	  .run = check_feature,
	  .remedy = "modprobe cls_bpf" MODULES,
	  .feature = FEATURE_CLS_BPF,
	  .without = DOCTOR_FAIL,
	  .without_text = "nothing can be attached" },
	{ .name = "htb",
	  .run = check_feature,
	  .remedy = "modprobe sch_htb" MODULES,
	  .feature = FEATURE_HTB,
	  .without = DOCTOR_FAIL,
	  .without_text = "delay, rate and bandwidth are refused" },
	{ .name = "netem",
	  .run = check_shaper,
	  .remedy = "modprobe sch_netem" MODULES,
	  .feature = FEATURE_NETEM,
	  .without = DOCTOR_WARN,
	  .without_text = "all delays go by departure time (fq), but slot and limit are refused",
	  .with_text = "for delays of one fault a direction" },
	{ .name = "tbf",
	  .run = check_feature,
	  .remedy = "modprobe sch_tbf" MODULES,
	  .feature = FEATURE_TBF,
	  .without = DOCTOR_WARN,
	  .without_text = "rate and bandwidth go by departure time (fq), but peakrate is refused" },
	{ .name = "fq",
	  .run = check_shaper,
	  .remedy = "modprobe sch_fq" MODULES,
	  .feature = FEATURE_FQ,
	  .without = DOCTOR_WARN,
	  .without_text =
		  "delays that correlate or add up are refused, and a seed or a draw per window (correlation 100) decides no "
		  "jitter",
	  .with_text = "for delays that correlate, add up, obey a seed, or are drawn once a window" },
	{ .name = "ifb",
	  .run = check_feature,
	  .remedy = "modprobe ifb" MODULES,
	  .feature = FEATURE_IFB,
	  .without = DOCTOR_WARN,
	  .without_text = "delay, rate and bandwidth on the way in (direction from, both) are refused" },
	{ .name = "act_mirred",
	  .run = check_feature,
	  .remedy = "modprobe act_mirred" MODULES,
	  .feature = FEATURE_MIRRED,
	  .without = DOCTOR_WARN,
	  .without_text = "delay, rate and bandwidth on the way in (direction from, both) are refused" },
	{ .name = "socket balancer",
	  .run = doctor_socket_balancer,
	  .remedy = "name the pods' own addresses in 'cidrs', or in 'hosts' a headless service, whose name has these" },
	{ .name = "LSM", .run = check_lsm },
	{ .name = "file hooks",
	  .run = check_file_hooks,
	  .remedy = "boot with 'bpf' in the kernel's lsm= list, if exec'd processes are to be reached" },
	{ .name = "time zones", .run = check_zones, .remedy = "install the package 'tzdata'" },
	{ .name = "policy", .run = check_policy, .remedy = "correct " POLICY_PATH ", or remove it for the defaults" },
	{ .name = "plugin",
	  .run = doctor_conf_binary,
	  .remedy = "install the plugin there before the configuration names it (make install)" },
	{ .name = "configuration",
	  .run = doctor_conf_entry,
	  .remedy = "add {\"type\":\"faultwire\",\"capabilities\":{\"io.kubernetes.cri.pod-annotations\":true}} to the end of "
		    "\"plugins\"" },
	{ .name = "first file",
	  .run = doctor_conf_first,
	  .remedy = "chain faultwire into that file, or let another come first by name" },
	{ .name = "hook", .run = doctor_hook_program, .remedy = "make install puts it there; network faults need none" },
	{ .name = "hooks.d",
	  .run = doctor_hook_dirs,
	  .remedy = "CRI-O, Podman: copy oci-hook-create.json and oci-hook-poststop.json of faultwire's config/ there" },
	{ .name = "containerd",
	  .run = doctor_hook_containerd,
	  .remedy = "sh containerd-spec.sh add, then the table of containerd-v2.toml or containerd-v3.toml (faultwire's config/), "
		    "and "
		    "restart containerd" },
	{ .name = "tracing", .run = doctor_hook_tracing, .remedy = "system calls need it, network faults do not" },
	{ .name = "records", .run = check_records, .remedy = "the next annotated pod's creation, or the runtime's GC, cleans up" },
	{ .name = "pins", .run = check_pins },
	{ .name = "aborts", .run = check_aborts, .remedy = "faultwire resume --all, or --experiment NAME, when they are to end" },
};

const size_t doctor_checks_count = ARRAY_SIZE(doctor_checks);
