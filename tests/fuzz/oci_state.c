// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the state that a runtime gives its hooks, and the annotations in it as the hook reads them: what parses is within its bounds and has a
 * plan that goes through JSON, what does not says why and leaves its output alone.
 */
#include <errno.h>

#include "lib/plan.h"
#include "lib/util.h"
#include "oci-hook/oci_state.h"

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void check_plan(const struct fault_spec *spec, const char *container)
{
	_cleanup_plan_ struct plan plan = {}, again = {};
	_cleanup_json_ cJSON *json = NULL, *twice = NULL;
	/* where the node has no file hooks, all that they would do is the supervisor's */
	const struct plan_env env = { .files = container[0] & 1, .files_why = "a reason" };
	struct error err = {};
	struct json at;

	if (plan_build_container(spec, container, &env, &plan, &err)) {
		require(err.code == E2BIG || (err.code == ENOTSUP && !env.files),
			"a container's plan only fails for its size or backend");
		return;
	}
	json = plan_to_json(&plan);
	at = json_root(json, "plan");
	require(plan_from_json(&at, &again, &err) == 0, "a plan can be read again");
	twice = plan_to_json(&again);
	require(cJSON_Compare(json, twice, true), "a plan that is read again is the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_oci_state_ struct oci_state s = {};
	_cleanup_spec_ struct fault_spec spec = {};
	struct oci_identity who;
	struct error err = {};

	if (oci_state_parse((const char *)data, n, &s, &err)) {
		require(err.code && strchr(err.msg, ':') && !s.root, "a failure says where, and leaves the output alone");
		return 0;
	}
	require(s.id[0] && !strchr(s.id, '/') && (s.stopped || s.pid > 0), "bounds");
	oci_state_identify(&s, &who);
	require(who.container[0], "every container has a name");
	if (spec_parse(s.annotations, &spec, &err))
		require(err.code && err.msg[0], "a refusal says why");
	else
		check_plan(&spec, who.container);
	return 0;
}
