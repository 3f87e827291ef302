// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire.dev/io: what is read, what is refused and how, which backend a fault has, and the plan's way through JSON and print.
 */
#include "tests/unit/check.h"

#include "lib/io.h"
#include "lib/plan.h"
#include "lib/policy.h"

#define IO "faultwire.dev/io"

static const struct plan_env hooked = { .files = true, .files_why = "BPF LSM" };
static const struct plan_env bare = { .files_why = "bpf is not an active LSM" };

static struct fault_spec io_spec(const char *text)
{
	return spec_right("io", text);
}

static void reads_every_key(void **state)
{
	_cleanup_spec_ struct fault_spec spec = io_spec(
		"[{\"action\":\"fault\",\"methods\":[\"write\",\"fsync\",\"write\"],\"path\":\"/data/"
		"**\",\"errno\":\"EIO\",\"percent\":10,"
		"\"containers\":[\"db\"],\"seed\":7,\"when\":\"3+2\"},"
		"{\"action\":\"latency\",\"methods\":[\"read\"],\"volumePath\":\"/"
		"data\",\"delay\":\"100ms\",\"backend\":\"seccomp\"},"
		"{\"action\":\"mistake\",\"path\":\"/data/"
		"*\",\"mistake\":{\"filling\":\"random\",\"maxOccurrences\":3,\"maxLength\":4096}},"
		"{\"action\":\"fault\",\"methods\":[\"open\"],\"path\":\"/**\",\"errno\":5,\"backend\":\"lsm\",\"name\":\"all\"}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_int_equal(spec.n_faults, 4);
	assert_int_equal(spec_count(&spec, LAYER_IO), 4);
	assert_int_equal(spec_count_containers(&spec), 4);
	assert_int_equal(f[0].io.methods, 1U << FW_METHOD_WRITE | 1U << FW_METHOD_FSYNC);
	assert_string_equal(f[0].io.path, "/data/**");
	assert_string_equal(f[0].containers, "db ");
	assert_string_equal(f[0].name, "io[0]");
	assert_int_equal(f[0].io.error, EIO);
	assert_int_equal(f[0].percent_ppm, 100000);
	assert_true(f[0].when.first == 3 && f[0].when.step == 2);
	assert_true(!f[1].io.path && f[1].io.backend == IO_SECCOMP && f[1].io.delay_ns == 100 * NSEC_PER_MSEC);
	assert_string_equal(f[1].io.volume, "/data");
	assert_int_equal(f[2].io.methods, 1U << FW_METHOD_READ);
	assert_true(f[2].io.filling == IO_RANDOM && f[2].io.max_occurrences == 3 && f[2].io.max_length == 4096);
	assert_true(f[3].io.error == EIO && f[3].io.backend == IO_LSM);
	assert_string_equal(f[3].name, "all");
}

#define F "\"action\":\"fault\",\"errno\":\"EIO\""
#define M "\"methods\":[\"read\"]"
#define P "\"path\":\"/data/**\""

static const struct refusal refusals[] = {
	{ "5", EINVAL, IO, { "must be a fault, an object as in {\"action\":" } },
	{ "[]", EINVAL, IO, { "empty list" } },
	{ "{" M "," P "}", EINVAL, IO, { "needs 'action'" } },
	{ "{\"action\":5}", EINVAL, IO ".action", { "must be a string" } },
	{ "{\"action\":\"latncy\"}", EINVAL, IO ".action", { "'latncy', did you mean 'latency'?" } },
	{ "{\"action\":\"delay\"}", EINVAL, IO ".action", { "unknown action 'delay'", "fault, latency, mistake" } },
	{ "{" F "," P "}", EINVAL, IO, { "needs 'methods'" } },
	{ "{" F ",\"methods\":[]," P "}", EINVAL, IO ".methods", { "name at least one" } },
	{ "{" F ",\"methods\":\"read\"," P "}", EINVAL, IO ".methods", { "must be a list" } },
	{ "{" F ",\"methods\":[1]," P "}", EINVAL, IO ".methods[0]", { "must be a string" } },
	{ "{" F ",\"methods\":[\"read\",\"wirte\"]," P "}", EINVAL, IO ".methods[1]", { "'wirte', did you mean 'write'?" } },
	{ "{" F ",\"methods\":[\"zebrazebra\"]," P "}", EINVAL, IO ".methods[0]", { "allowed: open, read", "exec" } },
	{ "{" F "," M "}", EINVAL, IO, { "needs 'path'", "'volumePath'" } },
	{ "{" F "," M ",\"path\":\"data/**\"}", EINVAL, IO ".path", { "'data/**' must begin with '/'" } },
	{ "{" F "," M ",\"path\":\"\"}", EINVAL, IO ".path", { "must begin with '/'" } },
	{ "{" F "," M ",\"path\":\"/data/\"}", EINVAL, IO ".path", { "ends with '/'" } },
	{ "{" F "," M ",\"path\":\"/data//a\"}", EINVAL, IO ".path", { "empty component" } },
	{ "{" F "," M ",\"path\":\"/data/../a\"}", EINVAL, IO ".path", { "'..'" } },
	{ "{" F "," M ",\"path\":\"/data/**.log\"}", EINVAL, IO ".path", { "whole components", "'/data/**/*.log'" } },
	{ "{" F "," M ",\"volumePath\":\"data\"}", EINVAL, IO ".volumePath", { "must begin with '/'" } },
	{ "{" F "," M ",\"volumePath\":\"/data/*\"}", EINVAL, IO ".volumePath", { "without wildcards" } },
	{ "{" F "," M ",\"volumePath\":\"/data\",\"path\":\"/database/**\"}",
	  EINVAL,
	  IO ".path",
	  { "never in the volume '/data'" } },
	{ "{\"action\":\"fault\"," M "," P "}", EINVAL, IO, { "needs 'errno'" } },
	{ "{\"action\":\"fault\"," M "," P ",\"errno\":\"EIOO\"}", EINVAL, IO ".errno", { "did you mean 'EIO'?" } },
	{ "{\"action\":\"fault\"," M "," P ",\"errno\":0}", EINVAL, IO ".errno", { "1" } },
	{ "{\"action\":\"fault\"," M "," P ",\"errno\":4096}", EINVAL, IO ".errno", { "4095" } },
	{ "{" F "," M "," P ",\"delay\":\"1s\"}", EINVAL, IO ".delay", { "belongs to action 'latency'" } },
	{ "{" F "," M "," P ",\"mistake\":{}}", EINVAL, IO ".mistake", { "belongs to action 'mistake'" } },
	{ "{\"action\":\"latency\"," M "," P "}", EINVAL, IO, { "needs 'delay'" } },
	{ "{\"action\":\"latency\"," M "," P ",\"delay\":\"0s\"}", EINVAL, IO, { "over 0s" } },
	{ "{\"action\":\"latency\"," M "," P ",\"delay\":\"200\"}", EINVAL, IO ".delay", { "needs a unit" } },
	{ "{\"action\":\"latency\"," M "," P ",\"delay\":\"1s\",\"errno\":5}",
	  EINVAL,
	  IO ".errno",
	  { "belongs to action 'fault'" } },
	{ "{\"action\":\"latency\"," M "," P ",\"delay\":\"1s\",\"backend\":\"lsm\"}",
	  EINVAL,
	  IO ".backend",
	  { "cannot do 'latency'" } },
	{ "{\"action\":\"mistake\"," P "}", EINVAL, IO, { "needs 'mistake'" } },
	{ "{\"action\":\"mistake\"," P ",\"mistake\":5}", EINVAL, IO ".mistake", { "object" } },
	{ "{\"action\":\"mistake\"," P ",\"mistake\":{\"filing\":1}}", EINVAL, IO ".mistake", { "filling" } },
	{ "{\"action\":\"mistake\"," P ",\"mistake\":{\"filling\":\"ones\"}}", EINVAL, IO ".mistake.filling", { "zero" } },
	{ "{\"action\":\"mistake\"," P ",\"mistake\":{\"maxLength\":0}}", EINVAL, IO ".mistake.maxLength", { "1" } },
	{ "{\"action\":\"mistake\"," P ",\"mistake\":{\"maxOccurrences\":70000}}",
	  EINVAL,
	  IO ".mistake.maxOccurrences",
	  { "65536" } },
	{ "{\"action\":\"mistake\"," P ",\"methods\":[\"write\"],\"mistake\":{}}",
	  EINVAL,
	  IO ".methods[0]",
	  { "of 'read' alone" } },
	{ "{" F "," M "," P ",\"backend\":\"fuse\"}", EINVAL, IO ".backend", { "lsm" } },
	{ "{" F ",\"methods\":[\"fsync\"]," P ",\"backend\":\"lsm\"}",
	  EINVAL,
	  IO ".methods[0]",
	  { "no hook of the kernel sees 'fsync'" } },
	{ "{" F "," M "," P ",\"containers\":[]}", EINVAL, IO ".containers", { "leave it out for all" } },
	{ "{" F "," M "," P ",\"direction\":\"to\"}", EINVAL, IO, { "direction" } },
	{ "{" F "," M "," P ",\"when\":\"0\"}", EINVAL, IO ".when", { "counted from 1" } },
	{ "[{" F "," M "," P ",\"name\":\"a\"},{" F "," M "," P ",\"name\":\"a\"}]", EINVAL, IO "[1].name", { "is the name of" } },
};

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct fault_spec spec = { .n_faults = 99 };
		struct error err = {};

		check_refused(&refusals[i], spec_of("io", refusals[i].input, &spec, &err), &err);
		assert_int_equal(spec.n_faults, 0);
	}
}

