// SPDX-License-Identifier: GPL-2.0-only
/*
 * Annotations and what every network fault has in common: keys and windows. Targets are lib_target.c's, the bodies of the
 * actions lib_faults.c's and lib_shapes.c's.
 */
#include "tests/unit/check.h"

#define NET "faultwire.dev/network"
#define PARTITION "\"action\":\"partition\""
#define DELAY "\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\"}"
#define ALL UINT64_MAX

static struct fault_spec one(const char *keys)
{
	_cleanup_free_ char *text = util_printf("{" PARTITION "%s%s}", *keys ? "," : "", keys);
	struct fault_spec spec = network_spec(text);

	assert_int_equal(spec.n_faults, 1);
	return spec;
}

/* The inputs are keys beside action 'partition'. */
static void check_key_refusals(const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = util_printf("{" PARTITION ",%s}", cases[i].input);
		struct refusal c = cases[i];

		c.input = text;
		check_network_refusals(&c, 1);
	}
}

static void a_fault_has_its_defaults(void **state)
{
	_cleanup_spec_ struct fault_spec spec = one("");
	const struct fault *f = spec.faults;

	(void)state;
	assert_ptr_equal(f->kind, &fault_kind_partition);
	assert_string_equal(f->path, NET);
	assert_string_equal(f->name, "network[0]");
	assert_int_equal(f->percent_ppm, PPM_ALL);
	assert_false(f->seed_given);
	assert_true(f->when.first == 1 && f->when.last == ALL && f->when.step == 1);
	assert_true(f->start_ns == 0 && f->duration_ns == 0 && f->every_ns == 0);
	assert_int_equal(f->anchor, ANCHOR_POD);
	assert_true(f->armed);
	assert_int_equal(f->direction, DIRECTION_TO);
	assert_false(f->include_node || f->per_segment);
	assert_int_equal(f->backend, BACKEND_AUTO);
	assert_int_equal(f->target.protocol, PROTOCOL_ANY);
	assert_int_equal(f->target.n_cidrs + f->target.n_except + f->target.n_ports + f->target.n_source_ports, 0);
	assert_string_equal(spec.experiment, "");
	assert_int_equal(spec.select.mode, SELECT_ALL);
}

static void reads_the_article_s_fault(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		network_spec("{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\"},"
			     "\"duration\":\"300s\",\"schedule\":\"@every 10m\"}");
	const struct fault *f = spec.faults;

	(void)state;
	assert_ptr_equal(f->kind, &fault_kind_delay);
	assert_int_equal(f->delay.latency_ns, 200 * NSEC_PER_MSEC);
	assert_int_equal(f->delay.jitter_ns, 50 * NSEC_PER_MSEC);
	assert_int_equal(f->delay.correlation_ppm, PPM_ALL);
	assert_int_equal(f->duration_ns, 300 * NSEC_PER_SEC);
	assert_int_equal(f->every_ns, 600 * NSEC_PER_SEC);
}

static void reads_every_common_key(void **state)
{
	_cleanup_spec_ struct fault_spec spec = network_spec(
		"[{" PARTITION "},{" DELAY ",\"name\":\"to-db.1\",\"percent\":\"33.3333\",\"seed\":\"18446744073709551615\","
		"\"when\":\"3..9+2\",\"start\":\"1m\",\"duration\":\"10s\",\"schedule\":\"@every 1h30m\",\"anchor\":\"clock\","
		"\"armed\":false,\"direction\":\"both\",\"includeNode\":true,\"backend\":\"edt\"},"
		"{" PARTITION ",\"perSegment\":true,\"direction\":\"to\"}]");
	const struct fault *f = &spec.faults[1];

	(void)state;
	assert_int_equal(spec.n_faults, 3);
	assert_string_equal(spec.faults[0].name, "network[0]");
	assert_string_equal(spec.faults[2].name, "network[2]");
	assert_true(spec.faults[2].per_segment);
	assert_string_equal(f->path, NET "[1]");
	assert_string_equal(f->name, "to-db.1");
	assert_int_equal(f->percent_ppm, 333333);
	assert_true(f->seed_given && f->seed == UINT64_MAX);
	assert_true(f->when.first == 3 && f->when.last == 9 && f->when.step == 2);
	assert_int_equal(f->start_ns, 60 * NSEC_PER_SEC);
	assert_int_equal(f->duration_ns, 10 * NSEC_PER_SEC);
	assert_int_equal(f->every_ns, 5400 * NSEC_PER_SEC);
	assert_int_equal(f->anchor, ANCHOR_CLOCK);
	assert_false(f->armed);
	assert_int_equal(f->direction, DIRECTION_BOTH);
	assert_true(f->include_node);
	assert_int_equal(f->backend, BACKEND_EDT);
}

