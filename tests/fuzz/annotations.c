// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes annotations -> spec -> plan -> JSON -> plan. The input is either an object of annotations, or, when it does not begin with a
 * brace, the first byte chooses the node and the rest is faultwire.dev/network. What parses must be within its bounds, plan or be
 * refused with a message, and come back from JSON as it went.
 */
#include <errno.h>

#include "lib/plan.h"
#include "lib/policy.h"
#include "lib/util.h"

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void require_error(int r, const struct error *err)
{
	require(r == -err->code && err->code > 0, "a failure carries its code");
	require(strchr(err->msg, ':') && strlen(err->msg) > 10, "a failure says where and what");
	for (size_t i = 0, n; err->msg[i]; i += n) {
		n = util_utf8(err->msg + i, strlen(err->msg + i));
		require(n > 0 && (unsigned char)err->msg[i] >= 0x20, "a message is printable");
	}
}

static void check_prefixes(const struct fault_prefix *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		require(p[i].len <= 128, "a length is within the address");
		for (unsigned int bit = p[i].len; bit < 128; bit++)
			require(!(p[i].addr[bit / 8] & 0x80 >> bit % 8), "no bits behind the length");
	}
}

static void check_fault(const struct fault *f)
{
	require(f->kind && f->name[0] && f->path[0], "a fault has its kind, name and path");
	require(f->percent_ppm <= PPM_ALL, "percent");
	require(f->when.first >= 1 && f->when.last >= f->when.first, "when");
	require(!f->calendar || (f->duration_ns && f->duration_ns <= calendar_max_on_ns() && !f->every_ns), "windows by the clock");
	require(!f->calendar || calendar_next(&f->calendar->fields, 1800000000) != CALENDAR_NO_TIME, "a schedule fires");
	require(!f->every_ns || (f->duration_ns && f->duration_ns <= f->every_ns), "windows do not overlap");
	require(!f->kind->max_share_ppm || f->kind->max_share_ppm(f) <= PPM_ALL, "share");
	require(f->kind != &fault_kind_delay || f->delay.jitter_ns <= f->delay.latency_ns, "jitter");
	check_prefixes(f->target.cidrs, f->target.n_cidrs);
	check_prefixes(f->target.except, f->target.n_except);
	for (size_t i = 0; i < f->target.n_ports; i++)
		require(f->target.ports[i].first && f->target.ports[i].first <= f->target.ports[i].last, "ports");
}

static void check_round_trip(const struct plan *plan)
{
	_cleanup_json_ cJSON *first = plan_to_json(plan), *second = NULL;
	_cleanup_plan_ struct plan again = {};
	struct json j = json_root(first, "plan");
	struct error err = {};

	require(plan_from_json(&j, &again, &err) == 0, err.msg);
	second = plan_to_json(&again);
	require(cJSON_Compare(first, second, true), "a plan comes back from JSON as it went");
}

static void check_plan(const struct fault_spec *spec, unsigned int node)
{
	const struct plan_env env = {
		.htb = node & 1,
		.tbf = node & 2,
		.netem = node & 4,
		.fq = node & 8,
		.ifb = node & 16,
		.mirred = node & 32,
	};
	_cleanup_plan_ struct plan plan = {};
	static FILE *null;
	struct error err = {};
	int r = plan_build(spec, &env, &plan, &err);

	if (r < 0) {
		require_error(r, &err);
		return;
	}
	null = null ? null : fopen("/dev/null", "w");
	plan_print(&plan, null);
	check_round_trip(&plan);
}

static void check_containers(const struct fault_spec *spec, bool files)
{
	const struct plan_env env = { .files = files, .files_why = "the fuzzer says so" };
	_cleanup_plan_ struct plan plan = {};
	struct error err = {};
	int r = plan_build_container(spec, NULL, &env, &plan, &err);
	static FILE *null;

	if (r < 0) {
		require_error(r, &err);
		return;
	}
	null = null ? null : fopen("/dev/null", "w");
	plan_print(&plan, null);
	check_round_trip(&plan);
}

static cJSON *annotations_of(const char *data, size_t n)
{
	_cleanup_free_ char *value = NULL;
	cJSON *ret;

	if (data[0] == '{')
		return cJSON_ParseWithLength(data, n);
	value = util_alloc(n, 1);
	memcpy(value, data + 1, n - 1);
	ret = cJSON_CreateObject();
	cJSON_AddStringToObject(ret, SPEC_PREFIX "network", value);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_json_ cJSON *annotations = n ? annotations_of((const char *)data, n) : NULL;
	_cleanup_spec_ struct fault_spec spec = {};
	_cleanup_policy_ struct policy policy = {};
	struct error err = {};
	int r = spec_parse(annotations, &spec, &err);

	if (r < 0) {
		require_error(r, &err);
		require(!spec.faults && !spec.n_faults, "a failure leaves nothing");
		return 0;
	}
	for (size_t i = 0; i < spec.n_faults; i++)
		check_fault(&spec.faults[i]);
	spec_seed(&spec, 1);
	check_plan(&spec, data && n ? ~data[0] : 0);
	check_containers(&spec, n & 1);
	policy_defaults(&policy);
	r = policy_check(&policy, &spec, "shop", &err);
	if (r < 0)
		require_error(r, &err);
	return 0;
}
