/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Strict reading of JSON by path: every error names where ("faultwire.dev/network[0].delay.latency") and what is allowed.
 * Units become numbers here and nowhere else: durations u64 ns, percentages u32 ppm, rates u64 bit/s, sizes u64 bytes.
 */
#ifndef FAULTWIRE_JSON_H
#define FAULTWIRE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "lib/error.h"

#define PPM_ALL 1000000U

#define JSON_MAX_BYTES (8U << 20) /* a document; 256 KiB of annotations are 1.5 MiB of JSON if all is escaped as \u003c */
#define JSON_MAX_DEPTH 32

#define _cleanup_json_ __attribute__((cleanup(json_freep)))
static inline void json_freep(cJSON **j)
{
	cJSON_Delete(*j);
}

/*
 * A place in a document: the value and how one gets there. Lives on the stack of the parser that made it; 'path' is for
 * messages. Objects remember nothing: json_only() says which keys are allowed.
 */
struct json {
	const cJSON *value; /* NULL = absent */
	char path[256];
};

/*
 * Parses n bytes of a document. Refuses over JSON_MAX_BYTES, deeper than JSON_MAX_DEPTH, invalid UTF-8, NUL, a repeated key and
 * anything behind the value. *ret is the caller's (cJSON_Delete). -EINVAL, or -E2BIG for size and depth.
 */
int json_parse(const char *text, size_t n, const char *path, cJSON **ret, struct error *err);

struct json json_root(const cJSON *value, const char *path);
/* The member 'key' ("path.key"; absent is not an error), or element i ("path[i]"). */
struct json json_get(const struct json *j, const char *key);
struct json json_at(const struct json *j, int i);
static inline bool json_has(const struct json *j)
{
	return j->value != NULL;
}

/* Refuses a value that is not an object, and keys not in the NULL-ended list (with the allowed ones in the message; the nearest named). */
int json_only(const struct json *j, const char *const *keys, struct error *err);

/* -errno with "<path>: <message>". */
int json_error(const struct json *j, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The value as its writer knows it, cut to n bytes, for messages: strings bare, containers as "an object", "a list". Returns buf. */
const char *json_show(const struct json *j, char *buf, size_t n);
#define JSON_SHOW_MAX 80

/*
 * Typed reads. Absent: *ret stays as it is (put the default there first) and 0 is returned; wrong type, missing unit or out of
 * range: -EINVAL with the path and what is allowed.
 */
int json_bool(const struct json *j, bool *ret, struct error *err);
/* The string is the document's. */
int json_string(const struct json *j, const char **ret, struct error *err);
/* Whole numbers, as a number or a decimal string; exact up to 2^64 - 1 as a string, 2^53 - 1 as a number. */
int json_u64(const struct json *j, uint64_t min, uint64_t max, uint64_t *ret, struct error *err);
/* "200ms", "1h30m", "0s"; units ns us ms s m h; fractions as Go has them ("1.5s"). "0" needs no unit. */
int json_duration(const struct json *j, uint64_t *ret_ns, struct error *err);
/* 10, "10", "0.05", "10%": 0 to 100 percent, down to 1 ppm; finer is refused. */
int json_percent(const struct json *j, uint32_t *ret_ppm, struct error *err);
/* Chaos Mesh's and tc's: "1mbps" = a million bytes a second, "1mbit" = a million bits; bit kbit mbit gbit tbit bps kbps mbps gbps tbps. In bit/s. */
int json_rate(const struct json *j, uint64_t *ret_bits, struct error *err);
/* A whole number for writing, exact: a decimal string beyond 2^53, which json_u64 reads alike. The caller's. */
cJSON *json_number(uint64_t v);
/* Bytes: a number, or a string with an optional k, m, g (1000) or Ki, Mi, Gi (1024). */
int json_size(const struct json *j, uint64_t *ret_bytes, struct error *err);
/* One of a NULL-ended list; *ret is its index. */
int json_enum(const struct json *j, const char *const *names, int *ret, struct error *err);

/* "200ms", "1.5s", "5m": the shortest exact form with one unit. */
void json_format_duration(uint64_t ns, char *buf, size_t n);
/* "10", "0.05", "33.3333". */
void json_format_percent(uint32_t ppm, char *buf, size_t n);
/* "10mbit", "1500kbit", in bits. */
void json_format_rate(uint64_t bits, char *buf, size_t n);

/*
 * The bytes of the value of a top-level key in a document that json_parse accepted: [*ret, *ret + *ret_n) within text.
 * false when absent. Lets a value be handed on byte for byte.
 */
bool json_span(const char *text, size_t n, const char *key, const char **ret, size_t *ret_n);

#endif
