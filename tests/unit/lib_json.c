// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strict JSON: RFC 8259's grammar and our limits against hostile text, places and their names, and what has no units.
 */
#include "tests/unit/check.h"

struct text {
	const char *text;
	size_t n; /* 0 = strlen */
	const char *says;
};

static int parse(const char *text, size_t n, cJSON **ret, struct error *err)
{
	/* exactly n bytes on the heap: a read behind them is the sanitizer's */
	_cleanup_free_ char *copy = util_alloc(n, 1);

	memcpy(copy, text, n);
	return json_parse(copy, n, "doc", ret, err);
}

static void accepts_what_the_grammar_has(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		" [ ] ",
		"0",
		"-0",
		"10",
		"-1.5e+10",
		"1E5",
		"0.05",
		"true",
		"false",
		"null",
		"\"\"",
		"\"\\u00e4\\n\\/\"",
		"[1,2,[3]]",
		"{\"a\":{\"b\":[]}}",
		"\t\r\n1 ",
		"\"\xc3\xa4\"",
		"\"\\ud83d\\ude00\"",
		"\"\x7f\"",
		"{\"\":1,\"a\":2}",
		"[{\"a\":1},{\"a\":1}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ cJSON *root = NULL;
		struct error err = {};

		if (parse(texts[i], strlen(texts[i]), &root, &err) != 0)
			fail_msg("%s: %s", texts[i], err.msg);
		assert_non_null(root);
	}
}

static const struct text not_json[] = {
	{ "", 0, "a value is expected" },
	{ "  ", 0, "byte 3" },
	{ "\xef\xbb\xbf{}", 0, "a value is expected" },
	{ "{", 0, "double quotes" },
	{ "{]", 0, "double quotes" },
	{ "{a:1}", 0, "double quotes" },
	{ "{'a':1}", 0, "double quotes" },
	{ "{\"a\"}", 0, "':' is expected" },
	{ "{\"a\":}", 0, "a value is expected" },
	{ "{\"a\":1,}", 0, "double quotes" },
	{ "{\"a\":1]", 0, "',' or '}'" },
	{ "[1,]", 0, "a value is expected" },
	{ "[1}", 0, "',' or ']'" },
	{ "[1 2]", 0, "',' or ']'" },
	{ "[", 0, "a value is expected" },
	{ "]", 0, "a value is expected" },
	{ "1 2", 0, "something follows" },
	{ "{}x", 0, "something follows" },
	{ "{}{}", 0, "something follows" },
	{ "01", 0, "must not begin with 0" },
	{ "-", 0, "a value is expected" },
	{ "+1", 0, "a value is expected" },
	{ ".5", 0, "a value is expected" },
	{ "1.", 0, "a digit is expected after the point" },
	{ "1e", 0, "in the exponent" },
	{ "0x10", 0, "something follows" },
	{ "NaN", 0, "a value is expected" },
	{ "Infinity", 0, "a value is expected" },
	{ "-Infinity", 0, "a value is expected" },
	{ "nul", 0, "a value is expected" },
	{ "True", 0, "a value is expected" },
	{ "\"", 0, "without its end" },
	{ "\"\\", 0, "escape" },
	{ "\"\\x41\"", 0, "escape" },
	{ "\"\\u12g4\"", 0, "hexadecimal" },
	{ "\"\\u12", 0, "hexadecimal" },
	{ "\"\\u0000\"", 0, "NUL" },
	{ "\"\\ud800\"", 0, "surrogate" },
	{ "\"\\ud800\\n\"", 0, "surrogate" },
	{ "\"\\ud800\\u0041\"", 0, "surrogate" },
	{ "\"\\udc00\\ud800\"", 0, "surrogate" },
	{ "\"a\nb\"", 0, "control character" },
	{ "\"a\tb\"", 0, "control character" },
	{ "\"\xff\"", 0, "invalid UTF-8" },
	{ "\"\xc3\"", 0, "invalid UTF-8" },
	{ "\"\xc0\x80\"", 0, "invalid UTF-8" },
	{ "\"\xed\xa0\x80\"", 0, "invalid UTF-8" },
	{ "\"a\0b\"", 5, "NUL" },
	{ "{}\0", 3, "something follows" },
	{ "\0{}", 3, "a value is expected" },
	{ "/* */ {}", 0, "a value is expected" },
	{ "1000000000000000000000000000000000000000000000000000000000000000000", 0, "too long" },
};

