// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap of calls held back: see held.h.
 */
#include "engine/held.h"

#include "lib/util.h"

static void swap(struct held *a, struct held *b)
{
	struct held t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct held_calls *h, size_t k)
{
	for (; k && h->heap[(k - 1) / 2].due_ns > h->heap[k].due_ns; k = (k - 1) / 2)
		swap(&h->heap[(k - 1) / 2], &h->heap[k]);
}

static void sift_down(struct held_calls *h, size_t k)
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
static struct held take_at(struct held_calls *h, size_t k)
{
	struct held taken = h->heap[k];

	h->heap[k] = h->heap[--h->n];
	if (k < h->n) {
		sift_up(h, k);
		sift_down(h, k);
	}
	return taken;
}

void held_push(struct held_calls *h, const struct held *call)
{
	size_t n = h->n;

	*(struct held *)util_grow(&h->heap, &h->n, sizeof(*h->heap)) = *call;
	sift_up(h, n);
}

struct held held_pop(struct held_calls *h)
{
	return take_at(h, 0);
}

void held_owe(struct held_calls *h, const struct held *call)
{
	if (h->n_owed == HELD_OWED)
		memmove(h->owed, h->owed + 1, --h->n_owed * sizeof(*h->owed));
	h->owed[h->n_owed++] = *call;
}

static bool is_same(const struct held *h, const struct seccomp_notif *n)
{
	return !memcmp(&h->call, &n->data, sizeof(n->data));
}

bool held_take(struct held_calls *h, const struct seccomp_notif *n, struct held *ret)
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
