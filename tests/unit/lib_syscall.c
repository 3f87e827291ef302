// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire.dev/syscall: what is read, what is refused and how, the plan of a container and its way through JSON, and the gate by which a
 * supervisor decides.
 */
#include "tests/unit/check.h"

#include "lib/gate.h"
#include "lib/plan.h"
#include "lib/syscalls.h"

#define SYS "faultwire.dev/syscall"

static const struct plan_env hooked = { .files = true, .files_why = "BPF LSM" };

static struct fault_spec syscall_spec(const char *text)
{
	return spec_right("syscall", text);
}

static void reads_every_key(void **state)
{
	_cleanup_spec_ struct fault_spec spec = syscall_spec(
		"[{\"syscalls\":[\"connect\",\"fsync\",\"connect\"],\"errno\":\"ETIMEDOUT\",\"when\":\"3+2\",\"delayEnter\":"
		"\"5ms\","
		"\"delayExit\":\"1ms\",\"containers\":[\"web\",\"init-db\"],\"counter\":\"thread\",\"percent\":50,\"seed\":7},"
		"{\"syscalls\":[\"getppid\"],\"retval\":\"77\",\"name\":\"parent\"},"
		"{\"syscalls\":[\"openat\"],\"errno\":5,\"path\":\"/data/**\",\"signal\":\"SIGUSR1\"},"
		"{\"syscalls\":[\"read\"],\"signal\":10,\"duration\":\"10s\"}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_int_equal(spec.n_faults, 4);
	assert_int_equal(spec_count(&spec, LAYER_SYSCALL), 4);
	assert_int_equal(spec_count(&spec, LAYER_NETWORK), 0);
	assert_string_equal(f[0].syscall.names, "connect fsync ");
	assert_string_equal(f[0].containers, "web init-db ");
	assert_string_equal(f[0].name, "syscall[0]");
	assert_int_equal(f[0].syscall.error, ETIMEDOUT);
	assert_int_equal(f[0].syscall.enter_ns, 5 * NSEC_PER_MSEC);
	assert_int_equal(f[0].syscall.exit_ns, NSEC_PER_MSEC);
	assert_true(f[0].syscall.per_thread && f[0].when.first == 3 && f[0].when.step == 2);
	assert_true(f[1].syscall.has_retval && f[1].syscall.retval == 77 && !f[1].containers);
	assert_string_equal(f[1].name, "parent");
	assert_string_equal(f[2].syscall.path, "/data/**");
	assert_int_equal(f[2].syscall.signal, 10);
	assert_int_equal(f[2].syscall.error, EIO);
	assert_int_equal(f[3].syscall.signal, 10);
	assert_int_equal(f[3].duration_ns, 10 * NSEC_PER_SEC);
}

static void groups_expand_to_what_is_there(void **state)
{
	_cleanup_spec_ struct fault_spec network = syscall_spec("{\"syscalls\":[\"@network\"],\"errno\":\"EIO\"}");
	_cleanup_spec_ struct fault_spec files =
		syscall_spec("{\"syscalls\":[\"@desc\",\"@file\"],\"errno\":\"EIO\",\"path\":\"/a\"}");

	(void)state;
	assert_true(util_has_word(network.faults->syscall.names, "connect"));
	assert_true(util_has_word(network.faults->syscall.names, "sendmmsg"));
	assert_false(util_has_word(network.faults->syscall.names, "read"));
	assert_true(util_has_word(files.faults->syscall.names, "openat") && util_has_word(files.faults->syscall.names, "pread64"));
	assert_false(util_has_word(files.faults->syscall.names, "pipe2"));
}

#define E "\"errno\":\"EIO\""

static const struct refusal refusals[] = {
	{ "5", EINVAL, SYS, { "must be a fault, an object as in {\"syscalls\":" } },
	{ "{" E "}", EINVAL, SYS, { "needs 'syscalls'" } },
	{ "{\"syscalls\":\"read\"," E "}", EINVAL, SYS ".syscalls", { "must be a list" } },
	{ "{\"syscalls\":[]," E "}", EINVAL, SYS ".syscalls", { "name at least one" } },
	{ "{\"syscalls\":[5]," E "}", EINVAL, SYS ".syscalls[0]", { "must be a string" } },
	{ "{\"syscalls\":[\"read\",\"conect\"]," E "}", EINVAL, SYS ".syscalls[1]", { "'conect', did you mean 'connect'?" } },
	{ "{\"syscalls\":[\"@netwrk\"]," E "}", EINVAL, SYS ".syscalls[0]", { "did you mean '@network'?" } },
	{ "{\"syscalls\":[\"zebrazebrazebra\"]," E "}", EINVAL, SYS ".syscalls[0]", { "of this architecture", "@file" } },
	{ "{\"syscalls\":[\"exit_group\"]," E "}", EINVAL, SYS ".syscalls[0]", { "'exit_group' cannot be faulted: it does not" } },
	{ "{\"syscalls\":[\"rt_sigreturn\"]," E "}", EINVAL, SYS ".syscalls[0]", { "cannot be faulted" } },
	{ "{\"syscalls\":[\"seccomp\"]," E "}", EINVAL, SYS ".syscalls[0]", { "cannot be faulted" } },
	{ "{\"syscalls\":[\"read\"]}", EINVAL, SYS, { "does nothing", "'delayEnter'" } },
	{ "{\"syscalls\":[\"read\"],\"errno\":\"ETIMEOUT\"}",
	  EINVAL,
	  SYS ".errno",
	  { "'ETIMEOUT' is not an error", "did you mean 'ETIMEDOUT'?" } },
	{ "{\"syscalls\":[\"read\"],\"errno\":0}", EINVAL, SYS ".errno", { "1" } },
	{ "{\"syscalls\":[\"read\"],\"errno\":4096}", EINVAL, SYS ".errno", { "4095" } },
	{ "{\"syscalls\":[\"read\"],\"errno\":\"\"}", EINVAL, SYS ".errno", { "is not an error" } },
	{ "{\"syscalls\":[\"read\"]," E ",\"retval\":0}", EINVAL, SYS ".retval", { "keep one of the two" } },
	{ "{\"syscalls\":[\"read\"],\"retval\":-1}", EINVAL, SYS ".retval", { "whole number from 0" } },
	{ "{\"syscalls\":[\"read\"],\"signal\":\"SIGTER\"}", EINVAL, SYS ".signal", { "did you mean 'TERM'?" } },
	{ "{\"syscalls\":[\"read\"],\"signal\":65}", EINVAL, SYS ".signal", { "64" } },
	{ "{\"syscalls\":[\"read\"],\"delayEnter\":\"200\"}", EINVAL, SYS ".delayEnter", { "needs a unit" } },
	{ "{\"syscalls\":[\"connect\"],\"delayExit\":\"1s\"}",
	  EINVAL,
	  SYS ".syscalls[0]",
	  { "'connect' cannot be made in its caller's place", "preadv2", "use 'delayEnter'" } },
	{ "{\"syscalls\":[\"@signal\"],\"delayExit\":\"1s\"}", EINVAL, SYS ".syscalls", { "no call", "'delayExit'" } },
	{ "{\"syscalls\":[\"open\"]," E ",\"path\":\"data/**\"}", EINVAL, SYS ".path", { "'data/**' must begin with '/'" } },
	{ "{\"syscalls\":[\"getppid\"]," E ",\"path\":\"/a\"}", EINVAL, SYS ".syscalls[0]", { "'getppid' names no file" } },
	{ "{\"syscalls\":[\"@ipc\"]," E ",\"path\":\"/a\"}", EINVAL, SYS ".syscalls", { "remove 'path'" } },
	{ "{\"syscalls\":[\"read\"]," E ",\"counter\":\"process\"}", EINVAL, SYS ".counter", { "container" } },
	{ "{\"syscalls\":[\"read\"]," E ",\"containers\":[]}", EINVAL, SYS ".containers", { "leave it out for all" } },
	{ "{\"syscalls\":[\"read\"]," E ",\"containers\":[\"a b\"]}", EINVAL, SYS ".containers[0]", { "'a b' is not the name" } },
	{ "{\"syscalls\":[\"read\"]," E ",\"direction\":\"to\"}", EINVAL, SYS, { "direction" } },
	{ "{\"syscalls\":[\"read\"]," E ",\"when\":\"0\"}", EINVAL, SYS ".when", { "counted from 1" } },
};

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct fault_spec spec = { .n_faults = 99 };
		struct error err = {};

		check_refused(&refusals[i], spec_of("syscall", refusals[i].input, &spec, &err), &err);
		assert_int_equal(spec.n_faults, 0);
	}
}