static void rejects_what_the_grammar_has_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(not_json); i++) {
		_cleanup_json_ cJSON *root = NULL;
		const struct refusal c = { not_json[i].text, EINVAL, "doc", { "not valid JSON at byte ", not_json[i].says } };
		struct error err = {};

		check_refused(&c, parse(not_json[i].text, not_json[i].n ? not_json[i].n : strlen(not_json[i].text), &root, &err),
			      &err);
		assert_null(root);
	}
}

static void rejects_a_key_given_twice(void **state)
{
	static const char *const texts[] = {
		"{\"a\":1,\"b\":2,\"a\":1}",
		"[{\"x\":[{\"a\":1,\"\\u0061\":2}]}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ cJSON *root = NULL;
		const struct refusal c = { texts[i], EINVAL, "doc", { "key 'a' is given twice" } };
		struct error err = {};

		check_refused(&c, parse(texts[i], strlen(texts[i]), &root, &err), &err);
	}
}

static char *nested(size_t depth, bool objects)
{
	size_t open = objects ? 5 : 1; /* {"a": */
	char *text = util_alloc(depth * (open + 1) + 2, 1);

	for (size_t i = 0; i < depth; i++) {
		memcpy(text + i * open, objects ? "{\"a\":" : "[", open);
		text[depth * open + 1 + i] = objects ? '}' : ']';
	}
	text[depth * open] = '1';
	return text;
}

static void depth_is_limited_before_anything_recurses(void **state)
{
	static const size_t refused[] = { JSON_MAX_DEPTH + 1, 10000, 150000 };

	(void)state;
	for (int objects = 0; objects < 2; objects++) {
		_cleanup_free_ char *deepest = nested(JSON_MAX_DEPTH, objects);
		_cleanup_json_ cJSON *root = NULL;
		struct error err = {};

		assert_int_equal(parse(deepest, strlen(deepest), &root, &err), 0);
		for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
			_cleanup_free_ char *text = nested(refused[i], objects);
			_cleanup_json_ cJSON *none = NULL;
			const struct refusal c = { "nested", E2BIG, "doc", { "deeper than 32 levels" } };

			check_refused(&c, parse(text, strlen(text), &none, &err), &err);
		}
	}
}

static void size_is_limited(void **state)
{
	size_t n = 10 << 20;
	_cleanup_free_ char *text = util_alloc(n + 1, 1);
	_cleanup_json_ cJSON *root = NULL, *none = NULL;
	const struct refusal c = { "10 MB", E2BIG, "doc", { "10485760 bytes are too many", "at most 8388608" } };
	struct error err = {};

	(void)state;
	memset(text, ' ', n);
	text[0] = '1';
	check_refused(&c, json_parse(text, n, "doc", &none, &err), &err);
	assert_int_equal(json_parse(text, JSON_MAX_BYTES, "doc", &root, &err), 0);
}

static void many_keys_are_not_quadratic(void **state)
{
	_cleanup_free_ char *text = util_alloc(70000, sizeof("{\"12345678\":0"));
	_cleanup_json_ cJSON *root = NULL;
	struct error err = {};
	size_t n = 0;

	(void)state;
	for (unsigned int i = 0; i < 70000; i++)
		n += (size_t)sprintf(text + n, "%c\"%x\":0", i ? ',' : '{', i * 2654435761U);
	n += (size_t)sprintf(text + n, "}");
	assert_int_equal(json_parse(text, n, "doc", &root, &err), 0);
	assert_int_equal(cJSON_GetArraySize(root), 70000);
}

