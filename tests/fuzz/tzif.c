// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes zones' files, as a strange node might have them. What is read is in order and within bounds, and the evaluator comes to an end over it;
 * what is not leaves its output alone and says why.
 */
#include <errno.h>

#include "lib/calendar.h"
#include "lib/tzif.h"
#include "lib/util.h"

#define FROM 1800000000

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static bool is_offset(int32_t offset)
{
	return offset >= -90000 && offset <= 93600;
}

static void check_transitions(const struct fw_calendar *c)
{
	int64_t before = FROM;

	require(c->n_transitions <= FW_TRANSITIONS && is_offset(c->offset), "bounds");
	for (uint32_t i = 0; i < c->n_transitions; i++) {
		require(c->transitions[i].at > before, "changes come after the start, in order");
		require(is_offset(c->transitions[i].offset), "an offset is within a day or so");
		require(c->transitions[i].offset != (i ? c->transitions[i - 1].offset : c->offset), "a change changes something");
		before = c->transitions[i].at;
	}
}

/* Noon, whenever that is: the next one is one, and its window opens and closes. */
static void check_firing(const struct fw_calendar *c)
{
	int64_t next = calendar_next(c, FROM);
	uint64_t at = (uint64_t)next * NSEC_PER_SEC, change;

	if (next == CALENDAR_NO_TIME)
		return;
	/* an offset that moves by a second makes noon come again at once */
	require(calendar_open(c, NSEC_PER_SEC, at, &change) && change >= at + NSEC_PER_SEC, "a window opens");
	if (next > FROM + 1)
		require(!calendar_open(c, NSEC_PER_SEC, at - 1, &change) && change == at, "no window is open before it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json j = json_root(NULL, "schedule");
	struct calendar c = {}, before;
	struct error err = {};
	int r;

	require(calendar_parse(&j, "0 12 * * *", &c, &err) == 0, "noon");
	before = c;
	r = tzif_read(data, n, FROM, &c.fields, &err);
	if (r < 0) {
		require(r == -EINVAL && err.code == EINVAL && *err.msg, "a failure says why");
		require(memcmp(&c, &before, sizeof(c)) == 0, "a failure leaves the output alone");
		return 0;
	}
	check_transitions(&c.fields);
	check_firing(&c.fields);
	return 0;
}
