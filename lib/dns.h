/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of DNS queries: patterns ('*' any run, dots included; '?' one character but a dot) and query types, as canonical text in plans
 * and as the automaton of struct fw_dns in the kernel.
 */
#ifndef FAULTWIRE_DNS_H
#define FAULTWIRE_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

#define DNS_PATTERNS_MAX 16 /* of a fault; their lengths are bounded together: DNS_STATES */
#define DNS_STATES (FW_DNS_WORDS * 64)
#define DNS_NAME_MAX 253
#define DNS_LABEL_MAX 63

/* Query types by name, NULL-ended, and their numbers. */
extern const char *const dns_type_names[];
extern const uint16_t dns_type_numbers[];

/* The canonical form of a pattern: lower case, no final dot, runs of '*' as one. NULL when no name could be meant; the caller's. */
char *dns_pattern(const char *text);

/*
 * Canonical patterns and type names, each separated by one space, as the kernel's table; no patterns = all names, no types = all. -E2BIG
 * when the patterns need more than DNS_STATES (a pattern needs its characters without '*', and one more), -EINVAL for a type that is
 * unknown or one too many. *ret is whole or untouched.
 */
int dns_compile(const char *patterns, const char *types, struct fw_dns *ret);

/* What the kernel does with a name in text form (no final dot; "" = the root). */
bool dns_lookup(const struct fw_dns *names, const char *name);

#endif
