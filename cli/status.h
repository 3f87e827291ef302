/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What 'faultwire status' knows, between finding it out (status.c) and showing it (status_view.c).
 */
#ifndef FAULTWIRE_STATUS_H
#define FAULTWIRE_STATUS_H

#include "cli/containers.h"
#include "cli/held.h"
#include "cli/pods.h"
#include "engine/tc.h"

enum status_window { WINDOW_BEFORE, WINDOW_OPEN, WINDOW_BETWEEN, WINDOW_OVER };

struct status_fault {
	const struct plan_rule *rule; /* the record's */
	enum status_window window;
	uint64_t change_ns; /* until the window opens or closes; UINT64_MAX = never */
	bool armed;
	bool counted; /* false: its programs are of another ABI, or gone */
	struct fw_rule_state state;
	bool named;     /* its target has hosts, and what they learned could be read: */
	size_t learned; /* addresses */
};

/* A queue that shapes: the interface (to) or its ifb (from). */
struct status_queue {
	char interface[16];
	struct tc_queue stats;
};

struct status_pod {
	const struct state_pod *record; /* the list's */
	struct held held;
	bool gone; /* its namespace is; the next ADD or GC cleans */
	struct status_fault faults[FW_RULES];
	size_t n_faults;
	struct status_queue queues[FW_DIRS];
	size_t n_queues;
};

struct status {
	struct pods pods;
	struct status_pod *pod; /* one for each of them */
	struct containers containers;
	bool aborted;       /* the node is */
	char **experiments; /* aborted; "" is the node */
	size_t n_experiments;
};

void status_view_print(const struct status *s);
void status_view_json(const struct status *s);

#endif
