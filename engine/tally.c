// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of threads' counts: see tally.h.
 */
#include "engine/tally.h"

#include "lib/util.h"

#define FIRST_SIZE 64

static struct tally_entry *find(const struct tally *t, uint64_t key)
{
	size_t i = util_mix64(key) & (t->size - 1);

	while (t->entries[i].key && t->entries[i].key != key)
		i = (i + 1) & (t->size - 1);
	return &t->entries[i];
}

static void grow(struct tally *t)
{
	struct tally old = *t;

	t->size = old.size ? 2 * old.size : FIRST_SIZE;
	t->entries = util_alloc(t->size, sizeof(*t->entries));
	for (size_t i = 0; i < old.size; i++)
		if (old.entries[i].key)
			*find(t, old.entries[i].key) = old.entries[i];
	free(old.entries);
}

uint64_t *tally_of(struct tally *t, uint32_t tid, uint32_t rule)
{
	uint64_t key = (uint64_t)tid << 32 | (rule + 1);
	struct tally_entry *e;

	if (t->used == TALLY_MAX) {
		free(t->entries);
		*t = (struct tally){};
	}
	if (2 * (t->used + 1) > t->size)
		grow(t);
	e = find(t, key);
	t->used += !e->key;
	e->key = key;
	return &e->n;
}
