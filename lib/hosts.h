/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "hosts" of a target: names, in the annotation and as the kernel program looks them up. Which addresses they have is learned there, from
 * the pod's own questions.
 */
#ifndef FAULTWIRE_HOSTS_H
#define FAULTWIRE_HOSTS_H

#include "lib/plan.h"

#define HOSTS_MAX 64 /* in one fault; as many seeds */

/* Absent = none. Names and {"name","ip"}; into hosts and seeds of *t, which is the caller's to clean up also on failure. */
int hosts_parse(const struct json *j, struct fault_target *t, struct error *err);
/* Names alone, as hosts_parse reads them. */
cJSON *hosts_to_json(const struct fault_target *t);

/* Whether a rule has names. */
bool hosts_any(const struct plan_rules *rules);

/* What bpf/abi.h says of a name; 'name' as in struct fault_host, without "*.". */
uint64_t hosts_hash(const char *name);

struct hosts_name {
	uint64_t hash;
	struct fw_name rules;
};

struct hosts_listed {
	struct fault_prefix prefix;
	uint64_t mask; /* rules with names that list it, or a wider one */
};

/* The entries of a pod in the maps of names; each name and prefix is there once. */
struct hosts_tables {
	struct hosts_name *names;
	struct hosts_listed *listed;
	size_t n_names, n_listed;
};

#define _cleanup_hosts_ __attribute__((cleanup(hosts_cleanup)))

/* -E2BIG over FW_NAMES. */
int hosts_compile(const struct plan_rules *rules, struct hosts_tables *ret, struct error *err);
void hosts_cleanup(struct hosts_tables *tables);

#endif
