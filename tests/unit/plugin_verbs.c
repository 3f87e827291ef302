// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the plugin does to a pod that asks for nothing (nothing), and DEL, CHECK, GC, STATUS.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/plugin_pod.h"

/* ---- an un-annotated pod */

/* From here on the process dies of whatever could open, connect, lock or fork. */
static void forbid_everything(void)
{
	static const int forbidden[] = {
		__NR_openat, __NR_socket, __NR_connect, __NR_flock, __NR_bpf, __NR_clone, __NR_newfstatat
	};
	struct sock_filter code[2 * ARRAY_SIZE(forbidden) + 2] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
									    offsetof(struct seccomp_data, nr)) };
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	size_t n = 1;

	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forbidden[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	code[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(99);
}

/* The wait status of a call in a process that may open nothing; its output is one datagram a write. */
static int run_confined(const char *text, int out)
{
	struct cni_io io = {
		.getenv = fake_getenv, .in = fake_file(text, strlen(text)), .out = out, .log = stderr, .policy = "/etc/passwd"
	};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		forbid_everything();
		_exit(dispatch(&io) + (fake.calls[0] ? 50 : 0));
	}
	close(io.in);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void opens_nothing_for_an_unannotated_pod(void **state)
{
	char got[sizeof(PREV) + 1] = "";
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(run_confined(POD("\"other.dev/x\":\"y\""), pair[0]), 0);
	assert_int_equal(recv(pair[1], got, sizeof(got), 0), strlen(PREV));
	assert_string_equal(got, PREV);
	assert_int_equal(recv(pair[1], got, sizeof(got), 0), -1);
	/* and the trap works: an annotated one reads the policy */
	assert_true(WIFSIGNALED(run_confined(FAULTY, pair[0])));
	command("DEL");
	assert_int_equal(run_confined(CONF(""), pair[0]), 0);
	command("CHECK");
	assert_int_equal(run_confined(CONF(""), pair[0]), 0);
	assert_int_equal(recv(pair[1], got, sizeof(got), 0), -1);
	close(pair[0]);
	close(pair[1]);
}

static void never_lets_an_unannotated_pod_notice_a_broken_policy(void **state)
{
	(void)state;
	policy("{");
	succeeds(CONF(""), PREV, "");
	succeeds(POD("\"a\":\"b\""), PREV, "");
	fake_setenv("CNI_ARGS", "nonsense");
	succeeds(CONF(""), PREV, "");
	fails(FAULTY, 107, "policy.json", "");
}

static void prints_prev_result_byte_for_byte(void **state)
{
	static const char *const results[] = {
		"{\"cniVersion\":\"1.0.0\"}",
		"{ \"cniVersion\" : \"1.0.0\",\n\t\"x\" : [ 9007199254740993, 18446744073709551615, 1.10, 1E400, -0 ] }",
		"{\"interfaces\":[{\"name\":\"eth0\",\"\\u0061\":\"\\u00e4\\/"
		"\\ud83d\\ude00\"}],\"cniVersion\":\"1.0.0\",\"unknown\":{\"\":null}}",
		"{\"x\":\"\\\"prevResult\\\":{}\",\"cniVersion\":\"\\u0031.0.0\"}",
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(results); i++) {
		_cleanup_free_ char *text =
			util_printf("{\"prevResult\": %s ,\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"annotations\":{%s}}",
				    results[i / 2], i % 2 ? "\"faultwire.dev/network\":\"" LOSS "\"" : "");

		succeeds(text, results[i / 2], i % 2 ? ADDED : "");
	}
}

static void prints_prev_result_in_the_version_of_the_configuration(void **state)
{
	static const struct {
		const char *version, *prev, *out;
	} cases[] = {
		{ "0.3.1", "{\"cniVersion\":\"0.3.1\",\"n\":1}", "{\"cniVersion\":\"0.3.1\",\"n\":1}" },
		{ "0.3.1", "{\"n\":18446744073709551615, \"cniVersion\": \"0.4.0\" }",
		  "{\"n\":18446744073709551615, \"cniVersion\": \"0.3.1\" }" },
		{ "1.1.0", "{\"cniVersion\":\"1.0.0\"}", "{\"cniVersion\":\"1.1.0\"}" },
		{ "1.1.0", "{\"cniVersion\":null,\"n\":1}", "{\"cniVersion\":\"1.1.0\",\"n\":1}" },
		{ "1.1.0", "{\"n\":1}", "{\"cniVersion\":\"1.1.0\",\"n\":1}" },
		{ "1.1.0", "{ }", "{\"cniVersion\":\"1.1.0\" }" },
		{ "1.1.0", "{\"x\":{\"cniVersion\":\"0.1.0\"}}", "{\"cniVersion\":\"1.1.0\",\"x\":{\"cniVersion\":\"0.1.0\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text =
			util_printf("{\"cniVersion\":\"%s\",\"name\":\"net\",\"prevResult\":%s}", cases[i].version, cases[i].prev);

		succeeds(text, cases[i].out, "");
	}
}

/* ---- the other commands */

static void deletes_what_is_recorded_whatever_the_annotations_say(void **state)
{
	static const char *const texts[] = { CONF(""),
					     FAULTY,
					     POD("\"faultwire.dev/network\":\"{\""),
					     CONF(",\"annotations\":7"),
					     CONF(",\"runtimeConfig\":7"),
					     "{\"cniVersion\":\"0.3.1\",\"name\":\"net\"}" };

	(void)state;
	policy("{");
	command("DEL");
	for (size_t i = 0; i < 3 * ARRAY_SIZE(texts); i++) {
		fake_setenv("CNI_NETNS", i % 3 == 0 ? NULL : i % 3 == 1 ? "" : "/gone");
		fake_setenv("CNI_ARGS", i % 3 == 0 ? "nonsense" : NULL);
		fake.exists = true;
		succeeds(texts[i / 3], "", "del(abc,eth0)");
		fake.exists = false;
		succeeds(texts[i / 3], "", "");
		fake.interrupted = true; /* somebody was killed: of whose pod nobody knows */
		succeeds(texts[i / 3], "", "del(abc,eth0)");
		fake.interrupted = false;
	}
}

static void reports_a_delete_that_failed(void **state)
{
	(void)state;
	command("DEL");
	fake.exists = true;
	fake.del = -EIO;
	fails(CONF(""), 110, "the engine says no", "del(abc,eth0)");
}

static void checks_what_is_recorded(void **state)
{
	(void)state;
	command("CHECK");
	fake.exists = true;
	succeeds(CONF(""), "", "check(abc,eth0)");
	succeeds(FAULTY, "", "check(abc,eth0)");
	fake.check = -ESTALE;
	fails(FAULTY, 106, "the engine says no", "check(abc,eth0)");
}

static void misses_a_record_only_where_there_should_be_one(void **state)
{
	(void)state;
	command("CHECK");
	fake.check = -ENOENT;
	succeeds(CONF(""), "", "");
	fails(FAULTY, 106, "the engine says no", "check(abc,eth0)");
	fails(POD("\"faultwire.dev/network\":\"{\""), 100, "faultwire.dev/network", "");
	policy("{\"onError\":\"ignore\"}");
	succeeds(FAULTY, "", "check(abc,eth0)");
	succeeds(POD("\"faultwire.dev/network\":\"{\""), "", "");
}

#define GC(keys) "{\"cniVersion\":\"1.1.0\",\"name\":\"net\"" keys "}"

static void collects_what_is_not_listed(void **state)
{
	(void)state;
	command("GC");
	succeeds(GC(",\"cni.dev/"
		    "valid-attachments\":[{\"containerID\":\"abc\",\"ifname\":\"eth0\"},{\"containerID\":\"x\",\"ifname\":\"net1\"}"
		    "]"),
		 "", "gc(net,abc/eth0)");
	succeeds(GC(",\"cni.dev/valid-attachments\":null,\"cni.dev/attachments\":null"), "", "gc(net)");
	succeeds(GC(",\"cni.dev/valid-attachments\":[]"), "", "gc(net)");
	assert_string_equal(fake.log, "");
	fake.gc_n = 2;
	succeeds(GC(",\"cni.dev/valid-attachments\":[]"), "", "gc(net)");
	assert_string_equal(fake.log, "faultwire: GC: removed the faults of 2 interfaces that are gone\n");
}

static void keeps_everything_when_there_is_no_list(void **state)
{
	(void)state;
	command("GC");
	succeeds(GC(""), "", "gc(net,abc/eth0,abc/net1,def/eth0)");
}

static void collects_nothing_by_a_malformed_list(void **state)
{
	static const char text[] = GC(",\"cni.dev/valid-attachments\":[{\"containerID\":\"abc\"}]");

	(void)state;
	command("GC");
	assert_int_equal(fake_run(text, strlen(text)), 1);
	assert_non_null(strstr(fake.out, "\"code\":7"));
	assert_string_equal(fake.calls, "");
}

static void is_always_ready(void **state)
{
	(void)state;
	command("STATUS");
	policy("{");
	succeeds(GC(""), "", "");
}

static void ships_a_policy_that_is_the_defaults(void **state)
{
	_cleanup_policy_ struct policy shipped = {}, defaults = {};
	_cleanup_fclose_ FILE *f = fopen("config/policy.json", "r");
	struct error err = {};
	char text[4096];

	(void)state;
	assert_non_null(f);
	assert_int_equal(policy_parse(text, fread(text, 1, sizeof(text), f), &shipped, &err), 0);
	policy_defaults(&defaults);
	assert_int_equal(shipped.n_allow, defaults.n_allow);
	assert_int_equal(shipped.n_deny, defaults.n_deny);
	assert_string_equal(shipped.deny[0], defaults.deny[0]);
	assert_int_equal(shipped.n_deny_actions, defaults.n_deny_actions);
	assert_int_equal(shipped.max_percent_ppm, defaults.max_percent_ppm);
	assert_int_equal(shipped.max_duration_ns, defaults.max_duration_ns);
	assert_int_equal(shipped.max_delay_ns, defaults.max_delay_ns);
	assert_int_equal(shipped.max_pods, defaults.max_pods);
	assert_int_equal(shipped.on_error, defaults.on_error);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opens_nothing_for_an_unannotated_pod),
		TEST(never_lets_an_unannotated_pod_notice_a_broken_policy),
		TEST(prints_prev_result_byte_for_byte),
		TEST(prints_prev_result_in_the_version_of_the_configuration),
		TEST(deletes_what_is_recorded_whatever_the_annotations_say),
		TEST(reports_a_delete_that_failed),
		TEST(checks_what_is_recorded),
		TEST(misses_a_record_only_where_there_should_be_one),
		TEST(collects_what_is_not_listed),
		TEST(keeps_everything_when_there_is_no_list),
		TEST(collects_nothing_by_a_malformed_list),
		TEST(is_always_ready),
		TEST(ships_a_policy_that_is_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
