// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads a target. Addresses are kept as IPv6 ones, IPv4 in its mapped form; a prefix with bits behind its length is refused, because
 * "10.1.2.3/8" may mean the one address or the sixteen million.
 */
#include "lib/target.h"

#include <arpa/inet.h>
#include <errno.h>

#include "lib/hosts.h"
#include "lib/util.h"

static const char *const protocols[] = {
	[PROTOCOL_ANY] = "any",   [PROTOCOL_TCP] = "tcp",   [PROTOCOL_UDP] = "udp",
	[PROTOCOL_SCTP] = "sctp", [PROTOCOL_ICMP] = "icmp", NULL,
};

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

#define PREFIX_TEXT (INET6_ADDRSTRLEN + 4)

static bool is_mapped(const struct fault_prefix *p)
{
	return p->len >= 96 && memcmp(p->addr, mapped, sizeof(mapped)) == 0;
}

static const char *prefix_format(const struct fault_prefix *p, char *buf, size_t n)
{
	bool v4 = is_mapped(p);
	char addr[INET6_ADDRSTRLEN];

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, p->addr + (v4 ? sizeof(mapped) : 0), addr, sizeof(addr)))
		addr[0] = '\0';
	snprintf(buf, n, "%s/%d", addr, v4 ? p->len - 96 : p->len);
	return buf;
}

/* Clears the bits behind the length. */
static struct fault_prefix network_of(const struct fault_prefix *p)
{
	struct fault_prefix ret = *p;

	for (unsigned int bit = p->len; bit < 128; bit++)
		ret.addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return ret;
}

/* The number behind the '/'; -1 when it is none. */
static int parse_length(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 3 || strspn(s, "0123456789") != n || (n > 1 && *s == '0'))
		return -1;
	return atoi(s);
}

/* The address and the length as they are written; *ret_v4: dotted. */
static bool split_prefix(const char *s, struct fault_prefix *ret, int *ret_len, bool *ret_v4)
{
	const char *slash = strchr(s, '/');
	char addr[INET6_ADDRSTRLEN];
	size_t n = slash ? (size_t)(slash - s) : strlen(s);

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, s, n);
	addr[n] = '\0';
	memcpy(ret->addr, mapped, sizeof(mapped));
	*ret_v4 = inet_pton(AF_INET, addr, ret->addr + sizeof(mapped)) == 1;
	if (!*ret_v4 && inet_pton(AF_INET6, addr, ret->addr) != 1)
		return false;
	*ret_len = slash ? parse_length(slash + 1) : *ret_v4 ? 32 : 128;
	return *ret_len >= 0;
}

int target_prefix(const struct json *j, struct fault_prefix *ret, struct error *err)
{
	struct fault_prefix p = {}, network;
	char text[PREFIX_TEXT];
	const char *s = NULL;
	bool v4;
	int len, r = json_string(j, &s, err);

	if (r < 0)
		return r;
	if (!split_prefix(s, &p, &len, &v4))
		return json_error(j, err, "'%.64s' is not an address or a prefix, as in 10.1.2.3, 10.0.0.0/8 or fd00::/8", s);
	if (len > (v4 ? 32 : 128))
		return json_error(j, err, "'%.64s' has a length over %d", s, v4 ? 32 : 128);
	p.len = (uint8_t)(v4 ? 96 + len : len);
	network = network_of(&p);
	prefix_format(&network, text, sizeof(text));
	if (!v4 && is_mapped(&p))
		return json_error(j, err, "'%.64s' is an IPv4-mapped prefix, write '%s'", s, text);
	if (memcmp(&network, &p, sizeof(p)) != 0)
		return json_error(j, err, "'%.64s' has bits set behind its length, write '%s' (or the address alone, for that one)",
				  s, text);
	*ret = p;
	return 0;
}

static bool parse_port(const char *s, size_t n, uint16_t *ret)
{
	unsigned int port = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		port = port * 10 + (unsigned int)(s[i] - '0');
	}
	*ret = (uint16_t)port;
	return port >= 1 && port <= UINT16_MAX;
}

