// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interfaces: found by name, the ifb made and removed, offloads switched; and the node's own addresses.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>

#include "engine/tc_internal.h"
#include "lib/util.h"

/* A dump is read again when the tables changed under it. */
#define DUMP_TRIES 8
/*
 * More link-local addresses than these, and those of interfaces that have no other are left out, or all if there are still too many: each
 * pod's veth has one, nobody sends to them, and tables have FW_INTERVALS entries.
 */
#define LINK_LOCAL_MAX 16

struct link {
	int index;
	char kind[16]; /* "" for a device of hardware */
	bool has_gso_segs;
	uint32_t gso_segs;
};

static void link_kind(struct nlattr *linkinfo, char ret[16])
{
	struct nlattr *kind = linkinfo ? nla_find(nla_data(linkinfo), nla_len(linkinfo), IFLA_INFO_KIND) : NULL;

	ret[0] = '\0';
	if (kind)
		nla_strlcpy(ret, kind, 16);
}

static void link_read(void *ctx, struct nlmsghdr *reply)
{
	struct nlattr *attrs[IFLA_MAX + 1];
	struct link *link = ctx;

	if (reply->nlmsg_type != RTM_NEWLINK || nlmsg_parse(reply, sizeof(struct ifinfomsg), attrs, IFLA_MAX, NULL) < 0)
		return;
	link->index = ((struct ifinfomsg *)nlmsg_data(reply))->ifi_index;
	link_kind(attrs[IFLA_LINKINFO], link->kind);
	if (attrs[IFLA_GSO_MAX_SEGS]) {
		link->has_gso_segs = true;
		link->gso_segs = nla_get_u32(attrs[IFLA_GSO_MAX_SEGS]);
	}
}

/* By name, or by index where name is NULL. */
static int link_get(struct tc *tc, int ifindex, const char *name, struct link *ret, struct tc_ack *ack)
{
	struct nl_msg *msg = tc_link_msg(RTM_GETLINK, 0, ifindex);
	struct link link = {};
	int r;

	if (name)
		tc_put_string(msg, IFLA_IFNAME, name);
	tc_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = tc_talk(tc, msg, link_read, &link, ack);
	if (!r && !link.index)
		r = -ENODEV;
	if (!r)
		*ret = link;
	return r;
}

static int link_by_name(struct tc *tc, const char *name, struct link *ret, struct tc_ack *ack)
{
	/* the kernel's own answer to a name that cannot be is ERANGE or EINVAL */
	return name[0] && strlen(name) < IF_NAMESIZE ? link_get(tc, 0, name, ret, ack) : -ENODEV;
}

int tc_link_index(struct tc *tc, const char *name, int *ret, struct error *err)
{
	struct ifreq request = {};

	/* by ioctl: the kernel's message about a link is a kilobyte */
	if (name[0] && strlen(name) < IF_NAMESIZE) {
		strncpy(request.ifr_name, name, IF_NAMESIZE - 1);
		if (!ioctl(tc->fd, SIOCGIFINDEX, &request)) {
			*ret = request.ifr_ifindex;
			return 0;
		}
		if (errno != ENODEV)
			return error_set(err, errno, "cannot look up interface '%s': %s", name, strerror(errno));
	}
	return error_set(err, ENODEV, "there is no interface '%s' in this network namespace", name);
}

int tc_ifb_add(struct tc *tc, const char *name, int *ret_ifindex, struct error *err)
{
	struct nl_msg *msg = tc_link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct tc_ack ack = {};
	struct nlattr *info;
	int r;

	tc_put_string(msg, IFLA_IFNAME, name);
	info = tc_nest(msg, IFLA_LINKINFO);
	tc_put_string(msg, IFLA_INFO_KIND, "ifb");
	nla_nest_end(msg, info);
	r = tc_talk(tc, msg, NULL, NULL, &ack);
	if (r == -EOPNOTSUPP)
		return tc_no_module(err, "ifb");
	if (r == -EEXIST)
		return error_set(err, EEXIST, "an interface '%s' is there already: if nobody uses it, remove it (ip link del %s)",
				 name, name);
	return r ? tc_fail(err, r, &ack, "cannot create the ifb '%s'", name) : tc_link_index(tc, name, ret_ifindex, err);
}

