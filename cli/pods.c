// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selecting records: see pods.h.
 */
#include "cli/pods.h"

#include <errno.h>

#include "lib/util.h"

#define ID_SHOWN 13 /* characters of a container id, as crictl shows it */

/* Ways to mean a pod, the surest first; the first that finds any decides. */
static bool by_full_name(const struct state_pod *pod, const char *word)
{
	size_t n = strlen(pod->pod_namespace);

	return n && strncmp(word, pod->pod_namespace, n) == 0 && word[n] == '/' && util_streq(word + n + 1, pod->pod_name);
}

static bool by_name(const struct state_pod *pod, const char *word)
{
	return *pod->pod_name && util_streq(word, pod->pod_name);
}

static bool by_id(const struct state_pod *pod, const char *word)
{
	return strncmp(word, pod->container_id, strlen(word)) == 0;
}

static bool (*const ways[])(const struct state_pod *pod, const char *word) = { by_full_name, by_name, by_id };

/* A pod that was made anew has two records while the old sandbox lingers: the same pod by its name. */
static bool same_pod(const struct state_pod *a, const struct state_pod *b)
{
	if (*a->pod_name && *b->pod_name)
		return util_streq(a->pod_name, b->pod_name) && util_streq(a->pod_namespace, b->pod_namespace);
	return util_streq(a->container_id, b->container_id);
}

static int ambiguous(const struct pods *p, const bool *hit, const char *word, struct error *err)
{
	_cleanup_free_ char *list = util_strdup("");

	for (size_t i = 0; i < p->all.n; i++) {
		const struct state_pod *pod = &p->all.pods[i];
		char *longer;

		if (!hit[i])
			continue;
		longer = util_printf("%s%s%s%s%s (%.*s)", list, *list ? ", " : "", pod->pod_namespace,
				     *pod->pod_namespace ? "/" : "", pod->pod_name, ID_SHOWN, pod->container_id);
		free(list);
		list = longer;
	}
	return error_set(err, EINVAL, "'%s' may mean several pods: name one of %s", word, list);
}

/* Marks in 'hit' the records that a word means by one way; how many, or -EINVAL. */
static int match(const struct pods *p, size_t way, const char *word, bool *hit, struct error *err)
{
	const struct state_pod *first = NULL;
	bool several = false;
	int n = 0;

	for (size_t i = 0; i < p->all.n; i++) {
		const struct state_pod *pod = &p->all.pods[i];

		hit[i] = ways[way](pod, word);
		if (!hit[i])
			continue;
		several |= first && !same_pod(first, pod);
		first = pod;
		n++;
	}
	return several ? ambiguous(p, hit, word, err) : n;
}

static int pick(struct pods *p, const char *word, bool *picked, struct error *err)
{
	_cleanup_free_ bool *hit = util_alloc(p->all.n + 1, sizeof(*hit));
	int n = 0;

	for (size_t way = 0; *word && !n && way < ARRAY_SIZE(ways); way++)
		n = match(p, way, word, hit, err);
	if (n < 0)
		return n;
	if (!n)
		return error_set(err, ENOENT, "no pod with faults on this node is '%s': 'faultwire status' lists them", word);
	for (size_t i = 0; i < p->all.n; i++)
		picked[i] |= hit[i];
	return 0;
}

static int by_title(const void *a, const void *b)
{
	const struct state_pod *x = a, *y = b;
	int r = strcmp(x->pod_namespace, y->pod_namespace);

	if (!r)
		r = strcmp(x->pod_name, y->pod_name);
	if (!r)
		r = strcmp(x->container_id, y->container_id);
	return r ? r : strcmp(x->ifname, y->ifname);
}

int pods_select(char *const *words, size_t n, struct pods *ret, struct error *err)
{
	_cleanup_pods_list_ struct pods p = {};
	_cleanup_free_ bool *picked = NULL;
	int r = state_list(&p.all, &p.unreadable, err);

	if (r)
		return r;
	if (p.all.n)
		qsort(p.all.pods, p.all.n, sizeof(*p.all.pods), by_title);
	picked = util_alloc(p.all.n + 1, sizeof(*picked));
	for (size_t i = 0; !r && i < n; i++)
		r = pick(&p, words[i], picked, err);
	if (r)
		return r;
	p.index = util_alloc(p.all.n + 1, sizeof(*p.index));
	for (size_t i = 0; i < p.all.n; i++)
		if (!n || picked[i])
			p.index[p.n++] = i;
	*ret = p;
	p = (struct pods){};
	return 0;
}

void pods_cleanup(struct pods *p)
{
	state_pods_cleanup(&p->all);
	free(p->index);
	*p = (struct pods){};
}

char *pods_title(const struct state_pod *pod)
{
	if (!*pod->pod_name)
		return util_printf("container %.*s (%s)", ID_SHOWN, pod->container_id, pod->ifname);
	return util_printf("%s%s%s (%s)", pod->pod_namespace, *pod->pod_namespace ? "/" : "", pod->pod_name, pod->ifname);
}
