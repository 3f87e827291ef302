// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire.dev/process and faultwire.dev/resource: what is read, what is refused and how, quantities, the plan of a container and its way
 * through JSON, and when windows open.
 */
#include "tests/unit/check.h"

#include <signal.h>

#include "lib/gate.h"
#include "lib/plan.h"
#include "lib/policy.h"
#include "lib/quantity.h"

#define PROC "faultwire.dev/process"
#define RES "faultwire.dev/resource"

static const struct plan_env bare;

static struct fault_spec act_spec(const char *annotation, const char *text)
{
	struct fault_spec spec = spec_right(annotation, text);

	spec_seed(&spec, 42);
	return spec;
}

static void reads_every_act(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		act_spec("process", "[{\"action\":\"kill\",\"signal\":\"SIGTERM\",\"start\":\"30s\",\"containers\":[\"web\"]},"
				    "{\"action\":\"kill\",\"schedule\":\"@every 10m\",\"percent\":50},"
				    "{\"action\":\"pause\",\"duration\":\"10s\",\"name\":\"freeze\"},"
				    "{\"action\":\"oom\",\"schedule\":\"0 9 * * *\"},{\"action\":\"exit\",\"code\":\"3\"}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_int_equal(spec.n_faults, 5);
	assert_int_equal(spec_count(&spec, LAYER_ACT), 5);
	assert_int_equal(spec_count_containers(&spec), 5);
	assert_ptr_equal(f[0].kind, &fault_kind_kill);
	assert_int_equal(f[0].process.signal, SIGTERM);
	assert_int_equal(f[0].start_ns, 30 * NSEC_PER_SEC);
	assert_string_equal(f[0].containers, "web ");
	assert_int_equal(f[1].process.signal, SIGKILL);
	assert_string_equal(f[1].name, "process[1]");
	assert_int_equal(f[1].duration_ns, f[1].every_ns);
	assert_ptr_equal(f[2].kind, &fault_kind_pause);
	assert_int_equal(f[2].duration_ns, 10 * NSEC_PER_SEC);
	assert_ptr_equal(f[3].kind, &fault_kind_oom);
	assert_in_range(f[3].duration_ns, 1, 60 * NSEC_PER_SEC - 1);
	assert_ptr_equal(f[4].kind, &fault_kind_exit);
	assert_int_equal(f[4].process.code, 3);
}

static void reads_every_limit(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		act_spec("resource",
			 "[{\"cpu\":\"200m\",\"memory\":\"64Mi\",\"pids\":20,\"duration\":\"1m\"},"
			 "{\"io\":{\"path\":\"/"
			 "data\",\"rbps\":\"1Mi\",\"wbps\":1000,\"riops\":5,\"wiops\":\"10\"},\"name\":\"slow\"},{\"cpu\":0.5}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_int_equal(spec_count(&spec, LAYER_ACT), 3);
	assert_int_equal(f[0].resource.cpu_milli, 200);
	assert_int_equal(f[0].resource.memory_bytes, 64 << 20);
	assert_int_equal(f[0].resource.pids, 20);
	assert_string_equal(f[1].resource.io.path, "/data");
	assert_int_equal(f[1].resource.io.rbps, 1 << 20);
	assert_int_equal(f[1].resource.io.wbps, 1000);
	assert_int_equal(f[1].resource.io.riops, 5);
	assert_int_equal(f[1].resource.io.wiops, 10);
	assert_int_equal(f[2].resource.cpu_milli, 500);
	assert_string_equal(f[2].name, "resource[2]");
}

static const struct {
	const char *json;
	unsigned int scale;
	uint64_t value;
} quantities[] = {
	{ "\"200m\"", 1000, 200 },
	{ "2", 1000, 2000 },
	{ "0.25", 1000, 250 },
	{ "\"1.5\"", 1000, 1500 },
	{ "\"1e2\"", 1000, 100000 },
	{ "\"100E-2\"", 1000, 1000 },
	{ "\"64Mi\"", 1, 64 << 20 },
	{ "\"1.5Gi\"", 1, 3ULL << 29 },
	{ "\"128M\"", 1, 128000000 },
	{ "\"1k\"", 1, 1000 },
	{ "\"1E\"", 1, 1000000000000000000 },
	{ "67108864", 1, 67108864 },
	{ "\"5000m\"", 1, 5 },
	{ "\"12345000000n\"", 1000, 12345 },
};

static void quantities_are_kubernetes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quantities); i++) {
		struct doc d = doc_open(quantities[i].json);
		struct error err = {};
		uint64_t value = 0;

		if (quantity_read(&d.v, quantities[i].scale, 1, "\"1\"", &value, &err))
			fail_msg("%s: %s", quantities[i].json, err.msg);
		if (value != quantities[i].value)
			fail_msg("%s is %llu", quantities[i].json, (unsigned long long)value);
		doc_close(&d);
	}
}

