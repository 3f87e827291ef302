// SPDX-License-Identifier: GPL-2.0-only
/*
 * Globs of paths compiled: see glob.h.
 */
#include "lib/glob.h"

#include <errno.h>

#include "bpf/glob.h"

size_t glob_literal(const char *glob)
{
	size_t n = strcspn(glob, "*?");

	if (!glob[n])
		return util_streq(glob, "/") ? 0 : n;
	while (n && glob[n] != '/')
		n--;
	return n;
}

static void set_add(struct fw_glob_set *s, size_t state)
{
	s->w[state / 64] |= 1ULL << state % 64;
}

static bool set_has(const struct fw_glob_set *s, size_t state)
{
	return s->w[state / 64] >> state % 64 & 1;
}

struct builder {
	struct fw_glob *g;
	size_t n; /* literals so far */
};

/* A literal; c < 0 = any but '/'. */
static void add_literal(struct builder *b, int c)
{
	b->n++;
	if (b->n >= FW_GLOB_STATES)
		return;
	for (int i = 0; i < 256; i++)
		if (i == c || (c < 0 && i != '/'))
			set_add(&b->g->accept[i], b->n);
}

static void add_stay(struct builder *b, bool deep)
{
	if (b->n >= FW_GLOB_STATES)
		return;
	set_add(&b->g->stay[0], b->n);
	if (deep)
		set_add(&b->g->stay[1], b->n);
}

/* Two stars behind a slash, several of which are one; returns what follows. */
static const char *add_deep(struct builder *b, const char *p)
{
	while (!strncmp(p, "/**", 3))
		p += 3;
	add_literal(b, '/');
	add_stay(b, true);
	if (*p == '/') {
		add_literal(b, '/');
		if (b->n < FW_GLOB_STATES)
			set_add(&b->g->skip, b->n);
		return p + 1;
	}
	if (b->n < FW_GLOB_STATES)
		set_add(&b->g->end, b->n - 1); /* at the end it stands for nothing too */
	return p;
}

int glob_compile(const char *tail, struct fw_glob *ret, struct error *err)
{
	struct builder b = { .g = ret };
	const char *p = tail;

	*ret = (struct fw_glob){};
	while (*p) {
		if (!strncmp(p, "/**", 3)) {
			p = add_deep(&b, p);
			continue;
		}
		if (*p == '*')
			add_stay(&b, false);
		else
			add_literal(&b, *p == '?' ? -1 : (unsigned char)*p);
		p++;
	}
	if (b.n >= FW_GLOB_STATES)
		return error_set(
			err, E2BIG,
			"'%.64s...' is too long behind the last directory that is there: at most %d characters, or use backend "
			"'seccomp'",
			tail, FW_GLOB_STATES - 1);
	set_add(&ret->end, b.n);
	return 0;
}

/* The step of glob_back the other way. */
static struct fw_glob_set step_forward(const struct fw_glob *g, const struct fw_glob_set *s, unsigned char c)
{
	struct fw_glob_set next = {};

	for (size_t i = 0; i < FW_GLOB_STATES; i++) {
		if (!set_has(s, i))
			continue;
		if (i + 1 < FW_GLOB_STATES && set_has(&g->accept[c], i + 1))
			set_add(&next, i + 1);
		if (set_has(&g->stay[c == '/'], i))
			set_add(&next, i);
		if (c == '/' && i + 2 < FW_GLOB_STATES && set_has(&g->skip, i + 2))
			set_add(&next, i + 2);
	}
	return next;
}

struct fw_glob_set glob_forward(const struct fw_glob *g, const char *text)
{
	struct fw_glob_set s = { { 1 } };

	for (; *text; text++)
		s = step_forward(g, &s, (unsigned char)*text);
	return s;
}

bool glob_is_whole(const struct fw_glob *g, const struct fw_glob_set *s)
{
	for (size_t i = 0; i < FW_GLOB_STATES; i++) {
		if (!set_has(s, i) || !set_has(&g->end, i))
			continue;
		/* at the two stars, or in front of their '/' */
		if (set_has(&g->stay[1], i))
			return true;
		if (i + 1 < FW_GLOB_STATES && set_has(&g->end, i + 1) && set_has(&g->stay[1], i + 1))
			return true;
	}
	return false;
}

bool glob_match(const struct fw_glob *g, const struct fw_glob_set *s, const char *text)
{
	struct fw_glob_set at = g->end;

	for (size_t i = strlen(text); i--;)
		glob_back(g, &at, (unsigned char)text[i]);
	return (at.w[0] & s->w[0]) | (at.w[1] & s->w[1]);
}
