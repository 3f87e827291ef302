// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strict JSON: RFC 8259's grammar and our limits against hostile text, typed reads with their units, and what is written back.
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
		"{}",	    "[]",      " [ ] ",		"0",	     "-0",	       "10",		    "-1.5e+10",	 "1E5",
		"0.05",	    "true",    "false",		"null",	     "\"\"",	       "\"\\u00e4\\n\\/\"", "[1,2,[3]]", "{\"a\":{\"b\":[]}}",
		"\t\r\n1 ", "\"\xc3\xa4\"", "\"\\ud83d\\ude00\"", "\"\x7f\"", "{\"\":1,\"a\":2}", "[{\"a\":1},{\"a\":1}]",
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

static void rejects_what_the_grammar_has_not(void **state)
{
	static const struct text cases[] = {
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

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ cJSON *root = NULL;
		const struct refusal c = { cases[i].text, EINVAL, "doc", { "not valid JSON at byte ", cases[i].says } };
		struct error err = {};

		check_refused(&c, parse(cases[i].text, cases[i].n ? cases[i].n : strlen(cases[i].text), &root, &err), &err);
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

/* The document { "v": <text> } and its "v". */
struct doc {
	cJSON *root;
	struct json v;
};

static void doc_close(struct doc *d)
{
	cJSON_Delete(d->root);
}

static struct doc doc_open(const char *value)
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

static int read_u32_percent(const struct json *j, uint64_t *ret, struct error *err)
{
	uint32_t ppm = 77;
	int r = json_percent(j, &ppm, err);

	*ret = ppm;
	return r;
}

static int read_u64(const struct json *j, uint64_t *ret, struct error *err)
{
	return json_u64(j, 0, UINT64_MAX, ret, err);
}

static int read_small(const struct json *j, uint64_t *ret, struct error *err)
{
	return json_u64(j, 1, 10, ret, err);
}

typedef int read_fn(const struct json *j, uint64_t *ret, struct error *err);

static void check_values(read_fn *read, const char *const texts[][2])
{
	for (; texts[0][0]; texts++) {
		_cleanup_(doc_close) struct doc d = doc_open(texts[0][0]);
		uint64_t expected = strtoull(texts[0][1], NULL, 10), value = 77;
		struct error err = {};

		if (read(&d.v, &value, &err) != 0)
			fail_msg("%s refused: %s", texts[0][0], err.msg);
		if (value != expected)
			fail_msg("%s read as %llu", texts[0][0], (unsigned long long)value);
	}
}

/* Pairs of a value and what its refusal says. */
static void check_refusals(read_fn *read, const char *const texts[][2])
{
	for (; texts[0][0]; texts++) {
		_cleanup_(doc_close) struct doc d = doc_open(texts[0][0]);
		const struct refusal c = { texts[0][0], EINVAL, "doc.v", { texts[0][1] } };
		struct error err = {};
		uint64_t value = 77;

		check_refused(&c, read(&d.v, &value, &err), &err);
		assert_int_equal(value, 77);
	}
}

static void reads_durations(void **state)
{
	static const char *const values[][2] = {
		{ "\"200ms\"", "200000000" },	 { "\"1h30m\"", "5400000000000" },	      { "\"0s\"", "0" },
		{ "\"0\"", "0" },		 { "0", "0" },				      { "\"1.5s\"", "1500000000" },
		{ "\"1ns\"", "1" },		 { "\"7us\"", "7000" },			      { "\"2m\"", "120000000000" },
		{ "\"0.000000001s\"", "1" },	 { "\"1h0m0s\"", "3600000000000" },	      { "\"007ms\"", "7000000" },
		{ "\"1.000000000000s\"", "1000000000" }, { "\"9223372036854775807ns\"", "9223372036854775807" }, {},
	};

	(void)state;
	check_values(json_duration, values);
}

static void rejects_durations(void **state)
{
	static const char *const cases[][2] = {
		{ "\"200\"", "'200' needs a unit (ns, us, ms, s, m, h)" },
		{ "200", "'200' needs a unit (ns, us, ms, s, m, h)" },
		{ "\"1.5\"", "needs a unit" },
		{ "\"1s5\"", "needs a unit" },
		{ "\"-5s\"", "must not be negative" },
		{ "-5", "must not be negative" },
		{ "\"5d\"", "'5d' has an unknown unit (ns, us, ms, s, m, h)" },
		{ "\"5 s\"", "unknown unit" },
		{ "\"5S\"", "unknown unit" },
		{ "\"5sec\"", "unknown unit" },
		{ "\"5s \"", "unknown unit" },
		{ "\" 5s\"", "is not a duration (as in 200ms" },
		{ "\"\"", "is not a duration" },
		{ "\"s\"", "is not a duration" },
		{ "\"+5s\"", "is not a duration" },
		{ "\".5s\"", "is not a duration" },
		{ "\"5.s\"", "is not a duration" },
		{ "\"1e3ms\"", "unknown unit" },
		{ "\"0.5ns\"", "finer than 1ns" },
		{ "\"0.0000000001s\"", "finer than 1ns" },
		{ "\"0.0000000000000000001s\"", "is not a duration" },
		{ "\"9223372036854775808ns\"", "too long" },
		{ "\"3000000h\"", "too long" },
		{ "\"99999999999999999999s\"", "too large" },
		{ "1e999", "is not a duration" },
		{ "true", "must be a string, not a boolean" },
		{ "null", "must be a string, not null" },
		{ "[]", "must be a string, not a list" },
		{ "{}", "must be a string, not an object" },
		{},
	};

	(void)state;
	check_refusals(json_duration, cases);
}

static void reads_percentages(void **state)
{
	static const char *const values[][2] = {
		{ "10", "100000" },  { "\"10\"", "100000" },   { "\"10%\"", "100000" }, { "\"0.05\"", "500" }, { "0.05", "500" },
		{ "0", "0" },	     { "-0", "0" },	       { "100", "1000000" },	{ "\"100%\"", "1000000" }, { "33.3333", "333333" },
		{ "0.0001", "1" },   { "\"99.9999\"", "999999" }, { "\"5.50000\"", "55000" }, { "1e1", "100000" }, {},
	};

	(void)state;
	check_values(read_u32_percent, values);
}

static void rejects_percentages(void **state)
{
	static const char *const cases[][2] = {
		{ "101", "'101' is out of range, a percentage is 0 to 100" },
		{ "\"100.0001\"", "out of range" },
		{ "99999999999", "out of range" },
		{ "\"4294967396\"", "out of range" },
		{ "-1", "must not be negative" },
		{ "\"-0.5\"", "must not be negative" },
		{ "\"0.00001\"", "'0.00001' is finer than 0.0001 percent" },
		{ "1e-9", "unknown unit" },
		{ "1e999", "is not a percentage" },
		{ "\"NaN\"", "is not a percentage" },
		{ "\"Infinity\"", "is not a percentage" },
		{ "\"\"", "is not a percentage" },
		{ "\"%\"", "is not a percentage" },
		{ "\"10%%\"", "unknown unit" },
		{ "\"10 %\"", "unknown unit" },
		{ "\"1,5\"", "unknown unit" },
		{ "\"0x10\"", "unknown unit" },
		{ "false", "must be a string, not a boolean" },
		{},
	};

	(void)state;
	check_refusals(read_u32_percent, cases);
}

static void reads_rates_as_chaos_mesh_and_tc_do(void **state)
{
	static const char *const values[][2] = {
		{ "\"1mbps\"", "8000000" },	  { "\"1mbit\"", "1000000" },	    { "\"1bit\"", "1" },	    { "\"8kbit\"", "8000" },
		{ "\"2gbit\"", "2000000000" },	  { "\"1tbit\"", "1000000000000" }, { "\"1bps\"", "8" },	    { "\"3kbps\"", "24000" },
		{ "\"1gbps\"", "8000000000" },	  { "\"1tbps\"", "8000000000000" }, { "\"1.5mbit\"", "1500000" },   { "\"0.5bps\"", "4" },
		{},
	};

	(void)state;
	check_values(json_rate, values);
}

static void rejects_rates(void **state)
{
	static const char *const cases[][2] = {
		{ "\"100\"", "'100' needs a unit (bit, kbit" },
		{ "100", "needs a unit" },
		{ "0", "needs a unit" },
		{ "\"1Mbps\"", "'1Mbps' has an unknown unit (bit, kbit, mbit, gbit, tbit; bytes a second: bps" },
		{ "\"1mb\"", "unknown unit" },
		{ "\"1mbit1kbit\"", "is not a rate" },
		{ "\"0.3bit\"", "finer than 1bit" },
		{ "\"99999999tbit\"", "too large" },
		{ "\"-1mbit\"", "must not be negative" },
		{ "\"fast\"", "is not a rate (as in 10mbit" },
		{},
	};

	(void)state;
	check_refusals(json_rate, cases);
}

static void reads_sizes(void **state)
{
	static const char *const values[][2] = {
		{ "20971520", "20971520" }, { "\"20971520\"", "20971520" }, { "\"10k\"", "10000" },	{ "\"2m\"", "2000000" },
		{ "\"1g\"", "1000000000" }, { "\"1Ki\"", "1024" },	    { "\"20Mi\"", "20971520" }, { "\"1Gi\"", "1073741824" },
		{ "\"1.5k\"", "1500" },	    { "0", "0" },		    {},
	};

	(void)state;
	check_values(json_size, values);
}

static void rejects_sizes(void **state)
{
	static const char *const cases[][2] = {
		{ "1.5", "finer than 1 byte" },	 { "\"1K\"", "unknown unit (none for bytes, k, m, g, Ki, Mi, Gi)" },
		{ "\"1MB\"", "unknown unit" },	 { "-1", "must not be negative" },
		{ "1e999", "is not a size" },	 { "\"18446744073709551616\"", "too large" },
		{ "\"99999999999999g\"", "too large" }, {},
	};

	(void)state;
	check_refusals(json_size, cases);
}

static void reads_whole_numbers_exactly(void **state)
{
	static const char *const values[][2] = {
		{ "0", "0" },
		{ "-0", "0" },
		{ "7", "7" },
		{ "\"7\"", "7" },
		{ "1e3", "1000" },
		{ "9007199254740991", "9007199254740991" },
		{ "\"9007199254740993\"", "9007199254740993" },
		{ "\"18446744073709551615\"", "18446744073709551615" },
		{},
	};

	(void)state;
	check_values(read_u64, values);
}

static void rejects_what_is_no_whole_number(void **state)
{
	static const char *const cases[][2] = {
		{ "9007199254740992", "write it as a string" },
		{ "18446744073709551615", "write it as a string" },
		{ "1e999", "write it as a string" },
		{ "-1", "is not a whole number from 0 to 18446744073709551615" },
		{ "1.5", "'1.5' is not a whole number" },
		{ "\"1.5\"", "is not a whole number" },
		{ "\"1.0\"", "is not a whole number" },
		{ "\"18446744073709551616\"", "is not a whole number" },
		{ "\"-1\"", "is not a whole number" },
		{ "\"+1\"", "is not a whole number" },
		{ "\" 1\"", "is not a whole number" },
		{ "\"0x1\"", "is not a whole number" },
		{ "\"\"", "is not a whole number" },
		{ "true", "must be a whole number, not true" },
		{ "[1]", "must be a whole number, not a list" },
		{},
	};
	static const char *const ranges[][2] = {
		{ "0", "'0' is not a whole number from 1 to 10" },
		{ "11", "from 1 to 10" },
		{ "\"11\"", "from 1 to 10" },
		{ "1e999", "'inf' is not a whole number from 1 to 10" },
		{},
	};

	(void)state;
	check_refusals(read_u64, cases);
	check_refusals(read_small, ranges);
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
		{ "{\"latncy\":1}", EINVAL, "doc.v", { "unknown key 'latncy'", "did you mean 'latency'?", "(allowed: latency, jitter)" } },
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

static void writes_the_shortest_duration(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 999, "999ns" },
		{ 1500, "1.5us" },
		{ 200 * NSEC_PER_MSEC, "200ms" },
		{ 1500 * NSEC_PER_MSEC, "1.5s" },
		{ NSEC_PER_SEC, "1s" },
		{ NSEC_PER_SEC + 1, "1.000000001s" },
		{ 60 * NSEC_PER_SEC, "1m" },
		{ 70 * NSEC_PER_SEC, "70s" },
		{ 90 * NSEC_PER_SEC, "90s" },
		{ 300 * NSEC_PER_SEC, "5m" },
		{ 3600 * NSEC_PER_SEC, "1h" },
		{ 5400 * NSEC_PER_SEC, "90m" },
		{ INT64_MAX, "9223372036.854775807s" },
		{ UINT64_MAX, "18446744073.709551615s" },
	};
	char text[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_format_duration(cases[i].ns, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void written_durations_read_back(void **state)
{
	(void)state;
	for (uint64_t random = 1; random < 3000; random++) {
		uint64_t ns = util_mix64(random) >> (1 + random % 63), again = 1;
		_cleanup_free_ char *value = NULL;
		struct error err = {};
		char text[48];

		json_format_duration(ns, text, sizeof(text));
		value = util_printf("\"%s\"", text);
		_cleanup_(doc_close) struct doc d = doc_open(value);
		assert_int_equal(json_duration(&d.v, &again, &err), 0);
		assert_int_equal(again, ns);
	}
}

static void writes_percentages_and_rates(void **state)
{
	static const struct {
		uint32_t ppm;
		const char *text;
	} percents[] = { { 0, "0" },	{ 1, "0.0001" },	 { 500, "0.05" },    { 10000, "1" },	  { 100000, "10" },
			 { 333333, "33.3333" }, { 1000000, "100" }, { 999999, "99.9999" }, { 1005000, "100.5" } };
	static const struct {
		uint64_t bits;
		const char *text;
	} rates[] = { { 0, "0bit" },	       { 8, "8bit" },	       { 1000, "1kbit" },	       { 1500000, "1500kbit" },
		      { 10000000, "10mbit" }, { 8000000000, "8gbit" }, { 1000000000000, "1tbit" }, { 1000001, "1000001bit" } };
	char text[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
		json_format_percent(percents[i].ppm, text, sizeof(text));
		assert_string_equal(text, percents[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		json_format_rate(rates[i].bits, text, sizeof(text));
		assert_string_equal(text, rates[i].text);
	}
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
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(rejects_durations),
		cmocka_unit_test(reads_percentages),
		cmocka_unit_test(rejects_percentages),
		cmocka_unit_test(reads_rates_as_chaos_mesh_and_tc_do),
		cmocka_unit_test(rejects_rates),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(rejects_sizes),
		cmocka_unit_test(reads_whole_numbers_exactly),
		cmocka_unit_test(rejects_what_is_no_whole_number),
		cmocka_unit_test(absent_values_keep_their_defaults),
		cmocka_unit_test(names_the_place),
		cmocka_unit_test(a_path_too_long_is_cut),
		cmocka_unit_test(refuses_keys_that_are_not_allowed),
		cmocka_unit_test(a_long_value_does_not_hide_the_remedy),
		cmocka_unit_test(reads_booleans_strings_and_names),
		cmocka_unit_test(writes_the_shortest_duration),
		cmocka_unit_test(written_durations_read_back),
		cmocka_unit_test(writes_percentages_and_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
