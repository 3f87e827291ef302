// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records, slots, lock and aborts, in a /run and a /var/lib of their own.
 */
#include "tests/native/native.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/state.h"
#include "engine/state_json.h"
#include "lib/util.h"

#define ID "4f5c0a"

static int fresh(void **state)
{
	int fd = -1;

	(void)state;
	run("rm -rf " STATE_DIR " /var/lib/faultwire");
	if (state_lock(&fd, NULL))
		return -1;
	state_unlockp(&fd);
	return 0;
}

static struct state_pod pod_make(const char *id, uint16_t slot)
{
	struct state_pod pod = {
		.container_id = util_strdup(id),
		.ifname = util_strdup("eth0"),
		.netns = util_strdup("/var/run/netns/cni-1"),
		.network = util_strdup("net"),
		.pod_namespace = util_strdup("shop"),
		.pod_name = util_strdup("a \"quoted\" näme"),
		.pod_uid = util_strdup("uid"),
		.experiment = util_strdup("drill"),
		.slot = slot,
		.build = util_strdup("1-abc"),
		.abi = UINT32_MAX,
		.created_mono_ns = 9007199254740993ULL,
		.created_unix_ns = UINT64_MAX,
		.clsact_found = true,
		.tx_checksum_was = true,
		.netns_cookie = UINT64_MAX,
		.gso_segs_was = 65535,
	};
	struct plan_op *op = util_grow(&pod.plan.ops, &pod.plan.n_ops, sizeof(*op));

	op->type = PLAN_LEAF;
	op->leaf = (struct plan_leaf){ .dir = FW_INGRESS, .minor = 4, .has_tbf = true, .tbf = { .rate_bits = 1ULL << 60 } };
	return pod;
}

static void save(const char *id, uint16_t slot)
{
	_cleanup_pod_ struct state_pod pod = pod_make(id, slot);

	OK(state_save(&pod, &err));
}

static void a_record_comes_back_to_the_bit(void **state)
{
	_cleanup_pod_ struct state_pod pod = pod_make(ID, 7), back = {};
	_cleanup_json_ cJSON *a = NULL, *b = NULL;

	(void)state;
	assert_false(state_exists(ID, "eth0"));
	OK(state_save(&pod, &err));
	assert_true(state_exists(ID, "eth0"));
	OK(state_load(ID, "eth0", &back, &err));
	assert_string_equal(back.pod_name, pod.pod_name);
	assert_int_equal(back.slot, 7);
	assert_true(back.created_mono_ns == pod.created_mono_ns);
	assert_true(back.created_unix_ns == UINT64_MAX);
	assert_true(back.clsact_found && back.tx_checksum_was && back.gso_segs_was == 65535 && back.netns_cookie == UINT64_MAX);
	assert_true(back.plan.n_ops == 1 && back.plan.ops[0].leaf.tbf.rate_bits == 1ULL << 60);
	a = state_to_json(&pod);
	b = state_to_json(&back);
	assert_true(cJSON_Compare(a, b, true));
}

