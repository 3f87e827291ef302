// SPDX-License-Identifier: GPL-2.0-only
/*
 * CNI_ARGS: see args.h.
 */
#include <errno.h>

#include "cni-plugin/args.h"

static const struct {
	const char *key;
	size_t offset;
} fields[] = {
	{ "K8S_POD_NAMESPACE", offsetof(struct args, pod_namespace) },
	{ "K8S_POD_NAME", offsetof(struct args, pod_name) },
	{ "K8S_POD_UID", offsetof(struct args, pod_uid) },
};

static char **field(struct args *args, size_t i)
{
	return (char **)((char *)args + fields[i].offset);
}

static void take(struct args *args, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (util_streq(key, fields[i].key) && !*field(args, i))
			*field(args, i) = util_strdup(value);
}

int args_parse(const char *text, struct args *ret, struct error *err)
{
	_cleanup_args_ struct args args = {};
	_cleanup_free_ char *copy = util_strdup(text ? text : "");
	char *rest = copy, *part;

	while ((part = strsep(&rest, ";"))) {
		char *value = strchr(part, '=');

		if (!*part)
			continue;
		if (!value)
			return error_set(err, EINVAL, "CNI_ARGS: '%s' is not KEY=value; the runtime separates pairs with ';'",
					 part);
		*value = '\0';
		take(&args, part, value + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!*field(&args, i))
			*field(&args, i) = util_strdup("");
	*ret = args;
	args = (struct args){};
	return 0;
}

void args_cleanup(struct args *args)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		free(*field(args, i));
	*args = (struct args){};
}
