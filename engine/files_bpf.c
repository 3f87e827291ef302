// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading, pins and links of the file hooks' programs: see files_bpf.h.
 */
#include "engine/files_bpf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "build/bpf/file.skel.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define BUILD STRING(FW_FILE_ABI) "-" FILE_BPF_HASH
#define METHOD(m) (1U << FW_METHOD_##m)

/* A program, the function that it replaces the answer of where it is not an LSM's own, and the methods that need it. */
static const struct hook {
	const char *prog, *function;
	uint32_t methods;
} hooks[] = {
	{ "fw_open", "security_file_open", METHOD(OPEN) },
	{ "fw_access", "security_file_permission", METHOD(READ) | METHOD(WRITE) | METHOD(READDIR) },
	{ "fw_mmap", "security_mmap_file", METHOD(MMAP) },
	{ "fw_getattr", "security_inode_getattr", METHOD(GETATTR) },
	{ "fw_setattr", "security_inode_setattr", METHOD(SETATTR) | METHOD(TRUNCATE) },
	{ "fw_create", "security_inode_create", METHOD(CREATE) },
	{ "fw_mknod", "security_inode_mknod", METHOD(CREATE) },
	{ "fw_unlink", "security_inode_unlink", METHOD(UNLINK) },
	{ "fw_rename", "security_inode_rename", METHOD(RENAME) },
	{ "fw_mkdir", "security_inode_mkdir", METHOD(MKDIR) },
	{ "fw_rmdir", "security_inode_rmdir", METHOD(RMDIR) },
	{ "fw_link", "security_inode_link", METHOD(LINK) },
	{ "fw_symlink", "security_inode_symlink", METHOD(SYMLINK) },
	{ "fw_readlink", "security_inode_readlink", METHOD(READLINK) },
	{ "fw_statfs", "security_sb_statfs", METHOD(STATFS) },
	{ "fw_exec", "security_bprm_check", METHOD(EXEC) },
	{ "fw_begin", "security_bprm_committed_creds", ~0U },
};

static const char *const map_names[FILES_MAPS] = {
	[FILES_RULES] = "rules",     [FILES_CALENDARS] = "calendars", [FILES_FILES] = "files",
	[FILES_SCOPES] = "scopes",   [FILES_VERDICTS] = "verdicts",   [FILES_ARMING] = "arming",
	[FILES_ANCHORS] = "anchors", [FILES_ACCEPTS] = "accepts",     [FILES_GLOBS] = "globs",
	[FILES_BSS] = "bss",
};

/* libbpf's first words, which name the program and the error; what follows repeats that. */
static char first_words[512];

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level > LIBBPF_WARN || first_words[0])
		return 0;
	vsnprintf(first_words, sizeof(first_words), strncmp(fmt, "libbpf: ", 8) ? fmt : fmt + 8, ap);
	first_words[strcspn(first_words, "\n")] = '\0';
	return 0;
}

static int refused(int r, struct error *err)
{
	return error_set(err, r == -EPERM || r == -EACCES ? EPERM : ENOTSUP,
			 "the kernel refuses the programs (tested from 6.1 on): %s", first_words[0] ? first_words : strerror(-r));
}

const char *files_build(void)
{
	return BUILD;
}

static void pin_path(char buf[128], const char *build, const char *name)
{
	snprintf(buf, 128, FW_PIN_ROOT "/" FW_FILE_PIN "%s/%s", build, name);
}

static bool is_pinned(const char *name)
{
	char path[128];

	pin_path(path, BUILD, name);
	return !access(path, F_OK);
}

static void link_name(char buf[64], const struct hook *h)
{
	snprintf(buf, 64, "link_%s", h->prog);
}

/* ---- the skeleton */

static struct bpf_map *map_of(const struct file_bpf *skel, enum files_map map)
{
	struct bpf_map *const maps[FILES_MAPS] = {
		[FILES_RULES] = skel->maps.fw_rules,       [FILES_CALENDARS] = skel->maps.fw_calendars,
		[FILES_FILES] = skel->maps.fw_files,       [FILES_SCOPES] = skel->maps.fw_scopes,
		[FILES_VERDICTS] = skel->maps.fw_verdicts, [FILES_ARMING] = skel->maps.fw_arming,
		[FILES_ANCHORS] = skel->maps.fw_anchors,   [FILES_ACCEPTS] = skel->maps.fw_accepts,
		[FILES_GLOBS] = skel->maps.fw_globs,       [FILES_BSS] = skel->maps.bss,
	};

	return maps[map];
}

/* Where the dentry is among the arguments of a function, 0 or 1. */
static uint32_t dentry_arg(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type) : NULL;
	uint32_t arg = 0;

	if (t && btf_vlen(t) > 1) {
		t = btf__type_by_id(btf, btf_params(t)[0].type);
		t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL;
		arg = t && !util_streq(btf__name_by_offset(btf, t->name_off), "dentry");
	}
	btf__free(btf);
	return arg;
}