static void a_record_is_for_root_only_and_leaves_no_temporary_file(void **state)
{
	struct stat st;

	(void)state;
	save(ID, 1);
	assert_int_equal(stat(STATE_PODS "/" ID "@eth0.json", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(STATE_PODS, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_string_equal(run("ls " STATE_DIR), "lock\npods\nslots\n");
}

static void a_second_save_replaces_the_first(void **state)
{
	_cleanup_pod_ struct state_pod pod = pod_make(ID, 3), back = {};

	(void)state;
	OK(state_save(&pod, &err));
	pod.gso_segs_was = 2;
	OK(state_save(&pod, &err));
	OK(state_load(ID, "eth0", &back, &err));
	assert_int_equal(back.gso_segs_was, 2);
	assert_int_equal(state_count(), 1);
	assert_string_equal(run("ls " STATE_SLOTS), "3\n");
}

static void a_missing_record_is_told_from_a_damaged_one(void **state)
{
	_cleanup_pod_ struct state_pod pod = {};

	(void)state;
	FAILS(ENOENT, ID "@eth0.json", state_load(ID, "eth0", &pod, &err));
	run("echo '{\"slot\":1' > " STATE_PODS "/" ID "@eth0.json");
	FAILS(EBADMSG, ID "@eth0.json", state_load(ID, "eth0", &pod, &err));
	run("echo '{\"containerId\":\"x\",\"ifname\":\"eth0\",\"slot\":1025}' > " STATE_PODS "/" ID "@eth0.json");
	FAILS(EBADMSG, "slot", state_load(ID, "eth0", &pod, &err));
	run("echo '[]' > " STATE_PODS "/" ID "@eth0.json");
	FAILS(EBADMSG, "object", state_load(ID, "eth0", &pod, &err));
	assert_null(pod.container_id);
}

static void refuses_files_that_others_can_have_written(void **state)
{
	_cleanup_pod_ struct state_pod pod = {};

	(void)state;
	save(ID, 1);
	run("chown 1000 " STATE_PODS "/" ID "@eth0.json");
	FAILS(EBADMSG, "root alone", state_load(ID, "eth0", &pod, &err));
	run("chown 0 " STATE_PODS "/" ID "@eth0.json; chmod 0620 " STATE_PODS "/" ID "@eth0.json");
	FAILS(EBADMSG, "root alone", state_load(ID, "eth0", &pod, &err));
	run("mv " STATE_PODS "/" ID "@eth0.json " STATE_DIR "/x; chmod 600 " STATE_DIR "/x; ln -s " STATE_DIR "/x " STATE_PODS
	    "/" ID "@eth0.json");
	FAILS(EBADMSG, "cannot read", state_load(ID, "eth0", &pod, &err));
	run("rm " STATE_PODS "/*; mkfifo -m 600 " STATE_PODS "/" ID "@eth0.json");
	FAILS(EBADMSG, "root alone", state_load(ID, "eth0", &pod, &err));
	run("rm " STATE_PODS "/*; (umask 77; truncate -s 1048577 " STATE_PODS "/" ID "@eth0.json)");
	FAILS(EBADMSG, "1 MiB", state_load(ID, "eth0", &pod, &err));
}

static void refuses_names_that_lead_out_of_the_directory(void **state)
{
	static const char *const names[] = { "", ".", "..", "../pods/x", "a/b", ".hidden" };
	_cleanup_pod_ struct state_pod pod = {};
	char name[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		FAILS(EINVAL, "cannot name a record", state_load(names[i], "eth0", &pod, &err));
		FAILS(EINVAL, "cannot name a record", state_load(ID, names[i], &pod, &err));
		FAILS(EINVAL, "cannot name a record", state_remove(names[i], "eth0", 0, &err));
		assert_false(state_exists(names[i], "eth0"));
	}
	memset(name, 'a', sizeof(name));
	name[NAME_MAX - strlen("@eth0.json") + 1] = '\0';
	FAILS(EINVAL, "too long", state_load(name, "eth0", &pod, &err));
	name[NAME_MAX - strlen("@eth0.json")] = '\0';
	save(name, 1);
	assert_true(state_exists(name, "eth0"));
}

static void removing_takes_record_and_slot_and_twice_is_success(void **state)
{
	(void)state;
	save(ID, 9);
	OK(state_remove(ID, "eth0", 9, &err));
	OK(state_remove(ID, "eth0", 9, &err));
	assert_string_equal(run("ls " STATE_PODS " " STATE_SLOTS " | grep -v : || true"), "\n");
	assert_int_equal(state_count(), 0);
}

static void removing_a_damaged_record_finds_its_slot(void **state)
{
	(void)state;
	save(ID, 9);
	save("other", 10);
	run("echo > " STATE_PODS "/" ID "@eth0.json");
	OK(state_remove(ID, "eth0", 0, &err));
	assert_string_equal(run("ls " STATE_SLOTS), "10\n");
}

static void removing_leaves_a_slot_that_is_another_pods_now(void **state)
{
	(void)state;
	save("other", 9);
	OK(state_remove(ID, "eth0", 9, &err));
	assert_string_equal(run("ls " STATE_SLOTS), "9\n");
}

static void lists_records_by_name_and_counts_the_unreadable(void **state)
{
	_cleanup_pods_ struct state_pods pods = {};
	size_t unreadable = 0;

	(void)state;
	save("b", 2);
	save("a", 1);
	run("echo x > " STATE_PODS "/c@eth0.json; touch " STATE_PODS "/note " STATE_PODS "/.d@eth0.json");
	OK(state_list(&pods, &unreadable, &err));
	assert_int_equal(pods.n, 2);
	assert_int_equal(unreadable, 1);
	assert_string_equal(pods.pods[0].container_id, "a");
	assert_string_equal(pods.pods[1].container_id, "b");
	assert_int_equal(state_count(), 3);
}

static void a_node_without_state_has_no_pods(void **state)
{
	struct state_pods pods = {};
	size_t unreadable = 1;

	(void)state;
	run("rm -rf " STATE_DIR);
	OK(state_list(&pods, &unreadable, &err));
	assert_int_equal(pods.n, 0);
	assert_int_equal(unreadable, 0);
	assert_int_equal(state_count(), 0);
	assert_false(state_exists(ID, "eth0"));
	OK(state_remove(ID, "eth0", 0, &err));
}

static uint16_t next_slot(void)
{
	uint16_t slot = 0;

	OK(state_slot_next(&slot, &err));
	return slot;
}

static void a_freed_slot_is_given_again_last(void **state)
{
	(void)state;
	assert_int_equal(next_slot(), 1);
	save("a", 1);
	assert_int_equal(next_slot(), 2);
	save("b", 2);
	OK(state_remove("a", "eth0", 1, &err));
	assert_int_equal(next_slot(), 3);
	run("printf '\\377\\003' > " STATE_DIR "/last-slot");
	assert_int_equal(next_slot(), 1024);
	assert_int_equal(next_slot(), 1);
	assert_int_equal(next_slot(), 3); /* 2 is b's */
}

static void a_damaged_last_slot_starts_from_the_first(void **state)
{
	static const char *const texts[] = { "", "x", "long enough to be a number above all slots" };

	(void)state;
	save("a", 1);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		run("printf '%s' > " STATE_DIR "/last-slot", texts[i]);
		assert_int_equal(next_slot(), 2);
	}
}

static void a_slot_whose_record_was_never_written_is_free(void **state)
{
	(void)state;
	run("ln -s " STATE_PODS "/killed@eth0.json " STATE_SLOTS "/1");
	assert_int_equal(next_slot(), 1);
	save(ID, 1);
	assert_string_equal(run("readlink -f " STATE_SLOTS "/1"), STATE_PODS "/" ID "@eth0.json\n");
}

static void says_so_when_all_slots_are_taken(void **state)
{
	uint16_t slot = 77;

	(void)state;
	save(ID, 1);
	run("cd " STATE_SLOTS " && for i in $(seq 2 1024); do ln -s ../pods/" ID "@eth0.json $i; done");
	FAILS(ENOSPC, "1024 pods", state_slot_next(&slot, &err));
	assert_int_equal(slot, 77);
}

static void the_lock_excludes_until_it_is_closed(void **state)
{
	int fd = -1, other = open(STATE_LOCK, O_RDWR | O_CLOEXEC);

	(void)state;
	OK(state_lock(&fd, &err));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_false(state_interrupted());
	state_unlockp(&fd);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	assert_false(state_interrupted());
}

static void what_a_killed_writer_left_is_mended_by_the_next_one(void **state)
{
	int fd = -1;

	(void)state;
	save(ID, 1);
	OK(state_lock(&fd, &err));
	run("ln -s " STATE_PODS "/never@eth0.json " STATE_SLOTS "/2; echo half > " STATE_DIR "/tmp");
	close(fd); /* as the kernel does for the killed */
	assert_true(state_interrupted());
	OK(state_lock(&fd, &err));
	assert_string_equal(run("ls " STATE_SLOTS), "1\n");
	assert_string_equal(run("ls " STATE_DIR), "lock\npods\nslots\n");
	state_unlockp(&fd);
	assert_false(state_interrupted());
}

static void an_abort_stays_until_it_is_taken_back(void **state)
{
	(void)state;
	assert_false(state_abort_get(""));
	OK(state_abort_set("", true, &err));
	OK(state_abort_set("", true, &err));
	OK(state_abort_set("drill", true, &err));
	assert_true(state_abort_get(""));
	assert_true(state_abort_get("drill"));
	assert_false(state_abort_get("other"));
	assert_string_equal(run("ls " STATE_ABORTS), "all\nexperiment-drill\n");
	OK(state_abort_set("", false, &err));
	OK(state_abort_set("", false, &err));
	assert_false(state_abort_get(""));
	assert_true(state_abort_get("drill"));
}

static void an_experiment_called_all_is_not_all(void **state)
{
	(void)state;
	OK(state_abort_set("all", true, &err));
	assert_false(state_abort_get(""));
	assert_true(state_abort_get("all"));
}

static void lists_aborts_and_nothing_else(void **state)
{
	char **names = NULL;
	size_t n = 0;

	(void)state;
	OK(state_abort_list(&names, &n, &err));
	assert_int_equal(n, 0);
	OK(state_abort_set("", true, &err));
	OK(state_abort_set("drill", true, &err));
	run("touch " STATE_ABORTS "/experiment- " STATE_ABORTS "/README");
	OK(state_abort_list(&names, &n, &err));
	assert_int_equal(n, 2);
	assert_true(util_streq(names[0], "") ? util_streq(names[1], "drill") : util_streq(names[0], "drill") && !names[1][0]);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static void an_experiment_cannot_lead_out_of_the_directory(void **state)
{
	(void)state;
	FAILS(EINVAL, "'../x'", state_abort_set("../x", true, &err));
	assert_false(state_abort_get("../../../../etc/passwd"));
}

static void taking_back_what_was_never_aborted_makes_nothing(void **state)
{
	(void)state;
	OK(state_abort_set("drill", false, &err));
	assert_int_equal(access("/var/lib/faultwire", F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_comes_back_to_the_bit),
		TEST(a_record_is_for_root_only_and_leaves_no_temporary_file),
		TEST(a_second_save_replaces_the_first),
		TEST(a_missing_record_is_told_from_a_damaged_one),
		TEST(refuses_files_that_others_can_have_written),
		TEST(refuses_names_that_lead_out_of_the_directory),
		TEST(removing_takes_record_and_slot_and_twice_is_success),
		TEST(removing_a_damaged_record_finds_its_slot),
		TEST(removing_leaves_a_slot_that_is_another_pods_now),
		TEST(lists_records_by_name_and_counts_the_unreadable),
		TEST(a_node_without_state_has_no_pods),
		TEST(a_freed_slot_is_given_again_last),
		TEST(a_damaged_last_slot_starts_from_the_first),
		TEST(a_slot_whose_record_was_never_written_is_free),
		TEST(says_so_when_all_slots_are_taken),
		TEST(the_lock_excludes_until_it_is_closed),
		TEST(what_a_killed_writer_left_is_mended_by_the_next_one),
		TEST(an_abort_stays_until_it_is_taken_back),
		TEST(an_experiment_called_all_is_not_all),
		TEST(lists_aborts_and_nothing_else),
		TEST(an_experiment_cannot_lead_out_of_the_directory),
		TEST(taking_back_what_was_never_aborted_makes_nothing),
	};

	return cmocka_run_group_tests_name("state", tests, native_setup, NULL);
}
