// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names that meet no container: see unmet.h. Each container of a pod with such names is on record, with faults or without.
 */
#include "cli/unmet.h"

#include "cli/containers.h"
#include "cli/text.h"
#include "lib/util.h"

typedef void (*unmet_fn)(const struct container *first, const char *name, void *data);

static bool is_same_pod(const struct container *a, const struct container *b)
{
	return *a->sandbox_id ? util_streq(a->sandbox_id, b->sandbox_id) : util_streq(a->id, b->id);
}

/* Whether the i-th is the first of its pod. */
static bool is_first(const struct containers *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_same_pod(&list->containers[i], &list->containers[k]))
			return false;
	return true;
}

static bool is_there(const struct containers *list, const struct container *of, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_same_pod(of, &list->containers[i]) && util_streq(list->containers[i].name, name))
			return true;
	return false;
}

static void each(const struct containers *list, unmet_fn says, void *data)
{
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_free_ char *copy = util_strdup(list->containers[i].wanted);
		char *rest = copy, *word;

		while (is_first(list, i) && (word = strsep(&rest, " ")))
			if (*word && !is_there(list, &list->containers[i], word))
				says(&list->containers[i], word, data);
	}
}

static void print_one(const struct container *first, const char *name, void *data)
{
	_cleanup_free_ char *pod = *first->pod_name ? util_printf("pod %s%s%s", first->pod_namespace,
								  *first->pod_namespace ? "/" : "", first->pod_name)
						    : util_printf("container %.13s", first->id);
	_cleanup_free_ char *raw = util_printf(
		"%s: no container is named '%s', as a fault's 'containers' has it (so far there is '%s')", pod, name, first->name);
	_cleanup_free_ char *line = text_safe(raw);

	(void)data;
	puts(line);
}

void unmet_print(void)
{
	_cleanup_containers_ struct containers list = {};

	if (!container_list(&list, NULL))
		each(&list, print_one, NULL);
}

static void add_one(const struct container *first, const char *name, void *data)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "namespace", first->pod_namespace);
	cJSON_AddStringToObject(o, "pod", first->pod_name);
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddItemToArray(data, o);
}

cJSON *unmet_json(void)
{
	_cleanup_containers_ struct containers list = {};
	cJSON *a = cJSON_CreateArray();

	if (!container_list(&list, NULL))
		each(&list, add_one, a);
	return a;
}
