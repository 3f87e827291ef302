// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rtnetlink socket: one request, one answer. Of libnl only the core is used, and of that the messages: libnl-route's static
 * constructors would cost every process more than all of our requests, and its socket ten calls that set what is set already.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "engine/tc_internal.h"
#include "lib/util.h"

/* The longest message of ours carries a distribution table of 8 KiB. */
#define TC_REQUEST_BYTES 12288
/* A dump comes in pieces of at most 32 KiB. */
#define TC_REPLY_BYTES 32768

int tc_open(struct tc *ret, struct error *err)
{
	static const int on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return error_set(err, errno, "cannot open a netlink socket: %s", strerror(errno));
	/* Both only make the answers better and shorter. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	*ret = (struct tc){ .fd = fd };
	return 0;
}

void tc_close(struct tc *tc)
{
	util_closep(&tc->fd);
}

/* An acknowledgement, with the kernel's words behind it if it has any. */
static int ack_read(struct nlmsghdr *h, struct tc_ack *ack)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	struct nlattr *text;
	int skip = sizeof(*e);

	if (nlmsg_datalen(h) < skip)
		return -EBADMSG;
	if (!ack || !(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return e->error;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += nlmsg_datalen(&e->msg);
	text = nlmsg_find_attr(h, skip, NLMSGERR_ATTR_MSG);
	if (text)
		nla_strlcpy(ack->text, text, sizeof(ack->text));
	return e->error;
}

static int done_read(struct nlmsghdr *h, bool torn)
{
	int rc = 0;

	if (nlmsg_datalen(h) >= (int)sizeof(rc))
		memcpy(&rc, nlmsg_data(h), sizeof(rc));
	return rc < 0 ? rc : torn ? -EINTR : 0;
}

struct answer {
	uint32_t seq;
	tc_reply_fn *fn;
	void *ctx;
	struct tc_ack *ack;
	bool torn; /* the kernel's tables changed during a dump */
	int rc;
};

/* Reads one piece of an answer; true at its end. */
static bool answer_read(struct answer *a, void *buf, int n)
{
	for (struct nlmsghdr *h = buf; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
		if (h->nlmsg_seq != a->seq)
			continue;
		a->torn |= h->nlmsg_flags & NLM_F_DUMP_INTR;
		if (h->nlmsg_type == NLMSG_ERROR) {
			a->rc = ack_read(h, a->ack);
			return true;
		}
		if (h->nlmsg_type == NLMSG_DONE) {
			a->rc = done_read(h, a->torn);
			return true;
		}
		if (a->fn)
			a->fn(a->ctx, h);
	}
	return false;
}

int tc_talk(struct tc *tc, struct nl_msg *msg, tc_reply_fn *fn, void *ctx, struct tc_ack *ack)
{
	alignas(struct nlmsghdr) char buf[TC_REPLY_BYTES];
	struct answer a = { .seq = ++tc->seq, .fn = fn, .ctx = ctx, .ack = ack };
	ssize_t n;

	if (ack)
		ack->text[0] = '\0';
	nlmsg_hdr(msg)->nlmsg_seq = a.seq;
	n = send(tc->fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0);
	nlmsg_free(msg);
	while (n >= 0) {
		n = recv(tc->fd, buf, sizeof(buf), MSG_TRUNC);
		if (n > (ssize_t)sizeof(buf))
			return -EMSGSIZE;
		if (n > 0 && answer_read(&a, buf, n))
			return a.rc;
		if (n < 0 && errno == EINTR)
			n = 0;
	}
	return -errno;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct nl_msg *tc_msg(int type, int flags, const void *header, size_t n)
{
	struct nl_msg *msg = nlmsg_alloc_size(TC_REQUEST_BYTES);

	must(msg && nlmsg_put(msg, 0, 0, type, 0, NLM_F_REQUEST | NLM_F_ACK | flags));
	must(nlmsg_append(msg, (void *)header, n, NLMSG_ALIGNTO) == 0);
	return msg;
}

struct nl_msg *tc_link_msg(int type, int flags, int ifindex)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };

	return tc_msg(type, flags, &header, sizeof(header));
}

struct nl_msg *tc_object_msg(int type, int flags, const struct tcmsg *header, const char *kind)
{
	struct nl_msg *msg = tc_msg(type, flags, header, sizeof(*header));

	if (kind)
		tc_put_string(msg, TCA_KIND, kind);
	return msg;
}

void tc_put(struct nl_msg *msg, int type, const void *data, size_t n)
{
	must(nla_put(msg, type, n, data) == 0);
}

void tc_put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	tc_put(msg, type, &value, sizeof(value));
}

void tc_put_u64(struct nl_msg *msg, int type, uint64_t value)
{
	tc_put(msg, type, &value, sizeof(value));
}

void tc_put_string(struct nl_msg *msg, int type, const char *value)
{
	tc_put(msg, type, value, strlen(value) + 1);
}

struct nlattr *tc_nest(struct nl_msg *msg, int type)
{
	struct nlattr *nest = nla_nest_start(msg, type);

	must(nest);
	return nest;
}

const char *tc_kind(struct nlattr **attrs)
{
	struct nlattr *kind = attrs[TCA_KIND];

	if (!kind || !memchr(nla_data(kind), '\0', nla_len(kind)))
		return "";
	return nla_get_string(kind);
}

int tc_fail(struct error *err, int rc, const struct tc_ack *ack, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (ack && ack->text[0])
		return error_set(err, -rc, "%s: %s: kernel says '%s'", what, strerror(-rc), ack->text);
	return error_set(err, -rc, "%s: %s", what, strerror(-rc));
}

int tc_no_module(struct error *err, const char *module)
{
	struct utsname u;

	uname(&u);
	return error_set(err, ENOTSUP, "kernel has no %s: modprobe %s, or install linux-modules-extra-%s / kernel-modules-extra",
			 module, module, u.release);
}

const char *tc_ifname(int ifindex, char *buf)
{
	if (!if_indextoname(ifindex, buf))
		snprintf(buf, IF_NAMESIZE, "#%d", ifindex);
	return buf;
}
