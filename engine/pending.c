// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap of calls held back: see pending.h.
 */
#include "engine/pending.h"

#include "lib/util.h"

static void swap(struct pending *a, struct pending *b)
{
	struct pending t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct pending_calls *h, size_t k)
{
	for (; k && h->heap[(k - 1) / 2].due_ns > h->heap[k].due_ns; k = (k - 1) / 2)
		swap(&h->heap[(k - 1) / 2], &h->heap[k]);
}

static void sift_down(struct pending_calls *h, size_t k)
{
	for (size_t child; (child = 2 * k + 1) < h->n; k = child) {
		if (child + 1 < h->n && h->heap[child + 1].due_ns < h->heap[child].due_ns)
			child++;
		if (h->heap[k].due_ns <= h->heap[child].due_ns)
			return;
		swap(&h->heap[k], &h->heap[child]);
	}
}

/* Takes out number k; the array never shrinks, since as many calls may come again. */
static struct pending take_at(struct pending_calls *h, size_t k)
{
	struct pending taken = h->heap[k];

	h->heap[k] = h->heap[--h->n];
	if (k < h->n) {
		sift_up(h, k);
		sift_down(h, k);
	}
	return taken;
}

void pending_push(struct pending_calls *h, const struct pending *call)
{
	size_t n = h->n;

	*(struct pending *)util_grow(&h->heap, &h->n, sizeof(*h->heap)) = *call;
	sift_up(h, n);
}

struct pending pending_pop(struct pending_calls *h)
{
	return take_at(h, 0);
}

void pending_owe(struct pending_calls *h, const struct pending *call)
{
	if (h->n_owed == PENDING_OWED)
		memmove(h->owed, h->owed + 1, --h->n_owed * sizeof(*h->owed));
	h->owed[h->n_owed++] = *call;
}

static bool is_same(const struct pending *h, const struct seccomp_notif *n)
{
	return !memcmp(&h->call, &n->data, sizeof(n->data));
}

bool pending_take(struct pending_calls *h, const struct seccomp_notif *n, struct pending *ret)
{
	size_t k = 0;

	while (k < h->n && h->heap[k].tid != n->pid)
		k++;
	if (k < h->n) {
		*ret = take_at(h, k);
		return is_same(ret, n);
	}
	for (k = 0; k < h->n_owed && h->owed[k].tid != n->pid; k++)
		;
	if (k == h->n_owed)
		return false;
	*ret = h->owed[k];
	memmove(&h->owed[k], &h->owed[k + 1], (--h->n_owed - k) * sizeof(*h->owed));
	return is_same(ret, n);
}
