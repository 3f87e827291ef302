// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records and pages of containers: see container.h. A container's files have one writer, the process that becomes its supervisor.
 */
#include "engine/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/clock.h"
#include "engine/file.h"
#include "engine/undo.h"
#include "lib/gate.h"
#include "lib/util.h"

#define RECORD ".json"
#define PAGE ".page"
#define TEMPORARY ".tmp"

static const struct {
	const char *key;
	size_t offset;
} strings[] = {
	{ "id", offsetof(struct container, id) },
	{ "name", offsetof(struct container, name) },
	{ "sandboxId", offsetof(struct container, sandbox_id) },
	{ "podNamespace", offsetof(struct container, pod_namespace) },
	{ "podName", offsetof(struct container, pod_name) },
	{ "podUid", offsetof(struct container, pod_uid) },
	{ "experiment", offsetof(struct container, experiment) },
	{ "wanted", offsetof(struct container, wanted) },
	{ "filesBuild", offsetof(struct container, files_build) },
}, numbers[] = {
	{ "pid", offsetof(struct container, init.pid) },
	{ "pidStart", offsetof(struct container, init.start) },
	{ "supervisor", offsetof(struct container, supervisor.pid) },
	{ "supervisorStart", offsetof(struct container, supervisor.start) },
	{ "createdMonoNs", offsetof(struct container, created_mono_ns) },
	{ "createdUnixNs", offsetof(struct container, created_unix_ns) },
	{ "filesSlot", offsetof(struct container, files_slot) },
};

static char **string_of(const struct container *c, size_t i)
{
	return (char **)((char *)c + strings[i].offset);
}

static uint64_t *number_of(const struct container *c, size_t i)
{
	return (uint64_t *)((char *)c + numbers[i].offset);
}

static int container_path(const char *id, const char *suffix, char ret[PATH_MAX], struct error *err)
{
	if (!id[0] || id[0] == '.' || strchr(id, '/') || strlen(id) + strlen(RECORD) > NAME_MAX)
		return error_set(err, EINVAL, "container '%.64s' cannot name a record: too long, or with '/'", id);
	snprintf(ret, PATH_MAX, "%s/%s%s", CONTAINER_DIR, id, suffix);
	return 0;
}

/* Field 22 of stat, behind the command's name, which may hold anything; 0 = no such process, or one that has ended and was not reaped yet. */
static uint64_t process_start(uint64_t pid)
{
	char path[64], text[1024], *p;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p && strchr("ZX", p[2]))
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

static bool is_alive(const struct container_process *p)
{
	return p->start && process_start(p->pid) == p->start;
}

int container_begin(struct container *c, pid_t init, struct error *err)
{
	c->init = (struct container_process){ (uint64_t)init, process_start((uint64_t)init) };
	c->supervisor = (struct container_process){ (uint64_t)getpid(), process_start((uint64_t)getpid()) };
	c->created_mono_ns = clock_ns(CLOCK_MONOTONIC);
	c->created_unix_ns = clock_ns(CLOCK_REALTIME);
	if (!c->init.start)
		return error_set(err, ESRCH, "the container's process %d is gone", init);
	return 0;
}

static cJSON *to_json(const struct container *c)
{
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		cJSON_AddStringToObject(o, strings[i].key, *string_of(c, i) ? *string_of(c, i) : "");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		cJSON_AddItemToObject(o, numbers[i].key, json_number(*number_of(c, i)));
	cJSON_AddItemToObject(o, "plan", plan_to_json(&c->plan));
	return o;
}

static int from_json(const struct json *j, struct container *c, struct error *err)
{
	struct json plan = json_get(j, "plan");
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(strings); i++) {
		struct json at = json_get(j, strings[i].key);
		const char *s = "";

		r = json_string(&at, &s, err);
		*string_of(c, i) = util_strdup(s);
	}
	for (size_t i = 0; !r && i < ARRAY_SIZE(numbers); i++) {
		struct json at = json_get(j, numbers[i].key);

		r = json_u64(&at, 0, UINT64_MAX, number_of(c, i), err);
	}
	return r ? r : plan_from_json(&plan, &c->plan, err);
}

static int dir_make(struct error *err)
{
	static const char *const dirs[] = { STATE_DIR, CONTAINER_DIR };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0700) && errno != EEXIST)
			return error_set(err, errno, "cannot make '%s': %s", dirs[i], strerror(errno));
	return 0;
}

