// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys that every fault has: when it happens, how often, and what it is called.
 */
#include "lib/common.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>

#include "lib/syscalls.h"
#include "lib/util.h"

#define ERRNO_MAX 4095 /* what the kernel takes for an error */
#define CONTAINERS_MAX 64
#define MOMENT_NS (30 * NSEC_PER_SEC) /* less than a minute: firings are not one window */

static const char *const anchors[] = { [ANCHOR_POD] = "pod", [ANCHOR_CLOCK] = "clock", NULL };

bool common_is_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n == 0 || n > max || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	return true;
}

int common_share(const struct json *body, const char *key, uint32_t *ret_share, uint32_t *ret_correlation, struct error *err)
{
	struct json share = json_get(body, key), correlation = json_get(body, "correlation");
	uint32_t share_ppm = 0, correlation_ppm = 0;
	int r;

	if (!json_has(&share))
		return json_error(body, err, "needs '%s', a percentage, as in {\"%s\":\"25\"}", key, key);
	r = json_percent(&share, &share_ppm, err);
	if (r == 0)
		r = json_percent(&correlation, &correlation_ppm, err);
	if (r < 0)
		return r;
	*ret_share = share_ppm;
	*ret_correlation = correlation_ppm;
	return 0;
}

static int parse_name(const struct json *j, struct fault *f, struct error *err)
{
	const char *name = NULL;
	int r = json_string(j, &name, err);

	if (r < 0 || !name)
		return r;
	if (!common_is_name(name, FAULT_NAME_MAX))
		return json_error(
			j, err,
			"'%.70s' is not a name: up to %d letters, digits, '-', '_' and '.', with a letter or a digit at both ends",
			name, FAULT_NAME_MAX);
	snprintf(f->name, sizeof(f->name), "%s", name);
	return 0;
}

/* Digits at *s, moving behind them; false when there are none or too many. */
static bool take_u64(const char **s, uint64_t *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(**s - '0'), &n))
			return false;
	*ret = n;
	return true;
}

/* first[..last][+[step]] */
static bool parse_when_text(const char *s, struct fault_when *ret)
{
	bool has_last, has_step;

	if (!take_u64(&s, &ret->first))
		return false;
	ret->last = ret->first;
	has_last = s[0] == '.' && s[1] == '.';
	if (has_last) {
		s += 2;
		if (!take_u64(&s, &ret->last))
			return false;
	}
	has_step = *s == '+';
	if (has_step && *++s) {
		if (!take_u64(&s, &ret->step))
			return false;
	} else {
		ret->step = has_last || has_step;
	}
	if (has_step && !has_last)
		ret->last = UINT64_MAX;
	return *s == '\0' && !(has_step && ret->step == 0);
}

static int parse_when(const struct json *j, struct fault *f, struct error *err)
{
	struct fault_when when = {};
	char text[JSON_SHOW_MAX];

	if (!json_has(j))
		return 0;
	json_show(j, text, sizeof(text));
	if (!cJSON_IsString(j->value) && !cJSON_IsNumber(j->value))
		return json_error(j, err, "must be a string as in \"3\", \"3..7\", \"3+\" or \"3..9+2\", not %s", text);
	if (!parse_when_text(cJSON_IsString(j->value) ? j->value->valuestring : text, &when))
		return json_error(j, err, "'%s' is not first[..last][+[step]], as in \"3\", \"3..7\", \"3+\" or \"3..9+2\"", text);
	if (when.first == 0)
		return json_error(j, err, "'%s' begins at 0, but events are counted from 1", text);
	if (when.last < when.first)
		return json_error(j, err, "'%s' ends before it begins", text);
	f->when = when;
	return 0;
}