int tc_link_up(struct tc *tc, int ifindex, struct error *err)
{
	struct ifinfomsg header = { .ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r = tc_talk(tc, tc_msg(RTM_NEWLINK, 0, &header, sizeof(header)), NULL, NULL, &ack);

	return r ? tc_fail(err, r, &ack, "cannot set '%s' up", tc_ifname(ifindex, name)) : 0;
}

int tc_ifb_del(struct tc *tc, const char *name, struct error *err)
{
	struct tc_ack ack = {};
	struct link link;
	int r = link_by_name(tc, name, &link, &ack);

	if (!r && util_streq(link.kind, "ifb"))
		r = tc_talk(tc, tc_link_msg(RTM_DELLINK, 0, link.index), NULL, NULL, &ack);
	return r && r != -ENODEV ? tc_fail(err, r, &ack, "cannot remove the ifb '%s'", name) : 0;
}

int tc_link_gso_segs(struct tc *tc, int ifindex, uint32_t n, uint32_t *ret_old, struct error *err)
{
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	struct nl_msg *msg;
	struct link link;
	int r = link_get(tc, ifindex, NULL, &link, &ack);

	if (!r && !link.has_gso_segs)
		r = -EOPNOTSUPP;
	if (!r && n) {
		msg = tc_link_msg(RTM_NEWLINK, 0, ifindex);
		tc_put_u32(msg, IFLA_GSO_MAX_SEGS, n);
		r = tc_talk(tc, msg, NULL, NULL, &ack);
	}
	if (r)
		return tc_fail(err, r, &ack, "cannot set gso_max_segs of '%s' to %u", tc_ifname(ifindex, name), n);
	*ret_old = link.gso_segs;
	return 0;
}

static int ethtool_value(int fd, const char *ifname, uint32_t command, uint32_t *value)
{
	struct ethtool_value v = { .cmd = command, .data = *value };
	struct ifreq request = { .ifr_data = (void *)&v };

	strncpy(request.ifr_name, ifname, IF_NAMESIZE - 1);
	if (ioctl(fd, SIOCETHTOOL, &request))
		return -errno;
	*value = v.data;
	return 0;
}

int tc_link_tx_checksum_get(const char *ifname, bool *ret, struct error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t value = 0;
	int r = fd < 0 ? -errno : ethtool_value(fd, ifname, ETHTOOL_GTXCSUM, &value);

	if (r)
		return tc_fail(err, r, NULL, "cannot read whether '%s' has transmit checksums", ifname);
	*ret = value;
	return 0;
}

int tc_link_tx_checksum(const char *ifname, bool on, bool *ret_old, struct error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t old = 0, value = on;
	int r = fd < 0 ? -errno : ethtool_value(fd, ifname, ETHTOOL_GTXCSUM, &old);

	if (!r && !old != !on)
		r = ethtool_value(fd, ifname, ETHTOOL_STXCSUM, &value);
	if (r)
		return tc_fail(err, r, NULL, "cannot switch the transmit checksums of '%s' %s", ifname, on ? "on" : "off");
	*ret_old = old;
	return 0;
}

struct address {
	int ifindex;
	struct fault_prefix prefix;
};

struct addresses {
	struct address *list;
	size_t n;
};

static bool is_v4(const uint8_t *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a, mapped, sizeof(mapped));
}

static bool is_loopback(const uint8_t *a)
{
	return is_v4(a) ? a[12] == 127 : !memcmp(a, &in6addr_loopback, 16);
}