static void hostile_mutations_never_crash(void **state)
{
	static const char seed[] = "[{\"a\":\"\\ud83d\\ude00\xc3\xa4\",\"b\":[1.5e3,{\"c\":null}]},true,\"x\"]";
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		_cleanup_json_ cJSON *root = NULL;
		char text[sizeof(seed)];
		struct error err = {};
		size_t n;

		memcpy(text, seed, sizeof(seed));
		for (int i = 0; i < 3; i++) {
			random = util_mix64(random + 1);
			text[random % (sizeof(seed) - 1)] = (char)(random >> 32);
		}
		n = (random >> 40) % sizeof(seed);
		if (parse(text, n, &root, &err) == 0) {
			_cleanup_free_ char *printed = cJSON_PrintUnformatted(root);
			_cleanup_json_ cJSON *again = NULL;

			assert_int_equal(json_parse(printed, strlen(printed), "again", &again, &err), 0);
			assert_true(cJSON_Compare(root, again, true));
		} else {
			assert_true(err.code == EINVAL && strlen(err.msg) > 5);
		}
	}
}

static void span_finds_a_value_byte_for_byte(void **state)
{
	static const struct {
		const char *text, *key, *value; /* NULL = absent */
	} cases[] = {
		{ "{\"a\":1}", "a", "1" },
		{ " { \"a\" : [ 1 , {\"b\":2} ] , \"b\" : \"x\\\"y\" } ", "a", "[ 1 , {\"b\":2} ]" },
		{ " { \"a\" : [ 1 , {\"b\":2} ] , \"b\" : \"x\\\"y\" } ", "b", "\"x\\\"y\"" },
		{ "{\"pre\\u0076Result\":{\"ips\": []}, \"z\":1}", "prevResult", "{\"ips\": []}" },
		{ "{\"x\":{\"a\":1}}", "a", NULL },
		{ "{\"ab\":1}", "a", NULL },
		{ "{\"a\":1}", "ab", NULL },
		{ "{}", "a", NULL },
		{ "[\"a\",1]", "a", NULL },
		{ "1", "a", NULL },
		{ "{\"a\":null}", "a", "null" },
		{ "{\"a\":-1.50e+07 }", "a", "-1.50e+07" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *value = NULL;
		size_t n = 0;

		assert_int_equal(json_span(cases[i].text, strlen(cases[i].text), cases[i].key, &value, &n), cases[i].value != NULL);
		if (cases[i].value)
			assert_true(n == strlen(cases[i].value) && memcmp(value, cases[i].value, n) == 0);
	}
}

static void absent_values_keep_their_defaults(void **state)
{
	static const char *const names[] = { "a", NULL };
	_cleanup_(doc_close) struct doc d = doc_open("{}");
	struct json none = json_get(&d.v, "none");
	struct error err = {};
	const char *s = "default";
	uint64_t n = 5;
	uint32_t ppm = 6;
	bool b = true;
	int i = 7;

	(void)state;
	assert_false(json_has(&none));
	assert_string_equal(none.path, "doc.v.none");
	assert_int_equal(json_bool(&none, &b, &err), 0);
	assert_int_equal(json_string(&none, &s, &err), 0);
	assert_int_equal(json_enum(&none, names, &i, &err), 0);
	assert_int_equal(json_percent(&none, &ppm, &err), 0);
	assert_int_equal(json_u64(&none, 0, 1, &n, &err) + json_duration(&none, &n, &err), 0);
	assert_int_equal(json_rate(&none, &n, &err) + json_size(&none, &n, &err), 0);
	assert_true(b && n == 5 && ppm == 6 && i == 7);
	assert_string_equal(s, "default");
	assert_string_equal(err.msg, "");
}

static void names_the_place(void **state)
{
	_cleanup_(doc_close) struct doc d = doc_open("[{\"Key\":1},2]");
	struct json first = json_at(&d.v, 0), key = json_get(&first, "Key"), other = json_get(&first, "key");
	struct json beyond = json_at(&d.v, 2);
	struct error err = {};

	(void)state;
	assert_string_equal(key.path, "doc.v[0].Key");
	assert_true(json_has(&key));
	assert_false(json_has(&other)); /* keys have their case */
	assert_false(json_has(&beyond));
	assert_int_equal(json_error(&key, &err, "is %d", 5), -EINVAL);
	assert_string_equal(err.msg, "doc.v[0].Key: is 5");
}

static void a_path_too_long_is_cut(void **state)
{
	char key[600];
	struct json j = json_root(NULL, "doc");

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	j = json_get(&j, key);
	assert_int_equal(strlen(j.path), sizeof(j.path) - 1);
	j = json_at(&j, 3);
	assert_int_equal(strlen(j.path), sizeof(j.path) - 1);
}

static void refuses_keys_that_are_not_allowed(void **state)
{
	static const char *const keys[] = { "latency", "jitter", NULL };
	static const struct refusal cases[] = {
		{ "{\"latncy\":1}",
		  EINVAL,
		  "doc.v",
		  { "unknown key 'latncy'", "did you mean 'latency'?", "(allowed: latency, jitter)" } },
		{ "{\"jitter\":1,\"zebra\":1}", EINVAL, "doc.v", { "unknown key 'zebra' (allowed: latency, jitter)" } },
		{ "{\"Latency\":1}", EINVAL, "doc.v", { "did you mean 'latency'?" } },
		{ "{\"\":1}", EINVAL, "doc.v", { "unknown key ''" } },
		{ "[]", EINVAL, "doc.v", { "must be an object, not a list" } },
		{ "\"latency\"", EINVAL, "doc.v", { "must be an object, not a string" } },
		{ "null", EINVAL, "doc.v", { "must be an object, not null" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(doc_close) struct doc d = doc_open(cases[i].input);
		struct error err = {};

		check_refused(&cases[i], json_only(&d.v, keys, &err), &err);
	}
}

static void a_long_value_does_not_hide_the_remedy(void **state)
{
	_cleanup_free_ char *value = util_alloc(5000, 1);
	struct error err = {};
	uint64_t ns = 0;

	(void)state;
	memset(value, '1', 4998);
	value[0] = value[4998] = '"';
	_cleanup_(doc_close) struct doc d = doc_open(value);
	assert_int_equal(json_duration(&d.v, &ns, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "needs a unit (ns, us, ms, s, m, h)"));
	assert_true(strlen(err.msg) < 200);
}

static void reads_booleans_strings_and_names(void **state)
{
	static const char *const names[] = { "to", "from", "both", NULL };
	_cleanup_(doc_close) struct doc yes = doc_open("true"), from = doc_open("\"from\""), one = doc_open("1"),
					form = doc_open("\"form\"");
	struct error err = {};
	const char *s = NULL;
	bool b = false;
	int i = -1;

	(void)state;
	assert_int_equal(json_bool(&yes.v, &b, &err), 0);
	assert_true(b);
	assert_int_equal(json_string(&from.v, &s, &err), 0);
	assert_string_equal(s, "from");
	assert_int_equal(json_enum(&from.v, names, &i, &err), 0);
	assert_int_equal(i, 1);
	assert_int_equal(json_bool(&one.v, &b, &err), -EINVAL);
	assert_string_equal(err.msg, "doc.v: must be true or false (without quotes), not a number");
	assert_int_equal(json_string(&one.v, &s, &err), -EINVAL);
	assert_string_equal(err.msg, "doc.v: must be a string, not a number");
	assert_int_equal(json_enum(&form.v, names, &i, &err), -EINVAL);
	assert_string_equal(err.msg, "doc.v: unknown value 'form', did you mean 'from'? (allowed: to, from, both)");
	assert_int_equal(i, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_grammar_has),
		cmocka_unit_test(rejects_what_the_grammar_has_not),
		cmocka_unit_test(rejects_a_key_given_twice),
		cmocka_unit_test(depth_is_limited_before_anything_recurses),
		cmocka_unit_test(size_is_limited),
		cmocka_unit_test(many_keys_are_not_quadratic),
		cmocka_unit_test(hostile_mutations_never_crash),
		cmocka_unit_test(span_finds_a_value_byte_for_byte),
		cmocka_unit_test(absent_values_keep_their_defaults),
		cmocka_unit_test(names_the_place),
		cmocka_unit_test(a_path_too_long_is_cut),
		cmocka_unit_test(refuses_keys_that_are_not_allowed),
		cmocka_unit_test(a_long_value_does_not_hide_the_remedy),
		cmocka_unit_test(reads_booleans_strings_and_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
