/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML -> cJSON, as far as Kubernetes manifests need it.
 */
#ifndef FAULTWIRE_YAML_H
#define FAULTWIRE_YAML_H

#include <cjson/cJSON.h>

#include "lib/error.h"

/*
 * Every document of n bytes, as one array (the caller's); empty documents are null. Plain scalars become true, false, null or a number
 * where they look so, strings otherwise; quoted ones are strings. -EINVAL with line and column for what is not YAML, aliases (a
 * small file could grow without bound), repeated keys, keys that are not scalars, NUL; -E2BIG for nesting and size of a mapping.
 */
int yaml_to_json(const char *text, size_t n, cJSON **ret, struct error *err);

#endif