static const struct refusal process_refusals[] = {
	{ "5", EINVAL, PROC, { "must be a fault, an object as in {\"action\":\"kill\"" } },
	{ "{}", EINVAL, PROC, { "needs 'action'" } },
	{ "{\"action\":\"kil\"}", EINVAL, PROC ".action", { "'kil'", "kill, pause, oom, exit" } },
	{ "{\"action\":\"delay\"}", EINVAL, PROC ".action", { "'delay'" } },
	{ "{\"action\":5}", EINVAL, PROC ".action", { "must be" } },
	{ "{\"action\":\"kill\",\"signal\":\"SIGTER\"}", EINVAL, PROC ".signal", { "did you mean 'TERM'?" } },
	{ "{\"action\":\"kill\",\"signal\":0}", EINVAL, PROC ".signal", { "from 1 to 64" } },
	{ "{\"action\":\"kill\",\"code\":1}", EINVAL, PROC, { "code" } },
	{ "{\"action\":\"kill\",\"duration\":\"10s\"}", EINVAL, PROC ".duration", { "'kill' is over in a moment", "'schedule'" } },
	{ "{\"action\":\"kill\",\"anchor\":\"clock\"}", EINVAL, PROC ".anchor", { "needs a 'schedule'" } },
	{ "{\"action\":\"kill\",\"start\":\"30\"}", EINVAL, PROC ".start", { "needs a unit" } },
	{ "{\"action\":\"kill\",\"containers\":[]}", EINVAL, PROC ".containers", { "leave it out for all" } },
	{ "{\"action\":\"pause\"}", EINVAL, PROC, { "needs 'duration'" } },
	{ "{\"action\":\"pause\",\"duration\":\"1s\",\"signal\":9}", EINVAL, PROC, { "signal" } },
	{ "{\"action\":\"pause\",\"schedule\":\"@every 10m\"}", EINVAL, PROC ".duration", { "'schedule' needs it" } },
	{ "{\"action\":\"oom\",\"duration\":\"1s\"}", EINVAL, PROC ".duration", { "'oom' is over in a moment" } },
	{ "{\"action\":\"exit\"}", EINVAL, PROC, { "needs 'code'" } },
	{ "{\"action\":\"exit\",\"code\":256}", EINVAL, PROC ".code", { "from 0 to 255" } },
	{ "{\"action\":\"exit\",\"code\":-1}", EINVAL, PROC ".code", { "from 0 to 255" } },
	{ "{\"action\":\"exit\",\"code\":1,\"start\":\"1s\"}", EINVAL, PROC ".start", { "happens once" } },
	{ "{\"action\":\"exit\",\"code\":1,\"schedule\":\"@hourly\"}", EINVAL, PROC ".schedule", { "happens once" } },
	{ "{\"action\":\"exit\",\"code\":1,\"when\":2}", EINVAL, PROC ".when", { "happens once" } },
	{ "{\"action\":\"exit\",\"code\":1,\"armed\":false}", EINVAL, PROC ".armed", { "happens once" } },
};

