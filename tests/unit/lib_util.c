// SPDX-License-Identifier: GPL-2.0-only
/*
 * util and error: the hashes against published values, UTF-8 at its borders, globs, guesses, and messages that stay printable.
 */
#include "tests/unit/check.h"

static void mixes_as_splitmix64_does(void **state)
{
	(void)state;
	/* the first outputs of splitmix64 with seed 1234567 (the reference program's) */
	assert_int_equal(util_mix64(1234567 + 0x9e3779b97f4a7c15ULL), 6457827717110365317ULL);
	assert_int_equal(util_mix64(1234567 + 2 * 0x9e3779b97f4a7c15ULL), 3203168211198807973ULL);
}

static void hashes_as_fnv1a_does(void **state)
{
	(void)state;
	assert_int_equal(util_fnv64(UTIL_FNV_SEED, "", 0), 0xcbf29ce484222325ULL);
	assert_int_equal(util_fnv64(UTIL_FNV_SEED, "a", 1), 0xaf63dc4c8601ec8cULL);
	assert_int_equal(util_fnv64(util_fnv64(UTIL_FNV_SEED, "foo", 3), "bar", 3), 0x85944171f73967e8ULL);
}

static void measures_utf8_and_finds_what_is_none(void **state)
{
	static const struct {
		const char *text;
		size_t n, length;
	} cases[] = {
		{ "a", 1, 1 },
		{ "", 0, 0 },
		{ "\0", 1, 1 },
		{ "\x7f", 1, 1 },
		{ "\x80", 1, 0 },
		{ "\xc1\xbf", 2, 0 },
		{ "\xc2\x80", 2, 2 },
		{ "\xc2", 1, 0 },
		{ "\xdf\xbf", 2, 2 },
		{ "\xe0\x9f\xbf", 3, 0 },
		{ "\xe0\xa0\x80", 3, 3 },
		{ "\xe2\x82\xac", 2, 0 },
		{ "\xed\x9f\xbf", 3, 3 },
		{ "\xed\xa0\x80", 3, 0 },
		{ "\xef\xbf\xbf", 3, 3 },
		{ "\xe2\x82\x41", 3, 0 },
		{ "\xf0\x8f\xbf\xbf", 4, 0 },
		{ "\xf0\x90\x80\x80", 4, 4 },
		{ "\xf4\x8f\xbf\xbf", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 },
		{ "\xf5\x80\x80\x80", 4, 0 },
		{ "\xff", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (util_utf8(cases[i].text, cases[i].n) != cases[i].length)
			fail_msg("case %zu: %zu, not %zu", i, util_utf8(cases[i].text, cases[i].n), cases[i].length);
}

static void globs_match_whole_strings(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "kube-system", "kube-system", true },
		{ "kube-system", "kube-systemd", false },
		{ "kube-system", "kube-syste", false },
		{ "kube-*", "kube-", true },
		{ "kube-*", "kube", false },
		{ "*", "", true },
		{ "?", "", false },
		{ "?", "a", true },
		{ "", "", true },
		{ "", "a", false },
		{ "*-prod-*", "shop-prod-prod-eu", true },
		{ "*-prod", "shop-prod-prod", true },
		{ "a*b*c", "aXbXbXc", true },
		{ "a*b*c", "aXbXbX", false },
		{ "**a**", "bab", true },
		{ "a.c", "abc", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (util_glob(cases[i].pattern, cases[i].text) != cases[i].match)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

static void glob_of_many_stars_ends(void **state)
{
	char text[2049];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(util_glob("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void guesses_what_was_meant(void **state)
{
	static const char *const names[] = { "latency", "jitter", "limit", "loss", NULL };
	char endless[5000];

	(void)state;
	memset(endless, 'l', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_string_equal(util_nearest("latnecy", names), "latency");
	assert_string_equal(util_nearest("Jitter", names), "jitter");
	assert_string_equal(util_nearest("limits", names), "limit");
	assert_string_equal(util_nearest("los", names), "loss");
	assert_null(util_nearest("zebra", names));
	assert_null(util_nearest("", names));
	assert_null(util_nearest(endless, names));
}

static void grows_arrays_with_zeroed_elements(void **state)
{
	_cleanup_free_ uint64_t *array = NULL;
	size_t n = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t *element = util_grow(&array, &n, sizeof(*array));

		assert_int_equal(*element, 0);
		*element = i;
	}
	assert_int_equal(n, 100);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(array[i], i);
}

static void takes_pointers_and_fds_over(void **state)
{
	char *a = util_strdup("x");
	_cleanup_free_ char *b = TAKE_PTR(a);
	int fd = 7;

	(void)state;
	assert_null(a);
	assert_string_equal(b, "x");
	assert_int_equal(TAKE_FD(fd), 7);
	assert_int_equal(fd, -1);
}

static void an_error_carries_code_and_context(void **state)
{
	struct error err = {};

	(void)state;
	assert_int_equal(error_set(&err, EPERM, "'%s' is denied", "x"), -EPERM);
	assert_int_equal(err.code, EPERM);
	assert_int_equal(error_wrap(&err, "container '%d'", 5), -EPERM);
	assert_string_equal(err.msg, "container '5': 'x' is denied");
	assert_int_equal(error_set(NULL, EIO, "nobody listens"), -EIO);
	assert_true(error_wrap(NULL, "nobody listens") < 0);
}

static void an_error_is_printable_whatever_it_quotes(void **state)
{
	struct error err = {};
	char endless[3 * ERROR_MAX];

	(void)state;
	error_set(&err, EINVAL, "'%s'", "a\033[2Jb\nc\x7f\xff\xc2\x9b\xc3\xa4");
	assert_string_equal(err.msg, "'a?[2Jb?c????\xc3\xa4'");
	/* cut in the middle of a character */
	for (size_t i = 0; i + 3 < sizeof(endless); i += 3)
		memcpy(endless + i, "\xe2\x82\xac", 4);
	error_set(&err, EINVAL, "%s", endless);
	assert_int_equal(strlen(err.msg), ERROR_MAX - 1);
	for (size_t i = 0, n; i < strlen(err.msg); i += n) {
		n = util_utf8(err.msg + i, strlen(err.msg + i));
		assert_true(n > 0);
	}
	error_wrap(&err, "%s", "context");
	assert_int_equal(strncmp(err.msg, "context: \xe2\x82\xac", 12), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixes_as_splitmix64_does),
		cmocka_unit_test(hashes_as_fnv1a_does),
		cmocka_unit_test(measures_utf8_and_finds_what_is_none),
		cmocka_unit_test(globs_match_whole_strings),
		cmocka_unit_test(glob_of_many_stars_ends),
		cmocka_unit_test(guesses_what_was_meant),
		cmocka_unit_test(grows_arrays_with_zeroed_elements),
		cmocka_unit_test(takes_pointers_and_fds_over),
		cmocka_unit_test(an_error_carries_code_and_context),
		cmocka_unit_test(an_error_is_printable_whatever_it_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
