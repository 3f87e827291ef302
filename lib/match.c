// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interval tables: every prefix and range of every rule contributes the values at which an answer may change; each such value is
 * asked of every rule, and neighbours with the same answer are merged. Values are 128 bits wide for all four tables.
 */
#include "lib/match.h"

#include <errno.h>

#include "lib/util.h"

typedef unsigned __int128 value_t;

struct table {
	const char *what;
	value_t greatest;
	value_t *points;
	size_t n;
	/* the intervals */
	value_t lo[FW_INTERVALS];
	uint64_t mask[FW_INTERVALS];
	size_t used;
};

struct compile {
	const struct plan_rules *rules;
	const struct fault_prefix *node;
	size_t n_node;
};

/* Whether a rule wants a value of the table. */
typedef bool wants_fn(const struct compile *c, const struct plan_rule *r, value_t v);

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool prefix_is_v4(const struct fault_prefix *p)
{
	return p->len >= 96 && memcmp(p->addr, v4_mapped, sizeof(v4_mapped)) == 0;
}

static value_t prefix_first(const struct fault_prefix *p)
{
	value_t v = 0;
	int bits = 128 - p->len;

	for (size_t i = 0; i < sizeof(p->addr); i++)
		v = v << 8 | p->addr[i];
	v = bits == 128 ? 0 : v >> bits << bits;
	return prefix_is_v4(p) ? (uint32_t)v : v;
}

static value_t prefix_last(const struct fault_prefix *p)
{
	int bits = 128 - p->len;

	return prefix_first(p) | (bits == 128 ? ~(value_t)0 : ((value_t)1 << bits) - 1);
}

static bool in_prefixes(const struct fault_prefix *p, size_t n, bool v4, value_t v)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_is_v4(&p[i]) == v4 && v >= prefix_first(&p[i]) && v <= prefix_last(&p[i]))
			return true;
	return false;
}

static bool wants_address(const struct compile *c, const struct plan_rule *r, bool v4, value_t v)
{
	const struct fault_target *t = &r->target;

	if (t->n_cidrs && !t->n_hosts && !in_prefixes(t->cidrs, t->n_cidrs, v4, v))
		return false;
	if (in_prefixes(t->except, t->n_except, v4, v))
		return false;
	return r->include_node || !in_prefixes(c->node, c->n_node, v4, v);
}

static bool wants_v4(const struct compile *c, const struct plan_rule *r, value_t v)
{
	return wants_address(c, r, true, v);
}

static bool wants_v6(const struct compile *c, const struct plan_rule *r, value_t v)
{
	return wants_address(c, r, false, v);
}

static bool in_ranges(const struct fault_range *ranges, size_t n, value_t v)
{
	for (size_t i = 0; i < n; i++)
		if (v >= ranges[i].first && v <= ranges[i].last)
			return true;
	return n == 0;
}

static bool wants_dport(const struct compile *c, const struct plan_rule *r, value_t v)
{
	(void)c;
	return in_ranges(r->target.ports, r->target.n_ports, v);
}

static bool wants_sport(const struct compile *c, const struct plan_rule *r, value_t v)
{
	(void)c;
	return in_ranges(r->target.source_ports, r->target.n_source_ports, v);
}

static void table_point(struct table *t, value_t v)
{
	*(value_t *)util_grow(&t->points, &t->n, sizeof(value_t)) = v;
}

/* An answer may change where an interval begins and behind its end. */
static void table_interval(struct table *t, value_t first, value_t last)
{
	table_point(t, first);
	if (last < t->greatest)
		table_point(t, last + 1);
}

static void table_prefixes(struct table *t, const struct fault_prefix *p, size_t n, bool v4)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_is_v4(&p[i]) == v4)
			table_interval(t, prefix_first(&p[i]), prefix_last(&p[i]));
}

static void table_ranges(struct table *t, const struct fault_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_interval(t, ranges[i].first, ranges[i].last);
}

