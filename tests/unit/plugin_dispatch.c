// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes before every command (environment, stdin, versions) and the exact bytes of answers and errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/plugin_fake.h"

#define CONF(version, keys) "{\"cniVersion\":\"" version "\",\"name\":\"net\",\"type\":\"faultwire\"" keys "}"
#define PREV ",\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[]}"

static int setup(void **state)
{
	(void)state;
	fake_reset();
	fake_setenv("CNI_COMMAND", "ADD");
	fake_setenv("CNI_CONTAINERID", "abc");
	fake_setenv("CNI_IFNAME", "eth0");
	fake_setenv("CNI_NETNS", "/run/netns/x");
	fake_setenv("CNI_PATH", "/opt/cni/bin");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static void prints(const char *text, const char *out)
{
	assert_int_equal(fake_run(text, strlen(text)), 0);
	assert_string_equal(fake.out, out);
	assert_string_equal(fake.log, "");
}

/* Exit status 1 and exactly this on stdout; the log has the message too, and nothing was done. */
static void fails(const char *text, const char *out)
{
	assert_int_equal(fake_run(text, strlen(text)), 1);
	assert_string_equal(fake.out, out);
	assert_memory_equal(fake.log, "faultwire: ", strlen("faultwire: "));
	assert_string_equal(fake.calls, "");
}

/* Status 1 and an object with this code whose message begins like this. */
static void fails_like(const char *text, size_t n, int code, const char *msg)
{
	_cleanup_json_ cJSON *j = NULL;
	struct error err = {};

	assert_int_equal(fake_run(text, n), 1);
	assert_int_equal(json_parse(fake.out, fake.out_n, "stdout", &j, &err), 0);
	assert_int_equal(cJSON_GetObjectItem(j, "code")->valueint, code);
	assert_memory_equal(cJSON_GetObjectItem(j, "msg")->valuestring, msg, strlen(msg));
	assert_string_equal(fake.calls, "");
}

static void names_the_variable_that_is_missing(void **state)
{
	static const struct {
		const char *command, *variable;
	} needs[] = {
		{ "ADD", "CNI_CONTAINERID" }, { "ADD", "CNI_IFNAME" },  { "ADD", "CNI_NETNS" },
		{ "DEL", "CNI_CONTAINERID" }, { "DEL", "CNI_IFNAME" },  { "CHECK", "CNI_CONTAINERID" },
		{ "CHECK", "CNI_IFNAME" },    { "CHECK", "CNI_NETNS" }, { "GC", "CNI_PATH" },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(needs); i++) {
		_cleanup_free_ char *out =
			util_printf("{\"cniVersion\":\"1.1.0\",\"code\":4,\"msg\":\"%s: not set; the runtime must set "
				    "it for %s\"}\n",
				    needs[i / 2].variable, needs[i / 2].command);

		setup(state);
		fake_setenv("CNI_COMMAND", needs[i / 2].command);
		fake_setenv(needs[i / 2].variable, i % 2 ? "" : NULL);
		fails(CONF("1.1.0", PREV), out);
	}
}

static void needs_no_more_than_the_specification_says(void **state)
{
	static const struct {
		const char *command, *without;
	} optional[] = {
		{ "ADD", "CNI_PATH" },      { "DEL", "CNI_NETNS" },    { "DEL", "CNI_PATH" },    { "GC", "CNI_CONTAINERID" },
		{ "GC", "CNI_NETNS" },      { "GC", "CNI_IFNAME" },    { "STATUS", "CNI_PATH" }, { "STATUS", "CNI_CONTAINERID" },
		{ "STATUS", "CNI_IFNAME" }, { "VERSION", "CNI_PATH" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		setup(state);
		fake_setenv("CNI_COMMAND", optional[i].command);
		fake_setenv(optional[i].without, NULL);
		assert_int_equal(fake_run(CONF("1.1.0", PREV), strlen(CONF("1.1.0", PREV))), 0);
	}
}

static void takes_what_libcni_sends_to_version(void **state)
{
	(void)state;
	fake_setenv("CNI_COMMAND", "VERSION");
	fake_setenv("CNI_CONTAINERID", "");
	fake_setenv("CNI_NETNS", "dummy");
	prints("{\"cniVersion\":\"0.3.1\"}",
	       "{\"cniVersion\":\"0.3.1\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
	prints("", "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
	prints("{}", "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
	prints("{\"cniVersion\":\"9.\\\"9\"}",
	       "{\"cniVersion\":\"9.\\\"9\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
	fails("{\"cniVersion\":1}", "{\"cniVersion\":\"1.1.0\",\"code\":7,\"msg\":\"VERSION.cniVersion: must be a string\"}\n");
	fails_like("{", 1, 6, "VERSION: ");
}

static void refuses_a_command_that_is_none(void **state)
{
	(void)state;
	fake_setenv("CNI_COMMAND", NULL);
	fails("", "{\"cniVersion\":\"1.1.0\",\"code\":4,\"msg\":\"CNI_COMMAND: not set; this is a CNI plugin, which a container "
		  "runtime "
		  "starts\"}\n");
	assert_string_equal(fake.log,
			    "faultwire: start: CNI_COMMAND: not set; this is a CNI plugin, which a container runtime starts\n");
	fake_setenv("CNI_COMMAND", "add\n\xff");
	fails("", "{\"cniVersion\":\"1.1.0\",\"code\":4,\"msg\":\"CNI_COMMAND: 'add?\?' is none of ADD, DEL, CHECK, GC, STATUS, "
		  "VERSION\"}\n");
}

static void refuses_a_container_id_that_is_none(void **state)
{
	char longest[257] = { 0 };
	const char *ids[] = { "../x", "a/b", "a..b", ".a", "-a", "_a", "a b", "a\nb", "\xc3\xa4", longest };

	(void)state;
	memset(longest, 'a', 256);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		fake_setenv("CNI_CONTAINERID", ids[i]);
		fails_like(CONF("1.0.0", PREV), strlen(CONF("1.0.0", PREV)), 4, "CNI_CONTAINERID: '");
		assert_non_null(strstr(fake.out, "is not valid; it begins with a letter or digit"));
	}
	longest[255] = '\0';
	fake_setenv("CNI_CONTAINERID", longest);
	prints(CONF("1.0.0", PREV), "{\"cniVersion\":\"1.0.0\",\"ips\":[]}");
	fake_setenv("CNI_CONTAINERID", "a_b.c-d");
	prints(CONF("1.0.0", PREV), "{\"cniVersion\":\"1.0.0\",\"ips\":[]}");
}

static void refuses_an_interface_name_that_is_none(void **state)
{
	const char *names[] = { ".", "..", "a/b", "a:b", "a b", "a\tb", "a\n", "sixteencharacter" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fake_setenv("CNI_IFNAME", names[i]);
		fails_like(CONF("1.0.0", PREV), strlen(CONF("1.0.0", PREV)), 4, "CNI_IFNAME: '");
	}
	fails(CONF("1.0.0", PREV),
	      "{\"cniVersion\":\"1.1.0\",\"code\":4,\"msg\":\"CNI_IFNAME: 'sixteencharacter' is not valid; at most 15 "
	      "characters without '/', ':' or blanks\"}\n");
	fake_setenv("CNI_IFNAME", "fifteencharacte");
	prints(CONF("1.0.0", PREV), "{\"cniVersion\":\"1.0.0\",\"ips\":[]}");
}

static void knows_which_version_has_which_command(void **state)
{
	static const char *const versions[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0" };
	static const struct {
		const char *command;
		size_t since;
	} commands[] = { { "ADD", 0 }, { "DEL", 0 }, { "CHECK", 2 }, { "GC", 4 }, { "STATUS", 4 }, { "VERSION", 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands) * ARRAY_SIZE(versions); i++) {
		size_t c = i / ARRAY_SIZE(versions), v = i % ARRAY_SIZE(versions);
		_cleanup_free_ char *text = util_printf("{\"cniVersion\":\"%s\",\"name\":\"n\",\"prevResult\":{}}", versions[v]);
		_cleanup_free_ char *out =
			util_printf("{\"cniVersion\":\"%s\",\"code\":1,\"msg\":\"network configuration.cniVersion: '%s' "
				    "has no %s; that is for %s and later\"}\n",
				    versions[v], versions[v], commands[c].command, versions[commands[c].since]);

		fake_setenv("CNI_COMMAND", commands[c].command);
		if (v < commands[c].since)
			fails(text, out);
		else
			assert_int_equal(fake_run(text, strlen(text)), 0);
	}
}

static void refuses_a_version_that_is_not_supported(void **state)
{
	static const char *const commands[] = { "ADD", "DEL", "CHECK", "GC", "STATUS" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		fake_setenv("CNI_COMMAND", commands[i]);
		fails(CONF("0.2.0", PREV),
		      "{\"cniVersion\":\"1.1.0\",\"code\":1,\"msg\":\"network configuration.cniVersion: '0.2.0' is not "
		      "supported; set one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\"}\n");
	}
	fails_like(CONF("1.0", PREV), strlen(CONF("1.0", PREV)), 1, "network configuration.cniVersion: '1.0' is not supported");
	fails_like(CONF("2.0.0", PREV), strlen(CONF("2.0.0", PREV)), 1,
		   "network configuration.cniVersion: '2.0.0' is not supported");
}

static void refuses_a_configuration_without_its_keys(void **state)
{
	(void)state;
	fails("{\"name\":\"net\"}",
	      "{\"cniVersion\":\"1.1.0\",\"code\":7,\"msg\":\"network configuration.cniVersion: must be a string that is "
	      "not empty\"}\n");
	fails("{\"cniVersion\":\"1.0.0\"}",
	      "{\"cniVersion\":\"1.1.0\",\"code\":7,\"msg\":\"network configuration.name: must be a string that is not empty\"}\n");
	fails(CONF("0.3.1", ""),
	      "{\"cniVersion\":\"0.3.1\",\"code\":7,\"msg\":\"network configuration.prevResult: absent; faultwire makes no "
	      "interface: put it behind a plugin that does\"}\n");
	fails(CONF("0.3.1", ",\"prevResult\":[]"), "{\"cniVersion\":\"1.1.0\",\"code\":7,\"msg\":\"network "
						   "configuration.prevResult: must be an object, the result of the plugin "
						   "before this one\"}\n");
}

/* What is not JSON, for every command that reads it. */
static void refuses_stdin_that_is_not_json(void **state)
{
	static const char *const commands[] = { "ADD", "DEL", "CHECK", "GC", "STATUS" };
	static const char *const texts[] = { "",
					     "{",
					     "[]",
					     "{\"cniVersion\":\"1.0.0\",}",
					     "{\"cniVersion\":\"\xc3\x28\"}",
					     "{\"cniVersion\":NaN}",
					     "{\"a\":1,\"a\":2}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands) * ARRAY_SIZE(texts); i++) {
		const char *text = texts[i % ARRAY_SIZE(texts)];

		fake_setenv("CNI_COMMAND", commands[i / ARRAY_SIZE(texts)]);
		fails_like(text, strlen(text), 6, "network configuration: ");
	}
	fails_like("{}\0{}", 5, 6, "network configuration: ");
}

static void refuses_ten_megabytes(void **state)
{
	size_t n = 10 << 20;
	_cleanup_free_ char *text = util_alloc(n + 1, 1);

	(void)state;
	memset(text, ' ', n);
	memcpy(text, CONF("1.0.0", PREV), strlen(CONF("1.0.0", PREV)));
	fails(text, "{\"cniVersion\":\"1.1.0\",\"code\":6,\"msg\":\"network configuration: over 8 MiB; shorten the pod's "
		    "annotations or the "
		    "conflist\"}\n");
	text[8 << 20] = '\0';
	prints(text, "{\"cniVersion\":\"1.0.0\",\"ips\":[]}");
}

static void refuses_deep_nesting(void **state)
{
	char text[4096] = "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"x\":";
	size_t n = strlen(text);

	(void)state;
	memset(text + n, '[', 2000);
	memset(text + n + 2000, ']', sizeof(text) - n - 2000);
	text[n + 4000] = '}';
	fails_like(text, n + 4001, 6, "network configuration: nested deeper than 32 levels");
}

static void reports_streams_that_fail(void **state)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY), out = fake_file("", 0);
	struct cni_io io = { .getenv = fake_getenv, .in = directory, .out = out, .log = fopen("/dev/null", "w") };
	char text[256] = "";

	(void)state;
	assert_int_equal(dispatch(&io), 1);
	assert_true(pread(out, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text,
			    "{\"cniVersion\":\"1.1.0\",\"code\":5,\"msg\":\"cannot read the network configuration from stdin: Is a "
			    "directory\"}\n");
	fclose(io.log);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_the_variable_that_is_missing),
		TEST(needs_no_more_than_the_specification_says),
		TEST(takes_what_libcni_sends_to_version),
		TEST(refuses_a_command_that_is_none),
		TEST(refuses_a_container_id_that_is_none),
		TEST(refuses_an_interface_name_that_is_none),
		TEST(knows_which_version_has_which_command),
		TEST(refuses_a_version_that_is_not_supported),
		TEST(refuses_a_configuration_without_its_keys),
		TEST(refuses_stdin_that_is_not_json),
		TEST(refuses_ten_megabytes),
		TEST(refuses_deep_nesting),
		TEST(reports_streams_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
