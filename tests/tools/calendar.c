// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holds the evaluator of wall-clock schedules, the one that the kernel programs are built from, against firing times of another
 * implementation. A line of the input is
 *
 *     <zone> <instant> <first firing after it> <the one after that> <five fields>
 *
 * calendar NAME < lines: prints what differs, then 'ok - ' or 'not ok - ' with the NAME and the number of lines
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>

#include "bpf/calendar.h"
#include "lib/calendar.h"
#include "lib/tzif.h"
#include "lib/util.h"

#define ZONES 64

static struct zone {
	char name[CALENDAR_ZONE_NAME_MAX + 1];
	uint8_t data[1 << 16];
	size_t n;
} zones[ZONES];
static size_t n_zones;

static const struct zone *zone_of(const char *name)
{
	_cleanup_free_ char *path = util_printf("/usr/share/zoneinfo/%s", name);
	_cleanup_fclose_ FILE *f = NULL;
	struct zone *z;

	for (size_t i = 0; i < n_zones; i++)
		if (util_streq(zones[i].name, name))
			return &zones[i];
	f = fopen(path, "re");
	if (!f || n_zones == ZONES)
		err(1, "%s", path);
	z = &zones[n_zones++];
	snprintf(z->name, sizeof(z->name), "%s", name);
	z->n = fread(z->data, 1, sizeof(z->data), f);
	return z;
}

struct line {
	char zone[64];
	int64_t at, first, second;
	const char *text;
	struct calendar calendar;
};

/* The window that is open at an instant, 0 = none; false when the answer does not hold at it, or not as long as it says. */
static bool window(const struct line *l, uint64_t now_ns, uint64_t on_ns, uint64_t *ret)
{
	struct calendar_answer a = {}, first = {}, last = {};

	calendar_answer_at(&l->calendar.fields, now_ns, on_ns, &a);
	calendar_answer_at(&l->calendar.fields, a.from_ns, on_ns, &first);
	calendar_answer_at(&l->calendar.fields, a.until_ns - 1, on_ns, &last);
	*ret = a.window;
	return a.from_ns <= now_ns && now_ns < a.until_ns && a.until_ns - a.from_ns <= 60 * NSEC_PER_SEC &&
	       first.window == a.window && last.window == a.window;
}

static const char *differs(const struct line *l, uint64_t on_ns)
{
	uint64_t first = (uint64_t)l->first * NSEC_PER_SEC, second = (uint64_t)l->second * NSEC_PER_SEC;
	uint64_t end = MIN(first + on_ns, second), w;

	if (!window(l, first, on_ns, &w) || w != (uint64_t)l->first + 1)
		return "is not open when it fires";
	if (!window(l, first - 1, on_ns, &w) || w > (uint64_t)l->at + 1)
		return "is open before it fires";
	if (!window(l, end - 1, on_ns, &w) || w != (uint64_t)l->first + 1)
		return "is not open up to its end";
	if (!window(l, end, on_ns, &w) || w != (end == second ? (uint64_t)l->second + 1 : 0))
		return "is wrong at its end";
	return NULL;
}

static const char *check(struct line *l)
{
	const uint64_t long_ns = calendar_max_on_ns(),
		       on_ns[] = { NSEC_PER_SEC / 2, 90 * NSEC_PER_SEC, 86400 * NSEC_PER_SEC, long_ns };
	const struct zone *z = zone_of(l->zone);
	struct json j = json_root(NULL, "schedule");
	struct error e = {};
	const char *why = NULL;

	if (calendar_parse(&j, l->text, &l->calendar, &e) ||
	    tzif_read(z->data, z->n, l->at - 40 * 86400, &l->calendar.fields, &e)) {
		printf("# %s\n", e.msg);
		return "is refused";
	}
	if (calendar_next(&l->calendar.fields, l->at) != l->first)
		return "fires first at another time";
	if (calendar_next(&l->calendar.fields, l->first) != l->second)
		return "fires again at another time";
	for (size_t i = 0; !why && i < ARRAY_SIZE(on_ns); i++)
		why = differs(l, on_ns[i]);
	return why;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0, n = 0, bad = 0;

	while (getline(&text, &size, stdin) > 0) {
		struct line l = {};
		int end = 0;
		const char *why;

		text[strcspn(text, "\n")] = '\0';
		if (sscanf(text, "%63s %" SCNd64 " %" SCNd64 " %" SCNd64 " %n", l.zone, &l.at, &l.first, &l.second, &end) != 4)
			errx(1, "not a line: %s", text);
		l.text = text + end;
		why = check(&l);
		n++;
		if (why && ++bad <= 20)
			printf("# '%s' %s: next at %" PRId64 "\n", text, why, calendar_next(&l.calendar.fields, l.at));
	}
	printf("%s - %s: %zu expressions\n", bad || !n ? "not ok" : "ok", argc > 1 ? argv[1] : "firing times", n);
	return bad || !n;
}
