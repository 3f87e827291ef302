/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate of bpf/fault.bpf.h for faults that a process of ours decides: window, when, probability and counters of a struct fw_rule, bit for
 * bit as in the kernel. The caller brings the time.
 */
#ifndef FAULTWIRE_GATE_H
#define FAULTWIRE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Makes a plan's rule one of a pod or container that was created at created_ns (monotonic). */
void gate_begin(struct fw_rule *r, uint64_t created_ns);

/*
 * Whether a window of the rule is open, and for how long yet (UINT64_MAX = for ever). 'calendar' is of FW_RULE_CALENDAR's rules, NULL for others;
 * wall_ns is since the epoch.
 */
bool gate_open(const struct fw_rule *r, const struct fw_calendar *calendar, uint64_t monotonic_ns, uint64_t wall_ns,
	       uint64_t *ret_left_ns);

/* A number for the window that is open, another than that of the one before. */
uint64_t gate_window(const struct fw_rule *r, uint64_t monotonic_ns, uint64_t wall_ns, uint64_t left_ns);
/* How long until the next window opens, of a rule none of whose is open; UINT64_MAX = for ever. */
uint64_t gate_wait_ns(const struct fw_rule *r, const struct fw_calendar *calendar, uint64_t monotonic_ns, uint64_t wall_ns);

/* Counts an event; true when the fault is to happen. 'events' counts where strace's counter is a thread's, NULL = the rule's own count. */
bool gate_count(struct fw_rule *r, uint64_t *events);
/* The fault happened. */
void gate_injected(struct fw_rule *r);

#endif
