// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs and maps of the node: loading (slow, once a build and boot), pins, and the few map calls that a pod costs.
 */
#include "engine/bpf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/file_abi.h"
#include "build/bpf/net.skel.h"
#include "lib/dist.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define BUILD STRING(FW_ABI) "-" NET_BPF_HASH

static const char *const prog_names[BPF_PROGS] = {
	[BPF_EGRESS] = "egress",
	[BPF_INGRESS] = "ingress",
	[BPF_TO_IFB] = "to_ifb",
	[BPF_STAMP] = "stamp",
};

static const char *const map_names[BPF_MAPS] = {
	[BPF_SLOTS] = "slots", [BPF_RULES] = "rules",   [BPF_CALENDARS] = "calendars",
	[BPF_DNS] = "dns",     [BPF_FIRST] = "first",   [BPF_HTTP] = "http",
	[BPF_NAMES] = "names", [BPF_LISTED] = "listed", [BPF_LEARNED] = "learned",
};

/* libbpf's last words: where the verifier says why. */
static char last_words[512];

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[2048], *end, *start;

	if (level > LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	end = line + strlen(line);
	while (end > line && (end[-1] == '\n' || end[-1] == ' '))
		*--end = '\0';
	start = strrchr(line, '\n');
	snprintf(last_words, sizeof(last_words), "%.500s", start ? start + 1 : line);
	return 0;
}

const char *bpf_build(void)
{
	return BUILD;
}

static void pin_path(char *buf, size_t n, const char *build, const char *name)
{
	snprintf(buf, n, FW_PIN_ROOT "/%s/%s", build, name);
}

static int bpffs_check(struct error *err)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs))
		return error_set(err, ENOTSUP,
				 "/sys/fs/bpf is not there: the kernel lacks CONFIG_BPF_SYSCALL or sysfs is not mounted");
	if (fs.f_type != BPF_FS_MAGIC)
		return error_set(
			err, ENOTSUP,
			"no bpf filesystem is mounted at /sys/fs/bpf: 'mount -t bpf bpf /sys/fs/bpf', and see to it that the host "
			"does so at boot");
	return 0;
}

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s': %s", path, strerror(errno));
	return 0;
}

/* Removes a build's directory of pins. */
static int unpin_build(const char *build, struct error *err)
{
	char dir[128], path[512];
	struct dirent *e;
	DIR *d;

	pin_path(dir, sizeof(dir), build, "");
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot read '%s': %s", dir, strerror(errno));
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s%s", dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	if (rmdir(dir) && errno != ENOENT)
		return error_set(err, errno, "cannot remove '%s': %s", dir, strerror(errno));
	return 0;
}

static int refused(int r, struct error *err)
{
	if (r == -EPERM || r == -EACCES)
		return error_set(
			err, EPERM,
			"not allowed to load the network programs (CAP_BPF and CAP_NET_ADMIN are needed, or CAP_SYS_ADMIN): %s",
			last_words[0] ? last_words : strerror(-r));
	return error_set(err, ENOTSUP,
			 "the kernel refuses the network programs (tested from 6.1 on): %s; 'faultwire doctor' tells more",
			 last_words[0] ? last_words : strerror(-r));
}

/* The programs' curves come from where netem's tables do, so that a delay is the same by either. */
static void fill_tables(struct net_bpf *skel)
{
	dist_normal(skel->rodata->fw_normal);
	for (int i = 0; i < FW_CURVES; i++)
		dist_curve(i, skel->rodata->fw_curves[i]);
}

/* Loads; a control map that another build left is shared. */
static int load(struct net_bpf **ret, bool share, struct error *err)
{
	struct net_bpf *skel;
	int control, r;

	last_words[0] = '\0';
	libbpf_set_print(keep_words);
	skel = net_bpf__open();
	if (!skel)
		return refused(-errno, err);
	fill_tables(skel);
	control = share ? bpf_obj_get(FW_PIN_CONTROL) : -1;
	r = control >= 0 ? bpf_map__reuse_fd(skel->maps.fw_control, control) : 0;
	if (control >= 0)
		close(control);
	if (!r)
		r = net_bpf__load(skel);
	if (r) {
		net_bpf__destroy(skel);
		return refused(r, err);
	}
	*ret = skel;
	return 0;
}