static void a_container_gets_the_faults_that_are_for_it(void **state)
{
	_cleanup_spec_ struct fault_spec spec = syscall_spec("[{\"syscalls\":[\"read\"]," E ",\"containers\":[\"web\"]},"
							     "{\"syscalls\":[\"write\"]," E "},"
							     "{\"syscalls\":[\"close\"]," E ",\"containers\":[\"we\",\"eb\"]}]");
	_cleanup_plan_ struct plan web = {}, other = {};
	struct error err = {};

	(void)state;
	assert_int_equal(plan_build_container(&spec, "web", &hooked, &web, &err), 0);
	assert_int_equal(plan_syscalls(&web)->n_rules, 2);
	assert_string_equal(plan_syscalls(&web)->rules[0].common.name, "syscall[0]");
	assert_int_equal(plan_build_container(&spec, "db", &hooked, &other, &err), 0);
	assert_int_equal(plan_syscalls(&other)->n_rules, 1);
	assert_string_equal(plan_syscalls(&other)->rules[0].syscall.names, "write ");
	assert_null(plan_rules(&other));
}

static char *printed(const struct plan *plan)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	plan_print(plan, out);
	fclose(out);
	return text;
}

static void the_plan_prints_and_goes_through_json(void **state)
{
	_cleanup_spec_ struct fault_spec spec = syscall_spec(
		"[{\"syscalls\":[\"connect\",\"fsync\"],\"errno\":\"ETIMEDOUT\",\"when\":\"3+2\",\"delayEnter\":\"5ms\",\"seed\":1}"
		","
		"{\"syscalls\":[\"openat\"],\"retval\":3,\"path\":\"/data/**\",\"signal\":\"SIGTERM\",\"armed\":false,\"seed\":2,"
		"\"counter\":\"thread\",\"percent\":50,\"schedule\":\"*/5 * * * *\",\"duration\":\"10s\"},"
		"{\"syscalls\":[\"clock_gettime\"],\"delayEnter\":\"1s\",\"seed\":3}]");
	_cleanup_plan_ struct plan plan = {}, again = {};
	_cleanup_json_ cJSON *json = NULL, *twice = NULL;
	_cleanup_free_ char *text = NULL;
	struct error err = {};
	struct json at;

	(void)state;
	assert_int_equal(plan_build_container(&spec, "web", &hooked, &plan, &err), 0);
	json = plan_to_json(&plan);
	at = json_root(json, "plan");
	if (plan_from_json(&at, &again, &err))
		fail_msg("%s", err.msg);
	twice = plan_to_json(&again);
	assert_true(cJSON_Compare(json, twice, true));
	text = printed(&again);
	assert_non_null(strstr(text, "syscall[0]       connect fsync: delay 5ms, ETIMEDOUT, 100 % of calls, from 0s, when 3+2\n"));
	assert_non_null(strstr(text, "syscall[1]       openat on /data/**: return 3, SIGTERM, 50 % of each thread's calls"));
	assert_non_null(strstr(text, "not armed"));
	assert_non_null(strstr(text, "note: syscall[2]: programs read 'clock_gettime' from the vDSO"));
}

