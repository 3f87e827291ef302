/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An HTTP fault -> what the kernel asks of a request: the path's glob as sets of literals, so that one pass over a path decides.
 */
#ifndef FAULTWIRE_HTTP_H
#define FAULTWIRE_HTTP_H

#include "bpf/abi.h"
#include "lib/fault.h"

void http_compile(const struct fault_http *http, struct fw_http *ret);

/* What the kernel program computes, for tests. */
bool http_path_matches(const struct fw_http *http, const char *path);

/* Below a rule's "http", as plan_to_json and plan_from_json have it. */
void http_to_json(cJSON *o, const struct fault_http *http);
int http_from_json(const struct json *j, struct fault_http *http, struct error *err);

#endif
