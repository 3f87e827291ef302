// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plan as JSON and back, exact to the bit: what the state file holds and 'plan --json' prints.
 */
#include <errno.h>

#include "lib/dns.h"
#include "lib/http.h"
#include "lib/plan.h"
#include "lib/target.h"
#include "lib/util.h"

/* A field of a struct that is one whole number: written and read through one table. */
struct field {
	const char *key;
	size_t offset, size;
};
#define FIELD(type, member, name)                                         \
	{                                                                 \
		name, offsetof(type, member), sizeof(((type *)0)->member) \
	}

static const struct field rule_fields[] = {
	FIELD(struct fw_rule, op, "op"),
	FIELD(struct fw_rule, flags, "flags"),
	FIELD(struct fw_rule, probability, "probability"),
	FIELD(struct fw_rule, leaf, "leaf"),
	FIELD(struct fw_rule, key, "key"),
	FIELD(struct fw_rule, start_ns, "startNs"),
	FIELD(struct fw_rule, on_ns, "onNs"),
	FIELD(struct fw_rule, period_ns, "periodNs"),
	FIELD(struct fw_rule, when_first, "whenFirst"),
	FIELD(struct fw_rule, when_last, "whenLast"),
	FIELD(struct fw_rule, when_step, "whenStep"),
};

static const struct field netem_fields[] = {
	FIELD(struct plan_netem, latency_ns, "latencyNs"),      FIELD(struct plan_netem, jitter_ns, "jitterNs"),
	FIELD(struct plan_netem, distribution, "distribution"), FIELD(struct plan_netem, reorder_ppm, "reorderPpm"),
	FIELD(struct plan_netem, reorder_gap, "reorderGap"),    FIELD(struct plan_netem, has_slot, "hasSlot"),
	FIELD(struct plan_netem, slot.min_ns, "slotMinNs"),     FIELD(struct plan_netem, slot.max_ns, "slotMaxNs"),
	FIELD(struct plan_netem, slot.packets, "slotPackets"),  FIELD(struct plan_netem, slot.bytes, "slotBytes"),
	FIELD(struct plan_netem, corrupt_ppm, "corruptPpm"),    FIELD(struct plan_netem, limit, "limit"),
};

static const struct field tbf_fields[] = {
	FIELD(struct plan_tbf, rate_bits, "rateBits"),           FIELD(struct plan_tbf, peak_bits, "peakBits"),
	FIELD(struct plan_tbf, limit_bytes, "limitBytes"),       FIELD(struct plan_tbf, buffer_bytes, "bufferBytes"),
	FIELD(struct plan_tbf, minburst_bytes, "minburstBytes"),
};

static void fields_to_json(cJSON *o, const void *base, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;

		memcpy(&v, (const char *)base + fields[i].offset, fields[i].size); /* little endian, as BPF on every node here */
		cJSON_AddItemToObject(o, fields[i].key, json_number(v));
	}
}

static int fields_from_json(const struct json *j, void *base, const struct field *fields, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t max = fields[i].size == 8 ? UINT64_MAX : (1ULL << fields[i].size * 8) - 1, v = 0;
		struct json m = json_get(j, fields[i].key);
		int r = json_u64(&m, 0, max, &v, err);

		if (r)
			return r;
		memcpy((char *)base + fields[i].offset, &v, fields[i].size);
	}
	return 0;
}

static void words_to_json(cJSON *o, const char *key, const uint32_t *words, size_t n)
{
	cJSON *a = cJSON_AddArrayToObject(o, key);

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(a, json_number(words[i]));
}

static int words_from_json(const struct json *j, const char *key, uint32_t *words, size_t n, struct error *err)
{
	struct json a = json_get(j, key);

	if (!json_has(&a))
		return 0;
	if (!cJSON_IsArray(a.value) || cJSON_GetArraySize(a.value) != (int)n)
		return json_error(&a, err, "must be %zu numbers", n);
	for (size_t i = 0; i < n; i++) {
		struct json e = json_at(&a, i);
		uint64_t v = 0;
		int r = json_u64(&e, 0, UINT32_MAX, &v, err);

		if (r)
			return r;
		words[i] = v;
	}
	return 0;
}

