// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command table, and the checks that come before every command: environment, size and shape of stdin, versions.
 */
#include <ctype.h>
#include <errno.h>
#include <syslog.h>

#include "cni-plugin/verbs.h"

#define CONTAINER_ID_MAX 255
#define IFNAME_MAX 15
#define READ_CHUNK (64U << 10)

/* Ascending; a command's 'since' is an index. */
static const char *const versions[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0" };
enum { SINCE_0_3_0, SINCE_0_4_0 = 2, SINCE_1_1_0 = 4 };
#define NEWEST versions[ARRAY_SIZE(versions) - 1]

enum {
	NEED_CONTAINER_ID = 1 << 0,
	NEED_IFNAME = 1 << 1,
	NEED_NETNS = 1 << 2,
	NEED_PATH = 1 << 3,
};

/* VERSION has no verb: it is answered without a network configuration. */
static const struct command {
	const char *name;
	unsigned int needs;
	unsigned int since;
	enum cni_code (*run)(const struct call *call, struct error *err);
} commands[] = {
	{ "ADD", NEED_CONTAINER_ID | NEED_IFNAME | NEED_NETNS, SINCE_0_3_0, verb_add },
	{ "DEL", NEED_CONTAINER_ID | NEED_IFNAME, SINCE_0_3_0, verb_del },
	{ "CHECK", NEED_CONTAINER_ID | NEED_IFNAME | NEED_NETNS, SINCE_0_4_0, verb_check },
	{ "GC", NEED_PATH, SINCE_1_1_0, verb_gc },
	{ "STATUS", 0, SINCE_1_1_0, verb_status },
	{ "VERSION", 0, SINCE_0_3_0, NULL },
};

/* ---- environment */

static int container_id_valid(const char *s, struct error *err)
{
	bool ok = isalnum((unsigned char)s[0]) && strlen(s) <= CONTAINER_ID_MAX && !strstr(s, "..");

	for (const char *p = s; *p && ok; p++)
		ok = isalnum((unsigned char)*p) || strchr("_.-", *p);
	if (!ok)
		return error_set(
			err, EINVAL,
			"CNI_CONTAINERID: '%.64s' is not valid; it begins with a letter or digit, goes on with those, '_', '.' "
			"(not '..') or '-', and has at most %d",
			s, CONTAINER_ID_MAX);
	return 0;
}

static int ifname_valid(const char *s, struct error *err)
{
	bool ok = strlen(s) <= IFNAME_MAX && !util_streq(s, ".") && !util_streq(s, "..");

	for (const char *p = s; *p && ok; p++)
		ok = *p != '/' && *p != ':' && !isspace((unsigned char)*p);
	if (!ok)
		return error_set(err, EINVAL, "CNI_IFNAME: '%.64s' is not valid; at most %d characters without '/', ':' or blanks",
				 s, IFNAME_MAX);
	return 0;
}

static const struct variable {
	const char *name;
	unsigned int need;
	size_t offset; /* in struct call */
	int (*valid)(const char *value, struct error *err);
} variables[] = {
	{ "CNI_CONTAINERID", NEED_CONTAINER_ID, offsetof(struct call, container_id), container_id_valid },
	{ "CNI_IFNAME", NEED_IFNAME, offsetof(struct call, ifname), ifname_valid },
	{ "CNI_NETNS", NEED_NETNS, offsetof(struct call, netns), NULL },
	{ "CNI_PATH", NEED_PATH, offsetof(struct call, path), NULL },
};

static int read_environment(const struct command *cmd, struct call *call, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const struct variable *v = &variables[i];
		const char *value = call->io->getenv(v->name);

		if (!(cmd->needs & v->need))
			continue;
		if (!value || !*value)
			return error_set(err, EINVAL, "%s: not set; the runtime must set it for %s", v->name, cmd->name);
		if (v->valid && v->valid(value, err) < 0)
			return -EINVAL;
		*(const char **)((char *)call + v->offset) = value;
	}
	return 0;
}

static const struct command *find_command(const struct cni_io *io, struct error *err)
{
	const char *name = io->getenv("CNI_COMMAND");

	for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++)
		if (util_streq(name, commands[i].name))
			return &commands[i];
	if (!name || !*name)
		error_set(err, EINVAL, "CNI_COMMAND: not set; this is a CNI plugin, which a container runtime starts");
	else
		error_set(err, EINVAL, "CNI_COMMAND: '%.64s' is none of ADD, DEL, CHECK, GC, STATUS, VERSION", name);
	return NULL;
}

