// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers with and without units: what is read exactly, what is refused and with which remedy, and what is written back.
 */
#include "tests/unit/check.h"

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
		{ "\"200ms\"", "200000000" },
		{ "\"1h30m\"", "5400000000000" },
		{ "\"0s\"", "0" },
		{ "\"0\"", "0" },
		{ "0", "0" },
		{ "\"1.5s\"", "1500000000" },
		{ "\"1ns\"", "1" },
		{ "\"7us\"", "7000" },
		{ "\"2m\"", "120000000000" },
		{ "\"0.000000001s\"", "1" },
		{ "\"1h0m0s\"", "3600000000000" },
		{ "\"007ms\"", "7000000" },
		{ "\"1.000000000000s\"", "1000000000" },
		{ "\"9223372036854775807ns\"", "9223372036854775807" },
		{},
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
		{ "10", "100000" },
		{ "\"10\"", "100000" },
		{ "\"10%\"", "100000" },
		{ "\"0.05\"", "500" },
		{ "0.05", "500" },
		{ "0", "0" },
		{ "-0", "0" },
		{ "100", "1000000" },
		{ "\"100%\"", "1000000" },
		{ "33.3333", "333333" },
		{ "0.0001", "1" },
		{ "\"99.9999\"", "999999" },
		{ "\"5.50000\"", "55000" },
		{ "1e1", "100000" },
		{},
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
		{ "\"1mbps\"", "8000000" },
		{ "\"1mbit\"", "1000000" },
		{ "\"1bit\"", "1" },
		{ "\"8kbit\"", "8000" },
		{ "\"2gbit\"", "2000000000" },
		{ "\"1tbit\"", "1000000000000" },
		{ "\"1bps\"", "8" },
		{ "\"3kbps\"", "24000" },
		{ "\"1gbps\"", "8000000000" },
		{ "\"1tbps\"", "8000000000000" },
		{ "\"1.5mbit\"", "1500000" },
		{ "\"0.5bps\"", "4" },
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
		{ "20971520", "20971520" },
		{ "\"20971520\"", "20971520" },
		{ "\"10k\"", "10000" },
		{ "\"2m\"", "2000000" },
		{ "\"1g\"", "1000000000" },
		{ "\"1Ki\"", "1024" },
		{ "\"20Mi\"", "20971520" },
		{ "\"1Gi\"", "1073741824" },
		{ "\"1.5k\"", "1500" },
		{ "0", "0" },
		{},
	};

	(void)state;
	check_values(json_size, values);
}

static void rejects_sizes(void **state)
{
	static const char *const cases[][2] = {
		{ "1.5", "finer than 1 byte" },         { "\"1K\"", "unknown unit (none for bytes, k, m, g, Ki, Mi, Gi)" },
		{ "\"1MB\"", "unknown unit" },          { "-1", "must not be negative" },
		{ "1e999", "is not a size" },           { "\"18446744073709551616\"", "too large" },
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
	} percents[] = { { 0, "0" },         { 1, "0.0001" },       { 500, "0.05" },
			 { 10000, "1" },     { 100000, "10" },      { 333333, "33.3333" },
			 { 1000000, "100" }, { 999999, "99.9999" }, { 1005000, "100.5" } };
	static const struct {
		uint64_t bits;
		const char *text;
	} rates[] = { { 0, "0bit" },          { 8, "8bit" },           { 1000, "1kbit" },          { 1500000, "1500kbit" },
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
		cmocka_unit_test(writes_the_shortest_duration),
		cmocka_unit_test(written_durations_read_back),
		cmocka_unit_test(writes_percentages_and_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