static void paths_match_as_documented(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} cases[] = {
		{ "/data/**", "/data", true },
		{ "/data/**", "/data/a/b", true },
		{ "/data/**", "/database", false },
		{ "/data/*", "/data/a", true },
		{ "/data/*", "/data/a/b", false },
		{ "/**", "/", true },
		{ "/**", "/a/b", true },
		{ "/**/x", "/a/b/x", true },
		{ "/**/x", "/a/b/xy", false },
		{ "/**/x", "/x", true },
		{ "/a/**/x", "/a/x", true },
		{ "/a/**/x", "/a/bx", false },
		{ "/a/**/b/**/x", "/a/b/x", true },
		{ "/a/**/b/**/x", "/a/x", false },
		{ "/a/**/b*/c", "/a/z/bb/c", true },
		{ "/a/*/wal", "/a/1/wal", true },
		{ "/a/*/wal", "/a/1/2/wal", false },
		{ "/a/**/*.log", "/a/b/c.log", true },
		{ "/a/**/*.log", "/a/b.d/c.txt", false },
		{ "/a?c", "/abc", true },
		{ "/a?c", "/a/c", false },
		{ "/a*b*c", "/aXbYbZc", true },
		{ "/**a*b/**", "/x/a/ab/c", true },
		{ "/a", "/a", true },
		{ "/a", "/ab", false },
		{ "/*", "/", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (util_path_glob(cases[i].pattern, cases[i].path) != cases[i].match)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
}

/* Events 1.. of a rule as text, 'x' where the fault happens. */
static void events(struct fw_rule *r, char *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = gate_count(r, NULL) ? 'x' : '.';
		if (out[i] == 'x')
			gate_injected(r);
	}
	out[n] = '\0';
}