void plan_gate_to_json(cJSON *o, const struct fw_rule *r)
{
	fields_to_json(o, r, rule_fields, ARRAY_SIZE(rule_fields));
}

int plan_gate_from_json(const struct json *j, struct fw_rule *r, struct error *err)
{
	return fields_from_json(j, r, rule_fields, ARRAY_SIZE(rule_fields), err);
}

static cJSON *rule_to_json(const struct plan_rule *r)
{
	cJSON *o = cJSON_CreateObject(), *params = cJSON_AddArrayToObject(o, "params");

	cJSON_AddStringToObject(o, "name", r->name);
	cJSON_AddItemToObject(o, "dirs", json_number(r->dirs));
	cJSON_AddBoolToObject(o, "includeNode", r->include_node);
	cJSON_AddBoolToObject(o, "armed", r->armed);
	plan_gate_to_json(o, &r->rule);
	if (r->rule.flags & (FW_RULE_CHAIN | FW_RULE_REORDER)) {
		words_to_json(o, "step", r->rule.chain.step[0], FW_STATES * (FW_STATES - 1));
		words_to_json(o, "hit", r->rule.chain.hit, FW_STATES);
	}
	for (size_t i = 0; i < ARRAY_SIZE(r->rule.params); i++)
		cJSON_AddItemToArray(params, json_number(r->rule.params[i]));
	if (r->calendar)
		cJSON_AddItemToObject(o, "calendar", calendar_to_json(r->calendar));
	cJSON_AddItemToObject(o, "target", target_to_json(&r->target));
	if (r->first_connections)
		cJSON_AddItemToObject(o, "firstConnections", json_number(r->first_connections));
	if (r->dns) {
		cJSON_AddStringToObject(o, "dns", r->dns);
		cJSON_AddStringToObject(o, "dnsTypes", r->dns_types);
	}
	if (r->rule.op == FW_OP_HTTP)
		http_to_json(cJSON_AddObjectToObject(o, "http"), &r->http);
	return o;
}

static int params_from_json(const struct json *j, struct fw_rule *rule, struct error *err)
{
	struct json params = json_get(j, "params");

	for (int i = 0; json_has(&params) && i < (int)ARRAY_SIZE(rule->params); i++) {
		struct json e = json_at(&params, i);
		uint64_t v = 0;
		int r = json_u64(&e, 0, UINT64_MAX, &v, err);

		if (r)
			return r;
		rule->params[i] = v;
	}
	return 0;
}

/* What only some rules have. */
static int more_from_json(const struct json *j, struct plan_rule *rule, struct error *err)
{
	struct json first = json_get(j, "firstConnections"), names = json_get(j, "dns"), types = json_get(j, "dnsTypes");
	const char *dns = NULL, *dns_types = NULL;
	struct fw_dns compiled;
	uint64_t v = 0;
	int r = json_u64(&first, 1, UINT32_MAX, &v, err);

	if (!r)
		r = json_string(&names, &dns, err);
	if (!r)
		r = json_string(&types, &dns_types, err);
	if (r)
		return r;
	rule->first_connections = v;
	if (!dns != !dns_types || !dns != (rule->rule.op != FW_OP_DNS) || (dns && dns_compile(dns, dns_types, &compiled)))
		return json_error(j, err, "has DNS names that this version does not know");
	rule->dns = dns ? util_strdup(dns) : NULL;
	rule->dns_types = dns ? util_strdup(dns_types) : NULL;
	return 0;
}

