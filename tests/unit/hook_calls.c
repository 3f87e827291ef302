// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that a supervisor holds back, the filter that brings them to it, and the paths that they name, of this very process.
 */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#include "engine/calls.h"
#include "engine/confine.h"
#include "engine/making.h"
#include "engine/mistake.h"
#include "engine/pending.h"
#include "engine/tally.h"

static struct pending call_of(uint32_t tid, int nr, uint64_t due_ns)
{
	return (struct pending){ .tid = tid, .call = { .nr = nr }, .due_ns = due_ns };
}

static struct seccomp_notif notif_of(uint32_t tid, int nr)
{
	return (struct seccomp_notif){ .pid = tid, .data = { .nr = nr } };
}

static struct pending_store *store_new(void)
{
	return util_alloc(1, sizeof(struct pending_store));
}

static void push(struct pending_calls *h, uint32_t tid, uint64_t due_ns)
{
	struct pending call = call_of(tid, 10, due_ns);

	call.answer.id = tid;
	assert_int_equal(pending_push(h, &call), 0);
}

static void what_is_due_first_comes_first(void **state)
{
	static const uint64_t due[] = { 5, 3, 9, 1, 7, 2, 8, 6, 4 };
	_cleanup_free_ struct pending_store *store = store_new();
	struct pending_calls h;

	(void)state;
	pending_open(&h, store);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(due); i++)
			push(&h, (uint32_t)i + 1, due[i]);
		for (uint64_t i = 1; i <= ARRAY_SIZE(due); i++) {
			assert_int_equal(pending_first(&h)->due_ns, i);
			assert_int_equal(pending_pop(&h).due_ns, i);
		}
		assert_null(pending_first(&h));
	}
	assert_int_equal(store->n_used, ARRAY_SIZE(due));
	pending_close(&h);
}

static void the_same_call_of_a_thread_is_taken_up_again(void **state)
{
	_cleanup_free_ struct pending_store *store = store_new();
	struct seccomp_notif again = notif_of(2, 10), other = notif_of(3, 11), new = notif_of(4, 10);
	struct pending_calls h;
	struct pending got;

	(void)state;
	pending_open(&h, store);
	push(&h, 1, 5);
	push(&h, 2, 3);
	push(&h, 3, 9);
	assert_true(pending_take(&h, &again, &got) && got.due_ns == 3);
	assert_false(pending_take(&h, &again, &got));
	assert_false(pending_take(&h, &new, &got));
	assert_false(pending_take(&h, &other, &got)); /* a new call: what it held is over */
	assert_int_equal(h.n, 1);
	assert_int_equal(pending_pop(&h).tid, 1);
	pending_close(&h);
}

static void the_next_worker_goes_on_with_what_is_held(void **state)
{
	_cleanup_free_ struct pending_store *store = store_new();
	struct pending_calls dead, h;

	(void)state;
	pending_open(&dead, store);
	for (uint32_t tid = 1; tid <= 100; tid++)
		push(&dead, tid, 1000 - tid);
	for (int i = 0; i < 30; i++)
		pending_pop(&dead);
	pending_open(&h, store);
	assert_int_equal(h.n, 70);
	assert_true(pending_has(&h, 70) && !pending_has(&h, 71));
	push(&h, 200, 1);
	assert_int_equal(store->n_used, 100);
	assert_int_equal(pending_pop(&h).tid, 200);
	for (uint32_t tid = 70; tid; tid--)
		assert_int_equal(pending_pop(&h).tid, tid);
	pending_close(&dead);
	pending_close(&h);
}

static void what_is_too_much_is_refused(void **state)
{
	_cleanup_free_ struct pending_store *store = store_new();
	struct pending one_more = call_of(1, 10, 1);
	struct pending_calls h;

	(void)state;
	pending_open(&h, store);
	for (uint32_t tid = 1; tid <= PENDING_SLOTS; tid++)
		push(&h, tid, tid);
	assert_int_equal(pending_push(&h, &one_more), -ENOSPC);
	pending_pop(&h);
	push(&h, 1, 1);
	pending_close(&h);
}

static void decisions_that_were_not_heard_are_owed(void **state)
{
	struct pending_calls h = {};
	struct pending got;

	(void)state;
	for (uint32_t tid = 1; tid <= PENDING_OWED + 5; tid++) {
		struct pending call = call_of(tid, 10, 0);

		pending_owe(&h, &call);
	}
	struct seccomp_notif forgotten = notif_of(5, 10), kept = notif_of(6, 10), over = notif_of(7, 11);

	assert_false(pending_take(&h, &forgotten, &got));
	assert_true(pending_take(&h, &kept, &got) && got.tid == 6);
	assert_false(pending_take(&h, &kept, &got));
	assert_false(pending_take(&h, &over, &got));
	assert_int_equal(h.n_owed, PENDING_OWED - 2);
}

