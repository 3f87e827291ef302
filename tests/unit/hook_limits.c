// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a limit's control file is to say, as cgroup v1 and v2 print it, and what puts it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/limits.h"
#include "lib/util.h"

static const struct {
	bool v1;
	enum limit_kind kind;
	const char *there;
	uint64_t value;
	const char *text; /* NULL = it is as low already */
} cases[] = {
	{ false, LIMIT_CPU, "max 100000", 200, "20000 100000" },
	{ false, LIMIT_CPU, "50000 50000", 200, "10000 50000" },
	{ false, LIMIT_CPU, "20000 100000", 200, NULL },
	{ false, LIMIT_CPU, "max 10000", 10, "1000 10000" }, /* the kernel's least quota */
	{ true, LIMIT_CPU, "-1", 200, "20000" },
	{ true, LIMIT_CPU, "10000", 200, NULL },
	{ false, LIMIT_MEMORY, "max", 67108864, "67108864" },
	{ false, LIMIT_MEMORY, "max", 67108865, "67108864" }, /* whole pages */
	{ false, LIMIT_MEMORY, "67108864", 67108864, NULL },
	{ true, LIMIT_MEMORY, "9223372036854771712", 67108864, "67108864" },
	{ true, LIMIT_MEMORY, "1048576", 67108864, NULL },
	{ false, LIMIT_PIDS, "max", 20, "20" },
	{ true, LIMIT_PIDS, "19", 20, NULL },
	{ false, LIMIT_RBPS, "", 1000, "8:0 rbps=1000 wbps=max riops=max wiops=max" },
	{ false, LIMIT_WIOPS, "8:0 rbps=1000 wbps=max riops=max wiops=max", 10, "8:0 rbps=1000 wbps=max riops=max wiops=10" },
	{ false, LIMIT_RBPS, "8:0 rbps=1000 wbps=max riops=max wiops=max", 1000, NULL },
	{ true, LIMIT_WBPS, "", 1000, "8:0 1000" },
	{ true, LIMIT_WBPS, "8:0 2000", 1000, "8:0 1000" },
	{ true, LIMIT_WBPS, "8:0 500", 1000, NULL },
};

static void limits_only_lower(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *key = cases[i].kind < LIMIT_RBPS ? "" : "8:0";
		char text[CGROUP_TEXT_MAX] = "";
		bool lower = limits_text(cases[i].v1, cases[i].kind, key, cases[i].there, 100000, cases[i].value, text);

		if (lower != (cases[i].text != NULL))
			fail_msg("case %zu, '%s': %s", i, cases[i].there, text);
		if (lower)
			assert_string_equal(text, cases[i].text);
	}
}

static void what_was_not_there_has_a_text_that_removes_it(void **state)
{
	char buf[CGROUP_TEXT_MAX];

	(void)state;
	assert_null(limits_restore(false, LIMIT_CPU, "", "max 100000", buf));
	assert_null(limits_restore(false, LIMIT_RBPS, "8:0", "8:0 rbps=1 wbps=max riops=max wiops=max", buf));
	assert_null(limits_restore(true, LIMIT_RBPS, "8:0", "8:0 1", buf));
	assert_string_equal(limits_restore(true, LIMIT_RBPS, "8:0", "", buf), "8:0 0");
	assert_string_equal(limits_restore(false, LIMIT_RBPS, "8:0", "", buf), "8:0 rbps=max wbps=max riops=max wiops=max");
}

static void files_are_those_of_the_hierarchy(void **state)
{
	char *dirs[CGROUP_CONTROLS] = { "/f", "/c", "/m", "/p", "/i" };
	struct cgroup c = { .v1 = { [CGROUP_MEMORY] = true } };
	char *memory, *cpu, *io;

	(void)state;
	memcpy(c.dir, dirs, sizeof(dirs));
	memory = limits_file(&c, LIMIT_MEMORY);
	cpu = limits_file(&c, LIMIT_CPU);
	io = limits_file(&c, LIMIT_WIOPS);
	assert_string_equal(memory, "/m/memory.limit_in_bytes");
	assert_string_equal(cpu, "/c/cpu.max");
	assert_string_equal(io, "/i/io.max");
	free(memory);
	free(cpu);
	free(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_only_lower),
		cmocka_unit_test(what_was_not_there_has_a_text_that_removes_it),
		cmocka_unit_test(files_are_those_of_the_hierarchy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
