// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads names strictly (what no resolver would ever be asked for is a mistake) and turns them into hashes.
 */
#include "lib/hosts.h"

#include <ctype.h>
#include <errno.h>

#include "lib/target.h"
#include "lib/util.h"

#define LABEL_MAX 63
#define NAME_MAX_ 253 /* without the last dot */
#define GLOB "*."

static bool is_glob(const char *name)
{
	return strncmp(name, GLOB, strlen(GLOB)) == 0;
}

static const char *without_glob(const char *name)
{
	return is_glob(name) ? name + strlen(GLOB) : name;
}

/* Labels of letters, digits, '-' and '_' with dots between; *ret_digits: the last one is a number, as in an address. */
static bool is_name(const char *s, size_t n, bool *ret_digits)
{
	size_t label = 0;

	*ret_digits = true;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (!label)
				return false;
			label = 0;
			*ret_digits = true;
			continue;
		}
		if ((!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_') || ++label > LABEL_MAX)
			return false;
		*ret_digits &= isdigit((unsigned char)s[i]) != 0;
	}
	return label && n <= NAME_MAX_;
}

static int parse_name(const struct json *j, struct fault_host *ret, struct error *err)
{
	const char *s = NULL, *name;
	bool digits;
	size_t n;
	int r = json_string(j, &s, err);

	if (r < 0)
		return r;
	name = without_glob(s);
	n = strlen(name);
	if (n > 1 && name[n - 1] == '.')
		n--;
	if (util_streq(s, "*"))
		return json_error(j, err, "'*' is every name: leave 'hosts' out for all traffic");
	if (strchr(name, '*'))
		return json_error(j, err,
				  "'%.64s' has a '*' that is not its first label: write a name, or '*.' and what it ends with", s);
	if (strchr(name, ':') || (is_name(name, n, &digits) && digits))
		return json_error(j, err, "'%.64s' is not a name: addresses go into 'cidrs', ports into 'ports'", s);
	if (!is_name(name, n, &digits))
		return json_error(
			j, err,
			"'%.64s' is not a name, as in inventory.shop.svc.cluster.local or *.example.com (letters, digits, "
			"'-' and '_'; others as xn--...)",
			s);
	n += (size_t)(name - s);
	for (size_t i = 0; i < n; i++)
		ret->name[i] = (char)tolower((unsigned char)s[i]);
	ret->name[n] = '\0';
	return 0;
}

static int parse_seed(const struct json *j, struct fault_target *t, struct error *err)
{
	struct fault_prefix *seed;
	int r;

	if (t->n_seeds == HOSTS_MAX)
		return json_error(j, err, "too many addresses, at most %d in one fault: make two faults of it", HOSTS_MAX);
	seed = util_grow(&t->seeds, &t->n_seeds, sizeof(*seed));
	r = target_prefix(j, seed, err);
	if (r == 0 && seed->len != 128)
		return json_error(j, err, "must be an address of the host: prefixes go into 'cidrs'");
	return r;
}

static int parse_seeds(const struct json *j, struct fault_target *t, struct error *err)
{
	int n;

	if (!cJSON_IsArray(j->value))
		return parse_seed(j, t, err);
	n = target_list(j, t->n_seeds, HOSTS_MAX, "addresses", err);
	for (int i = 0; i < n; i++) {
		struct json at = json_at(j, i);
		int r = parse_seed(&at, t, err);

		if (r < 0)
			return r;
	}
	return MIN(n, 0);
}

static int parse_host(const struct json *j, struct fault_target *t, struct error *err)
{
	static const char *const keys[] = { "name", "ip", NULL };
	struct json name = json_get(j, "name"), ip = json_get(j, "ip");
	struct fault_host *host = util_grow(&t->hosts, &t->n_hosts, sizeof(*host));
	int r;

	if (cJSON_IsString(j->value))
		return parse_name(j, host, err);
	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be a name, or {\"name\",\"ip\"} with addresses that are known beforehand");
	r = json_only(j, keys, err);
	if (r == 0 && (!json_has(&name) || !json_has(&ip)))
		r = json_error(j, err, "needs both, as in {\"name\":\"db.example.com\",\"ip\":\"10.1.2.3\"}");
	if (r == 0)
		r = parse_name(&name, host, err);
	return r < 0 ? r : parse_seeds(&ip, t, err);
}