int container_save(const struct container *c, struct error *err)
{
	_cleanup_json_ cJSON *json = to_json(c);
	char path[PATH_MAX], temporary[PATH_MAX], *text;
	int r = container_path(c->id, RECORD, path, err);

	if (!r)
		r = container_path(c->id, TEMPORARY, temporary, err);
	if (!r)
		r = dir_make(err);
	if (r)
		return r;
	text = cJSON_PrintUnformatted(json);
	r = text ? file_write(path, temporary, text, err) : error_set(err, ENOMEM, "no memory to write '%s'", path);
	cJSON_free(text);
	return r;
}

int container_note(struct container *c, pid_t init, struct error *err)
{
	int r = container_begin(c, init, err);

	c->supervisor = (struct container_process){};
	return r ? r : container_save(c, err);
}

int container_take(struct container *c, struct error *err)
{
	c->supervisor = (struct container_process){ (uint64_t)getpid(), process_start((uint64_t)getpid()) };
	return container_save(c, err);
}

int container_load(const char *id, struct container *ret, struct error *err)
{
	_cleanup_container_ struct container c = {};
	_cleanup_json_ cJSON *document = NULL;
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct json root;
	size_t n = 0;
	int r = container_path(id, RECORD, path, err);

	if (!r)
		r = file_read(path, &text, &n, err);
	if (r)
		return r;
	r = json_parse(text, n, path, &document, err);
	if (!r) {
		root = json_root(document, path);
		r = from_json(&root, &c, err);
	}
	if (r) {
		if (err)
			err->code = EBADMSG;
		return -EBADMSG;
	}
	*ret = c;
	c = (struct container){};
	return 0;
}

bool container_has_ended(const struct container *c)
{
	return !is_alive(&c->init);
}

bool container_is_served(const char *id, pid_t init)
{
	_cleanup_container_ struct container c = {};

	if (container_load(id, &c, NULL))
		return false;
	return c.init.pid == (uint64_t)init && is_alive(&c.init) && (!plan_needs_supervisor(&c.plan) || is_alive(&c.supervisor));
}

uint64_t container_born_aborted(const struct container *c)
{
	return (state_abort_get("") ? CONTAINER_ABORT_NODE : 0) |
	       (c->experiment && c->experiment[0] && state_abort_get(c->experiment) ? FW_ABORT_EXPERIMENT : 0);
}

static void page_fill(const struct container *c, struct container_page *page)
{
	struct plan_rule_of r;

	page->abi = FW_ABI;
	for (size_t i = 0; plan_rule_of(&c->plan, i, &r); i++) {
		page->rules[i] = r.common->rule;
		gate_begin(&page->rules[i], c->created_mono_ns);
		page->disarmed |= r.common->armed ? 0 : 1ULL << i;
		page->n_rules++;
	}
	/* 'abort' writes it down first and then into every page, so neither is missed */
	page->aborted = container_born_aborted(c);
	page->magic = CONTAINER_PAGE_MAGIC;
}

int container_page_make(const struct container *c, struct container_page **ret, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct container_page *page;
	char path[PATH_MAX];
	int r = container_path(c->id, PAGE, path, err);

	if (r)
		return r;
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*page)))
		return error_set(err, errno, "cannot write '%s': %s", path, strerror(errno));
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(err, errno, "cannot map '%s': %s", path, strerror(errno));
	page_fill(c, page);
	*ret = page;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Maps what is there; -ENOENT, -EBADMSG. */