static int parse_schedule(const struct json *j, struct fault *f, struct error *err)
{
	static const char every[] = "@every ";
	const char *s = NULL;
	int r = json_string(j, &s, err);
	struct json period = *j;
	cJSON text = { .type = cJSON_String };

	if (r < 0 || !s)
		return r;
	if (calendar_is_one(s)) {
		f->calendar = util_alloc(1, sizeof(*f->calendar));
		return calendar_parse(j, s, f->calendar, err);
	}
	if (strncmp(s, every, strlen(every)) != 0)
		return json_error(j, err,
				  "'%.64s' is not a schedule: write '@every <duration>' as in '@every 10m', five cron fields as in "
				  "'*/5 9-17 * * mon-fri', or '@hourly', '@daily', '@weekly', '@monthly', '@yearly'",
				  s);
	text.valuestring = (char *)s + strlen(every);
	period.value = &text;
	r = json_duration(&period, &f->every_ns, err);
	if (r < 0)
		return r;
	return f->every_ns == 0 ? json_error(j, err, "'%.64s' must be over 0s", s) : 0;
}

static int parse_zone(const struct json *j, struct fault *f, struct error *err)
{
	const char *zone = CALENDAR_UTC;
	int r = json_string(j, &zone, err);

	if (r < 0)
		return r;
	if (!f->calendar)
		return json_has(j) ? json_error(j, err,
						"is of wall-clock schedules, as in '0 9 * * mon-fri': remove it, or give such a "
						"'schedule'")
				   : 0;
	if (!calendar_is_zone(zone))
		return json_error(j, err, "'%.64s' is not a time zone's name, write one as in 'Europe/Berlin' or 'UTC'", zone);
	snprintf(f->calendar->zone, sizeof(f->calendar->zone), "%s", zone);
	return 0;
}

/* A wall-clock schedule's windows may be as long as its search looks back; those that overlap are one. */
static int check_calendar(const struct json *j, const struct fault *f, struct error *err)
{
	struct json duration = json_get(j, "duration"), anchor = json_get(j, "anchor");
	char longest[32], on[32];

	if (json_has(&anchor))
		return json_error(&anchor, err, "is of '@every': '%.64s' is by the clock already, remove it", f->calendar->text);
	if (f->duration_ns <= calendar_max_on_ns())
		return 0;
	json_format_duration(calendar_max_on_ns(), longest, sizeof(longest));
	json_format_duration(f->duration_ns, on, sizeof(on));
	return json_error(&duration, err, "'%s' is too long for windows by the clock, which last up to %s: shorten it", on,
			  longest);
}

/* A window of what happens at a moment lasts until the next one: it is not missed by whoever looks late. */
static int check_moment(const struct json *duration, struct fault *f, struct error *err)
{
	if (json_has(duration))
		return json_error(duration, err, "'%s' is over in a moment: remove it, or repeat the fault by 'schedule'",
				  f->kind->name);
	f->duration_ns = f->calendar ? MOMENT_NS : f->every_ns;
	return 0;
}

static int check_window(const struct json *j, struct fault *f, struct error *err)
{
	struct json duration = json_get(j, "duration"), anchor = json_get(j, "anchor");
	char on[32], every[32];
	int r = f->kind && f->kind->moment ? check_moment(&duration, f, err) : 0;

	if (r < 0)
		return r;
	if (json_has(&duration) && f->duration_ns == 0)
		return json_error(&duration, err, "must be over 0s; leave it out for a fault that lasts until the pod ends");
	if (f->anchor == ANCHOR_CLOCK && !f->every_ns && !f->calendar)
		return json_error(&anchor, err, "'clock' needs a 'schedule', as in '@every 10m'");
	if ((f->every_ns || f->calendar) && !f->duration_ns)
		return json_error(&duration, err, "'schedule' needs it: how long each window lasts, as in \"300s\"");
	if (f->calendar)
		return check_calendar(j, f, err);
	if (!f->every_ns || f->duration_ns <= f->every_ns)
		return 0;
	json_format_duration(f->duration_ns, on, sizeof(on));
	json_format_duration(f->every_ns, every, sizeof(every));
	return json_error(&duration, err, "'%s' is longer than the schedule's period of %s: shorten it or lengthen the period", on,
			  every);
}