static int rule_from_json(const struct json *j, void *data, struct error *err)
{
	struct json name = json_get(j, "name"), dirs = json_get(j, "dirs"), target = json_get(j, "target");
	struct json calendar = json_get(j, "calendar"), http = json_get(j, "http");
	struct json include = json_get(j, "includeNode"), armed = json_get(j, "armed");
	struct plan_rule *rule = data;
	const char *s = "";
	uint64_t v = 0;
	int r = json_string(&name, &s, err);

	snprintf(rule->name, sizeof(rule->name), "%s", s);
	if (!r)
		r = json_u64(&dirs, 1, 3, &v, err);
	rule->dirs = v;
	if (!r)
		r = json_bool(&include, &rule->include_node, err);
	if (!r)
		r = json_bool(&armed, &rule->armed, err);
	if (!r)
		r = plan_gate_from_json(j, &rule->rule, err);
	if (!r)
		r = words_from_json(j, "step", rule->rule.chain.step[0], FW_STATES * (FW_STATES - 1), err);
	if (!r)
		r = words_from_json(j, "hit", rule->rule.chain.hit, FW_STATES, err);
	if (!r)
		r = params_from_json(j, &rule->rule, err);
	if (!r)
		r = calendar_from_json(&calendar, &rule->calendar, err);
	if (!r)
		r = target_from_json(&target, &rule->target, err);
	if (!r && json_has(&http))
		r = http_from_json(&http, &rule->http, err);
	if (!r)
		r = more_from_json(j, rule, err);
	if (!r && !rule->calendar != !(rule->rule.flags & FW_RULE_CALENDAR))
		return json_error(&calendar, err, "must be there where the rule's flags say so, and nowhere else");
	if (!r && rule->rule.op >= FW_OPS)
		return json_error(j, err, "has an op that this version does not know");
	return r;
}

static void rules_op_to_json(cJSON *o, const struct plan_op *op)
{
	cJSON *a = cJSON_AddArrayToObject(o, "rules");

	for (size_t i = 0; i < op->rules.n_rules; i++)
		cJSON_AddItemToArray(a, rule_to_json(&op->rules.rules[i]));
}

static int rules_op_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	return plan_list_from_json(j, &op->rules.rules, &op->rules.n_rules, sizeof(*op->rules.rules), rule_from_json, err);
}

static void dir_to_json(cJSON *o, enum fw_dir dir)
{
	cJSON_AddStringToObject(o, "dir", plan_dir_names[dir]);
}

static int dir_from_json(const struct json *j, enum fw_dir *ret, struct error *err)
{
	static const char *const names[] = { "to", "from", NULL };
	struct json dir = json_get(j, "dir");
	int i = 0, r = json_enum(&dir, names, &i, err);

	*ret = i;
	return r;
}

static void root_to_json(cJSON *o, const struct plan_op *op)
{
	dir_to_json(o, op->root);
}

static int root_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	return dir_from_json(j, &op->root, err);
}

static void leaf_to_json(cJSON *o, const struct plan_op *op)
{
	const struct plan_leaf *leaf = &op->leaf;

	dir_to_json(o, leaf->dir);
	cJSON_AddItemToObject(o, "minor", json_number(leaf->minor));
	if (leaf->has_netem)
		fields_to_json(cJSON_AddObjectToObject(o, "netem"), &leaf->netem, netem_fields, ARRAY_SIZE(netem_fields));
	if (leaf->has_tbf)
		fields_to_json(cJSON_AddObjectToObject(o, "tbf"), &leaf->tbf, tbf_fields, ARRAY_SIZE(tbf_fields));
	if (leaf->has_fq)
		cJSON_AddItemToObject(o, "fqHorizonNs", json_number(leaf->fq_horizon_ns));
}

static int leaf_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	struct json minor = json_get(j, "minor"), netem = json_get(j, "netem"), tbf = json_get(j, "tbf"),
		    fq = json_get(j, "fqHorizonNs");
	struct plan_leaf *leaf = &op->leaf;
	uint64_t v = 0;
	int r = dir_from_json(j, &leaf->dir, err);

	leaf->has_netem = json_has(&netem);
	leaf->has_tbf = json_has(&tbf);
	leaf->has_fq = json_has(&fq);
	if (!r)
		r = json_u64(&minor, 1, UINT16_MAX, &v, err);
	leaf->minor = v;
	if (!r && leaf->has_netem)
		r = fields_from_json(&netem, &leaf->netem, netem_fields, ARRAY_SIZE(netem_fields), err);
	if (!r && leaf->has_tbf)
		r = fields_from_json(&tbf, &leaf->tbf, tbf_fields, ARRAY_SIZE(tbf_fields), err);
	return r ? r : json_u64(&fq, 0, UINT64_MAX, &leaf->fq_horizon_ns, err);
}

static void attach_to_json(cJSON *o, const struct plan_op *op)
{
	cJSON_AddItemToObject(o, "dirs", json_number(op->attach.dirs));
	cJSON_AddBoolToObject(o, "ifb", op->attach.ifb);
	cJSON_AddBoolToObject(o, "stamp", op->attach.stamp);
}

