// SPDX-License-Identifier: GPL-2.0-only
/*
 * stdout and the log: see result.h.
 */
#include <errno.h>
#include <sys/uio.h>
#include <syslog.h>

#include "cni-plugin/result.h"
#include "lib/policy.h"

/* A second sentence for the reader, true whatever the message says. */
static const struct {
	enum cni_code code;
	const char *details;
} remedies[] = {
	{ CNI_ANNOTATION, "no fault was applied; 'faultwire plan' checks annotations before they are deployed" },
	{ CNI_POLICY, "no fault was applied; " POLICY_PATH " on the node sets what annotations may ask for" },
	{ CNI_KERNEL, "'faultwire doctor' on the node names all that it lacks" },
	{ CNI_ROOM, "'faultwire status' on the node shows which pods have faults now" },
	{ CNI_CHANGED, "'faultwire status' on the node shows what is there; create the pod anew" },
	{ CNI_POLICY_FILE, "pods without faultwire annotations are not affected" },
};

static const struct {
	int error;
	enum cni_code code;
} engine_codes[] = {
	{ EUSERS, CNI_ROOM },   { ENOSPC, CNI_ROOM },  { EEXIST, CNI_QDISC },  { E2BIG, CNI_ANNOTATION }, { EDOM, CNI_ANNOTATION },
	{ EINVAL, CNI_POD },    { ENODEV, CNI_POD },   { ENOENT, CNI_POD },    { ENXIO, CNI_POD },        { ENOTSUP, CNI_KERNEL },
	{ ENOSYS, CNI_KERNEL }, { EPERM, CNI_KERNEL }, { EACCES, CNI_KERNEL }, { ESTALE, CNI_CHANGED },   { EAGAIN, CNI_LATER },
};

enum cni_code result_engine_code(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(engine_codes); i++)
		if (engine_codes[i].error == abs(error))
			return engine_codes[i].code;
	return CNI_INTERNAL;
}

/* ---- writing */

static int write_parts(int fd, struct iovec *parts, int n, struct error *err)
{
	while (n > 0) {
		ssize_t w = parts->iov_len ? writev(fd, parts, n) : 0;

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return error_set(err, errno, "cannot write the result: %s", strerror(errno));
		while (n > 0 && (size_t)w >= parts->iov_len) {
			w -= (ssize_t)parts->iov_len;
			parts++;
			n--;
		}
		if (n > 0) {
			parts->iov_base = (char *)parts->iov_base + w;
			parts->iov_len -= (size_t)w;
		}
	}
	return 0;
}

static struct iovec part(const char *text, size_t n)
{
	return (struct iovec){ .iov_base = (char *)text, .iov_len = n };
}

static int write_json(int fd, const cJSON *j, struct error *err)
{
	char *text = cJSON_PrintUnformatted(j);
	struct iovec line[] = { part(text, text ? strlen(text) : 0), part("\n", 1) };
	int r = text ? write_parts(fd, line, ARRAY_SIZE(line), err) : error_set(err, ENOMEM, "out of memory");

	cJSON_free(text);
	return r;
}

int result_prev(int fd, const struct netconf *conf, struct error *err)
{
	const char *end = conf->prev + conf->prev_n, *at = conf->prev_version;
	_cleanup_free_ char *version = NULL;
	struct iovec whole = part(conf->prev, conf->prev_n);

	if (conf->prev_same_version)
		return write_parts(fd, &whole, 1, err);
	if (at) {
		version = util_printf("\"%s\"", conf->cni_version);
	} else {
		at = conf->prev + 1;
		version = util_printf("\"cniVersion\":\"%s\"%s", conf->cni_version, conf->prev_empty ? "" : ",");
	}
	struct iovec spliced[] = {
		part(conf->prev, (size_t)(at - conf->prev)),
		part(version, strlen(version)),
		part(at + conf->prev_version_n, (size_t)(end - at) - conf->prev_version_n),
	};
	return write_parts(fd, spliced, ARRAY_SIZE(spliced), err);
}

int result_version(int fd, const char *version, const char *const *supported, size_t n, struct error *err)
{
	_cleanup_json_ cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "cniVersion", version);
	cJSON_AddItemToObject(j, "supportedVersions", cJSON_CreateStringArray(supported, (int)n));
	return write_json(fd, j, err);
}

/* ---- what people read */

void result_error(int fd, const char *version, enum cni_code code, const struct error *err)
{
	_cleanup_json_ cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "cniVersion", version);
	cJSON_AddNumberToObject(j, "code", code);
	cJSON_AddStringToObject(j, "msg", err->msg);
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (remedies[i].code == code)
			cJSON_AddStringToObject(j, "details", remedies[i].details);
	write_json(fd, j, NULL);
}

void result_log(const struct cni_io *io, int severity, const char *context, const char *msg)
{
	fprintf(io->log, "faultwire: %s: %s\n", context, msg);
	if (!io->syslog)
		return;
	openlog("faultwire", LOG_PID, LOG_DAEMON);
	syslog(severity, "%s: %s", context, msg);
}
