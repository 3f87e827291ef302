/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words by which an operator names pods, and the records that they mean.
 */
#ifndef FAULTWIRE_PODS_H
#define FAULTWIRE_PODS_H

#include "engine/state.h"

/* What the help of every verb says of POD. */
#define PODS_HELP \
	"POD is NAMESPACE/NAME, NAME, or the first characters of the sandbox's container id ('faultwire status' shows both)."

/* Records of the node; index[] are those that were meant. A pod with several interfaces has as many records. */
struct pods {
	struct state_pods all;
	size_t unreadable;
	size_t *index, n;
};

#define _cleanup_pods_list_ __attribute__((cleanup(pods_cleanup)))

/*
 * Reads the records and picks, in order of namespace and name, those that n words name, all of them when n is 0. -ENOENT for a word that names none, -EINVAL for one that
 * names several pods, with the candidates. *ret is empty on failure.
 */
int pods_select(char *const *words, size_t n, struct pods *ret, struct error *err);
static inline const struct state_pod *pods_at(const struct pods *p, size_t i)
{
	return &p->all.pods[p->index[i]];
}
void pods_cleanup(struct pods *p);

/* "shop/web (eth0)", or the container id where the runtime gave no name; the caller's. */
char *pods_title(const struct state_pod *pod);

#endif
