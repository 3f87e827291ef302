// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time zones of this node: a name -> its offsets from now on, which the plan carries from then on, since the kernel has no zones.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/engine.h"
#include "lib/tzif.h"
#include "lib/util.h"

#define ZONES "/usr/share/zoneinfo"
#define ZONE_MAX_BYTES (1U << 16) /* they have some thousand */
/* A window that began before now, and what led up to it, is evaluated too. */
#define BEFORE_SECONDS (40 * 86400)

bool engine_has_zones(void)
{
	return access(ZONES "/Europe/Berlin", R_OK) == 0;
}

static int not_there(const struct fault *f, struct error *err)
{
	if (!engine_has_zones())
		return error_set(err, ENOTSUP,
				 "%s.timeZone: '%s': this node has no zones in " ZONES
				 ": install the package 'tzdata', or use 'UTC'",
				 f->path, f->calendar->zone);
	return error_set(err, EINVAL,
			 "%s.timeZone: '%s' is not in this node's " ZONES ": correct it, or update the package 'tzdata'", f->path,
			 f->calendar->zone);
}

static int unreadable(const struct fault *f, const char *why, struct error *err)
{
	return error_set(err, EINVAL,
			 "%s.timeZone: '%s' cannot be read from this node's " ZONES ": %s: reinstall the package 'tzdata'", f->path,
			 f->calendar->zone, why);
}

static int read_zone(const struct fault *f, uint8_t *buf, size_t *ret_n, struct error *err)
{
	_cleanup_free_ char *path = util_printf(ZONES "/%s", f->calendar->zone);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return not_there(f, err);
	if (fd < 0 || fstat(fd, &st))
		return unreadable(f, strerror(errno), err);
	if (S_ISDIR(st.st_mode))
		return not_there(f, err);
	if (!S_ISREG(st.st_mode) || st.st_size > ZONE_MAX_BYTES)
		return unreadable(f, "it is no file, or a huge one", err);
	n = read(fd, buf, ZONE_MAX_BYTES);
	if (n < 0)
		return unreadable(f, strerror(errno), err);
	*ret_n = (size_t)n;
	return 0;
}

static int resolve(const struct fault *f, int64_t from, struct error *err)
{
	_cleanup_free_ uint8_t *buf = NULL;
	struct error own = {};
	size_t n = 0;
	int r;

	if (util_streq(f->calendar->zone, CALENDAR_UTC))
		return 0;
	buf = util_alloc(1, ZONE_MAX_BYTES);
	r = read_zone(f, buf, &n, err);
	if (!r && tzif_read(buf, n, from, &f->calendar->fields, &own))
		r = unreadable(f, own.msg, err);
	return r;
}

int engine_zones(const struct fault_spec *spec, struct error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < spec->n_faults; i++)
		if (spec->faults[i].calendar)
			r = resolve(&spec->faults[i], time(NULL) - BEFORE_SECONDS, err);
	return r;
}