static const struct refusal resource_refusals[] = {
	{ "[5]", EINVAL, RES "[0]", { "must be a fault, an object as in {\"cpu\"" } },
	{ "{}", EINVAL, RES, { "limits nothing", "'memory'" } },
	{ "{\"cpus\":1}", EINVAL, RES, { "did you mean 'cpu'?" } },
	{ "{\"cpu\":\"9m\"}", EINVAL, RES ".cpu", { "'9m' is too little", "10m" } },
	{ "{\"cpu\":\"0\"}", EINVAL, RES ".cpu", { "too little" } },
	{ "{\"cpu\":\"1.0005\"}", EINVAL, RES ".cpu", { "finer than a thousandth" } },
	{ "{\"cpu\":\"\"}", EINVAL, RES ".cpu", { "'' is not a quantity", "\"200m\"" } },
	{ "{\"cpu\":\"-1\"}", EINVAL, RES ".cpu", { "is not a quantity" } },
	{ "{\"cpu\":true}", EINVAL, RES ".cpu", { "must be a quantity" } },
	{ "{\"cpu\":\"1e99\"}", EINVAL, RES ".cpu", { "is not a quantity" } },
	{ "{\"cpu\":\"1e18\"}", EINVAL, RES ".cpu", { "too large" } },
	{ "{\"memory\":\"64m\"}", EINVAL, RES ".memory", { "'64m' is finer than one", "'Mi' millions" } },
	{ "{\"memory\":\"64MB\"}", EINVAL, RES ".memory", { "is not a quantity", "\"64Mi\"" } },
	{ "{\"memory\":\"4Ki\"}", EINVAL, RES ".memory", { "too little", "1048576" } },
	{ "{\"memory\":\"9Ei\"}", EINVAL, RES ".memory", { "too large" } },
	{ "{\"pids\":0}", EINVAL, RES ".pids", { "from 1 to" } },
	{ "{\"pids\":\"1.5\"}", EINVAL, RES ".pids", { "whole number" } },
	{ "{\"io\":5}", EINVAL, RES ".io", { "object" } },
	{ "{\"io\":{}}", EINVAL, RES ".io", { "needs 'path'" } },
	{ "{\"io\":{\"path\":\"/data\"}}", EINVAL, RES ".io", { "limits nothing", "'riops'" } },
	{ "{\"io\":{\"path\":\"data\",\"rbps\":1}}", EINVAL, RES ".io.path", { "must begin with '/'" } },
	{ "{\"io\":{\"path\":\"/data\",\"rbps\":0}}", EINVAL, RES ".io.rbps", { "too little" } },
	{ "{\"io\":{\"path\":\"/data\",\"iops\":1}}", EINVAL, RES ".io", { "iops" } },
	{ "{\"cpu\":1,\"duration\":\"0s\"}", EINVAL, RES ".duration", { "over 0s" } },
	{ "{\"cpu\":1,\"action\":\"cpu\"}", EINVAL, RES, { "action" } },
};

static void check_refusals(const char *annotation, const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fault_spec spec = { .n_faults = 99 };
		struct error err = {};

		check_refused(&cases[i], spec_of(annotation, cases[i].input, &spec, &err), &err);
		assert_int_equal(spec.n_faults, 0);
	}
}

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	check_refusals("process", process_refusals, ARRAY_SIZE(process_refusals));
	check_refusals("resource", resource_refusals, ARRAY_SIZE(resource_refusals));
}

static const struct {
	const char *policy, *annotation, *fault, *says;
} ceilings[] = {
	{ "{\"actions\":{\"deny\":[\"kill\"]}}", "process", "{\"action\":\"kill\"}",
	  PROC ".action: 'kill' is denied by actions.deny" },
	{ "{\"actions\":{\"deny\":[\"resource\"]}}", "resource", "{\"cpu\":1}", RES ": 'resource' is denied by actions.deny" },
	{ "{\"maxDuration\":\"5s\"}", "process", "{\"action\":\"pause\",\"duration\":\"10s\"}", PROC ".duration: '10s' is over" },
	{ "{\"maxDuration\":\"5s\"}", "resource", "{\"cpu\":1}", RES ".duration: is needed" },
	{ "{\"maxDuration\":\"5s\"}", "process", "{\"action\":\"kill\",\"schedule\":\"@every 1h\"}", "" },
	{ "{\"maxPercent\":50}", "process", "{\"action\":\"oom\"}", "'100' percent of the windows" },
	{ "{\"namespaces\":{\"deny\":[\"shop\"]}}", "resource", "[{\"cpu\":1}]", RES ": namespace 'shop' is denied" },
};

static void holds_to_the_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ceilings); i++) {
		_cleanup_spec_ struct fault_spec spec = act_spec(ceilings[i].annotation, ceilings[i].fault);
		_cleanup_policy_ struct policy policy = {};
		struct error err = {};

		assert_int_equal(policy_parse(ceilings[i].policy, strlen(ceilings[i].policy), &policy, &err), 0);
		assert_int_equal(policy_check(&policy, &spec, "shop", &err), *ceilings[i].says ? -EPERM : 0);
		if (!strstr(err.msg, ceilings[i].says))
			fail_msg("%s\n  does not say '%s': %s", ceilings[i].fault, ceilings[i].says, err.msg);
	}
}

#define ALL                                                                                                           \
	"[{\"action\":\"kill\",\"signal\":\"SIGTERM\",\"start\":\"30s\",\"containers\":[\"web\"],\"when\":\"1..3\"}," \
	"{\"action\":\"pause\",\"duration\":\"10s\",\"schedule\":\"@every 1m\",\"percent\":50,\"armed\":false},"      \
	"{\"action\":\"oom\",\"schedule\":\"0 9 * * "                                                                 \
	"*\",\"timeZone\":\"UTC\"},{\"action\":\"exit\",\"code\":3,\"percent\":\"10\"}]"

