/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wall-clock schedules: five cron fields or a name for them, in a zone. Read here, resolved by the engine (the zone's offsets), evaluated in
 * the kernel and here by the same code. Instants are seconds since the epoch, UTC.
 */
#ifndef FAULTWIRE_CALENDAR_H
#define FAULTWIRE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lib/error.h"
#include "lib/json.h"

#define CALENDAR_TEXT_MAX 255
#define CALENDAR_ZONE_NAME_MAX 63
#define CALENDAR_UTC "UTC"
#define CALENDAR_NO_TIME INT64_MAX

struct calendar {
	char text[CALENDAR_TEXT_MAX + 1];
	char zone[CALENDAR_ZONE_NAME_MAX + 1];
	struct fw_calendar fields; /* offsets are UTC's until the zone is resolved */
};

/* Whether a schedule is one of these: five fields, or '@hourly' to '@yearly'. What looks like one is, so that its mistakes are named. */
bool calendar_is_one(const char *text);

/*
 * Reads "*" "?" "n" "n-m" and "/step", in lists, with names of months and days; 7 is Sunday too. The text of *ret and its fields are complete on
 * success. -EINVAL naming the field, also for what never fires (30 February).
 */
int calendar_parse(const struct json *j, const char *text, struct calendar *ret, struct error *err);

/* Exact, offsets included. *ret is the caller's (free), NULL when j is absent. */
cJSON *calendar_to_json(const struct calendar *c);
int calendar_from_json(const struct json *j, struct calendar **ret, struct error *err);

/* Whether it can be the name of a zone: "Europe/Berlin", "Etc/GMT+5"; no '.', so no way out of the directory of zones. */
bool calendar_is_zone(const char *name);

/* The longest window that one may have. */
uint64_t calendar_max_on_ns(void);

/* The first firing time after an instant; CALENDAR_NO_TIME when there is none within 12 years. */
int64_t calendar_next(const struct fw_calendar *c, int64_t after);

/*
 * Whether a window of on_ns is open at now_ns, and when that changes: windows that touch or overlap are one. *ret_change_ns is UINT64_MAX for what stays
 * open for a year.
 */
bool calendar_open(const struct fw_calendar *c, uint64_t on_ns, uint64_t now_ns, uint64_t *ret_change_ns);

/* "2026-11-27 09:00" on the zone's clock, with seconds where they are not 0. */
#define CALENDAR_FORMAT_MAX 32
void calendar_format(const struct fw_calendar *c, int64_t at, char buf[CALENDAR_FORMAT_MAX]);

#endif
