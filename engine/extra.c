// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of what rules have in maps of their own: see extra.h.
 */
#include "engine/extra.h"

#include <errno.h>

#include <bpf/bpf.h>

static const void *calendar_of(const struct plan_rule *r)
{
	return r->calendar ? &r->calendar->fields : NULL;
}

static const struct {
	enum bpf_map_pin map;
	const void *(*of)(const struct plan_rule *r); /* the map's value; NULL = the rule has none */
	const char *what;
} extras[] = {
	{ BPF_CALENDARS, calendar_of, "schedules" },
};

static int set_one(struct bpf_node *node, size_t which, uint32_t key, const void *value, struct error *err)
{
	int fd, r = bpf_node_map(node, extras[which].map, &fd, err);

	if (r || !bpf_map_update_elem(fd, &key, value, BPF_ANY))
		return r;
	if (errno == E2BIG)
		return error_set(err, E2BIG, "this node holds as many faults with %s as it can: use fewer", extras[which].what);
	return error_set(err, errno, "cannot write the %s of rule %u: %s", extras[which].what, key, strerror(errno));
}

int extra_set(struct bpf_node *node, uint16_t slot, const struct plan_rules *rules, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < rules->n_rules; i++)
		for (size_t e = 0; !r && e < ARRAY_SIZE(extras); e++) {
			const void *value = extras[e].of(&rules->rules[i]);

			if (value)
				r = set_one(node, e, slot * FW_RULES + i, value, err);
		}
	return r;
}

static int clear_one(struct bpf_node *node, size_t which, uint32_t key, struct error *err)
{
	int fd, r = bpf_node_map(node, extras[which].map, &fd, NULL);

	if (r == -ENOENT || (!r && (!bpf_map_delete_elem(fd, &key) || errno == ENOENT)))
		return 0;
	return error_set(err, r ? -r : errno, "cannot remove the %s of rule %u: %s", extras[which].what, key,
			 strerror(r ? -r : errno));
}

int extra_clear(struct bpf_node *node, uint16_t slot, const struct plan_rules *rules, struct error *err)
{
	struct error later = {};
	int first = 0;

	for (size_t i = 0; i < rules->n_rules; i++)
		for (size_t e = 0; e < ARRAY_SIZE(extras); e++) {
			int r = extras[e].of(&rules->rules[i]) ? clear_one(node, e, slot * FW_RULES + i, first ? &later : err) : 0;

			first = first ? first : r;
		}
	return first;
}