/* A signal's handler makes calls of its own, before the one that it interrupted begins again. */
static void what_has_been_made_is_owed_until_its_call_comes_again(void **state)
{
	_cleanup_free_ struct pending_store *store = store_new();
	struct seccomp_notif handler = notif_of(1, 11), again = notif_of(1, 10);
	struct pending made = call_of(1, 10, 5), got;
	struct pending_calls h;

	(void)state;
	made.made = true;
	pending_open(&h, store);
	assert_int_equal(pending_push(&h, &made), 0);
	assert_false(pending_take(&h, &handler, &got));
	assert_false(pending_take(&h, &handler, &got));
	assert_true(pending_take(&h, &again, &got) && got.made && got.due_ns == 5);
	assert_false(pending_take(&h, &again, &got));
	pending_close(&h);
}

static void mistakes_keep_to_their_number_and_length(void **state)
{
	char data[1000];
	struct iovec v[2] = { { data, 300 }, { data + 300, 700 } };
	struct mistake w = { .max_occurrences = 3, .max_length = 20, .random = true };
	size_t changed, any = 0;

	(void)state;
	for (w.seed = 0; w.seed < 1000; w.seed++) {
		memset(data, 'x', sizeof(data));
		mistake_make(&w, v, 500);
		changed = 0;
		for (size_t i = 0; i < sizeof(data); i++)
			changed += data[i] != 'x';
		assert_true(changed <= 60);
		any += changed > 0;
		for (size_t i = 500; i < sizeof(data); i++)
			assert_int_equal(data[i], 'x');
	}
	assert_true(any > 950);
}

/* What the filter says to a call: enough of the machine for what it is made of. */
static uint32_t filtered(const struct sock_filter *f, size_t n, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t i = 0; i < n; i++) {
		if (f[i].code == (BPF_LD | BPF_W | BPF_ABS))
			memcpy(&a, (const char *)data + f[i].k, sizeof(a));
		else if (f[i].code == (BPF_JMP | BPF_JEQ | BPF_K))
			i += a == f[i].k ? f[i].jt : f[i].jf;
		else if (f[i].code == (BPF_RET | BPF_K))
			return f[i].k;
		else
			fail_msg("instruction %zu is %#x", i, f[i].code);
	}
	fail_msg("no end");
	return 0;
}

static void a_supervisor_may_neither_exec_nor_connect_nor_trace(void **state)
{
	static const char *const never[] = {
		"execve", "execveat", "socket", "connect", "ptrace", "mount", "setns", "unshare", "bpf"
	};
	struct calls_set allowed, made;

	(void)state;
	confine_allowed(&allowed);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert_false(calls_has(&allowed, (unsigned int)syscalls_number(never[i])));
	calls_resolve(syscalls_made(), &made);
	for (unsigned int nr = 0; nr < SYSCALLS_MAX; nr++)
		assert_true(!calls_has(&made, nr) || calls_has(&allowed, nr));
}

static void what_is_made_is_what_the_annotation_may_name(void **state)
{
	struct calls_set made;

	(void)state;
	calls_resolve(syscalls_made(), &made);
	for (unsigned int nr = 0; nr < SYSCALLS_MAX; nr++)
		assert_int_equal(calls_has(&made, nr), making_knows((int)nr));
}

