/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a container that has faults to its supervisor at work.
 */
#ifndef FAULTWIRE_CREATE_H
#define FAULTWIRE_CREATE_H

#include "lib/plan.h"
#include "lib/spec.h"
#include "oci-hook/oci_state.h"

/* Refuses what cannot work, before anything is touched: -ENOTSUP, -EBUSY, -EPERM with what to do. config: the bundle's, NULL = not known. */
int create_check(const struct oci_state *s, const struct plan *plan, const cJSON *config, struct error *err);

/*
 * Starts the supervisor and waits until it has the container in its hands, or has said why not. The plan becomes the container's. A container that
 * has one already is left as it is.
 */
int create_supervised(const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec, struct plan *plan,
		      struct error *err);

/* A container of a pod some of whose faults name containers, none of them this one: put on record, so that names that no container has are seen. */
int create_noted(const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec, struct error *err);

#endif
