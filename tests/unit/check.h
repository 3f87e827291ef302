/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the table-driven tests of lib share: CMocka's prologue, refusals with what their messages must say, specs from one
 * annotation, and values of a document.
 */
#ifndef FAULTWIRE_TEST_CHECK_H
#define FAULTWIRE_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/spec.h"
#include "lib/util.h"

struct refusal {
	const char *input;
	int code;
	const char *path;    /* the message begins with it and ": " */
	const char *says[3]; /* and has these */
};

static inline void check_refused(const struct refusal *c, int r, const struct error *err)
{
	size_t n = strlen(c->path);

	if (r != -c->code || err->code != c->code)
		fail_msg("%s\n  returned %d, not -%d: %s", c->input, r, c->code, err->msg);
	if (strncmp(err->msg, c->path, n) != 0 || strncmp(err->msg + n, ": ", 2) != 0)
		fail_msg("%s\n  does not begin with '%s: ': %s", c->input, c->path, err->msg);
	for (size_t i = 0; i < ARRAY_SIZE(c->says) && c->says[i]; i++)
		if (!strstr(err->msg, c->says[i]))
			fail_msg("%s\n  does not say '%s': %s", c->input, c->says[i], err->msg);
}

/* spec_parse of one annotation "faultwire.dev/<name>". */
static inline int spec_of(const char *name, const char *value, struct fault_spec *ret, struct error *err)
{
	_cleanup_json_ cJSON *annotations = cJSON_CreateObject();
	_cleanup_free_ char *key = util_printf(SPEC_PREFIX "%s", name);

	cJSON_AddStringToObject(annotations, key, value);
	return spec_parse(annotations, ret, err);
}

/* Each input is refused as faultwire.dev/network, and leaves nothing behind. */
static inline void check_network_refusals(const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fault_spec spec = { .n_faults = 99 };
		struct error err = {};

		check_refused(&cases[i], spec_of("network", cases[i].input, &spec, &err), &err);
		assert_int_equal(spec.n_faults, 0);
		assert_null(spec.faults);
	}
}

/* The faults of an annotation that must be right; the caller's (spec_cleanup). */
static inline struct fault_spec spec_right(const char *name, const char *text)
{
	struct fault_spec spec = {};
	struct error err = {};

	if (spec_of(name, text, &spec, &err) != 0)
		fail_msg("%s\n  refused: %s", text, err.msg);
	return spec;
}

static inline struct fault_spec network_spec(const char *text)
{
	return spec_right("network", text);
}

/* The document { "v": <text> } and its "v". */
struct doc {
	cJSON *root;
	struct json v;
};

static inline void doc_close(struct doc *d)
{
	cJSON_Delete(d->root);
}

static inline struct doc doc_open(const char *value)
{
	_cleanup_free_ char *text = util_printf("{\"v\":%s}", value);
	struct error err = {};
	struct doc d = {};
	struct json root;

	if (json_parse(text, strlen(text), "doc", &d.root, &err) != 0)
		fail_msg("%s", err.msg);
	root = json_root(d.root, "doc");
	d.v = json_get(&root, "v");
	return d;
}

#endif
