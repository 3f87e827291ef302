// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wall-clock schedule as JSON and back: its fields as bitmaps in the order of cron, and the zone as one list: the first offset, then the instant
 * and the new offset of each change.
 */
#include "lib/calendar.h"
#include "lib/util.h"

enum { MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS, EITHER, BITMAPS };

static const uint64_t widest[BITMAPS] = {
	[MINUTES] = (1ULL << 60) - 1,
	[HOURS] = (1U << 24) - 1,
	[DAYS] = UINT32_MAX & ~1U,
	[MONTHS] = 0x1ffe,
	[WEEKDAYS] = 0x7f,
	[EITHER] = 1,
};

cJSON *calendar_to_json(const struct calendar *c)
{
	const struct fw_calendar *f = &c->fields;
	const uint64_t bitmaps[BITMAPS] = { f->minutes, f->hours, f->days, f->months, f->weekdays, f->either };
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "schedule", c->text);
	cJSON_AddStringToObject(o, "timeZone", c->zone);
	list = cJSON_AddArrayToObject(o, "bitmaps");
	for (int i = 0; i < BITMAPS; i++)
		cJSON_AddItemToArray(list, json_number(bitmaps[i]));
	list = cJSON_AddArrayToObject(o, "offsets");
	cJSON_AddItemToArray(list, cJSON_CreateNumber(f->offset));
	for (size_t i = 0; i < MIN(f->n_transitions, (uint32_t)FW_TRANSITIONS); i++) {
		cJSON_AddItemToArray(list, cJSON_CreateNumber((double)f->transitions[i].at));
		cJSON_AddItemToArray(list, cJSON_CreateNumber(f->transitions[i].offset));
	}
	return o;
}

static int text_from_json(const struct json *j, const char *key, char *buf, size_t n, struct error *err)
{
	struct json at = json_get(j, key);
	const char *s = "";
	int r = json_string(&at, &s, err);

	if (!r && (!*s || strlen(s) >= n))
		return json_error(&at, err, "must be there, and shorter than %zu", n);
	if (!r)
		snprintf(buf, n, "%s", s);
	return r;
}

static int bitmaps_from_json(const struct json *j, struct fw_calendar *f, struct error *err)
{
	struct json list = json_get(j, "bitmaps");
	uint64_t v[BITMAPS] = {};
	int r = 0;

	if (!cJSON_IsArray(list.value) || cJSON_GetArraySize(list.value) != BITMAPS)
		return json_error(&list, err, "must be %d bitmaps", BITMAPS);
	for (int i = 0; !r && i < BITMAPS; i++) {
		struct json e = json_at(&list, i);

		r = json_u64(&e, 0, widest[i], &v[i], err);
	}
	*f = (struct fw_calendar){ .minutes = v[MINUTES],
				   .hours = v[HOURS],
				   .days = v[DAYS],
				   .months = v[MONTHS],
				   .weekdays = v[WEEKDAYS],
				   .either = v[EITHER] };
	return r;
}

/* A whole number of either sign. */
static int signed_from_json(const struct json *j, int64_t max, int64_t *ret, struct error *err)
{
	double v = cJSON_IsNumber(j->value) ? j->value->valuedouble : (double)max * 2;

	if (!(v >= (double)-max && v <= (double)max))
		return json_error(j, err, "must be a number from -%lld to %lld", (long long)max, (long long)max);
	*ret = (int64_t)v;
	return 0;
}

static int offsets_from_json(const struct json *j, struct fw_calendar *f, struct error *err)
{
	struct json list = json_get(j, "offsets");
	int n = cJSON_GetArraySize(list.value), r = 0;
	int64_t v = 0;

	if (!cJSON_IsArray(list.value) || n % 2 == 0 || n > 1 + 2 * FW_TRANSITIONS)
		return json_error(&list, err, "must be an offset, and an instant with an offset up to %d times", FW_TRANSITIONS);
	for (int i = 0; !r && i < n; i++) {
		struct json e = json_at(&list, i);
		struct fw_transition *t = &f->transitions[i ? (i - 1) / 2 : 0];

		r = signed_from_json(&e, i % 2 ? 1LL << 53 : 1LL << 20, &v, err);
		if (i == 0)
			f->offset = v;
		else if (i % 2)
			t->at = v;
		else
			t->offset = v;
	}
	f->n_transitions = n / 2;
	return r;
}

int calendar_from_json(const struct json *j, struct calendar **ret, struct error *err)
{
	_cleanup_free_ struct calendar *c = NULL;
	int r;

	*ret = NULL;
	if (!json_has(j))
		return 0;
	c = util_alloc(1, sizeof(*c));
	r = text_from_json(j, "schedule", c->text, sizeof(c->text), err);
	if (!r)
		r = text_from_json(j, "timeZone", c->zone, sizeof(c->zone), err);
	if (!r)
		r = bitmaps_from_json(j, &c->fields, err);
	if (!r)
		r = offsets_from_json(j, &c->fields, err);
	if (!r)
		*ret = TAKE_PTR(c);
	return r;
}