/* Maps first, programs last: a directory with all programs is complete. */
static int pin_all(const struct net_bpf *skel, struct error *err)
{
	const struct {
		int fd;
		const char *name;
	} pins[] = {
		{ bpf_map__fd(skel->maps.fw_slots), map_names[BPF_SLOTS] },
		{ bpf_map__fd(skel->maps.fw_rules), map_names[BPF_RULES] },
		{ bpf_map__fd(skel->maps.fw_calendars), map_names[BPF_CALENDARS] },
		{ bpf_map__fd(skel->maps.fw_dns), map_names[BPF_DNS] },
		{ bpf_map__fd(skel->maps.fw_first), map_names[BPF_FIRST] },
		{ bpf_map__fd(skel->maps.fw_http), map_names[BPF_HTTP] },
		{ bpf_map__fd(skel->maps.fw_names), map_names[BPF_NAMES] },
		{ bpf_map__fd(skel->maps.fw_listed), map_names[BPF_LISTED] },
		{ bpf_map__fd(skel->maps.fw_learned), map_names[BPF_LEARNED] },
		{ bpf_program__fd(skel->progs.fw_to_ifb), prog_names[BPF_TO_IFB] },
		{ bpf_program__fd(skel->progs.fw_stamp), prog_names[BPF_STAMP] },
		{ bpf_program__fd(skel->progs.fw_ingress), prog_names[BPF_INGRESS] },
		{ bpf_program__fd(skel->progs.fw_egress), prog_names[BPF_EGRESS] },
	};
	char path[128];

	if (access(FW_PIN_CONTROL, F_OK) && bpf_obj_pin(bpf_map__fd(skel->maps.fw_control), FW_PIN_CONTROL))
		return error_set(err, errno, "cannot pin '%s': %s", FW_PIN_CONTROL, strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		pin_path(path, sizeof(path), BUILD, pins[i].name);
		if (bpf_obj_pin(pins[i].fd, path))
			return error_set(err, errno, "cannot pin '%s': %s", path, strerror(errno));
	}
	return 0;
}

static int load_and_pin(struct error *err)
{
	struct net_bpf *skel = NULL;
	char dir[128];
	int r;

	pin_path(dir, sizeof(dir), BUILD, "");
	r = make_dir(FW_PIN_ROOT, err);
	if (!r)
		r = load(&skel, true, err);
	if (!r)
		r = unpin_build(BUILD, err); /* what a killed run left half done; not before the new ones are there */
	if (!r)
		r = make_dir(dir, err);
	if (!r)
		r = pin_all(skel, err);
	net_bpf__destroy(skel);
	return r;
}

static int pin_get(const char *build, const char *name, int *ret, struct error *err)
{
	char path[128];
	int fd;

	pin_path(path, sizeof(path), build, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return error_set(err, errno, "cannot open '%s': %s", path, strerror(errno));
	*ret = fd;
	return 0;
}

int bpf_node_open(const char *build, bool progs, struct bpf_node *ret, struct error *err)
{
	_cleanup_bpf_ struct bpf_node node = BPF_NODE_EMPTY;
	int r = 0;

	snprintf(node.build, sizeof(node.build), "%s", build);
	for (int i = BPF_SLOTS; !r && i <= BPF_RULES; i++)
		r = pin_get(build, map_names[i], &node.maps[i], err);
	for (int i = 0; !r && progs && i < BPF_PROGS; i++)
		r = pin_get(build, prog_names[i], &node.progs[i], err);
	if (r)
		return r;
	*ret = node;
	node = (struct bpf_node)BPF_NODE_EMPTY;
	return 0;
}

int bpf_node_map(struct bpf_node *node, enum bpf_map_pin map, int *ret, struct error *err)
{
	int r = node->maps[map] < 0 ? pin_get(node->build, map_names[map], &node->maps[map], err) : 0;

	if (!r)
		*ret = node->maps[map];
	return r;
}

int bpf_node_load(struct bpf_node *ret, struct error *err)
{
	int r = bpf_node_open(BUILD, true, ret, NULL);

	if (!r)
		return 0;
	r = bpffs_check(err);
	if (!r)
		r = load_and_pin(err);
	return r ? r : bpf_node_open(BUILD, true, ret, err);
}

void bpf_node_close(struct bpf_node *node)
{
	for (int i = 0; i < BPF_PROGS; i++)
		util_closep(&node->progs[i]);
	for (int i = 0; i < BPF_MAPS; i++)
		util_closep(&node->maps[i]);
	*node = (struct bpf_node)BPF_NODE_EMPTY;
}

static int map_set(int fd, uint32_t key, const void *value, struct error *err)
{
	if (bpf_map_update_elem(fd, &key, value, BPF_ANY))
		return error_set(err, errno, "cannot write entry %u of a map: %s", key, strerror(errno));
	return 0;
}

int bpf_slot_set(const struct bpf_node *node, uint16_t slot, const struct fw_slot *tables, const struct fw_rule *rules,
		 size_t n_rules, struct error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < n_rules; i++)
		r = map_set(node->maps[BPF_RULES], slot * FW_RULES + i, &rules[i], err);
	return r ? r : map_set(node->maps[BPF_SLOTS], slot, tables, err);
}