static void paths_that_may_match_are_taken(void **state)
{
	static const char *const bodies[] = {
		"\"path\":\"/\"",
		"\"path\":\"/**\"",
		"\"path\":\"/a/?b*/**/c\"",
		"\"path\":\"/data/..a/.b\"",
		"\"volumePath\":\"/\"",
		"\"volumePath\":\"/data\",\"path\":\"/data\"",
		"\"volumePath\":\"/data\",\"path\":\"/**\"",
		"\"volumePath\":\"/data\",\"path\":\"/d*/x\"",
		"\"volumePath\":\"/data/a\",\"path\":\"/data/**\"",
		"\"volumePath\":\"/\",\"path\":\"/x\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_free_ char *text = util_printf("{" F "," M ",%s}", bodies[i]);
		_cleanup_spec_ struct fault_spec spec = io_spec(text);
	}
}

static void the_policy_names_the_rule(void **state)
{
	_cleanup_spec_ struct fault_spec slow = io_spec("{\"action\":\"latency\"," M "," P ",\"delay\":\"61s\"}");
	_cleanup_spec_ struct fault_spec fails = io_spec("{" F "," M "," P "}");
	_cleanup_policy_ struct policy policy = {};
	static const char document[] = "{\"actions\":{\"deny\":[\"fault\"]}}";
	struct error err = {};

	(void)state;
	policy_defaults(&policy);
	assert_int_equal(policy_check(&policy, &slow, "shop", &err), -EPERM);
	assert_non_null(strstr(err.msg, IO ".delay: '61s' is over this node's maxDelay"));
	assert_int_equal(policy_check(&policy, &fails, "kube-system", &err), -EPERM);
	assert_non_null(strstr(err.msg, IO ": namespace 'kube-system' is denied"));
	policy_cleanup(&policy);
	assert_int_equal(policy_parse(document, strlen(document), &policy, &err), 0);
	assert_int_equal(policy_check(&policy, &fails, "shop", &err), -EPERM);
	assert_non_null(strstr(err.msg, IO ".action: 'fault' is denied by actions.deny"));
}