static int parse_window(const struct json *j, struct fault *f, struct error *err)
{
	struct json start = json_get(j, "start"), duration = json_get(j, "duration");
	struct json schedule = json_get(j, "schedule"), anchor = json_get(j, "anchor"), zone = json_get(j, "timeZone");
	int which = ANCHOR_POD;
	int r = json_duration(&start, &f->start_ns, err);

	if (r == 0)
		r = json_duration(&duration, &f->duration_ns, err);
	if (r == 0)
		r = parse_schedule(&schedule, f, err);
	if (r == 0)
		r = parse_zone(&zone, f, err);
	if (r == 0)
		r = json_enum(&anchor, anchors, &which, err);
	if (r < 0)
		return r;
	f->anchor = (enum fault_anchor)which;
	return check_window(j, f, err);
}

int common_parse(const struct json *j, struct fault *f, struct error *err)
{
	struct json name = json_get(j, "name"), percent = json_get(j, "percent"), seed = json_get(j, "seed");
	struct json when = json_get(j, "when"), armed = json_get(j, "armed");
	int r;

	f->percent_ppm = PPM_ALL;
	f->when = (struct fault_when){ 1, UINT64_MAX, 1 };
	f->armed = true;
	f->seed_given = json_has(&seed);
	r = parse_name(&name, f, err);
	if (r == 0)
		r = json_percent(&percent, &f->percent_ppm, err);
	if (r == 0)
		r = json_u64(&seed, 0, UINT64_MAX, &f->seed, err);
	if (r == 0)
		r = parse_when(&when, f, err);
	if (r == 0)
		r = json_bool(&armed, &f->armed, err);
	return r < 0 ? r : parse_window(j, f, err);
}

void common_add_word(char **words, const char *word)
{
	_cleanup_free_ char *old = *words;

	*words = util_printf("%s%s ", old ? old : "", word);
}

int common_containers(const struct json *j, struct fault *f, struct error *err)
{
	int n = cJSON_GetArraySize(j->value);

	if (!json_has(j))
		return 0;
	if (!cJSON_IsArray(j->value) || n == 0 || n > CONTAINERS_MAX)
		return json_error(j, err, "must be a list of 1 to %d names of containers; leave it out for all of the pod",
				  CONTAINERS_MAX);
	for (int i = 0; i < n; i++) {
		struct json at = json_at(j, i);
		const char *name = NULL;
		int r = json_string(&at, &name, err);

		if (r < 0)
			return r;
		if (!common_is_name(name, FAULT_HOST_MAX))
			return json_error(&at, err, "'%.64s' is not the name of a container", name);
		common_add_word(&f->containers, name);
	}
	return 0;
}

int common_path(const struct json *j, char **ret, struct error *err)
{
	const char *path = NULL;
	int r = json_string(j, &path, err);

	if (r < 0 || !path)
		return r;
	if (*path != '/')
		return json_error(j, err, "'%.64s' must begin with '/': paths are those inside the container", path);
	if (strlen(path) > FAULT_GLOB_MAX)
		return json_error(j, err, "is too long: at most %d characters", FAULT_GLOB_MAX);
	*ret = util_strdup(path);
	return 0;
}

/* A number, or a name through 'find'. */
static int parse_named(const struct json *j, uint64_t max, int (*find)(const char *), const char *(*nearest)(const char *),
		       const char *what, uint64_t *ret, struct error *err)
{
	const char *name, *near;

	if (!cJSON_IsString(j->value) || isdigit((unsigned char)j->value->valuestring[0]))
		return json_u64(j, 1, max, ret, err);
	name = j->value->valuestring;
	*ret = (uint64_t)find(name);
	if (*ret)
		return 0;
	near = nearest(name);
	if (near)
		return json_error(j, err, "'%.64s' is not %s, did you mean '%s'?", name, what, near);
	return json_error(j, err, "'%.64s' is not %s: write its name or its number, 1 to %u", name, what, (unsigned int)max);
}

int common_errno(const struct json *j, uint64_t *ret, struct error *err)
{
	return parse_named(j, ERRNO_MAX, syscalls_errno, syscalls_nearest_errno, "an error as in 'EIO'", ret, err);
}

int common_signal(const struct json *j, uint64_t *ret, struct error *err)
{
	return parse_named(j, NSIG - 1, syscalls_signal, syscalls_nearest_signal, "a signal as in 'SIGTERM'", ret, err);
}
