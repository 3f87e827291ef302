/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Annotations -> struct fault_spec: what a pod asks for, parsed whole or refused whole. Nothing is opened here.
 */
#ifndef FAULTWIRE_SPEC_H
#define FAULTWIRE_SPEC_H

#include "lib/fault.h"
#include "lib/select.h"

#define SPEC_PREFIX "faultwire.dev/"
#define SPEC_NAME_MAX 63

struct fault_spec {
	struct fault *faults;
	size_t n_faults;
	char experiment[SPEC_NAME_MAX + 1]; /* "" = none */
	struct select select;
};

#define _cleanup_spec_ __attribute__((cleanup(spec_cleanup)))

/* Whether any key of the object of annotations (NULL allowed) is ours. */
bool spec_annotated(const cJSON *annotations);

/*
 * Reads an object of annotations { "faultwire.dev/network": "<json>", ... }; other prefixes are ignored, unknown names of
 * ours refused. *ret is complete on success (spec_cleanup) and empty on failure. -EINVAL with the path and the remedy;
 * -ENOTSUP for what is documented but not built yet.
 */
int spec_parse(const cJSON *annotations, struct fault_spec *ret, struct error *err);

/* How many of the faults a layer carries out. */
size_t spec_count(const struct fault_spec *spec, enum fault_layer layer);

/* How many are in containers, whatever carries them out. */
size_t spec_count_containers(const struct fault_spec *spec);

/* Gives each fault that has no seed one drawn from 'random', distinct per fault. */
void spec_seed(struct fault_spec *spec, uint64_t random);

void spec_cleanup(struct fault_spec *spec);

/* The containers that faults name, each with a space behind it, once; "" = none. The caller's. */
char *spec_containers(const struct fault_spec *spec);

#endif