static void a_fault_has_one_backend_whole(void **state)
{
	static const struct {
		const char *body;
		bool files, bare;
		const char *note; /* where the node has hooks */
	} cases[] = {
		{ F "," M, true, false, "io[0]: in the kernel, also for processes that are exec'd into the container (BPF LSM)" },
		{ F "," M ",\"backend\":\"lsm\"", true, false, "in the kernel" },
		{ F "," M ",\"backend\":\"seccomp\"", false, false, "escape (asked for by 'backend')" },
		{ F ",\"methods\":[\"write\",\"fsync\"]", false, false, "no hook of the kernel sees fsync" },
		{ "\"action\":\"latency\",\"delay\":\"1s\"," M, false, false, "hold nothing back" },
		{ "\"action\":\"mistake\",\"mistake\":{}," M, false, false, "change no bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{%s," P "}", cases[i].body);
		_cleanup_spec_ struct fault_spec spec = io_spec(text);
		_cleanup_plan_ struct plan plan = {};
		struct error err = {};

		assert_int_equal(plan_build_container(&spec, "db", &hooked, &plan, &err), 0);
		assert_int_equal(plan.n_ops, 1);
		assert_int_equal(plan_files(&plan) != NULL, cases[i].files);
		assert_int_equal(plan_syscalls(&plan) != NULL, !cases[i].files);
		assert_non_null(strstr(plan.notes[0], cases[i].note));
	}
}

static void a_path_too_long_for_the_kernel_is_the_supervisors(void **state)
{
	_cleanup_free_ char *any = util_printf("{" F "," M ",\"path\":\"/data/**/%0200d\"}", 0);
	_cleanup_free_ char *lsm = util_printf("{" F "," M ",\"backend\":\"lsm\",\"path\":\"/data/*/%0200d\"}", 0);
	_cleanup_spec_ struct fault_spec one = io_spec(any), other = io_spec(lsm);
	_cleanup_plan_ struct plan plan = {}, none = {};
	struct error err = {};

	(void)state;
	assert_int_equal(plan_build_container(&one, "db", &hooked, &plan, &err), 0);
	assert_true(plan_syscalls(&plan) && !plan_files(&plan) && plan_needs_supervisor(&plan));
	assert_int_equal(plan_build_container(&other, "db", &hooked, &none, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, IO ".backend: 'lsm' cannot: its path is too long"));
}

