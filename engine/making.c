// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a call: see making.h. Whatever is read of or written to the caller's memory is so while its notification is valid: it stands still.
 */
#include "engine/making.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/proc.h"
#include "lib/util.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#define PAGE 4096U
#define LOOK_MS 20 /* for a caller that has gone, while there is nothing to read */
#define BYTES_MAX 0x7ffff000UL
#define NONE (-1)

/* Arguments by number; what moves no data has its own arguments behind the descriptor. */
struct shape {
	int nr;
	enum { PLAIN, READ, WRITE, ENTRIES } does;
	bool vector;
	signed char offset, flags;
};

static const struct shape shapes[] = {
	{ __NR_fsync, PLAIN, false, NONE, NONE },
	{ __NR_fdatasync, PLAIN, false, NONE, NONE },
	{ __NR_sync_file_range, PLAIN, false, NONE, NONE },
	{ __NR_syncfs, PLAIN, false, NONE, NONE },
	{ __NR_ftruncate, PLAIN, false, NONE, NONE },
	{ __NR_fallocate, PLAIN, false, NONE, NONE },
	{ __NR_lseek, PLAIN, false, NONE, NONE },
	{ __NR_fadvise64, PLAIN, false, NONE, NONE },
	{ __NR_readahead, PLAIN, false, NONE, NONE },
	{ __NR_getdents64, ENTRIES, false, NONE, NONE },
	{ __NR_read, READ, false, NONE, NONE },
	{ __NR_readv, READ, true, NONE, NONE },
	{ __NR_pread64, READ, false, 3, NONE },
	{ __NR_preadv, READ, true, 3, NONE },
	{ __NR_preadv2, READ, true, 3, 5 },
	{ __NR_write, WRITE, false, NONE, NONE },
	{ __NR_writev, WRITE, true, NONE, NONE },
	{ __NR_pwrite64, WRITE, false, 3, NONE },
	{ __NR_pwritev, WRITE, true, 3, NONE },
	{ __NR_pwritev2, WRITE, true, 3, 5 },
#ifdef __NR_getdents
	{ __NR_getdents, ENTRIES, false, NONE, NONE },
#endif
};

/* A call under way: what it is on, and the caller's buffers from where it is. */
struct making_on {
	struct making *m;
	const struct shape *shape;
	int listener, fd;
	char *buffer;
	bool stream, socket, waits; /* a pipe or socket; one that blocks */
	bool moves;                 /* the file's offset */
	int64_t offset;
	size_t total, n; /* bytes; segments */
	struct iovec theirs[IOV_MAX], ours[IOV_MAX];
};

static const struct shape *shape_of(int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].nr == nr)
			return &shapes[i];
	return NULL;
}

bool making_knows(int nr)
{
	return shape_of(nr);
}

/* ---- how far it is: bytes that are done with, bytes in the buffer that their reader has yet to get, and whether a transfer is under way */

enum { BEGUN = 1, HELD_SHIFT = 1, DONE_SHIFT = 25 };

static size_t done(const struct making *m)
{
	return m->progress >> DONE_SHIFT;
}

static size_t held(const struct making *m)
{
	return m->progress >> HELD_SHIFT & ((1U << (DONE_SHIFT - HELD_SHIFT)) - 1);
}

static void set_progress(struct making *m, size_t now_done, size_t now_held, bool begun)
{
	__atomic_store_n(&m->progress, (uint64_t)now_done << DONE_SHIFT | (uint64_t)now_held << HELD_SHIFT | begun,
			 __ATOMIC_RELEASE);
}