static struct fault_spec everything(void)
{
	_cleanup_json_ cJSON *annotations = cJSON_CreateObject();
	struct fault_spec spec = {};
	struct error err = {};

	cJSON_AddStringToObject(annotations, PROC, ALL);
	cJSON_AddStringToObject(annotations, RES,
				"[{\"cpu\":\"200m\",\"memory\":\"64Mi\",\"pids\":20,\"duration\":\"1m\",\"start\":\"5s\"},"
				"{\"io\":{\"path\":\"/data\",\"rbps\":\"1Mi\",\"wiops\":10},\"containers\":[\"db\"]}]");
	cJSON_AddStringToObject(annotations, "faultwire.dev/syscall", "{\"syscalls\":[\"read\"],\"errno\":\"EIO\"}");
	if (spec_parse(annotations, &spec, &err))
		fail_msg("%s", err.msg);
	spec_seed(&spec, 42);
	return spec;
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
	_cleanup_spec_ struct fault_spec spec = everything();
	_cleanup_plan_ struct plan plan = {}, again = {};
	_cleanup_json_ cJSON *o = NULL, *back = NULL;
	_cleanup_free_ char *text = NULL;
	struct error err = {};
	struct json j;

	(void)state;
	assert_int_equal(plan_build_container(&spec, NULL, &bare, &plan, &err), 0);
	text = printed(&plan);
	assert_string_equal(text, "  1. 1 rule for the container's supervisor, from the program's first call on\n"
				  "     syscall[0]       read: EIO, 100 % of calls, from 0s\n"
				  "  2. 6 acts of the container's supervisor, once its program has begun\n"
				  "     process[0]       kill by SIGTERM in web, 100 % of windows, from 30s, when 1..3+1\n"
				  "     process[1]       pause, 50 % of windows, from 0s for 10s of every 1m, not armed\n"
				  "     process[2]       oom, 100 % of windows, for 30s after each firing of '0 9 * * *' (UTC)\n"
				  "     process[3]       exit with code 3, 10 % of starts\n"
				  "     resource[0]      cpu 200m, memory 64Mi, pids 20, 100 % of windows, from 5s for 1m\n"
				  "     resource[1]      rbps 1Mi, wiops 10, on /data in db, 100 % of windows, from 0s\n");
	o = plan_to_json(&plan);
	j = json_root(o, "plan");
	assert_int_equal(plan_from_json(&j, &again, &err), 0);
	back = plan_to_json(&again);
	assert_true(cJSON_Compare(o, back, true));
}

static void a_container_gets_the_acts_that_are_for_it(void **state)
{
	_cleanup_spec_ struct fault_spec spec = everything();
	_cleanup_plan_ struct plan web = {}, other = {};
	struct error err = {};

	(void)state;
	assert_int_equal(plan_build_container(&spec, "web", &bare, &web, &err), 0);
	assert_int_equal(plan_acts(&web)->n_rules, 5);
	assert_null(plan_acts(&web)->rules[0].common.containers);
	assert_int_equal(plan_build_container(&spec, "other", &bare, &other, &err), 0);
	assert_int_equal(plan_acts(&other)->n_rules, 4);
	assert_int_equal(plan_syscalls(&other)->n_rules, 1);
}

static void all_faults_of_a_container_are_counted(void **state)
{
	_cleanup_free_ char *process = util_strdup("["), *syscalls = util_strdup("[");
	_cleanup_json_ cJSON *annotations = cJSON_CreateObject();
	_cleanup_spec_ struct fault_spec spec = {};
	struct plan plan = {};
	struct error err = {};

	(void)state;
	for (int i = 0; i < 33; i++) {
		char *more = util_printf("%s%s{\"action\":\"kill\"}", process, i ? "," : "");
		char *calls = util_printf("%s%s{\"syscalls\":[\"read\"],\"errno\":\"EIO\"}", syscalls, i ? "," : "");

		free(process);
		free(syscalls);
		process = util_printf("%s%s", more, i == 32 ? "]" : "");
		syscalls = util_printf("%s%s", calls, i == 32 ? "]" : "");
		free(more);
		free(calls);
	}
	cJSON_AddStringToObject(annotations, PROC, process);
	cJSON_AddStringToObject(annotations, "faultwire.dev/syscall", syscalls);
	assert_int_equal(spec_parse(annotations, &spec, &err), 0);
	assert_int_equal(plan_build_container(&spec, "web", &bare, &plan, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "at most 64 faults"));
	assert_null(plan.ops);
}