static int compare_values(const void *a, const void *b)
{
	value_t x = *(const value_t *)a, y = *(const value_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t table_ask(const struct compile *c, wants_fn *wants, value_t v)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < c->rules->n_rules; i++)
		if (wants(c, &c->rules->rules[i], v))
			mask |= 1ULL << i;
	return mask;
}

static int table_build(struct table *t, const struct compile *c, wants_fn *wants, struct error *err)
{
	qsort(t->points, t->n, sizeof(*t->points), compare_values);
	for (size_t i = 0; i < t->n; i++) {
		uint64_t mask;

		if (i && t->points[i] == t->points[i - 1])
			continue;
		mask = table_ask(c, wants, t->points[i]);
		if (t->used && mask == t->mask[t->used - 1])
			continue;
		if (t->used == FW_INTERVALS)
			return error_set(
				err, E2BIG,
				"the faults of this pod name too many different %s: at most %d intervals fit; name fewer, or "
				"wider ones that adjoin (the node's own %zu addresses count, unless 'includeNode')",
				t->what, FW_INTERVALS, c->n_node);
		t->lo[t->used] = t->points[i];
		t->mask[t->used++] = mask;
	}
	return 0;
}

/* Half the power of two that covers the entries in use. */
static uint32_t table_half(const struct table *t)
{
	uint32_t half = 1;

	if (t->used <= 1)
		return 0;
	while (half * 2 < t->used)
		half *= 2;
	return half;
}

static value_t table_lo(const struct table *t, size_t i)
{
	return i < t->used ? t->lo[i] : t->greatest;
}

static uint64_t table_mask(const struct table *t, size_t i)
{
	return t->mask[MIN(i, t->used - 1)];
}

static void table_init(struct table *t, const char *what, value_t greatest)
{
	*t = (struct table){ .what = what, .greatest = greatest };
	table_point(t, 0);
}

static int compile_v4(const struct compile *c, struct table *t, struct fw_v4 *ret, struct error *err)
{
	int r;

	table_init(t, "IPv4 addresses", UINT32_MAX);
	table_prefixes(t, c->node, c->n_node, true);
	for (size_t i = 0; i < c->rules->n_rules; i++) {
		const struct fault_target *target = &c->rules->rules[i].target;

		table_prefixes(t, target->cidrs, target->n_cidrs, true);
		table_prefixes(t, target->except, target->n_except, true);
	}
	r = table_build(t, c, wants_v4, err);
	for (size_t i = 0; !r && i < FW_INTERVALS; i++) {
		ret->lo[i] = table_lo(t, i);
		ret->mask[i] = table_mask(t, i);
	}
	ret->half = table_half(t);
	free(t->points);
	return r;
}

static int compile_v6(const struct compile *c, struct table *t, struct fw_v6 *ret, struct error *err)
{
	int r;

	table_init(t, "IPv6 addresses", ~(value_t)0);
	table_prefixes(t, c->node, c->n_node, false);
	for (size_t i = 0; i < c->rules->n_rules; i++) {
		const struct fault_target *target = &c->rules->rules[i].target;

		table_prefixes(t, target->cidrs, target->n_cidrs, false);
		table_prefixes(t, target->except, target->n_except, false);
	}
	r = table_build(t, c, wants_v6, err);
	for (size_t i = 0; !r && i < FW_INTERVALS; i++) {
		ret->hi[i] = table_lo(t, i) >> 64;
		ret->lo[i] = table_lo(t, i);
		ret->mask[i] = table_mask(t, i);
	}
	ret->half = table_half(t);
	free(t->points);
	return r;
}

static int compile_ports(const struct compile *c, struct table *t, bool source, struct fw_ports *ret, struct error *err)
{
	int r;

	table_init(t, source ? "source ports" : "ports", UINT16_MAX);
	for (size_t i = 0; i < c->rules->n_rules; i++) {
		const struct fault_target *target = &c->rules->rules[i].target;

		if (source)
			table_ranges(t, target->source_ports, target->n_source_ports);
		else
			table_ranges(t, target->ports, target->n_ports);
	}
	r = table_build(t, c, source ? wants_sport : wants_dport, err);
	for (size_t i = 0; !r && i < FW_INTERVALS; i++) {
		ret->lo[i] = table_lo(t, i);
		ret->mask[i] = table_mask(t, i);
	}
	ret->half = table_half(t);
	free(t->points);
	return r;
}

