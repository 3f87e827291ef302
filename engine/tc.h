/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Links, qdiscs and filters by rtnetlink (libnl-3), in the namespace of the calling thread. Every removal takes "not there" for
 * success; nothing that is not ours is changed.
 */
#ifndef FAULTWIRE_TC_H
#define FAULTWIRE_TC_H

#include "lib/plan.h"

struct tc {
	int fd; /* NETLINK_ROUTE of the namespace it was opened in */
	uint32_t seq;
};

#define _cleanup_tc_ __attribute__((cleanup(tc_close)))
#define TC_CLOSED        \
	{                \
		.fd = -1 \
	}

/* Opens in the thread's present namespace. */
int tc_open(struct tc *ret, struct error *err);
void tc_close(struct tc *tc);

/* -ENODEV with the name when there is none. */
int tc_link_index(struct tc *tc, const char *name, int *ret, struct error *err);
/* Creates an ifb; its root qdisc comes next, then tc_link_up. -EEXIST when the name is taken, -ENOTSUP without the module. */
int tc_ifb_add(struct tc *tc, const char *name, int *ret_ifindex, struct error *err);
int tc_link_up(struct tc *tc, int ifindex, struct error *err);
/* Removes the link of this name if it is an ifb. */
int tc_ifb_del(struct tc *tc, const char *name, struct error *err);
/* gso_max_segs: reads what is there into *ret_old, sets n (0 = only reads). */
int tc_link_gso_segs(struct tc *tc, int ifindex, uint32_t n, uint32_t *ret_old, struct error *err);
/* Whether the interface computes transmit checksums (ETHTOOL_GTXCSUM). -EOPNOTSUPP: the device has no such feature; the caller's to judge. */
int tc_link_tx_checksum_get(const char *ifname, bool *ret, struct error *err);
/* Switches them on or off (ETHTOOL_STXCSUM); *ret_old gets what it was. -EOPNOTSUPP as above. */
int tc_link_tx_checksum(const char *ifname, bool on, bool *ret_old, struct error *err);

/*
 * The addresses of every interface of the namespace but those of dummy interfaces (kube-proxy in IPVS mode binds each service
 * address to one) and loopback ones (127.0.0.0/8, ::1), as host prefixes, sorted, each once; fe80::/10 ones count too
 * where they are few (a node has one a pod). *ret is the caller's.
 */
int tc_node_addresses(struct tc *tc, struct fault_prefix **ret, size_t *ret_n, struct error *err);

/* Whether a clsact is there; -EEXIST naming the ingress qdisc that takes its place (it has no egress side). */
int tc_clsact_exists(struct tc *tc, int ifindex, bool *ret, struct error *err);
int tc_clsact_add(struct tc *tc, int ifindex, struct error *err);
/* Deletes clsact unless it has filters. */
int tc_clsact_del(struct tc *tc, int ifindex, struct error *err);

/* The root qdisc that somebody set (handle not 0): kind and handle; none = "" and 0. */
int tc_root_get(struct tc *tc, int ifindex, char ret_kind[16], uint32_t *ret_handle, struct error *err);
/* Our htb root (handle FW_ROOT_MAJOR); -EEXIST naming the qdisc that somebody else set. Unclassified packets go straight through. */
int tc_root_add(struct tc *tc, int ifindex, struct error *err);
/* Deletes the root if its handle is ours. */
int tc_root_del(struct tc *tc, int ifindex, struct error *err);
/* A class of our root and its qdiscs (netem, then tbf or fq). */
int tc_leaf_add(struct tc *tc, int ifindex, const struct plan_leaf *leaf, struct error *err);

/* The first preference from *pref on (1 = before everybody's) that nobody uses on clsact's ingress or egress. */
int tc_filter_preference(struct tc *tc, int ifindex, enum fw_dir dir, uint16_t *pref, struct error *err);
/*
 * A cls_bpf filter named FW_FILTER_NAME on clsact's ingress or egress at a preference that nobody uses: program by fd, direct action,
 * classid = slot (no libbpf call sets that). With mirror_ifindex > 0 not direct action: what the program matches is redirected to that
 * interface's egress (mirred).
 */
int tc_filter_add(struct tc *tc, int ifindex, enum fw_dir dir, uint16_t pref, int prog_fd, uint16_t slot, int mirror_ifindex,
		  struct error *err);
/* Deletes every filter of our name; and how many there are, with their slot (0 = none) and program id. */
int tc_filter_del(struct tc *tc, int ifindex, enum fw_dir dir, struct error *err);
int tc_filter_get(struct tc *tc, int ifindex, enum fw_dir dir, unsigned int *ret_n, uint16_t *ret_slot, uint32_t *ret_prog_id,
		  struct error *err);

/* Backlog of our root: bytes and packets queued now, dropped so far; -ENOENT when it is not there. */
struct tc_queue {
	uint32_t queued_bytes, queued_packets, dropped;
};
int tc_root_stats(struct tc *tc, int ifindex, struct tc_queue *ret, struct error *err);

/*
 * Whether the kernel has a qdisc kind ("netem", "fq", ...): adds and removes it on the loopback of the present namespace, which
 * must be a throwaway one.
 */
int tc_qdisc_probe(struct tc *tc, const char *kind, bool *ret, struct error *err);

#endif