/* As a function's replacement for its answer; the one without an answer is looked on. */
static int make_fmod_ret(struct bpf_program *prog, const char *function, bool looks_on)
{
	int r = bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);

	if (!r)
		r = bpf_program__set_expected_attach_type(prog, looks_on ? BPF_TRACE_FENTRY : BPF_MODIFY_RETURN);
	return r ? r : bpf_program__set_attach_target(prog, 0, function);
}

static int open_skeleton(struct file_bpf **ret, struct error *err)
{
	struct file_bpf *skel;
	struct bpf_program *prog;

	first_words[0] = '\0';
	libbpf_set_print(keep_words);
	skel = file_bpf__open();
	if (!skel)
		return refused(-errno, err);
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	bpf_map__set_autocreate(skel->maps.fw_slots, false);
	bpf_map__set_max_entries(skel->maps.fw_rules, (FW_FILE_SLOTS + 1) * FW_RULES);
	bpf_map__set_max_entries(skel->maps.fw_calendars, FW_FILE_SLOTS * FW_RULES);
	*ret = skel;
	return 0;
}

/* Whether a program is to be loaded: the methods need it, and it is not there. */
static int choose(struct file_bpf *skel, enum files_mode mode, uint32_t methods, size_t *ret_n)
{
	int r = 0;

	*ret_n = 0;
	for (size_t i = 0; !r && i < ARRAY_SIZE(hooks); i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, hooks[i].prog);

		if (!(hooks[i].methods & methods) || is_pinned(hooks[i].prog))
			continue;
		bpf_program__set_autoload(prog, true);
		if (mode == FILES_FMOD_RET)
			r = make_fmod_ret(prog, hooks[i].function, hooks[i].methods == ~0U);
		(*ret_n)++;
	}
	return r;
}

/* ---- the probe */

static int probe_task(struct fw_task *ret)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		return -errno;
	*ret = (struct fw_task){ (uint32_t)getpid(), (uint32_t)st.st_ino };
	return 0;
}

static bool probe_fires(const struct file_bpf *skel, struct error *err)
{
	static const uint32_t probe = FW_PROBE;
	_cleanup_close_ int link = -1, fd = -1;
	struct fw_task self;
	int r = probe_task(&self);

	if (!r && bpf_map_update_elem(bpf_map__fd(skel->maps.fw_arming), &self, &probe, BPF_ANY))
		r = -errno;
	if (!r)
		link = bpf_raw_tracepoint_open(NULL, bpf_program__fd(skel->progs.fw_probe));
	if (r || link < 0) {
		error_set(err, ENOTSUP, "the kernel does not attach them: %s", strerror(r ? -r : errno));
		return false;
	}
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == FW_PROBE_ERRNO)
		return true;
	error_set(err, ENOTSUP, "they are attached and never called");
	return false;
}

bool files_probe(enum files_mode mode, struct error *err)
{
	struct file_bpf *skel = NULL;
	bool fires = false;
	int r = open_skeleton(&skel, err);

	if (!r) {
		bpf_program__set_autoload(skel->progs.fw_probe, true);
		r = mode == FILES_FMOD_RET ? make_fmod_ret(skel->progs.fw_probe, "security_file_open", false) : 0;
		r = r ? r : file_bpf__load(skel);
		fires = r ? false : probe_fires(skel, err);
		if (r)
			refused(r, err);
	}
	file_bpf__destroy(skel);
	return fires;
}

/* ---- pins */

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s': %s", path, strerror(errno));
	return 0;
}

int files_check_pins(struct error *err)
{
	struct statfs fs;

	if (!statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC)
		return 0;
	return error_set(err, ENOTSUP,
			 "no bpf filesystem is mounted at /sys/fs/bpf: 'mount -t bpf bpf /sys/fs/bpf', and see to it that the host "
			 "does so at boot");
}

/* Maps that are pinned already are the ones. */
static int share_map(struct bpf_map *map, const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);

	return fd < 0 ? 0 : bpf_map__reuse_fd(map, fd);
}

static int share_maps(struct file_bpf *skel)
{
	int r = share_map(skel->maps.fw_control, FW_PIN_CONTROL);
	char path[128];

	for (int i = 0; !r && i < FILES_MAPS; i++) {
		pin_path(path, BUILD, map_names[i]);
		r = share_map(map_of(skel, i), path);
	}
	return r;
}

static int pin(int fd, const char *path, struct error *err)
{
	if (bpf_obj_pin(fd, path) && errno != EEXIST)
		return error_set(err, errno, "cannot pin '%s': %s", path, strerror(errno));
	return 0;
}

/* Maps first: a program that is there has its maps. */
static int pin_loaded(const struct file_bpf *skel, struct error *err)
{
	char path[128];
	int r = pin(bpf_map__fd(skel->maps.fw_control), FW_PIN_CONTROL, err);

	for (int i = 0; !r && i < FILES_MAPS; i++) {
		pin_path(path, BUILD, map_names[i]);
		r = pin(bpf_map__fd(map_of(skel, i)), path, err);
	}
	for (size_t i = 0; !r && i < ARRAY_SIZE(hooks); i++) {
		const struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, hooks[i].prog);

		pin_path(path, BUILD, hooks[i].prog);
		if (bpf_program__fd(prog) >= 0)
			r = pin(bpf_program__fd(prog), path, err);
	}
	return r;
}