static const enum fw_protocol classes[] = {
	[PROTOCOL_TCP] = FW_PROTO_TCP,
	[PROTOCOL_UDP] = FW_PROTO_UDP,
	[PROTOCOL_SCTP] = FW_PROTO_SCTP,
	[PROTOCOL_ICMP] = FW_PROTO_ICMP,
};

static void compile_masks(const struct plan_rules *rules, struct fw_slot *ret)
{
	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct plan_rule *r = &rules->rules[i];
		uint64_t bit = 1ULL << i;

		for (int dir = 0; dir < FW_DIRS; dir++)
			if (r->dirs & 1U << dir)
				ret->rules[dir] |= bit;
		for (int dir = 0; dir < FW_DIRS; dir++)
			if (r->rule.op == FW_OP_HTTP && (r->dirs & 1U << dir))
				ret->http[dir ^ 1] |= bit;
		for (int class = 0; class < FW_PROTOS; class ++)
			if (r->target.protocol == PROTOCOL_ANY || classes[r->target.protocol] == (enum fw_protocol) class)
				ret->protocol[class] |= bit;
		if (r->target.n_ports)
			ret->dport_rules |= bit;
		if (r->target.n_source_ports)
			ret->sport_rules |= bit;
		if (r->target.n_hosts)
			ret->hosts_rules |= bit;
		if (r->target.n_hosts && (r->target.n_cidrs || r->target.n_seeds))
			ret->listed_rules |= bit;
	}
}

int match_compile(const struct plan_rules *rules, const struct fault_prefix *node, size_t n_node, struct fw_slot *ret,
		  struct error *err)
{
	const struct compile c = { .rules = rules, .node = node, .n_node = n_node };
	_cleanup_free_ struct table *t = util_alloc(1, sizeof(*t));
	int r;

	memset(ret, 0, sizeof(*ret));
	r = compile_v4(&c, t, &ret->v4, err);
	if (!r)
		r = compile_v6(&c, t, &ret->v6, err);
	if (!r)
		r = compile_ports(&c, t, false, &ret->dport, err);
	if (!r)
		r = compile_ports(&c, t, true, &ret->sport, err);
	if (!r)
		compile_masks(rules, ret);
	return r;
}

static uint64_t lookup_port(const struct fw_ports *t, int port)
{
	uint32_t i = 0;

	for (uint32_t step = t->half; step; step >>= 1)
		if (t->lo[i + step] <= (uint32_t)port)
			i += step;
	return t->mask[i];
}

static uint64_t lookup_v4(const struct fw_v4 *t, uint32_t addr)
{
	uint32_t i = 0;

	for (uint32_t step = t->half; step; step >>= 1)
		if (t->lo[i + step] <= addr)
			i += step;
	return t->mask[i];
}

static uint64_t lookup_v6(const struct fw_v6 *t, value_t addr)
{
	uint32_t i = 0;

	for (uint32_t step = t->half; step; step >>= 1)
		if (((value_t)t->hi[i + step] << 64 | t->lo[i + step]) <= addr)
			i += step;
	return t->mask[i];
}

uint64_t match_lookup(const struct fw_slot *slot, enum fw_dir dir, enum fw_protocol protocol, const uint8_t remote[16], int sport,
		      int dport)
{
	uint64_t m = slot->rules[dir] & slot->protocol[protocol];
	struct fault_prefix p = { .len = 128 };

	memcpy(p.addr, remote, sizeof(p.addr));
	m &= dport < 0 ? ~slot->dport_rules : lookup_port(&slot->dport, dport);
	m &= sport < 0 ? ~slot->sport_rules : lookup_port(&slot->sport, sport);
	return m & (prefix_is_v4(&p) ? lookup_v4(&slot->v4, prefix_first(&p)) : lookup_v6(&slot->v6, prefix_first(&p)));
}
