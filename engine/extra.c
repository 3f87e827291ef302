// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of what rules have in maps of their own: see extra.h.
 */
#include "engine/extra.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "lib/dns.h"
#include "lib/http.h"

union extra {
	struct fw_calendar calendar;
	struct fw_dns dns;
	struct fw_first first;
	struct fw_http http;
};

static bool calendar_of(const struct plan_rule *r, union extra *ret)
{
	if (r->calendar)
		ret->calendar = r->calendar->fields;
	return r->calendar;
}

static bool dns_of(const struct plan_rule *r, union extra *ret)
{
	return r->dns && !dns_compile(r->dns, r->dns_types, &ret->dns);
}

static bool first_of(const struct plan_rule *r, union extra *ret)
{
	ret->first = (struct fw_first){ .limit = r->first_connections };
	return r->first_connections;
}

static bool http_of(const struct plan_rule *r, union extra *ret)
{
	if (r->rule.op != FW_OP_HTTP)
		return false;
	http_compile(&r->http, &ret->http);
	return true;
}

static const struct {
	enum bpf_map_pin map;
	bool (*of)(const struct plan_rule *r, union extra *ret); /* the map's value; false = the rule has none */
	const char *what;
} extras[] = {
	{ BPF_CALENDARS, calendar_of, "wall-clock schedules" },
	{ BPF_DNS, dns_of, "dns patterns" },
	{ BPF_FIRST, first_of, "firstConnections" },
	{ BPF_HTTP, http_of, "http" },
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
	union extra value;
	int r = 0;

	for (size_t i = 0; i < rules->n_rules; i++)
		for (size_t e = 0; !r && e < ARRAY_SIZE(extras); e++)
			if (extras[e].of(&rules->rules[i], &value))
				r = set_one(node, e, slot * FW_RULES + i, &value, err);
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
	union extra value;
	int first = 0;

	for (size_t i = 0; i < rules->n_rules; i++)
		for (size_t e = 0; e < ARRAY_SIZE(extras); e++) {
			int r = 0;

			if (extras[e].of(&rules->rules[i], &value))
				r = clear_one(node, e, slot * FW_RULES + i, first ? &later : err);
			first = first ? first : r;
		}
	return first;
}