static bool is_link_local(const uint8_t *a)
{
	return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

static void address_read(void *ctx, struct nlmsghdr *reply)
{
	const struct ifaddrmsg *header = nlmsg_data(reply);
	struct nlattr *attrs[IFA_MAX + 1], *local;
	struct addresses *found = ctx;
	struct address a = { .prefix.len = 128 };
	int n;

	if (reply->nlmsg_type != RTM_NEWADDR || nlmsg_parse(reply, sizeof(*header), attrs, IFA_MAX, NULL) < 0)
		return;
	n = header->ifa_family == AF_INET ? 4 : header->ifa_family == AF_INET6 ? 16 : -1;
	/* with a peer, 'address' is the peer's */
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!local || nla_len(local) != n)
		return;
	if (n == 4)
		a.prefix.addr[10] = a.prefix.addr[11] = 0xff;
	memcpy(a.prefix.addr + 16 - n, nla_data(local), n);
	a.ifindex = header->ifa_index;
	if (!is_loopback(a.prefix.addr))
		*(struct address *)util_grow(&found->list, &found->n, sizeof(a)) = a;
}

static int addresses_dump(struct tc *tc, struct addresses *ret, struct tc_ack *ack)
{
	struct ifaddrmsg header = { .ifa_family = AF_UNSPEC };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++) {
		ret->n = 0;
		free(ret->list);
		ret->list = NULL;
		r = tc_talk(tc, tc_msg(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header)), address_read, ret, ack);
	}
	return r;
}

/* Takes the addresses of a dummy out of the list. */
static void exclude_dummy(void *ctx, struct nlmsghdr *reply)
{
	struct addresses *a = ctx;
	struct link link = {};
	size_t kept = 0;

	link_read(&link, reply);
	if (!util_streq(link.kind, "dummy"))
		return;
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].ifindex != link.index)
			a->list[kept++] = a->list[i];
	a->n = kept;
}

/* The kernel filters a dump by kind; one whose module is not loaded it does not know, and describes every link at length. */
static bool has_dummies(void)
{
	return !access("/sys/module/dummy", F_OK) || access("/sys/module", F_OK);
}

static int exclude_dummies(struct tc *tc, struct addresses *a, struct tc_ack *ack)
{
	int r = has_dummies() ? -EINTR : 0;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++) {
		struct nl_msg *msg = tc_link_msg(RTM_GETLINK, NLM_F_DUMP, 0);
		struct nlattr *info;

		tc_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		info = tc_nest(msg, IFLA_LINKINFO);
		tc_put_string(msg, IFLA_INFO_KIND, "dummy");
		nla_nest_end(msg, info);
		r = tc_talk(tc, msg, exclude_dummy, a, ack);
	}
	return r;
}

static size_t count_link_local(const struct addresses *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += is_link_local(a->list[i].prefix.addr);
	return n;
}

static bool has_other_address(const struct addresses *a, int ifindex)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].ifindex == ifindex && !is_link_local(a->list[i].prefix.addr))
			return true;
	return false;
}

static void exclude_link_local(struct addresses *a, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n; i++)
		if (!is_link_local(a->list[i].prefix.addr) || (!all && has_other_address(a, a->list[i].ifindex)))
			a->list[kept++] = a->list[i];
	a->n = kept;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(((const struct address *)a)->prefix.addr, ((const struct address *)b)->prefix.addr, 16);
}

/* Sorts; an address that several interfaces have counts once. */
static void addresses_unique(struct addresses *a, struct fault_prefix **ret, size_t *ret_n)
{
	struct fault_prefix *list = util_alloc(a->n + 1, sizeof(*list));
	size_t n = 0;

	if (a->n)
		qsort(a->list, a->n, sizeof(*a->list), compare_addresses);
	for (size_t i = 0; i < a->n; i++)
		if (!n || memcmp(list[n - 1].addr, a->list[i].prefix.addr, 16))
			list[n++] = a->list[i].prefix;
	*ret = list;
	*ret_n = n;
}

int tc_node_addresses(struct tc *tc, struct fault_prefix **ret, size_t *ret_n, struct error *err)
{
	struct addresses found = {};
	struct tc_ack ack = {};
	int r = addresses_dump(tc, &found, &ack);

	if (!r && found.n)
		r = exclude_dummies(tc, &found, &ack);
	for (int all = 0; all < 2 && count_link_local(&found) > LINK_LOCAL_MAX; all++)
		exclude_link_local(&found, all);
	if (!r)
		addresses_unique(&found, ret, ret_n);
	else
		tc_fail(err, r, &ack, "cannot list the node's own addresses");
	free(found.list);
	return r;
}
