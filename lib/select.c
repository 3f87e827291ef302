// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pods get the faults: two hashes, one of the experiment, one of experiment and pod.
 */
#include "lib/select.h"

#include <errno.h>

#include "lib/util.h"

static const char *const modes[] = {
	[SELECT_ALL] = "all",
	[SELECT_FIXED_PERCENT] = "fixed-percent",
	[SELECT_RANDOM_MAX_PERCENT] = "random-max-percent",
	NULL,
};

static int parse_mode(const struct json *j, enum select_mode *ret, struct error *err)
{
	struct json mode = json_get(j, "mode");
	int which = SELECT_ALL, r;

	if (!json_has(&mode))
		return json_error(j, err, "needs 'mode', as in {\"mode\":\"fixed-percent\",\"value\":\"20\"}");
	if (cJSON_IsString(mode.value) &&
	    (util_streq(mode.value->valuestring, "one") || util_streq(mode.value->valuestring, "fixed")))
		return error_set(
			err, ENOTSUP,
			"%s: '%s' needs a coordinator that counts pods, which there is none of: use 'fixed-percent', or annotate "
			"the pods that you mean",
			mode.path, mode.value->valuestring);
	r = json_enum(&mode, modes, &which, err);
	if (r == 0)
		*ret = (enum select_mode)which;
	return r;
}

int select_parse(const struct json *j, struct select *ret, struct error *err)
{
	static const char *const keys[] = { "mode", "value", NULL };
	struct json value = json_get(j, "value");
	struct select s = { .value_ppm = PPM_ALL };
	int r = json_only(j, keys, err);

	if (r == 0)
		r = parse_mode(j, &s.mode, err);
	if (r < 0)
		return r;
	if (s.mode == SELECT_ALL && json_has(&value))
		return json_error(&value, err, "mode 'all' takes none: remove it, or use mode 'fixed-percent'");
	if (s.mode != SELECT_ALL && !json_has(&value))
		return json_error(j, err, "mode '%s' needs 'value', a percentage as in \"20\"", modes[s.mode]);
	r = json_percent(&value, &s.value_ppm, err);
	if (r == 0)
		*ret = s;
	return r;
}

/* Uniform in 0..n - 1. 'what' keeps the draws for different purposes apart; strings are hashed with their ends. */
static uint64_t draw(const char *what, const char *experiment, const char *uid, uint64_t n)
{
	uint64_t h = util_fnv64(UTIL_FNV_SEED, what, strlen(what) + 1);

	h = util_fnv64(h, experiment, strlen(experiment) + 1);
	h = util_fnv64(h, uid, strlen(uid) + 1);
	return (util_mix64(h) >> 32) * n >> 32;
}

uint32_t select_share_ppm(const struct select *s, const char *experiment)
{
	if (s->mode == SELECT_ALL)
		return PPM_ALL;
	if (s->mode == SELECT_FIXED_PERCENT)
		return s->value_ppm;
	return (uint32_t)draw("share", experiment, "", (uint64_t)s->value_ppm + 1);
}

bool select_pod(const struct select *s, const char *experiment, const char *uid)
{
	return draw("pod", experiment, uid, PPM_ALL) < select_share_ppm(s, experiment);
}
