// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes and removes the entries of hosts_compile, and counts what the kernel program learned.
 */
#include "engine/names.h"

#include <endian.h>
#include <errno.h>

#include <bpf/bpf.h>

#include "engine/clock.h"

static struct fw_listed_key listed_key(uint64_t generation, const struct fault_prefix *p)
{
	struct fw_listed_key key = { .prefixlen = FW_LISTED_BITS + p->len, .generation = generation };

	key.v4 = p->len >= 96 && !memcmp(p->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	memcpy(&key.hi, p->addr, sizeof(key.hi));
	memcpy(&key.lo, p->addr + sizeof(key.hi), sizeof(key.lo));
	return key;
}

static int cannot_write(struct error *err)
{
	if (errno == ENOSPC)
		return error_set(err, ENOSPC,
				 "the faults of this node's pods name more than %d hosts and addresses: name fewer, or use '*.'",
				 FW_NAMES_MAX);
	return error_set(err, errno, "cannot write the names of a pod into a map: %s", strerror(errno));
}

int names_set(struct bpf_node *node, uint64_t generation, const struct hosts_tables *tables, struct error *err)
{
	int names, listed, r = bpf_node_map(node, BPF_NAMES, &names, err);

	if (!r)
		r = bpf_node_map(node, BPF_LISTED, &listed, err);
	if (r)
		return r;
	for (size_t i = 0; i < tables->n_names; i++) {
		struct fw_name_key key = { generation, tables->names[i].hash };

		if (bpf_map_update_elem(names, &key, &tables->names[i].rules, BPF_ANY))
			return cannot_write(err);
	}
	for (size_t i = 0; i < tables->n_listed; i++) {
		struct fw_listed_key key = listed_key(generation, &tables->listed[i].prefix);

		if (bpf_map_update_elem(listed, &key, &tables->listed[i].mask, BPF_ANY))
			return cannot_write(err);
	}
	return 0;
}

int names_clear(struct bpf_node *node, uint64_t generation, const struct hosts_tables *tables, struct error *err)
{
	int names, listed, failed = 0;

	if (bpf_node_map(node, BPF_NAMES, &names, NULL) || bpf_node_map(node, BPF_LISTED, &listed, NULL))
		return 0; /* a build that had none */
	for (size_t i = 0; i < tables->n_names; i++) {
		struct fw_name_key key = { generation, tables->names[i].hash };

		if (bpf_map_delete_elem(names, &key) && errno != ENOENT)
			failed = errno;
	}
	for (size_t i = 0; i < tables->n_listed; i++) {
		struct fw_listed_key key = listed_key(generation, &tables->listed[i].prefix);

		if (bpf_map_delete_elem(listed, &key) && errno != ENOENT)
			failed = errno;
	}
	return failed ? error_set(err, failed, "cannot remove the names of a pod from a map: %s", strerror(failed)) : 0;
}

static void count_one(int learned_map, const struct fw_address *key, uint64_t now, size_t ret[FW_RULES])
{
	struct fw_learned learned;

	if (bpf_map_lookup_elem(learned_map, key, &learned) || learned.until_ns < now)
		return;
	for (size_t i = 0; i < FW_RULES; i++)
		ret[i] += learned.mask >> i & 1;
}

int names_count(struct bpf_node *node, uint64_t generation, size_t ret[FW_RULES], struct error *err)
{
	struct fw_address key, next;
	size_t counts[FW_RULES] = {}, seen = 0;
	uint64_t now_ns;
	int map, r = bpf_node_map(node, BPF_LEARNED, &map, err);

	if (r)
		return r;
	r = bpf_map_get_next_key(map, NULL, &next);

	now_ns = clock_ns(CLOCK_MONOTONIC_COARSE);
	/* a map that changes meanwhile may begin anew: not more often than it has entries */
	for (; !r && seen < FW_LEARNED_MAX; seen++) {
		key = next;
		if (key.generation == generation)
			count_one(map, &key, now_ns, counts);
		r = bpf_map_get_next_key(map, &key, &next);
	}
	if (r && errno != ENOENT)
		return error_set(err, errno, "cannot read the learned addresses: %s", strerror(errno));
	memcpy(ret, counts, sizeof(counts));
	return 0;
}
