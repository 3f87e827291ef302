/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a container that has faults to those in force: its slot in the node's programs, its supervisor at work.
 */
#ifndef FAULTWIRE_CREATE_H
#define FAULTWIRE_CREATE_H

#include "lib/plan.h"
#include "lib/spec.h"
#include "oci-hook/oci_state.h"

/* Refuses what cannot work, before anything is touched: -ENOTSUP, -EBUSY, -EPERM with what to do. config: the bundle's, NULL = not known. */
int create_check(const struct oci_state *s, const struct plan *plan, const cJSON *config, struct error *err);

/*
 * Puts the plan into force; where it has something for a supervisor, one is started and waited for, until it has the container in its hands or has said
 * why not. The plan becomes the container's. A container that has all this already is left as it is.
 */
int create_apply(const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec, struct plan *plan,
		 struct error *err);

/* A container of a pod some of whose faults name containers, none of them this one: put on record, so that names that no container has are seen. */
int create_noted(const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec, struct error *err);

#endif