static int page_map(const char *id, int flags, int protection, struct container_page **ret, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct container_page *page;
	char path[PATH_MAX];
	struct stat st;
	int r = container_path(id, PAGE, path, err);

	if (r)
		return r;
	fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ENOENT, "there is no '%s'", path);
	if (fd < 0 || fstat(fd, &st) || st.st_size != sizeof(*page))
		return error_set(err, EBADMSG, "'%s' is not a page of this version", path);
	page = mmap(NULL, sizeof(*page), protection, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(err, errno, "cannot map '%s': %s", path, strerror(errno));
	if (page->magic != CONTAINER_PAGE_MAGIC || page->abi != FW_ABI || page->n_rules > FW_RULES) {
		munmap(page, sizeof(*page));
		return error_set(err, EBADMSG, "'%s' is not a page of this version", path);
	}
	*ret = page;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int container_page_open(const char *id, const struct container_page **ret, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct container_page *page;
	int r = page_map(id, O_RDONLY, PROT_READ, &page, &fd, err);

	if (!r)
		*ret = page;
	return r;
}

int container_page_take(const struct container *c, struct container_page **ret, int *ret_fd, struct error *err)
{
	return page_map(c->id, O_RDWR, PROT_READ | PROT_WRITE, ret, ret_fd, err);
}

void container_remove(const char *id, int page_fd)
{
	char page[PATH_MAX], record[PATH_MAX];
	struct stat mine, there;

	if (container_path(id, PAGE, page, NULL) || container_path(id, RECORD, record, NULL))
		return;
	if (page_fd < 0)
		(void)undo_orphan(id);
	/* a container of the same name may have come after ours */
	if (page_fd >= 0 && (fstat(page_fd, &mine) || stat(page, &there) || mine.st_ino != there.st_ino))
		return;
	unlink(page);
	unlink(record);
}

void container_end(const struct container *c, int page_fd)
{
	char page[PATH_MAX];

	if (!c->files_slot)
		container_remove(c->id, page_fd);
	else if (!container_path(c->id, PAGE, page, NULL))
		unlink(page);
}

/* By write(2), which wakes the supervisor; a store into a mapping would not. */
static int page_write(const char *id, off_t at, uint64_t bits, bool on, struct error *err)
{
	_cleanup_close_ int fd = -1;
	uint64_t word = 0;
	char path[PATH_MAX];
	int r = container_path(id, PAGE, path, err);

	if (r)
		return r;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot open '%s': %s", path, strerror(errno));
	if (pread(fd, &word, sizeof(word), at) != sizeof(word))
		return error_set(err, EBADMSG, "'%s' is not a page of this version", path);
	word = on ? word | bits : word & ~bits;
	if (pwrite(fd, &word, sizeof(word), at) != sizeof(word))
		return error_set(err, errno, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

int container_abort(const char *id, uint64_t bits, bool on, struct error *err)
{
	return page_write(id, offsetof(struct container_page, aborted), bits, on, err);
}

int container_node_open(const uint64_t **ret_word, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = open(CONTAINER_CONTROL, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	const uint64_t *word;

	if (fd < 0 || ftruncate(fd, sizeof(*word)))
		return error_set(err, errno, "cannot open '%s': %s", CONTAINER_CONTROL, strerror(errno));
	word = mmap(NULL, sizeof(*word), PROT_READ, MAP_SHARED, fd, 0);
	if (word == MAP_FAILED)
		return error_set(err, errno, "cannot map '%s': %s", CONTAINER_CONTROL, strerror(errno));
	*ret_word = word;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Not there: there is no supervisor yet, and one to come reads what outlives a reboot. */
int container_abort_node(bool on, struct error *err)
{
	_cleanup_close_ int fd = open(CONTAINER_CONTROL, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t word = on;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || pwrite(fd, &word, sizeof(word), 0) != sizeof(word))
		return error_set(err, errno, "cannot write '%s': %s", CONTAINER_CONTROL, strerror(errno));
	return 0;
}

int container_disarm(const char *id, uint64_t bits, bool on, struct error *err)
{
	return page_write(id, offsetof(struct container_page, disarmed), bits, on, err);
}

static int is_record(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(RECORD);

	return e->d_name[0] != '.' && n > suffix && util_streq(e->d_name + n - suffix, RECORD);
}

int container_list(struct containers *ret, struct error *err)
{
	_cleanup_containers_ struct containers list = {};
	struct dirent **names = NULL;
	int n = scandir(CONTAINER_DIR, &names, is_record, alphasort);

	if (n < 0 && errno != ENOENT)
		return error_set(err, errno, "cannot list '%s': %s", CONTAINER_DIR, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct container c = {};

		names[i]->d_name[strlen(names[i]->d_name) - strlen(RECORD)] = '\0';
		if (!container_load(names[i]->d_name, &c, NULL))
			*(struct container *)util_grow(&list.containers, &list.n, sizeof(c)) = c;
		free(names[i]);
	}
	free(names);
	*ret = list;
	list = (struct containers){};
	return 0;
}

bool container_has_supervisor(const struct container *c)
{
	return is_alive(&c->supervisor);
}

void container_sweep(void)
{
	_cleanup_containers_ struct containers list = {};

	undo_sweep();
	(void)container_list(&list, NULL);
	for (size_t i = 0; i < list.n; i++)
		if (!list.containers[i].files_slot && !is_alive(&list.containers[i].supervisor) &&
		    !is_alive(&list.containers[i].init))
			container_remove(list.containers[i].id, -1);
}

void containers_cleanup(struct containers *list)
{
	for (size_t i = 0; i < list->n; i++)
		container_cleanup(&list->containers[i]);
	free(list->containers);
	*list = (struct containers){};
}

void container_cleanup(struct container *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*string_of(c, i));
	free(c->rootfs);
	plan_cleanup(&c->plan);
	*c = (struct container){};
}
