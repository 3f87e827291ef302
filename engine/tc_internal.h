/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tc_*.c files share: one request on the socket and its answer, messages built by hand, errors that say what to do.
 */
#ifndef FAULTWIRE_TC_INTERNAL_H
#define FAULTWIRE_TC_INTERNAL_H

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "engine/tc.h"

/* The kernel's own words for a refusal; "" when it has none. */
struct tc_ack {
	char text[160];
};

/* Takes each message of an answer; it must not end it early, the rest would stay in the socket. */
typedef void tc_reply_fn(void *ctx, struct nlmsghdr *reply);

/*
 * Sends a message, frees it, and reads the answer to its end (acknowledgement or end of dump). 0 or the kernel's -errno; -EINTR: a dump that
 * changed under the reader. fn may be NULL, ack may be NULL.
 */
int tc_talk(struct tc *tc, struct nl_msg *msg, tc_reply_fn *fn, void *ctx, struct tc_ack *ack);

/* Messages. Never NULL, and always with room: the sizes of all that we put are bounded, running over is a bug and ends the process. */
struct nl_msg *tc_msg(int type, int flags, const void *header, size_t n);
struct nl_msg *tc_link_msg(int type, int flags, int ifindex);
/* A qdisc's, class's or filter's. */
struct nl_msg *tc_object_msg(int type, int flags, const struct tcmsg *header, const char *kind);
void tc_put(struct nl_msg *msg, int type, const void *data, size_t n);
void tc_put_u32(struct nl_msg *msg, int type, uint32_t value);
void tc_put_u64(struct nl_msg *msg, int type, uint64_t value);
void tc_put_string(struct nl_msg *msg, int type, const char *value);
struct nlattr *tc_nest(struct nl_msg *msg, int type);

/* Whether a hook has any filter, whoever's. */
int tc_filters_exist(struct tc *tc, int ifindex, enum fw_dir dir, bool *ret, struct error *err);

/* The kind of a reply about a qdisc or filter, "" when it has none. */
const char *tc_kind(struct nlattr **attrs);

/* -errno with "<what>: <errno's text>: <the kernel's words>". */
int tc_fail(struct error *err, int rc, const struct tc_ack *ack, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* -ENOTSUP naming the module and where it comes from. */
int tc_no_module(struct error *err, const char *module);
/* An interface's name for messages; buf has IF_NAMESIZE. */
const char *tc_ifname(int ifindex, char *buf);

#endif