static const char *const bad_plans[] = {
	"{\"ops\":[{\"type\":\"acts\"}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"fly\"}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"kill\"}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"kill\",\"signal\":65}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"exit\",\"code\":256}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"limit\"}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"limit\",\"limits\":{\"pids\":0}}]}]}",
	"{\"ops\":[{\"type\":\"acts\",\"rules\":[{\"act\":\"oom\",\"flags\":64}]}]}",
};

static void refuses_a_plan_that_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_plans); i++) {
		_cleanup_json_ cJSON *o = cJSON_Parse(bad_plans[i]);
		struct json j = json_root(o, "plan");
		struct error err = {};
		struct plan plan = {};

		assert_non_null(o);
		if (plan_from_json(&j, &plan, &err) != -EINVAL)
			fail_msg("%s was read", bad_plans[i]);
	}
}

#define S NSEC_PER_SEC

static void windows_open_one_after_another(void **state)
{
	const struct fw_rule once = { .start_ns = 100 * S, .on_ns = 10 * S };
	const struct fw_rule again = { .start_ns = 100 * S, .on_ns = 10 * S, .period_ns = 60 * S };
	const struct fw_rule moments = { .start_ns = 100 * S, .on_ns = 60 * S, .period_ns = 60 * S };
	const struct fw_rule clock = { .flags = FW_RULE_WALL, .on_ns = 10 * S, .period_ns = 60 * S, .not_before_ns = 90 * S };
	uint64_t left;

	(void)state;
	assert_int_equal(gate_wait_ns(&once, NULL, 40 * S, 0), 60 * S);
	assert_int_equal(gate_wait_ns(&once, NULL, 110 * S, 0), UINT64_MAX);
	assert_int_equal(gate_window(&once, 105 * S, 0, 5 * S), 1);
	assert_int_equal(gate_wait_ns(&again, NULL, 110 * S, 0), 50 * S);
	assert_true(gate_open(&again, NULL, 165 * S, 0, &left));
	assert_int_equal(left, 5 * S);
	assert_int_equal(gate_window(&again, 165 * S, 0, left), 2);
	assert_true(gate_open(&moments, NULL, 160 * S, 0, &left));
	assert_int_equal(gate_window(&moments, 159 * S, 0, 1 * S) + 1, gate_window(&moments, 160 * S, 0, left));
	/* by the clock 12:00:30, and not before 10 s from now: the window after that */
	assert_int_equal(gate_wait_ns(&clock, NULL, 80 * S, 30 * S), 30 * S);
	/* a window is open when it may begin */
	assert_int_equal(gate_wait_ns(&clock, NULL, 80 * S, 52 * S), 10 * S);
}

static void windows_by_the_calendar_have_numbers(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		act_spec("process", "{\"action\":\"pause\",\"duration\":\"10s\",\"schedule\":\"*/5 * * * *\"}");
	const struct fw_calendar *c = &spec.faults->calendar->fields;
	struct fw_rule r = plan_gate(spec.faults, FW_OP_NONE);
	uint64_t noon = 1764763200 * S, left = 0, first;

	(void)state;
	gate_begin(&r, 5 * S);
	assert_int_equal(gate_wait_ns(&r, c, 100 * S, noon + 20 * S), 280 * S);
	assert_true(gate_open(&r, c, 100 * S, noon + 2 * S, &left));
	assert_int_equal(left, 8 * S);
	first = gate_window(&r, 100 * S, noon + 2 * S, left);
	assert_true(gate_open(&r, c, 100 * S, noon + 9 * S, &left));
	assert_int_equal(gate_window(&r, 100 * S, noon + 9 * S, left), first);
	assert_true(gate_open(&r, c, 100 * S, noon + 301 * S, &left));
	assert_int_not_equal(gate_window(&r, 100 * S, noon + 301 * S, left), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_act),
		cmocka_unit_test(reads_every_limit),
		cmocka_unit_test(quantities_are_kubernetes),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(holds_to_the_policy),
		cmocka_unit_test(the_plan_prints_and_goes_through_json),
		cmocka_unit_test(a_container_gets_the_acts_that_are_for_it),
		cmocka_unit_test(all_faults_of_a_container_are_counted),
		cmocka_unit_test(refuses_a_plan_that_is_none),
		cmocka_unit_test(windows_open_one_after_another),
		cmocka_unit_test(windows_by_the_calendar_have_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