static void the_filter_notifies_of_its_calls_alone(void **state)
{
	_cleanup_free_ struct sock_filter *f = NULL;
	struct calls_set set;
	size_t n = 0;

	(void)state;
	calls_resolve("connect fsync getppid ", &set);
	calls_filter(&set, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW, &f, &n);
	for (int nr = 0; nr < SYSCALLS_MAX; nr++) {
		struct seccomp_data data = { .nr = nr, .arch = f[1].k };
		bool named = nr == SYS_connect || nr == SYS_fsync || nr == SYS_getppid;

		assert_int_equal(filtered(f, n, &data), named ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
		data.arch = AUDIT_ARCH_I386;
		assert_int_equal(filtered(f, n, &data), SECCOMP_RET_ALLOW);
	}
}

static void every_call_fits_into_a_filter(void **state)
{
	_cleanup_free_ struct sock_filter *f = NULL;
	struct calls_set set;
	size_t n = 0;

	(void)state;
	memset(&set, 0xff, sizeof(set));
	calls_filter(&set, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW, &f, &n);
	assert_in_range(n, SYSCALLS_MAX, BPF_MAXINSNS);
}

static bool matches(int nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, const char *glob)
{
	struct seccomp_notif n = { .pid = (uint32_t)getpid(), .data = { .nr = nr, .args = { a, b, c, d } } };

	return calls_match_path(&n, glob);
}
#define S(text) ((uint64_t)(uintptr_t)(text))
#define CWD ((uint64_t)(uint32_t)AT_FDCWD)

static void paths_are_the_process_s_own(void **state)
{
	_cleanup_close_ int dir = open("/usr/bin", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(chdir("/usr"), 0);
	assert_true(matches(SYS_openat, CWD, S("/data/x"), 0, 0, "/data/*"));
	assert_true(matches(SYS_openat, CWD, S("//data/./y/../x"), 0, 0, "/data/x"));
	assert_true(matches(SYS_openat, CWD, S("lib/../x"), 0, 0, "/usr/x"));
	assert_true(matches(SYS_openat, CWD, S("../../../x"), 0, 0, "/x"));
	assert_true(matches(SYS_openat, CWD, S(".."), 0, 0, "/"));
	assert_true(matches(SYS_openat, (uint64_t)dir, S("x"), 0, 0, "/usr/bin/x"));
	assert_true(matches(SYS_statx, (uint64_t)dir, S(""), 0, 0, "/usr/bin"));
	assert_true(matches(SYS_fsync, (uint64_t)dir, 0, 0, 0, "/usr/**"));
	assert_true(matches(SYS_renameat2, CWD, S("/a"), CWD, S("/b"), "/b"));
	assert_true(matches(SYS_linkat, CWD, S("/a"), CWD, S("/b"), "/a"));
	assert_false(matches(SYS_openat, CWD, S("/etc/x"), 0, 0, "/data/*"));
	assert_false(matches(SYS_openat, CWD, 1, 0, 0, "/**"));
	assert_false(matches(SYS_openat, 9999, S("x"), 0, 0, "/**"));
	assert_false(matches(SYS_fsync, 9999, 0, 0, 0, "/**"));
	assert_false(matches(SYS_getppid, 0, 0, 0, 0, "/**"));
}

static void a_path_without_an_end_is_none(void **state)
{
	char *endless = util_alloc(1, 3 * 4096);

	(void)state;
	memset(endless, 'a', 3 * 4096);
	endless[0] = '/';
	assert_false(matches(SYS_openat, CWD, S(endless), 0, 0, "/**"));
	free(endless);
}

static void each_thread_has_its_own_count(void **state)
{
	struct tally t = {};

	(void)state;
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t tid = 1; tid <= 500; tid++)
			for (uint32_t rule = 0; rule < 3; rule++)
				*tally_of(&t, tid, rule) += rule + 1;
	for (uint32_t tid = 1; tid <= 500; tid++)
		for (uint32_t rule = 0; rule < 3; rule++)
			assert_int_equal(*tally_of(&t, tid, rule), 3 * (rule + 1));
	assert_int_equal(t.used, 1500);
	for (uint32_t tid = 1; tid <= TALLY_MAX + 10; tid++)
		++*tally_of(&t, tid, 7);
	assert_in_range(t.used, 1, TALLY_MAX);
	free(t.entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_due_first_comes_first),
		cmocka_unit_test(the_same_call_of_a_thread_is_taken_up_again),
		cmocka_unit_test(the_next_worker_goes_on_with_what_is_held),
		cmocka_unit_test(what_is_too_much_is_refused),
		cmocka_unit_test(decisions_that_were_not_heard_are_owed),
		cmocka_unit_test(what_has_been_made_is_owed_until_its_call_comes_again),
		cmocka_unit_test(a_supervisor_may_neither_exec_nor_connect_nor_trace),
		cmocka_unit_test(what_is_made_is_what_the_annotation_may_name),
		cmocka_unit_test(mistakes_keep_to_their_number_and_length),
		cmocka_unit_test(the_filter_notifies_of_its_calls_alone),
		cmocka_unit_test(every_call_fits_into_a_filter),
		cmocka_unit_test(paths_are_the_process_s_own),
		cmocka_unit_test(a_path_without_an_end_is_none),
		cmocka_unit_test(each_thread_has_its_own_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
