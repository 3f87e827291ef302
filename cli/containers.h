/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Containers with faults, as the verbs for pods mean them: a word that names a pod names its containers too.
 */
#ifndef FAULTWIRE_CONTAINERS_H
#define FAULTWIRE_CONTAINERS_H

#include "engine/container.h"

/* Those of the words (none = all) and of the experiment (NULL = any). */
int containers_select(char *const *words, size_t n, const char *experiment, struct containers *ret, struct error *err);
/* Takes those words out of a copy that name containers and no pod with network faults; *ret is the caller's, the words are not. */
int containers_other_words(char *const *words, size_t n, char ***ret, size_t *ret_n, struct error *err);
/* Sets or clears the bits of all; one that has ended meanwhile is none. */
int containers_mark(const struct containers *list, uint64_t bits, bool on, struct error *err);

/*
 * Arms or disarms faults of all, by name (n = 0: every one), and says so. found[i] is set for each name that one has.
 */
int containers_arm(const struct containers *list, char *const *faults, size_t n, bool arm, bool *found, struct error *err);

/* In containers_view.c. */
void containers_print(const struct containers *list);
cJSON *containers_json(const struct containers *list);
/* "shop/web, container db"; the caller's. */
char *containers_title(const struct container *c);
#define CONTAINERS_ID_SHOWN 13 /* characters of a container id, as crictl shows it */

/* How many of its rules are in the kernel's file hooks; and rule i, those first, then as plan_rule_of. False when there are fewer. */
size_t containers_in_kernel(const struct container *c);
bool containers_rule(const struct container *c, size_t i, struct plan_rule_of *ret);

#endif