/* ---- stdin */

static enum cni_code read_stdin(int fd, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, room = 0;
	ssize_t got;

	do {
		if (n == room) {
			room = room ? 2 * room : READ_CHUNK;
			text = realloc(text, room);
			if (!text)
				abort();
		}
		got = read(fd, text + n, room - n);
		if (got < 0 && errno != EINTR) {
			error_set(err, errno, "cannot read the network configuration from stdin: %s", strerror(errno));
			return CNI_IO;
		}
		n += got > 0 ? (size_t)got : 0;
	} while (got != 0 && n <= JSON_MAX_BYTES);
	if (n > JSON_MAX_BYTES) {
		error_set(err, E2BIG, NETCONF_PATH ": over %u MiB; shorten the pod's annotations or the conflist",
			  JSON_MAX_BYTES >> 20);
		return CNI_DECODE;
	}
	*ret = TAKE_PTR(text);
	*ret_n = n;
	return CNI_OK;
}

static enum cni_code check_version(const struct command *cmd, const char *version, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (!util_streq(version, versions[i]))
			continue;
		if (i >= cmd->since)
			return CNI_OK;
		error_set(err, EINVAL, NETCONF_PATH ".cniVersion: '%s' has no %s; that is for %s and later", version, cmd->name,
			  versions[cmd->since]);
		return CNI_VERSION;
	}
	error_set(err, EINVAL, NETCONF_PATH ".cniVersion: '%.64s' is not supported; set one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0",
		  version);
	return CNI_VERSION;
}

/* ---- one call */

/* Old runtimes send nothing at all to VERSION. */
static enum cni_code answer_version(const struct cni_io *io, const char *text, size_t n, struct error *err)
{
	_cleanup_json_ cJSON *root = NULL;
	const cJSON *version = NULL;

	if (n > 0 && json_parse(text, n, "VERSION", &root, err) < 0)
		return CNI_DECODE;
	version = cJSON_GetObjectItemCaseSensitive(root, "cniVersion");
	if (version && !cJSON_IsString(version)) {
		error_set(err, EINVAL, "VERSION.cniVersion: must be a string");
		return CNI_CONFIG;
	}
	return result_version(io->out, version ? version->valuestring : NEWEST, versions, ARRAY_SIZE(versions), err) < 0 ? CNI_IO
															 : CNI_OK;
}

static enum cni_code run_verb(const struct command *cmd, struct call *call, const char *text, size_t n, struct error *err)
{
	enum cni_code code;
	int r = netconf_parse(text, n, &call->conf, err);

	if (r < 0)
		return r == -EBADMSG ? CNI_DECODE : CNI_CONFIG;
	code = check_version(cmd, call->conf.cni_version, err);
	return code == CNI_OK ? cmd->run(call, err) : code;
}

static enum cni_code run(struct call *call, char **text, struct error *err)
{
	const struct command *cmd = find_command(call->io, err);
	enum cni_code code;
	size_t n = 0;

	if (!cmd)
		return CNI_ENV;
	call->command = cmd->name;
	if (read_environment(cmd, call, err) < 0)
		return CNI_ENV;
	code = read_stdin(call->io->in, text, &n, err);
	if (code != CNI_OK)
		return code;
	return cmd->run ? run_verb(cmd, call, *text, n, err) : answer_version(call->io, *text, n, err);
}

/* The version that an error object is in: the configuration's if it is one of ours. */
static const char *error_version(const struct call *call)
{
	for (size_t i = 0; call->conf.cni_version && i < ARRAY_SIZE(versions); i++)
		if (util_streq(call->conf.cni_version, versions[i]))
			return versions[i];
	return NEWEST;
}

int dispatch(const struct cni_io *io)
{
	_cleanup_free_ char *text = NULL;
	struct call call = { .io = io };
	struct error err = {};
	enum cni_code code = run(&call, &text, &err);

	if (code != CNI_OK) {
		result_error(io->out, error_version(&call), code, &err);
		verb_log(&call, LOG_ERR, err.msg);
	}
	netconf_cleanup(&call.conf);
	return code == CNI_OK ? 0 : 1;
}