int bpf_slot_clear(const struct bpf_node *node, uint16_t slot, struct error *err)
{
	static const struct fw_slot nothing;

	return map_set(node->maps[BPF_SLOTS], slot, &nothing, err);
}

int bpf_slot_get(const struct bpf_node *node, uint16_t slot, struct fw_slot *ret, struct error *err)
{
	uint32_t key = slot;

	if (bpf_map_lookup_elem(node->maps[BPF_SLOTS], &key, ret))
		return error_set(err, errno, "cannot read slot %u: %s", key, strerror(errno));
	return 0;
}

int bpf_rule_get(const struct bpf_node *node, uint16_t slot, unsigned int rule, struct fw_rule *ret, struct error *err)
{
	uint32_t key = slot * FW_RULES + rule;

	if (bpf_map_lookup_elem(node->maps[BPF_RULES], &key, ret))
		return error_set(err, errno, "cannot read rule %u of slot %u: %s", rule, slot, strerror(errno));
	return 0;
}

static size_t control_bytes(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return ((FW_SLOTS + 1) * sizeof(struct fw_control) + page - 1) / page * page;
}

int bpf_control_map(struct fw_control **ret, struct error *err)
{
	_cleanup_close_ int fd = bpf_obj_get(FW_PIN_CONTROL);
	struct timex tx = {};
	struct fw_control *map;

	if (fd < 0)
		return error_set(err, errno, "cannot open '%s': %s", FW_PIN_CONTROL, strerror(errno));
	map = mmap(NULL, control_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return error_set(err, errno, "cannot map '%s': %s", FW_PIN_CONTROL, strerror(errno));
	if (adjtimex(&tx) >= 0)
		map[0].tai_offset_ns = tx.tai * (int64_t)NSEC_PER_SEC;
	*ret = map;
	return 0;
}

void bpf_control_unmap(struct fw_control *control)
{
	if (control)
		munmap(control, control_bytes());
}

static bool is_used(const char *build, const char *const *used, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (util_streq(build, used[i]))
			return true;
	return false;
}

int bpf_unpin_unused(const char *const *used, size_t n, struct error *err)
{
	DIR *d = opendir(FW_PIN_ROOT);
	bool files = false;
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot read '%s': %s", FW_PIN_ROOT, strerror(errno));
	while (!r && (e = readdir(d)))
		if (e->d_name[0] == '.' || util_streq(e->d_name, "control"))
			continue;
		else if (!strncmp(e->d_name, FW_FILE_PIN, strlen(FW_FILE_PIN))) /* engine/files_bpf.c's */
			files = true;
		else if (!is_used(e->d_name, used, n))
			r = unpin_build(e->d_name, err);
	closedir(d);
	if (!r && !n && !files) {
		unlink(FW_PIN_CONTROL);
		rmdir(FW_PIN_ROOT);
	}
	return r;
}

int bpf_trial_load(struct error *err)
{
	struct net_bpf *skel = NULL;
	int r = load(&skel, false, err);

	net_bpf__destroy(skel);
	return r;
}
