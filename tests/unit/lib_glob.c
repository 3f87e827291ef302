// SPDX-License-Identifier: GPL-2.0-only
/*
 * The automaton of paths: it means what util_path_glob means, wherever a path is split into a directory, a mount below it, and a rest.
 */
#include "tests/unit/check.h"

#include "lib/glob.h"

static const char *const globs[] = {
	"/**",        "/data/**",   "/data/*", "/data/a?c", "/data/**/*.log", "/a/*/wal", "/a/**/b/**/x", "/**/x",
	"/a/**/**/x", "/a/**/b*/c", "/a*b*c",  "/a/b",      "/a/**/x/**",     "/**/*",    "/a/*/**",      "/?/b*",
};

static const char *const paths[] = {
	"/data",  "/data/a", "/data/abc", "/data/a/b.log", "/data/x.log", "/a/1/wal", "/a/1/2/wal",
	"/a/b/x", "/a/x",    "/x",        "/a/b/xy",       "/a/z/bb/c",   "/aXbYbZc", "/a/b",
	"/a/bx",  "/a/x/y",  "/a/x",      "/database",     "/a/c/d/x/e",  "/a",
};

/* The automaton's answer for a path of which the first 'at' characters are a mount below the directory that the glob begins with. */
static bool answer(const char *glob, const char *path, size_t at)
{
	size_t literal = glob_literal(glob);
	_cleanup_free_ char *mount = util_printf("%.*s", (int)(at - literal), path + literal);
	struct fw_glob_set here;
	struct fw_glob g;
	struct error err = {};

	assert_int_equal(glob_compile(glob + literal, &g, &err), 0);
	here = glob_forward(&g, mount);
	if (glob_is_whole(&g, &here))
		assert_true(glob_match(&g, &here, path + at));
	return glob_match(&g, &here, path + at);
}

static void means_what_util_path_glob_means(void **state)
{
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(globs); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(paths); k++) {
			const char *path = paths[k];
			size_t literal = glob_literal(globs[i]);

			/* another directory is another anchor */
			if (strncmp(globs[i], path, literal) || (path[literal] && path[literal] != '/'))
				continue;
			for (size_t at = literal; at <= strlen(path); at++) {
				if (path[at] && path[at] != '/')
					continue;
				if (answer(globs[i], path, at) != util_path_glob(globs[i], path))
					fail_msg("%s on %s split at %zu", globs[i], path, at);
				checked++;
			}
		}
	}
	assert_true(checked > 300);
}

static void what_holds_for_all_below_is_known(void **state)
{
	static const struct {
		const char *tail, *mount;
		bool whole;
	} cases[] = {
		{ "/**", "", true },       { "/**", "/a/b", true }, { "/*", "", false },       { "/**/x", "", false },
		{ "/a/**", "", false },    { "/a/**", "/a", true }, { "/a/**", "/a/b", true }, { "/a/**", "/b", false },
		{ "/*/**", "/b/c", true }, { "/*/**", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fw_glob_set s;
		struct fw_glob g;

		assert_int_equal(glob_compile(cases[i].tail, &g, NULL), 0);
		s = glob_forward(&g, cases[i].mount);
		if (glob_is_whole(&g, &s) != cases[i].whole)
			fail_msg("%s at %s", cases[i].tail, cases[i].mount);
	}
}

static void literals_end_before_the_first_wildcard(void **state)
{
	(void)state;
	assert_int_equal(glob_literal("/data/a*"), 5);
	assert_int_equal(glob_literal("/data/**"), 5);
	assert_int_equal(glob_literal("/**"), 0);
	assert_int_equal(glob_literal("/"), 0);
	assert_int_equal(glob_literal("/data/x"), 7);
}

static void too_long_is_refused(void **state)
{
	char tail[200] = "/";
	struct fw_glob g;
	struct error err = {};

	(void)state;
	memset(tail + 1, 'a', FW_GLOB_STATES - 2);
	assert_int_equal(glob_compile(tail, &g, &err), 0);
	tail[FW_GLOB_STATES - 1] = 'a';
	assert_int_equal(glob_compile(tail, &g, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "at most 127 characters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means_what_util_path_glob_means),
		cmocka_unit_test(what_holds_for_all_below_is_known),
		cmocka_unit_test(literals_end_before_the_first_wildcard),
		cmocka_unit_test(too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