static int parse_range(const struct json *j, struct fault_range *ret, struct error *err)
{
	char text[JSON_SHOW_MAX];
	struct fault_range range;
	const char *dash;

	json_show(j, text, sizeof(text));
	if (!cJSON_IsString(j->value) && !cJSON_IsNumber(j->value))
		return json_error(j, err, "must be a port or a range of ports, as in 5432 or \"8000-8100\", not %s", text);
	dash = strchrnul(text, '-');
	if (!parse_port(text, (size_t)(dash - text), &range.first) ||
	    (*dash && !parse_port(dash + 1, strlen(dash + 1), &range.last)))
		return json_error(j, err, "'%s' is not a port or a range of ports from 1 to 65535, as in 5432 or \"8000-8100\"",
				  text);
	if (*dash == '\0')
		range.last = range.first;
	if (range.last < range.first)
		return json_error(j, err, "'%s' runs backwards, write '%u-%u'", text, range.last, range.first);
	*ret = range;
	return 0;
}

int target_list(const struct json *j, size_t used, size_t max, const char *what, struct error *err)
{
	int n = cJSON_GetArraySize(j->value);

	if (!cJSON_IsArray(j->value))
		return json_error(j, err, "must be a list, in [ ]");
	if (n == 0)
		return json_error(j, err, "is empty, leave it out");
	if ((size_t)n > max - used)
		return json_error(j, err, "too many %s, at most %zu in one fault: merge some, or make two faults of it", what, max);
	return n;
}

static int parse_prefixes(const struct json *j, size_t used, struct fault_prefix **list, size_t *n, struct error *err)
{
	int length;

	if (!json_has(j))
		return 0;
	length = target_list(j, used, TARGET_PREFIXES_MAX, "prefixes", err);
	for (int i = 0; i < length; i++) {
		struct json at = json_at(j, i);
		int r = target_prefix(&at, util_grow(list, n, sizeof(**list)), err);

		if (r < 0)
			return r;
	}
	return MIN(length, 0);
}

static int parse_ranges(const struct json *j, size_t used, struct fault_range **list, size_t *n, struct error *err)
{
	int length;

	if (!json_has(j))
		return 0;
	length = target_list(j, used, TARGET_RANGES_MAX, "port ranges", err);
	for (int i = 0; i < length; i++) {
		struct json at = json_at(j, i);
		int r = parse_range(&at, util_grow(list, n, sizeof(**list)), err);

		if (r < 0)
			return r;
	}
	return MIN(length, 0);
}

static int parse_lists(const struct json *j, struct fault_target *t, struct error *err)
{
	struct json cidrs = json_get(j, "cidrs"), except = json_get(j, "except");
	struct json ports = json_get(j, "ports"), source_ports = json_get(j, "sourcePorts"), hosts = json_get(j, "hosts");
	int r = parse_prefixes(&cidrs, 0, &t->cidrs, &t->n_cidrs, err);

	if (r == 0)
		r = parse_prefixes(&except, t->n_cidrs, &t->except, &t->n_except, err);
	if (r == 0)
		r = hosts_parse(&hosts, t, err);
	if (r == 0)
		r = parse_ranges(&ports, 0, &t->ports, &t->n_ports, err);
	if (r == 0)
		r = parse_ranges(&source_ports, t->n_ports, &t->source_ports, &t->n_source_ports, err);
	return r;
}

int target_parse(const struct json *j, struct fault_target *t, struct error *err)
{
	static const char *const keys[] = { "cidrs", "except", "hosts", "ports", "sourcePorts", "protocol", NULL };
	struct json protocol = json_get(j, "protocol");
	int which = PROTOCOL_ANY, r;

	if (!json_has(j))
		return 0;
	r = json_only(j, keys, err);
	if (r == 0 && cJSON_GetArraySize(j->value) == 0)
		r = json_error(j, err, "is empty, leave it out for all traffic");
	if (r == 0)
		r = parse_lists(j, t, err);
	if (r == 0)
		r = json_enum(&protocol, protocols, &which, err);
	if (r < 0)
		return r;
	t->protocol = (enum fault_protocol)which;
	if (t->protocol == PROTOCOL_ICMP && (t->n_ports || t->n_source_ports))
		return json_error(&protocol, err,
				  "'icmp' has no ports, remove 'ports' and 'sourcePorts', or ask for tcp, udp or sctp");
	return 0;
}

void target_cleanup(struct fault_target *t)
{
	free(t->cidrs);
	free(t->except);
	free(t->hosts);
	free(t->seeds);
	free(t->ports);
	free(t->source_ports);
	*t = (struct fault_target){};
}
