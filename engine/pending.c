// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap of calls held back: see pending.h. A slot is written before its id and emptied by it, so one that has an id is whole whenever its
 * worker dies.
 */
#include "engine/pending.h"

#include <errno.h>

#include "lib/util.h"

static struct pending *slot_at(const struct pending_calls *h, size_t k)
{
	return &h->store->slots[h->heap[k]];
}

static bool is_sooner(const struct pending_calls *h, size_t a, size_t b)
{
	return slot_at(h, a)->due_ns < slot_at(h, b)->due_ns;
}

static void swap(struct pending_calls *h, size_t a, size_t b)
{
	uint32_t t = h->heap[a];

	h->heap[a] = h->heap[b];
	h->heap[b] = t;
}

static void sift_up(struct pending_calls *h, size_t k)
{
	for (; k && is_sooner(h, k, (k - 1) / 2); k = (k - 1) / 2)
		swap(h, k, (k - 1) / 2);
}

static void sift_down(struct pending_calls *h, size_t k)
{
	for (size_t child; (child = 2 * k + 1) < h->n; k = child) {
		if (child + 1 < h->n && is_sooner(h, child + 1, child))
			child++;
		if (!is_sooner(h, child, k))
			return;
		swap(h, k, child);
	}
}

static void heap_add(struct pending_calls *h, uint32_t slot)
{
	h->heap[h->n] = slot;
	sift_up(h, h->n++);
}

static struct pending take_at(struct pending_calls *h, size_t k)
{
	struct pending taken = *slot_at(h, k);

	__atomic_store_n(&slot_at(h, k)->answer.id, 0, __ATOMIC_RELEASE);
	h->free[h->n_free++] = h->heap[k];
	h->heap[k] = h->heap[--h->n];
	if (k < h->n) {
		sift_up(h, k);
		sift_down(h, k);
	}
	return taken;
}

void pending_open(struct pending_calls *h, struct pending_store *store)
{
	*h = (struct pending_calls){ .store = store };
	/* untouched until they are needed */
	h->heap = util_alloc(PENDING_SLOTS, sizeof(*h->heap));
	h->free = util_alloc(PENDING_SLOTS, sizeof(*h->free));
	for (uint32_t i = 0; i < store->n_used; i++) {
		if (store->slots[i].answer.id)
			heap_add(h, i);
		else
			h->free[h->n_free++] = i;
	}
}

void pending_close(struct pending_calls *h)
{
	free(h->heap);
	free(h->free);
	*h = (struct pending_calls){};
}

int pending_push(struct pending_calls *h, const struct pending *call)
{
	struct pending_store *store = h->store;
	uint32_t slot;

	if (!h->n_free && store->n_used == PENDING_SLOTS)
		return -ENOSPC;
	slot = h->n_free ? h->free[--h->n_free] : store->n_used++;
	store->slots[slot] = *call;
	store->slots[slot].sending = false;
	store->slots[slot].answer.id = 0;
	__atomic_store_n(&store->slots[slot].answer.id, call->answer.id, __ATOMIC_RELEASE);
	heap_add(h, slot);
	return 0;
}

struct pending *pending_first(const struct pending_calls *h)
{
	return h->n ? slot_at(h, 0) : NULL;
}

struct pending pending_pop(struct pending_calls *h)
{
	return take_at(h, 0);
}

bool pending_has(const struct pending_calls *h, uint64_t id)
{
	for (size_t k = 0; k < h->n; k++)
		if (slot_at(h, k)->answer.id == id)
			return true;
	return false;
}

void pending_owe(struct pending_calls *h, const struct pending *call)
{
	if (h->n_owed == PENDING_OWED)
		memmove(h->owed, h->owed + 1, --h->n_owed * sizeof(*h->owed));
	h->owed[h->n_owed++] = *call;
}

static bool is_same(const struct pending *p, const struct seccomp_notif *n)
{
	return !memcmp(&p->call, &n->data, sizeof(n->data));
}

/* Takes out what is owed; what has been made is kept for its own call, which a signal's handler may have come before. */
static bool take_owed(struct pending_calls *h, const struct seccomp_notif *n, struct pending *ret)
{
	bool same = false;
	size_t kept = 0;

	for (size_t k = 0; k < h->n_owed; k++) {
		struct pending p = h->owed[k];

		if (!same && p.tid == n->pid && is_same(&p, n)) {
			same = true;
			*ret = p;
		} else if (p.tid != n->pid || p.made) {
			h->owed[kept++] = p;
		}
	}
	h->n_owed = kept;
	return same;
}

bool pending_take(struct pending_calls *h, const struct seccomp_notif *n, struct pending *ret)
{
	size_t k = 0;

	while (k < h->n && slot_at(h, k)->tid != n->pid)
		k++;
	if (k < h->n) {
		*ret = take_at(h, k);
		if (is_same(ret, n))
			return true;
		if (ret->made)
			pending_owe(h, ret);
	}
	return h->n_owed && take_owed(h, n, ret);
}