static void reads_when_as_strace_does(void **state)
{
	static const struct {
		const char *text;
		struct fault_when when;
	} cases[] = {
		{ "\"3\"", { 3, 3, 0 } },      { "3", { 3, 3, 0 } },
		{ "\"3+\"", { 3, ALL, 1 } },   { "\"3+2\"", { 3, ALL, 2 } },
		{ "\"3..7\"", { 3, 7, 1 } },   { "\"3..7+\"", { 3, 7, 1 } },
		{ "\"3..7+4\"", { 3, 7, 4 } }, { "\"5..5\"", { 5, 5, 1 } },
		{ "\"1+1\"", { 1, ALL, 1 } },  { "\"18446744073709551615\"", { ALL, ALL, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *keys = util_printf("\"when\":%s", cases[i].text);
		_cleanup_spec_ struct fault_spec spec = one(keys);
		const struct fault_when *w = &spec.faults->when;

		if (w->first != cases[i].when.first || w->last != cases[i].when.last || w->step != cases[i].when.step)
			fail_msg("%s", cases[i].text);
	}
}

static const struct refusal key_refusals[] = {
	{ "\"name\":\"\"", EINVAL, NET ".name", { "is not a name", "up to 63 letters, digits" } },
	{ "\"name\":\"a b\"", EINVAL, NET ".name", { "'a b' is not a name" } },
	{ "\"name\":\"-a\"", EINVAL, NET ".name", { "a letter or a digit at both ends" } },
	{ "\"name\":\"../x\"", EINVAL, NET ".name", { "is not a name" } },
	{ "\"name\":\"network[1]\"", EINVAL, NET ".name", { "is not a name" } },
	{ "\"name\":\"a234567890123456789012345678901234567890123456789012345678901234\"", EINVAL, NET ".name", { "up to 63" } },
	{ "\"name\":5", EINVAL, NET ".name", { "must be a string, not a number" } },
	{ "\"percent\":101", EINVAL, NET ".percent", { "'101' is out of range, a percentage is 0 to 100" } },
	{ "\"percent\":-1", EINVAL, NET ".percent", { "must not be negative" } },
	{ "\"percent\":\"NaN\"", EINVAL, NET ".percent", { "is not a percentage" } },
	{ "\"seed\":-1", EINVAL, NET ".seed", { "is not a whole number from 0" } },
	{ "\"seed\":18446744073709551615", EINVAL, NET ".seed", { "write it as a string" } },
	{ "\"seed\":1e999", EINVAL, NET ".seed", { "write it as a string" } },
	{ "\"seed\":\"random\"", EINVAL, NET ".seed", { "'random' is not a whole number" } },
	{ "\"when\":\"0\"", EINVAL, NET ".when", { "'0' begins at 0", "counted from 1" } },
	{ "\"when\":0", EINVAL, NET ".when", { "counted from 1" } },
	{ "\"when\":\"0+2\"", EINVAL, NET ".when", { "counted from 1" } },
	{ "\"when\":\"9..3\"", EINVAL, NET ".when", { "ends before it begins" } },
	{ "\"when\":\"\"", EINVAL, NET ".when", { "first[..last][+[step]]", "\"3..9+2\"" } },
	{ "\"when\":\"3.7\"", EINVAL, NET ".when", { "is not first[..last]" } },
	{ "\"when\":\"3..\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":\"3+0\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":\"3..9+0\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":\"3+2x\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":\"+2\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":\" 3\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":\"18446744073709551616\"", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":1.5", EINVAL, NET ".when", { "is not first" } },
	{ "\"when\":true", EINVAL, NET ".when", { "must be a string", "not true" } },
	{ "\"start\":\"5\"", EINVAL, NET ".start", { "needs a unit (ns, us, ms, s, m, h)" } },
	{ "\"start\":\"-5s\"", EINVAL, NET ".start", { "must not be negative" } },
	{ "\"duration\":\"300\"", EINVAL, NET ".duration", { "'300' needs a unit (ns, us, ms, s, m, h)" } },
	{ "\"duration\":\"0s\"", EINVAL, NET ".duration", { "must be over 0s", "leave it out" } },
	{ "\"schedule\":\"@every 10m\"", EINVAL, NET ".duration", { "'schedule' needs it" } },
	{ "\"schedule\":\"@every 10m\",\"duration\":\"11m\"", EINVAL, NET ".duration", { "'11m'", "period of 10m", "shorten it" } },
	{ "\"schedule\":\"@every 0s\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "must be over 0s" } },
	{ "\"schedule\":\"@every 10\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "'10' needs a unit" } },
	{ "\"schedule\":\"@every  10m\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "is not a duration" } },
	{ "\"schedule\":\"@every\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "is not a schedule", "'@every 10m'" } },
	{ "\"schedule\":\"every 10m\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "is not a schedule" } },
	{ "\"schedule\":\"\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "is not a schedule" } },
	{ "\"schedule\":5", EINVAL, NET ".schedule", { "must be a string" } },
	{ "\"anchor\":\"clock\"", EINVAL, NET ".anchor", { "'clock' needs a 'schedule'" } },
	{ "\"anchor\":\"clock\",\"duration\":\"5s\"", EINVAL, NET ".anchor", { "'clock' needs a 'schedule'" } },
	{ "\"schedule\":\"@reboot\",\"duration\":\"1s\"",
	  EINVAL,
	  NET ".schedule",
	  { "is not a schedule", "five cron fields", "'@hourly'" } },
	{ "\"schedule\":\"0 * * * * *\",\"duration\":\"1s\"",
	  EINVAL,
	  NET ".schedule",
	  { "is not a schedule", "five cron fields" } },
	{ "\"schedule\":\"0 24 * * *\",\"duration\":\"1s\"", EINVAL, NET ".schedule", { "'24' in the hour field" } },
	{ "\"schedule\":\"@daily\"", EINVAL, NET ".duration", { "'schedule' needs it" } },
	{ "\"schedule\":\"@daily\",\"duration\":\"745h\"", EINVAL, NET ".duration", { "'745h' is too long", "up to 744h" } },
	{ "\"schedule\":\"@daily\",\"duration\":\"1h\",\"anchor\":\"clock\"",
	  EINVAL,
	  NET ".anchor",
	  { "is of '@every'", "by the clock already", "remove it" } },
	{ "\"schedule\":\"@daily\",\"duration\":\"1h\",\"timeZone\":\"../passwd\"",
	  EINVAL,
	  NET ".timeZone",
	  { "'../passwd' is not a time zone's name", "'Europe/Berlin'" } },
	{ "\"schedule\":\"@every 1h\",\"duration\":\"1s\",\"timeZone\":\"UTC\"",
	  EINVAL,
	  NET ".timeZone",
	  { "wall-clock", "remove it" } },
	{ "\"timeZone\":\"UTC\"", EINVAL, NET ".timeZone", { "wall-clock", "remove it" } },
	{ "\"anchor\":\"node\"", EINVAL, NET ".anchor", { "(allowed: pod, clock)" } },
	{ "\"armed\":\"false\"", EINVAL, NET ".armed", { "true or false (without quotes)" } },
	{ "\"armed\":null", EINVAL, NET ".armed", { "true or false", "not null" } },
	{ "\"direction\":\"in\"", EINVAL, NET ".direction", { "(allowed: to, from, both)" } },
	{ "\"direction\":\"too\"", EINVAL, NET ".direction", { "did you mean 'to'?" } },
	{ "\"includeNode\":1", EINVAL, NET ".includeNode", { "true or false" } },
	{ "\"perSegment\":true,\"direction\":\"from\"", EINVAL, NET ".perSegment", { "direction 'to' alone" } },
	{ "\"perSegment\":true,\"direction\":\"both\"", EINVAL, NET ".perSegment", { "direction 'to' alone" } },
	{ "\"backend\":\"edt\"", EINVAL, NET ".backend", { "(delay, bandwidth, rate)", "'partition'", "remove it" } },
	{ "\"backend\":\"auto\"", EINVAL, NET ".backend", { "remove it" } },
	{ "\"backend\":\"tc\"", EINVAL, NET ".backend", { "(allowed: auto, netem, edt)" } },
	{ "\"traget\":{}", EINVAL, NET, { "unknown key 'traget'", "did you mean 'target'?", "(allowed: action, name, percent" } },
	{ "\"Duration\":\"5s\"", EINVAL, NET, { "did you mean 'duration'?" } },
	{ "\"partition\":{}", EINVAL, NET, { "unknown key 'partition'" } },
	{ "\"zebra\":1", EINVAL, NET, { "unknown key 'zebra' (allowed: action" } },
	{ "\"percent\":1,\"percent\":2", EINVAL, NET, { "'percent' is given twice" } },
};

static void refuses_common_keys_gone_wrong(void **state)
{
	(void)state;
	check_key_refusals(key_refusals, ARRAY_SIZE(key_refusals));
}

static void reads_wall_clock_schedules(void **state)
{
	struct fault_spec spec =
		network_spec("[{\"action\":\"partition\",\"schedule\":\"*/5 9-17 * * mon-fri\",\"duration\":\"90s\","
			     "\"timeZone\":\"Europe/Berlin\",\"start\":\"1m\"},"
			     "{\"action\":\"partition\",\"schedule\":\"@weekly\",\"duration\":\"744h\"}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_string_equal(f->calendar->text, "*/5 9-17 * * mon-fri");
	assert_string_equal(f->calendar->zone, "Europe/Berlin");
	assert_int_equal(f->calendar->fields.hours, 0x3fe00);
	assert_true(f->duration_ns == 90 * NSEC_PER_SEC && f->start_ns == 60 * NSEC_PER_SEC && !f->every_ns);
	assert_string_equal(f[1].calendar->text, "@weekly");
	assert_string_equal(f[1].calendar->zone, "UTC");
	spec_cleanup(&spec);
}

static void says_what_is_not_built_yet(void **state)
{
	static const struct refusal cases[] = {
		{ "\"containers\":[\"app\"]", EINVAL, NET ".containers", { "the whole pod", "remove it" } },
	};

	(void)state;
	check_key_refusals(cases, ARRAY_SIZE(cases));
}

static void refuses_actions_gone_wrong(void **state)
{
	static const struct refusal cases[] = {
		{ "{}", EINVAL, NET, { "needs 'action'", "{\"action\":\"delay\"" } },
		{ "{\"action\":5}", EINVAL, NET ".action", { "must be a string" } },
		{ "{\"action\":\"dely\"}",
		  EINVAL,
		  NET ".action",
		  { "unknown action 'dely', did you mean 'delay'?", "loss", "partition" } },
		{ "{\"action\":\"\"}", EINVAL, NET ".action", { "unknown action '' (allowed: delay, loss" } },
		{ "{\"action\":\"Delay\"}", EINVAL, NET ".action", { "did you mean 'delay'?" } },
		{ "{\"action\":\"reorder\",\"reorder\":{}}", EINVAL, NET ".action", { "use action 'delay' with 'delay.reorder'" } },
		{ "{\"action\":\"delay\"}", EINVAL, NET, { "action 'delay' needs 'delay' beside it" } },
		{ "{\"action\":\"rate\",\"bandwidth\":{}}",
		  EINVAL,
		  NET ".bandwidth",
		  { "belongs to action 'bandwidth'", "is 'rate'", "remove it" } },
		{ "{" PARTITION ",\"loss\":{}}", EINVAL, NET ".loss", { "belongs to action 'loss'", "is 'partition'" } },
		{ "{" DELAY ",\"loss\":{\"loss\":1}}",
		  EINVAL,
		  NET ".loss",
		  { "belongs to action 'loss'", "is 'delay'", "two faults" } },
		{ "{\"action\":\"delay\",\"delay\":[]}", EINVAL, NET ".delay", { "must be an object, not a list" } },
		{ "{\"action\":\"delay\",\"delay\":null}", EINVAL, NET ".delay", { "must be an object, not null" } },
	};

	(void)state;
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

static void refuses_annotations_that_hold_no_faults(void **state)
{
	static const struct refusal cases[] = {
		{ "", EINVAL, NET, { "not valid JSON at byte 1" } },
		{ "[]", EINVAL, NET, { "is an empty list", "remove the annotation" } },
		{ "5", EINVAL, NET, { "must be a fault, an object" } },
		{ "null", EINVAL, NET, { "must be a fault" } },
		{ "\"delay\"", EINVAL, NET, { "must be a fault" } },
		{ "[{" PARTITION "},[]]", EINVAL, NET "[1]", { "must be a fault" } },
		{ "[{" PARTITION "},{" PARTITION ",\"percent\":101}]", EINVAL, NET "[1].percent", { "out of range" } },
		{ "{" PARTITION "},", EINVAL, NET, { "something follows" } },
		{ "{" PARTITION ",\"name\":\"\xff\"}", EINVAL, NET, { "invalid UTF-8" } },
		{ "{" PARTITION ",\"name\":\"\\u0000\"}", EINVAL, NET, { "NUL" } },
		{ "[{" PARTITION ",\"name\":\"a\"},{" PARTITION ",\"name\":\"b\"},{" PARTITION ",\"name\":\"a\"}]",
		  EINVAL,
		  NET "[2].name",
		  { "'a' is the name of faultwire.dev/network[0] too", "its own" } },
	};

	(void)state;
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

static char *repeat(const char *head, const char *element, size_t n, const char *tail)
{
	size_t len = strlen(element);
	char *text = util_alloc(strlen(head) + n * (len + 1) + strlen(tail) + 1, 1), *p = stpcpy(text, head);

	for (size_t i = 0; i < n; i++)
		p = stpcpy(stpcpy(p, i ? "," : ""), element);
	stpcpy(p, tail);
	return text;
}

static void bounds_what_one_pod_may_ask(void **state)
{
	_cleanup_free_ char *faults = repeat("[", "{" PARTITION "}", 64, "]"), *many = repeat("[", "{" PARTITION "}", 65, "]");
	_cleanup_free_ char *cidrs =
		repeat("{" PARTITION ",\"target\":{\"except\":[\"::1\"],\"cidrs\":[", "\"10.0.0.1\"", 127, "]}}");
	_cleanup_free_ char *many_cidrs =
		repeat("{" PARTITION ",\"target\":{\"except\":[\"::1\"],\"cidrs\":[", "\"10.0.0.1\"", 128, "]}}");
	_cleanup_free_ char *ports = repeat("{" PARTITION ",\"target\":{\"sourcePorts\":[1],\"ports\":[", "5", 63, "]}}");
	_cleanup_free_ char *many_ports = repeat("{" PARTITION ",\"target\":{\"sourcePorts\":[1],\"ports\":[", "5", 64, "]}}");
	_cleanup_free_ char *endless = repeat("{" PARTITION ",\"target\":{\"ports\":[", "5", 200000, "]}}");
	const struct refusal cases[] = {
		{ many, E2BIG, NET, { "65 faults are too many", "at most 64" } },
		{ many_cidrs, EINVAL, NET ".target.except", { "too many prefixes, at most 128", "merge some" } },
		{ many_ports, EINVAL, NET ".target.sourcePorts", { "too many port ranges, at most 64", "merge some" } },
		{ endless, EINVAL, NET ".target.ports", { "too many port ranges, at most 64" } },
	};
	_cleanup_spec_ struct fault_spec a = network_spec(faults), b = network_spec(cidrs), c = network_spec(ports);

	(void)state;
	assert_int_equal(a.n_faults, 64);
	assert_int_equal(b.faults->target.n_cidrs + b.faults->target.n_except, 128);
	assert_int_equal(c.faults->target.n_ports + c.faults->target.n_source_ports, 64);
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

static void refuses_other_annotations_gone_wrong(void **state)
{
	static const struct {
		const char *name;
		struct refusal c;
	} cases[] = {
		{ "guard", { "", ENOTSUP, "faultwire.dev/guard", { "not built yet" } } },
		{ "netwrok",
		  { "", EINVAL, "faultwire.dev/netwrok", { "unknown annotation, did you mean 'faultwire.dev/network'?" } } },
		{ "Network", { "", EINVAL, "faultwire.dev/Network", { "did you mean 'faultwire.dev/network'?" } } },
		{ "experimnt", { "", EINVAL, "faultwire.dev/experimnt", { "did you mean 'faultwire.dev/experiment'?" } } },
		{ "",
		  { "",
		    EINVAL,
		    "faultwire.dev/",
		    { "unknown annotation", "network, io, syscall, process, resource, experiment and select" } } },
		{ "zebrazebra", { "", EINVAL, "faultwire.dev/zebrazebra", { "unknown annotation", "remove it" } } },
		{ "experiment", { "", EINVAL, "faultwire.dev/experiment", { "'' is not a name: 1 to 63 letters" } } },
		{ "experiment", { "game day", EINVAL, "faultwire.dev/experiment", { "'game day' is not a name" } } },
		{ "experiment", { "..", EINVAL, "faultwire.dev/experiment", { "is not a name" } } },
		{ "experiment", { "a/b", EINVAL, "faultwire.dev/experiment", { "is not a name" } } },
		{ "experiment", { "\xc3\xa4", EINVAL, "faultwire.dev/experiment", { "is not a name" } } },
		{ "experiment",
		  { "a234567890123456789012345678901234567890123456789012345678901234",
		    EINVAL,
		    "faultwire.dev/experiment",
		    { "1 to 63" } } },
		{ "select", { "all", EINVAL, "faultwire.dev/select", { "not valid JSON" } } },
		{ "select", { "{\"mode\":\"one\"}", ENOTSUP, "faultwire.dev/select.mode", { "needs a coordinator" } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault_spec spec = { .n_faults = 99 };
		struct error err = {};

		check_refused(&cases[i].c, spec_of(cases[i].name, cases[i].c.input, &spec, &err), &err);
		assert_int_equal(spec.n_faults, 0);
	}
}

static int parse_annotations(const char *text, struct fault_spec *ret, struct error *err)
{
	_cleanup_json_ cJSON *annotations = cJSON_Parse(text);

	assert_non_null(annotations);
	return spec_parse(annotations, ret, err);
}

static void reads_all_annotations_and_leaves_others_alone(void **state)
{
	_cleanup_spec_ struct fault_spec spec = {};
	struct error err = {};

	(void)state;
	assert_int_equal(
		parse_annotations("{\"kubernetes.io/x\":5,\"faultwire.dev/network\":\"{\\\"action\\\":\\\"partition\\\"}\","
				  "\"faultwire.dev/experiment\":\"game-day_1.2\",\"notfaultwire.dev/io\":\"x\","
				  "\"faultwire.dev/select\":\"{\\\"mode\\\":\\\"fixed-percent\\\",\\\"value\\\":\\\"20\\\"}\"}",
				  &spec, &err),
		0);
	assert_int_equal(spec.n_faults, 1);
	assert_string_equal(spec.experiment, "game-day_1.2");
	assert_int_equal(spec.select.mode, SELECT_FIXED_PERCENT);
	assert_int_equal(spec.select.value_ppm, 200000);
}

static void nothing_is_kept_when_a_later_annotation_is_wrong(void **state)
{
	struct fault_spec spec = { .n_faults = 99 };
	struct error err = {};

	(void)state;
	assert_int_equal(
		parse_annotations("{\"faultwire.dev/network\":\"[{\\\"action\\\":\\\"partition\\\",\\\"target\\\":{\\\"cidrs\\\":"
				  "[\\\"10.0.0.1\\\"]}}]\",\"faultwire.dev/process\":\"{}\"}",
				  &spec, &err),
		-EINVAL);
	assert_int_equal(spec.n_faults, 0);
	assert_null(spec.faults);
}

static void annotations_are_text(void **state)
{
	static const struct refusal c = { "an object", EINVAL, NET, { "must be a string, not an object" } };
	struct fault_spec spec = {};
	struct error err = {};

	(void)state;
	check_refused(&c, parse_annotations("{\"faultwire.dev/network\":{\"action\":\"partition\"}}", &spec, &err), &err);
}

static void knows_whether_a_pod_is_annotated(void **state)
{
	static const struct {
		const char *text;
		bool ours;
	} cases[] = {
		{ "{}", false },
		{ "null", false },
		{ "[]", false },
		{ "[1]", false },
		{ "{\"a\":\"b\",\"xfaultwire.dev/network\":\"\",\"faultwire.dev\":\"\",\"faultwire.devil/network\":\"\"}", false },
		{ "{\"a\":\"b\",\"faultwire.dev/network\":\"\"}", true },
		{ "{\"faultwire.dev/whatever\":5}", true },
		{ "{\"faultwire.dev/\":5}", true },
	};
	struct fault_spec spec = {};
	struct error err = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ cJSON *annotations = cJSON_Parse(cases[i].text);

		assert_int_equal(spec_annotated(annotations), cases[i].ours);
	}
	assert_false(spec_annotated(NULL));
	assert_int_equal(spec_parse(NULL, &spec, &err), 0);
	assert_int_equal(spec.n_faults, 0);
}

static void seeds_are_given_once_and_differ(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		network_spec("[{" PARTITION "},{" PARTITION ",\"seed\":7},{" PARTITION "},{" PARTITION ",\"seed\":0}]");
	uint64_t first;

	(void)state;
	spec_seed(&spec, UINT64_MAX);
	assert_int_equal(spec.faults[1].seed, 7);
	assert_int_equal(spec.faults[3].seed, 0);
	assert_true(spec.faults[0].seed != spec.faults[2].seed);
	first = spec.faults[0].seed;
	spec_seed(&spec, 5);
	assert_true(spec.faults[0].seed != first);
	spec_seed(&spec, UINT64_MAX);
	assert_int_equal(spec.faults[0].seed, first);
}

static void cleanup_of_nothing_does_nothing(void **state)
{
	struct fault_spec spec = {};

	(void)state;
	spec_cleanup(&spec);
	spec = one("\"target\":{\"cidrs\":[\"10.0.0.1\"]}");
	spec_cleanup(&spec);
	spec_cleanup(&spec);
	assert_null(spec.faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_has_its_defaults),
		cmocka_unit_test(reads_the_article_s_fault),
		cmocka_unit_test(reads_every_common_key),
		cmocka_unit_test(reads_when_as_strace_does),
		cmocka_unit_test(refuses_common_keys_gone_wrong),
		cmocka_unit_test(reads_wall_clock_schedules),
		cmocka_unit_test(says_what_is_not_built_yet),
		cmocka_unit_test(refuses_actions_gone_wrong),
		cmocka_unit_test(refuses_annotations_that_hold_no_faults),
		cmocka_unit_test(bounds_what_one_pod_may_ask),
		cmocka_unit_test(refuses_other_annotations_gone_wrong),
		cmocka_unit_test(reads_all_annotations_and_leaves_others_alone),
		cmocka_unit_test(nothing_is_kept_when_a_later_annotation_is_wrong),
		cmocka_unit_test(annotations_are_text),
		cmocka_unit_test(knows_whether_a_pod_is_annotated),
		cmocka_unit_test(seeds_are_given_once_and_differ),
		cmocka_unit_test(cleanup_of_nothing_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