static int attach_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	struct json dirs = json_get(j, "dirs"), ifb = json_get(j, "ifb"), stamp = json_get(j, "stamp");
	uint64_t v = 0;
	int r = json_u64(&dirs, 0, 3, &v, err);

	op->attach.dirs = v;
	if (!r)
		r = json_bool(&ifb, &op->attach.ifb, err);
	return r ? r : json_bool(&stamp, &op->attach.stamp, err);
}

static void nothing_to_json(cJSON *o, const struct plan_op *op)
{
	(void)o;
	(void)op;
}

static int nothing_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	(void)j;
	(void)op;
	(void)err;
	return 0;
}

static const struct {
	const char *name;
	void (*to)(cJSON *o, const struct plan_op *op);
	int (*from)(const struct json *j, struct plan_op *op, struct error *err);
} forms[] = {
	[PLAN_RULES] = { "rules", rules_op_to_json, rules_op_from_json },
	[PLAN_OFFLOAD] = { "offload", nothing_to_json, nothing_from_json },
	[PLAN_SEGMENTS] = { "segments", nothing_to_json, nothing_from_json },
	[PLAN_IFB] = { "ifb", nothing_to_json, nothing_from_json },
	[PLAN_ROOT] = { "root", root_to_json, root_from_json },
	[PLAN_LEAF] = { "leaf", leaf_to_json, leaf_from_json },
	[PLAN_ATTACH] = { "attach", attach_to_json, attach_from_json },
	[PLAN_FILES] = { "files", plan_files_to_json, plan_files_from_json },
	[PLAN_SYSCALLS] = { "syscalls", plan_syscalls_to_json, plan_syscalls_from_json },
	[PLAN_ACTS] = { "acts", plan_acts_to_json, plan_acts_from_json },
};
_Static_assert(ARRAY_SIZE(forms) == PLAN_OP_TYPES, "every op has a form");

cJSON *plan_to_json(const struct plan *plan)
{
	cJSON *o = cJSON_CreateObject(), *ops = cJSON_AddArrayToObject(o, "ops"), *notes = cJSON_AddArrayToObject(o, "notes");

	for (size_t i = 0; i < plan->n_ops; i++) {
		cJSON *op = cJSON_CreateObject();

		cJSON_AddStringToObject(op, "type", forms[plan->ops[i].type].name);
		forms[plan->ops[i].type].to(op, &plan->ops[i]);
		cJSON_AddItemToArray(ops, op);
	}
	for (size_t i = 0; i < plan->n_notes; i++)
		cJSON_AddItemToArray(notes, cJSON_CreateString(plan->notes[i]));
	return o;
}

static int op_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	struct json type = json_get(j, "type");
	const char *name = "";
	int r = json_string(&type, &name, err);

	for (size_t i = 0; !r && i < ARRAY_SIZE(forms); i++) {
		if (!util_streq(forms[i].name, name))
			continue;
		op->type = i;
		return forms[i].from(j, op, err);
	}
	return r ? r : json_error(&type, err, "'%s' is not an op of this version", name);
}

int plan_from_json(const struct json *j, struct plan *ret, struct error *err)
{
	_cleanup_plan_ struct plan plan = {};
	struct json ops = json_get(j, "ops"), notes = json_get(j, "notes");
	int r;

	if (!cJSON_IsArray(ops.value))
		return json_error(&ops, err, "must be a list of ops");
	for (int i = 0; i < cJSON_GetArraySize(ops.value); i++) {
		struct json e = json_at(&ops, i);

		r = op_from_json(&e, util_grow(&plan.ops, &plan.n_ops, sizeof(*plan.ops)), err);
		if (r)
			return r;
	}
	for (int i = 0; json_has(&notes) && i < cJSON_GetArraySize(notes.value); i++) {
		struct json e = json_at(&notes, i);
		const char *s = "";

		r = json_string(&e, &s, err);
		if (r)
			return r;
		*(char **)util_grow(&plan.notes, &plan.n_notes, sizeof(char *)) = util_strdup(s);
	}
	*ret = plan;
	plan = (struct plan){};
	return 0;
}