int hosts_parse(const struct json *j, struct fault_target *t, struct error *err)
{
	int n;

	if (!json_has(j))
		return 0;
	n = target_list(j, 0, HOSTS_MAX, "names", err);
	for (int i = 0; i < n; i++) {
		struct json at = json_at(j, i);
		int r = parse_host(&at, t, err);

		if (r < 0)
			return r;
	}
	return MIN(n, 0);
}

cJSON *hosts_to_json(const struct fault_target *t)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < t->n_hosts; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(t->hosts[i].name));
	return a;
}

bool hosts_any(const struct plan_rules *rules)
{
	for (size_t i = 0; rules && i < rules->n_rules; i++)
		if (rules->rules[i].target.n_hosts)
			return true;
	return false;
}

uint64_t hosts_hash(const char *name)
{
	size_t end = strlen(name), start = end;
	uint64_t h = 0;

	while (end) {
		while (start && name[start - 1] != '.')
			start--;
		h = util_mix64(h + util_fnv64(UTIL_FNV_SEED, name + start, end - start));
		end = start ? --start : 0;
	}
	return h;
}

static int add_name(struct hosts_tables *t, const char *name, uint64_t bit, struct error *err)
{
	uint64_t hash = hosts_hash(without_glob(name));
	struct hosts_name *n = NULL;

	for (size_t i = 0; i < t->n_names && !n; i++)
		if (t->names[i].hash == hash)
			n = &t->names[i];
	if (!n) {
		if (t->n_names == FW_NAMES)
			return error_set(err, E2BIG,
					 "the faults of this pod name more than %d different hosts: name fewer, or use '*.'",
					 FW_NAMES);
		n = util_grow(&t->names, &t->n_names, sizeof(*n));
		n->hash = hash;
	}
	if (is_glob(name))
		n->rules.below |= bit;
	else
		n->rules.exact |= bit;
	return 0;
}

static bool is_v4(const struct fault_prefix *p)
{
	return p->len >= 96 && !memcmp(p->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
}

static bool covers(const struct fault_prefix *wide, const struct fault_prefix *p)
{
	if (is_v4(wide) != is_v4(p) || wide->len > p->len)
		return false;
	for (unsigned int bit = 0; bit < wide->len; bit++)
		if ((wide->addr[bit / 8] ^ p->addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static void list(struct hosts_tables *t, const struct fault_prefix *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool there = false;

		for (size_t k = 0; k < t->n_listed && !there; k++)
			there = t->listed[k].prefix.len == p[i].len && covers(&t->listed[k].prefix, &p[i]);
		if (!there)
			((struct hosts_listed *)util_grow(&t->listed, &t->n_listed, sizeof(*t->listed)))->prefix = p[i];
	}
}

/* The trie answers with its longest prefix alone, so each has the rules of all that cover it. */
static void list_rules(struct hosts_tables *t, const struct fault_prefix *p, size_t n, uint64_t bit)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < t->n_listed; k++)
			if (covers(&p[i], &t->listed[k].prefix))
				t->listed[k].mask |= bit;
}

int hosts_compile(const struct plan_rules *rules, struct hosts_tables *ret, struct error *err)
{
	_cleanup_hosts_ struct hosts_tables t = {};
	int r = 0;

	for (size_t i = 0; !r && i < rules->n_rules; i++) {
		const struct fault_target *target = &rules->rules[i].target;

		for (size_t k = 0; !r && k < target->n_hosts; k++)
			r = add_name(&t, target->hosts[k].name, 1ULL << i, err);
		if (!target->n_hosts)
			continue;
		list(&t, target->cidrs, target->n_cidrs);
		list(&t, target->seeds, target->n_seeds);
	}
	for (size_t i = 0; !r && i < rules->n_rules; i++) {
		const struct fault_target *target = &rules->rules[i].target;

		if (!target->n_hosts)
			continue;
		list_rules(&t, target->cidrs, target->n_cidrs, 1ULL << i);
		list_rules(&t, target->seeds, target->n_seeds, 1ULL << i);
	}
	if (r)
		return r;
	*ret = t;
	t = (struct hosts_tables){};
	return 0;
}

void hosts_cleanup(struct hosts_tables *tables)
{
	free(tables->names);
	free(tables->listed);
	*tables = (struct hosts_tables){};
}
