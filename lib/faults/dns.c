// SPDX-License-Identifier: GPL-2.0-only
/*
 * dns: the pod's queries for some names and types fail as its resolver would let them fail, or are never answered.
 */
#include "lib/dns.h"

#include <errno.h>

#include "lib/plan.h"
#include "lib/util.h"

#define DNS_PORT 53

enum rcode { RCODE_SERVFAIL, RCODE_NXDOMAIN, RCODE_REFUSED, RCODE_TIMEOUT };
static const char *const rcodes[] = {
	[RCODE_SERVFAIL] = "SERVFAIL",
	[RCODE_NXDOMAIN] = "NXDOMAIN",
	[RCODE_REFUSED] = "REFUSED",
	[RCODE_TIMEOUT] = "timeout",
	NULL,
};
/* RFC 1035; a time-out has none. */
static const uint8_t rcode_numbers[] = { [RCODE_SERVFAIL] = 2, [RCODE_NXDOMAIN] = 3, [RCODE_REFUSED] = 5, [RCODE_TIMEOUT] = 0 };

/* The length of a list that is there; -errno. */
static int list_length(const struct json *j, int max, const char *what, struct error *err)
{
	int n = cJSON_GetArraySize(j->value);

	if (!cJSON_IsArray(j->value))
		return json_error(j, err, "must be a list, in [ ]");
	if (!n)
		return json_error(j, err, "is empty, leave it out for all %s", what);
	if (n > max)
		return json_error(j, err, "too many %s, at most %d in one fault: make two faults of it", what, max);
	return n;
}

static void append(char **text, const char *word)
{
	_cleanup_free_ char *old = *text;

	*text = old ? util_printf("%s %s", old, word) : util_strdup(word);
}

static int parse_pattern(const struct json *j, char **ret, struct error *err)
{
	_cleanup_free_ char *pattern = NULL;
	const char *s = NULL;
	int r = json_string(j, &s, err);

	if (r < 0)
		return r;
	pattern = dns_pattern(s);
	if (!pattern)
		return json_error(
			j, err,
			"'%.64s' is not a name or a pattern of names, as in \"db.example.com\", \"*.example.com\" or "
			"\"db-?.*\": letters, digits, '-', '_', '*' (any run) and '?' (one character), labels of at most %d",
			s, DNS_LABEL_MAX);
	append(ret, pattern);
	return 0;
}

static int parse_patterns(const struct json *j, struct fault_dns *dns, struct error *err)
{
	struct fw_dns compiled;
	int n = json_has(j) ? list_length(j, DNS_PATTERNS_MAX, "names", err) : 0, r = MIN(n, 0);

	for (int i = 0; r == 0 && i < n; i++) {
		struct json at = json_at(j, i);

		r = parse_pattern(&at, &dns->patterns, err);
	}
	if (r == 0 && dns->patterns && dns_compile(dns->patterns, "", &compiled) == -E2BIG)
		r = json_error(
			j, err,
			"are too long together: at most %d characters, one more for each pattern and none for '*'; shorten some "
			"with '*', or make two faults of it",
			DNS_STATES);
	return r;
}

static int parse_types(const struct json *j, struct fault_dns *dns, struct error *err)
{
	int n = json_has(j) ? list_length(j, FW_DNS_TYPES, "types", err) : 0, r = MIN(n, 0);

	for (int i = 0; r == 0 && i < n; i++) {
		struct json at = json_at(j, i);
		int type = 0;

		r = json_enum(&at, dns_type_names, &type, err);
		if (r == 0)
			append(&dns->types, dns_type_names[type]);
	}
	return r;
}

static int dns_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "patterns", "types", "rcode", NULL };
	struct json patterns = json_get(body, "patterns"), types = json_get(body, "types"), rcode = json_get(body, "rcode");
	int which = RCODE_SERVFAIL, r = json_only(body, keys, err);

	if (r == 0)
		r = parse_patterns(&patterns, &f->dns, err);
	if (r == 0)
		r = parse_types(&types, &f->dns, err);
	if (r == 0)
		r = json_enum(&rcode, rcodes, &which, err);
	f->dns.rcode = rcode_numbers[which];
	return r;
}

static int dns_check(const struct fault *f, struct error *err)
{
	if (f->direction != DIRECTION_TO)
		return error_set(err, EINVAL,
				 "%s.direction: the pod's queries are answered as they leave it, before anybody else sees them: "
				 "remove it, or "
				 "write 'to'; annotate the pod that asks, not the DNS server",
				 f->path);
	if (f->target.protocol == PROTOCOL_SCTP || f->target.protocol == PROTOCOL_ICMP)
		return error_set(err, EINVAL, "%s.target.protocol: queries are UDP or TCP: remove it for both, or name one",
				 f->path);
	return 0;
}

/* A node's own resolver is as good as any: the node is exempt for its probes, which ask nothing. */
static int dns_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	struct plan_rule *r;

	(void)err;
	plan_add_rule(b, f, FW_OP_DNS)->params[0] = f->dns.rcode;
	r = plan_last_rule(b);
	r->include_node = true;
	r->dns = util_strdup(f->dns.patterns ? f->dns.patterns : "*");
	r->dns_types = util_strdup(f->dns.types ? f->dns.types : "");
	if (!r->target.n_ports) {
		struct fault_range *port = util_grow(&r->target.ports, &r->target.n_ports, sizeof(*port));

		port->first = port->last = DNS_PORT;
	}
	return 0;
}

static void dns_cleanup(struct fault *f)
{
	free(f->dns.patterns);
	free(f->dns.types);
}

const struct fault_kind fault_kind_dns = {
	.name = "dns",
	.body = "dns",
	.layer = LAYER_NETWORK,
	.order = ORDER_ANSWER,
	.parse = dns_parse,
	.check = dns_check,
	.cleanup = dns_cleanup,
	.plan = dns_plan,
};