static bool is_valid(const struct making_on *on)
{
	uint64_t id = __atomic_load_n(&on->m->id, __ATOMIC_ACQUIRE);

	return !ioctl(on->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/* ---- the file */

static pid_t leader_of(uint32_t tid)
{
	struct proc_number leader = { "Tgid", 10, 0 };

	(void)proc_status((pid_t)tid, &leader, 1);
	return (pid_t)leader.value;
}

/* The caller's descriptor, duplicated. */
static int take_file(const struct making *m)
{
	_cleanup_close_ int owner = (int)syscall(SYS_pidfd_open, m->tid, PIDFD_THREAD);

	if (owner < 0) /* not known before 6.9: threads that have their own descriptors are not told apart there */
		owner = (int)syscall(SYS_pidfd_open, leader_of(m->tid), 0);
	return owner < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, owner, (int)m->call.args[0], 0);
}

static bool looks_at_its_user(int fd)
{
	static const uint32_t kinds[] = { PROC_SUPER_MAGIC,    SYSFS_MAGIC,      CGROUP_SUPER_MAGIC,
					  CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, DEBUGFS_MAGIC,
					  TRACEFS_MAGIC,       BPF_FS_MAGIC,     BINFMTFS_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((uint32_t)fs.f_type == kinds[i])
			return true;
	return false;
}

static bool is_internet(int fd)
{
	int domain = 0;
	socklen_t n = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) && (domain == AF_INET || domain == AF_INET6);
}

/* Whether the call is one of those that are the same for us. */
static bool look_at_file(struct making_on *on)
{
	struct stat st;
	int flags = fcntl(on->fd, F_GETFL);

	if (flags < 0 || fstat(on->fd, &st) || (flags & O_PATH))
		return false;
	if (on->m->mistake.max_occurrences && !S_ISREG(st.st_mode))
		return false;
	on->socket = S_ISSOCK(st.st_mode);
	on->stream = on->socket || S_ISFIFO(st.st_mode);
	on->waits = on->stream && !(flags & O_NONBLOCK);
	on->moves = !on->stream && on->shape->does != PLAIN && on->offset < 0;
	if (on->socket)
		return is_internet(on->fd);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return !looks_at_its_user(on->fd);
	return S_ISFIFO(st.st_mode) || S_ISBLK(st.st_mode);
}

/* ---- the caller's buffers */

static int read_vector(struct making_on *on)
{
	const struct making *m = on->m;
	struct iovec local = { on->theirs, 0 }, remote;
	uint64_t n = m->call.args[2];

	if (n > IOV_MAX)
		return -EINVAL;
	local.iov_len = n * sizeof(*on->theirs);
	remote = (struct iovec){ (void *)(uintptr_t)m->call.args[1], local.iov_len };
	if (n && process_vm_readv((pid_t)m->tid, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
		return -EFAULT;
	on->n = n;
	return 0;
}

/* As the kernel does: what is over its maximum is not there. */
static int clip(struct making_on *on)
{
	for (size_t i = 0; i < on->n; i++) {
		if ((ssize_t)on->theirs[i].iov_len < 0)
			return -EINVAL;
		on->theirs[i].iov_len = MIN(on->theirs[i].iov_len, BYTES_MAX - on->total);
		on->total += on->theirs[i].iov_len;
	}
	return 0;
}

/* What is done with is taken off the front. */
static void advance(struct making_on *on, size_t bytes)
{
	size_t i = 0;

	on->total -= bytes;
	while (i < on->n && bytes >= on->theirs[i].iov_len)
		bytes -= on->theirs[i++].iov_len;
	memmove(on->theirs, on->theirs + i, (on->n - i) * sizeof(*on->theirs));
	on->n -= i;
	if (on->n && bytes) {
		on->theirs[0].iov_base = (char *)on->theirs[0].iov_base + bytes;
		on->theirs[0].iov_len -= bytes;
	}
}

static int look_at_buffers(struct making_on *on)
{
	const __u64 *args = on->m->call.args;
	int r = 0;

	on->offset = on->shape->offset == NONE ? -1 : (int64_t)args[(int)on->shape->offset];
	if (on->shape->offset != NONE && on->offset < 0 && !(on->shape->flags != NONE && on->offset == -1))
		return -EINVAL;
	if (on->shape->vector) {
		r = read_vector(on);
	} else {
		on->theirs[0] = (struct iovec){ (void *)(uintptr_t)args[1], args[2] };
		on->n = 1;
	}
	if (!r)
		r = clip(on);
	if (r)
		return r;
	advance(on, done(on->m));
	if (on->offset >= 0)
		on->offset += (int64_t)done(on->m);
	return 0;
}

/* Segments of ours like the caller's next ones, each as far into its page: direct I/O looks at that. */
static size_t lay_out(struct making_on *on, size_t most, size_t *ret_bytes)
{
	size_t at = 0, bytes = 0, n = 0;

	for (; n < on->n && (bytes < most || !on->theirs[n].iov_len); n++) {
		size_t into = (uintptr_t)on->theirs[n].iov_base % PAGE, len = MIN(on->theirs[n].iov_len, most - bytes);

		at += (into + PAGE - at % PAGE) % PAGE;
		if (at + len > MAKING_BUFFER && n)
			break;
		on->ours[n] = (struct iovec){ on->buffer + at, len };
		at += len;
		bytes += len;
	}
	*ret_bytes = bytes;
	return n;
}

static size_t from_caller(struct making_on *on, size_t n)
{
	ssize_t got = process_vm_readv((pid_t)on->m->tid, on->ours, n, on->theirs, n, 0);

	return got < 0 ? 0 : (size_t)got;
}

/* The segments of ours that hold the first 'bytes'. */
static size_t cut(struct making_on *on, size_t bytes)
{
	size_t n = 0;

	for (; bytes; n++) {
		on->ours[n].iov_len = MIN(on->ours[n].iov_len, bytes);
		bytes -= on->ours[n].iov_len;
	}
	return n;
}

/* The number of bytes that the caller could take. */
static size_t to_caller(struct making_on *on, size_t bytes)
{
	size_t n = cut(on, bytes);
	ssize_t put = process_vm_writev((pid_t)on->m->tid, on->ours, n, on->theirs, n, 0);

	return put < 0 ? 0 : (size_t)put;
}

/* ---- the transfer */

/* False when the caller has gone before there was anything to be had. */
static bool wait_ready(const struct making_on *on)
{
	struct pollfd fd = { .fd = on->fd, .events = on->shape->does == WRITE ? POLLOUT : POLLIN };

	while (on->waits && poll(&fd, 1, LOOK_MS) <= 0)
		if (!is_valid(on))
			return false;
	return is_valid(on);
}

static long transfer_socket(const struct making_on *on, size_t n)
{
	struct msghdr message = { .msg_iov = (struct iovec *)on->ours, .msg_iovlen = n };
	int flags = on->waits ? MSG_DONTWAIT : 0; /* somebody else may have been quicker */

	return on->shape->does == WRITE ? sendmsg(on->fd, &message, flags | MSG_NOSIGNAL) : recvmsg(on->fd, &message, flags);
}

static long transfer(const struct making_on *on, size_t n)
{
	const struct making *m = on->m;
	int flags = on->shape->flags == NONE ? 0 : (int)m->call.args[(int)on->shape->flags];
	long r;

	if (on->shape->does == ENTRIES)
		r = syscall(m->call.nr, on->fd, on->ours[0].iov_base, on->ours[0].iov_len);
	else if (on->socket && on->offset < 0 && !flags)
		r = transfer_socket(on, n);
	else if (on->shape->does == WRITE)
		r = pwritev2(on->fd, on->ours, (int)n, on->offset, flags);
	else
		r = preadv2(on->fd, on->ours, (int)n, on->offset, flags);
	return r < 0 ? -errno : r;
}

/* What a worker that goes on in our place must know is written down before and after. */
static enum making_end transfer_once(const struct making_on *on, size_t n, size_t bytes, long *ret)
{
	struct making *m = on->m;
	size_t moved;

	do {
		if (bytes ? !wait_ready(on) : !is_valid(on))
			return MAKING_SUSPENDED;
		m->before = on->moves ? lseek(on->fd, 0, SEEK_CUR) : -1;
		set_progress(m, done(m), 0, true);
		*ret = transfer(on, n);
		moved = *ret > 0 ? (size_t)*ret : 0;
		if (on->shape->does == WRITE)
			set_progress(m, done(m) + moved, 0, false);
		else
			set_progress(m, done(m), moved, false);
	} while (*ret == -EAGAIN && on->waits);
	return *ret == -EINTR ? MAKING_SUSPENDED : MAKING_DONE;
}

/* Gives the caller what was read; what it could not take is not read. */
static long hand_over(struct making_on *on)
{
	struct making *m = on->m;
	size_t bytes = held(m), taken;

	mistake_make(&m->mistake, on->ours, bytes);
	taken = to_caller(on, bytes);
	set_progress(m, done(m) + taken, 0, false);
	if (on->moves && taken < bytes && on->shape->does == READ)
		lseek(on->fd, -(off_t)(bytes - taken), SEEK_CUR);
	return taken ? (long)taken : -EFAULT;
}

/* *ret_bytes are those that were asked for. */
static enum making_end make_chunk(struct making_on *on, size_t *ret_bytes, long *ret)
{
	size_t most = on->shape->does == WRITE && on->waits && !on->socket ? PIPE_BUF : MAKING_CHUNK; /* a ready pipe takes that */
	size_t n = lay_out(on, most, ret_bytes);
	enum making_end end = MAKING_DONE;

	if (on->shape->does == WRITE && *ret_bytes) {
		*ret_bytes = from_caller(on, n);
		n = cut(on, *ret_bytes);
		*ret = -EFAULT;
		if (!*ret_bytes)
			return MAKING_DONE;
	}
	if (!held(on->m))
		end = transfer_once(on, n, *ret_bytes, ret);
	if (end == MAKING_DONE && held(on->m) && !is_valid(on))
		end = MAKING_SUSPENDED;
	if (end == MAKING_DONE && held(on->m))
		*ret = hand_over(on);
	return end;
}

/* One that waits writes all of it, all others end with what is short. */
static bool goes_on(const struct making_on *on, size_t asked, long r)
{
	if (r <= 0 || !on->total || on->shape->does == ENTRIES)
		return false;
	return on->stream ? on->shape->does == WRITE && on->waits : (size_t)r == asked;
}

static enum making_end make_transfer(struct making_on *on, long *ret)
{
	enum making_end end = MAKING_DONE;
	size_t asked;
	long r = 0;

	/* had all, but one who died of it did not say so */
	if (done(on->m) && !held(on->m) && (!on->total || (on->stream && on->shape->does == READ))) {
		*ret = (long)done(on->m);
		return MAKING_DONE;
	}
	do {
		end = make_chunk(on, &asked, &r);
		if (end != MAKING_DONE || r <= 0)
			break;
		advance(on, (size_t)r);
		if (on->offset >= 0)
			on->offset += r;
	} while (goes_on(on, asked, r));
	*ret = done(on->m) ? (long)done(on->m) : r;
	return done(on->m) && !held(on->m) ? MAKING_DONE : end;
}

static enum making_end make_plain(const struct making_on *on, long *ret)
{
	const __u64 *a = on->m->call.args;

	if (!is_valid(on))
		return MAKING_SUSPENDED;
	*ret = syscall(on->m->call.nr, on->fd, a[1], a[2], a[3], a[4], a[5]);
	if (*ret < 0)
		*ret = -errno;
	return *ret == -EINTR ? MAKING_SUSPENDED : MAKING_DONE;
}

enum making_end making_run(struct making *m, int listener, void *buffer, long *ret)
{
	struct making_on on = { .m = m, .shape = shape_of(m->call.nr), .listener = listener, .buffer = buffer };
	_cleanup_close_ int fd = take_file(m);
	int r = 0;

	on.fd = fd;
	*ret = -EBADF;
	if (fd < 0)
		return errno == EBADF ? MAKING_DONE : MAKING_LEFT;
	if (on.shape->does != PLAIN)
		r = look_at_buffers(&on);
	if (!look_at_file(&on))
		return MAKING_LEFT;
	*ret = r;
	if (r)
		return MAKING_DONE;
	return on.shape->does == PLAIN ? make_plain(&on, ret) : make_transfer(&on, ret);
}

/* Where the offset tells what has happened: a read is done again from where it was, a write has done what it has done. */
void making_recover(struct making *m)
{
	const struct shape *shape = shape_of(m->call.nr);
	_cleanup_close_ int fd = -1;
	off_t now;

	if (!(m->progress & BEGUN) || m->before < 0)
		return;
	fd = take_file(m);
	now = fd < 0 ? -1 : lseek(fd, 0, SEEK_CUR);
	if (now > m->before && shape->does == WRITE)
		set_progress(m, done(m) + (size_t)(now - m->before), 0, false);
	else if (now > m->before)
		lseek(fd, m->before, SEEK_SET);
	m->progress &= ~(uint64_t)BEGUN;
}