static int load_missing(enum files_mode mode, bool cgroup_v1, uint32_t methods, struct error *err)
{
	struct file_bpf *skel = NULL;
	size_t n = 0;
	int r = open_skeleton(&skel, err);

	if (r)
		return r;
	skel->rodata->fw_cgroup_v1 = cgroup_v1;
	if (methods & (METHOD(SETATTR) | METHOD(TRUNCATE)))
		skel->rodata->fw_setattr_arg = dentry_arg(mode == FILES_LSM ? "bpf_lsm_inode_setattr" : "security_inode_setattr");
	r = choose(skel, mode, methods, &n);
	if (!r && n) {
		r = share_maps(skel);
		r = r ? r : file_bpf__load(skel);
	}
	if (r)
		r = refused(r, err);
	else if (n)
		r = pin_loaded(skel, err);
	file_bpf__destroy(skel);
	return r;
}

static bool has_all(uint32_t methods)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if ((hooks[i].methods & methods) && !is_pinned(hooks[i].prog))
			return false;
	return true;
}

int files_node_open(const char *build, struct files_node *ret, struct error *err)
{
	_cleanup_files_node_ struct files_node node = FILES_NODE_EMPTY;
	char path[128];

	snprintf(node.build, sizeof(node.build), "%s", build);
	for (int i = 0; i < FILES_MAPS; i++) {
		pin_path(path, build, map_names[i]);
		node.maps[i] = bpf_obj_get(path);
		if (node.maps[i] < 0)
			return error_set(err, errno, "cannot open '%s': %s", path, strerror(errno));
	}
	*ret = node;
	node = (struct files_node)FILES_NODE_EMPTY;
	return 0;
}

int files_node_load(enum files_mode mode, bool cgroup_v1, uint32_t methods, struct files_node *ret, struct error *err)
{
	char dir[128];
	int r = files_check_pins(err);

	pin_path(dir, BUILD, "");
	if (!r)
		r = make_dir(FW_PIN_ROOT, err);
	if (!r)
		r = make_dir(dir, err);
	if (!r && !has_all(methods))
		r = load_missing(mode, cgroup_v1, methods, err);
	return r ? r : files_node_open(BUILD, ret, err);
}

void files_node_close(struct files_node *node)
{
	for (int i = 0; i < FILES_MAPS; i++)
		util_closep(&node->maps[i]);
	*node = (struct files_node)FILES_NODE_EMPTY;
}

/* ---- links */

static int attach_one(const struct hook *h, const char *link_path, struct error *err)
{
	_cleanup_close_ int prog = -1, link = -1;
	char path[128];

	pin_path(path, BUILD, h->prog);
	prog = bpf_obj_get(path);
	link = prog < 0 ? -1 : bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		return error_set(err, errno, "cannot attach '%s' to the kernel's file hooks: %s", h->prog, strerror(errno));
	return pin(link, link_path, err);
}

int files_attach(uint32_t methods, struct error *err)
{
	char name[64], path[128];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		link_name(name, &hooks[i]);
		pin_path(path, BUILD, name);
		if (!(hooks[i].methods & methods))
			unlink(path);
		else if (!r && access(path, F_OK))
			r = attach_one(&hooks[i], path, err);
	}
	return r;
}

/* Links first: nothing is called whose maps are gone. */
static void unpin_dir(const char *name)
{
	char dir[128], path[512];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), FW_PIN_ROOT "/%.100s", name);
	for (int links = 1; links >= 0; links--) {
		d = opendir(dir);
		while (d && (e = readdir(d))) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			if (e->d_name[0] != '.' && (!links || !strncmp(e->d_name, "link_", 5)))
				unlink(path);
		}
		if (d)
			closedir(d);
	}
	rmdir(dir);
}

bool files_pinned(void)
{
	DIR *d = opendir(FW_PIN_ROOT);
	bool found = false;
	struct dirent *e;

	while (d && !found && (e = readdir(d)))
		found = !strncmp(e->d_name, FW_FILE_PIN, strlen(FW_FILE_PIN));
	if (d)
		closedir(d);
	return found;
}

static bool is_used(const char *build, const char *const *used, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (util_streq(build, used[i]))
			return true;
	return false;
}

void files_unpin_unused(const char *const *used, size_t n)
{
	size_t prefix = strlen(FW_FILE_PIN), others = 0;
	DIR *d = opendir(FW_PIN_ROOT);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || util_streq(e->d_name, "control"))
			continue;
		if (!strncmp(e->d_name, FW_FILE_PIN, prefix) && !is_used(e->d_name + prefix, used, n))
			unpin_dir(e->d_name);
		else
			others++;
	}
	if (d)
		closedir(d);
	if (d && !others) {
		unlink(FW_PIN_CONTROL);
		rmdir(FW_PIN_ROOT);
	}
}

void files_bump(const struct files_node *node)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct file_bpf__bss *bss = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, node->maps[FILES_BSS], 0);

	if (bss == MAP_FAILED)
		return;
	__atomic_fetch_add(&bss->fw_generation, 1, __ATOMIC_SEQ_CST);
	munmap(bss, page);
}