static void the_gate_counts_as_strace_does(void **state)
{
	static const struct {
		const char *when, *events;
	} cases[] = {
		{ "3+2", "..x.x.x.x." }, { "3", "..x......." },      { "2..4", ".xxx......" },
		{ "9+", "........xx" },  { "1..7+3", "x..x..x..." }, { "1+1", "xxxxxxxxxx" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{\"syscalls\":[\"read\"]," E ",\"when\":\"%s\"}", cases[i].when);
		_cleanup_spec_ struct fault_spec spec = syscall_spec(text);
		struct fw_rule r = plan_gate(spec.faults, FW_OP_NONE);
		char got[11];

		events(&r, got, 10);
		assert_string_equal(got, cases[i].events);
		assert_int_equal(r.state.word >> FW_STATE_BITS, 10);
	}
}

static void the_same_seed_decides_alike(void **state)
{
	struct fw_rule a = {
		.probability = plan_threshold(300000), .key = 1, .when_first = 1, .when_last = UINT64_MAX, .when_step = 1
	};
	struct fw_rule b = a, c = a;
	static char one[10001], two[10001], other[10001];

	(void)state;
	c.key = 2;
	events(&a, one, 10000);
	events(&b, two, 10000);
	events(&c, other, 10000);
	assert_string_equal(one, two);
	assert_string_not_equal(one, other);
	assert_in_range(a.state.injected, 2800, 3200);
}

static void windows_open_and_close(void **state)
{
	struct fw_rule r = { .start_ns = 100, .on_ns = 10, .period_ns = 50 },
		       wall = { .flags = FW_RULE_WALL, .on_ns = 10, .period_ns = 50 };
	uint64_t left;

	(void)state;
	gate_begin(&r, 1000);
	assert_false(gate_open(&r, NULL, 1099, 0, &left));
	assert_true(gate_open(&r, NULL, 1100, 0, &left) && left == 10);
	assert_true(gate_open(&r, NULL, 1159, 0, &left) && left == 1);
	assert_false(gate_open(&r, NULL, 1110, 0, &left));
	gate_begin(&wall, 1000);
	assert_false(gate_open(&wall, NULL, 999, 5, &left));
	assert_true(gate_open(&wall, NULL, 1000, 5, &left) && left == 5);
	r = (struct fw_rule){};
	assert_true(gate_open(&r, NULL, 5, 0, &left) && left == UINT64_MAX);
}

static void names_and_numbers_agree(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(syscalls_name(syscalls_number("connect")), "connect");
	assert_int_equal(syscalls_number("conect"), -ENOENT);
	assert_int_equal(syscalls_errno("EWOULDBLOCK"), EAGAIN);
	assert_string_equal(syscalls_errno_name(EIO, buf, sizeof(buf)), "EIO");
	assert_string_equal(syscalls_errno_name(4000, buf, sizeof(buf)), "4000");
	assert_int_equal(syscalls_signal("TERM"), 15);
	assert_string_equal(syscalls_signal_name(15, buf, sizeof(buf)), "SIGTERM");
	assert_true(util_has_word(syscalls_group("@ipc"), "semop"));
	assert_null(syscalls_group("@nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(groups_expand_to_what_is_there),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(a_container_gets_the_faults_that_are_for_it),
		cmocka_unit_test(the_plan_prints_and_goes_through_json),
		cmocka_unit_test(paths_match_as_documented),
		cmocka_unit_test(the_gate_counts_as_strace_does),
		cmocka_unit_test(the_same_seed_decides_alike),
		cmocka_unit_test(windows_open_and_close),
		cmocka_unit_test(names_and_numbers_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