static void beside_made_calls_all_is_the_supervisors(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		io_spec("[{" F "," M "," P "},{\"action\":\"mistake\",\"mistake\":{}," P ",\"containers\":[\"db\"]}]");
	_cleanup_plan_ struct plan db = {}, web = {};
	struct error err = {};

	(void)state;
	assert_int_equal(plan_build_container(&spec, "db", &hooked, &db, &err), 0);
	assert_true(!plan_files(&db) && plan_syscalls(&db)->n_rules == 2);
	assert_non_null(strstr(db.notes[0], "made in their place"));
	assert_int_equal(plan_build_container(&spec, "web", &hooked, &web, &err), 0);
	assert_true(plan_files(&web) && !plan_needs_supervisor(&web));
}

static void a_node_without_hooks_has_the_supervisor(void **state)
{
	_cleanup_spec_ struct fault_spec any = io_spec("{" F "," M "," P "}"),
					 lsm = io_spec("{" F "," M "," P ",\"backend\":\"lsm\"}");
	_cleanup_plan_ struct plan plan = {}, none = {};
	struct error err = {};

	(void)state;
	assert_int_equal(plan_build_container(&any, "db", &bare, &plan, &err), 0);
	assert_true(plan_syscalls(&plan) && plan_syscalls(&plan)->rules[0].is_io);
	assert_non_null(strstr(plan.notes[0], "bpf is not an active LSM"));
	assert_int_equal(plan_build_container(&lsm, "db", &bare, &none, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, IO ".backend: 'lsm' does not work here: bpf is not an active LSM; "));
	assert_int_equal(none.n_ops, 0);
}

static void the_plan_prints_and_goes_through_json(void **state)
{
	_cleanup_spec_ struct fault_spec spec = io_spec(
		"[{" F ",\"methods\":[\"write\",\"unlink\"]," P ",\"when\":\"3+2\",\"seed\":1},"
		"{" F "," M
		",\"volumePath\":\"/data\",\"armed\":false,\"percent\":50,\"schedule\":\"*/5 * * * *\",\"duration\":\"10s\"},"
		"{\"action\":\"latency\",\"delay\":\"1s\"," M "," P ",\"containers\":[\"db\"]},"
		"{\"action\":\"latency\",\"delay\":\"2s\"," M "," P "}]");
	_cleanup_plan_ struct plan plan = {}, again = {};
	_cleanup_json_ cJSON *json = NULL, *twice = NULL;
	_cleanup_free_ char *text = NULL;
	struct error err = {};
	struct json at;
	FILE *out;
	size_t n;

	(void)state;
	assert_int_equal(plan_build_container(&spec, NULL, &hooked, &plan, &err), 0);
	assert_int_equal(plan_files(&plan)->n_rules, 2);
	assert_int_equal(plan_syscalls(&plan)->n_rules, 2);
	json = plan_to_json(&plan);
	at = json_root(json, "plan");
	if (plan_from_json(&at, &again, &err))
		fail_msg("%s", err.msg);
	twice = plan_to_json(&again);
	assert_true(cJSON_Compare(json, twice, true));
	out = open_memstream(&text, &n);
	plan_print(&again, out);
	fclose(out);
	assert_non_null(strstr(text, "io[0]            write unlink on /data/**: EIO, 100 % of calls, from 0s, when 3+2\n"));
	assert_non_null(strstr(text, "io[1]            read in volume /data: EIO, 50 % of calls"));
	assert_non_null(strstr(text, "not armed"));
	assert_non_null(strstr(text, "io[2]            read on /data/** in db: delay 1s, 100 % of calls"));
	assert_non_null(strstr(text, "io[3]            read on /data/**: delay 2s"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(paths_that_may_match_are_taken),
		cmocka_unit_test(the_policy_names_the_rule),
		cmocka_unit_test(a_fault_has_one_backend_whole),
		cmocka_unit_test(a_path_too_long_for_the_kernel_is_the_supervisors),
		cmocka_unit_test(beside_made_calls_all_is_the_supervisors),
		cmocka_unit_test(a_node_without_hooks_has_the_supervisor),
		cmocka_unit_test(the_plan_prints_and_goes_through_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
