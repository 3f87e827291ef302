// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of annotations, and what is done with each.
 */
#include "lib/spec.h"

#include <errno.h>

#include "bpf/abi.h"
#include "lib/act.h"
#include "lib/common.h"
#include "lib/io.h"
#include "lib/network.h"
#include "lib/syscall.h"
#include "lib/util.h"

/* Reads one fault of an annotation, number 'index'. */
typedef int parse_fault_fn(const struct json *j, size_t index, struct fault *f, struct error *err);

static int parse_fault(const struct json *j, size_t index, parse_fault_fn *parse, struct fault_spec *spec, struct error *err)
{
	return parse(j, index, util_grow(&spec->faults, &spec->n_faults, sizeof(*spec->faults)), err);
}

static int refuse_repeated_name(const struct fault_spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->n_faults; i++)
		for (size_t k = 0; k < i; k++)
			if (util_streq(spec->faults[i].name, spec->faults[k].name))
				return error_set(err, EINVAL, "%s.name: '%s' is the name of %s too: give each fault its own",
						 spec->faults[i].path, spec->faults[i].name, spec->faults[k].path);
	return 0;
}

static int parse_faults(const struct json *j, const char *text, parse_fault_fn *parse, struct fault_spec *spec, struct error *err)
{
	_cleanup_json_ cJSON *root = NULL;
	struct json faults;
	int n, r = json_parse(text, strlen(text), j->path, &root, err);

	if (r < 0)
		return r;
	faults = json_root(root, j->path);
	if (!cJSON_IsArray(root))
		r = parse_fault(&faults, 0, parse, spec, err);
	n = cJSON_IsArray(root) ? cJSON_GetArraySize(root) : -1;
	if (n == 0)
		return json_error(j, err, "is an empty list: remove the annotation for no faults");
	if (n > FW_RULES)
		return error_set(err, E2BIG, "%s: %d faults are too many, a pod holds at most %d", j->path, n, FW_RULES);
	for (int i = 0; i < n && r == 0; i++) {
		struct json at = json_at(&faults, i);

		r = parse_fault(&at, (size_t)i, parse, spec, err);
	}
	return r < 0 ? r : refuse_repeated_name(spec, err);
}

static int parse_network(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	return parse_faults(j, text, network_parse, spec, err);
}

static int parse_syscall(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	return parse_faults(j, text, syscall_parse, spec, err);
}

static int parse_io(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	return parse_faults(j, text, io_parse, spec, err);
}

static int parse_process(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	return parse_faults(j, text, process_parse, spec, err);
}

static int parse_resource(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	return parse_faults(j, text, resource_parse, spec, err);
}

static int parse_experiment(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	if (!common_is_name(text, SPEC_NAME_MAX))
		return json_error(
			j, err,
			"'%.70s' is not a name: 1 to %d letters, digits, '-', '_' and '.', with a letter or a digit at both ends",
			text, SPEC_NAME_MAX);
	snprintf(spec->experiment, sizeof(spec->experiment), "%s", text);
	return 0;
}

static int parse_select(const struct json *j, const char *text, struct fault_spec *spec, struct error *err)
{
	_cleanup_json_ cJSON *root = NULL;
	struct json at;
	int r = json_parse(text, strlen(text), j->path, &root, err);

	if (r < 0)
		return r;
	at = json_root(root, j->path);
	return select_parse(&at, &spec->select, err);
}

static const struct annotation {
	const char *name;
	/* NULL = documented, but not built yet */
	int (*parse)(const struct json *j, const char *text, struct fault_spec *spec, struct error *err);
} known[] = {
	{ "network", parse_network },   { "io", parse_io },
	{ "syscall", parse_syscall },   { "process", parse_process },
	{ "resource", parse_resource }, { "experiment", parse_experiment },
	{ "select", parse_select },     { "guard", NULL },
};

static bool is_ours(const char *key)
{
	return key && strncmp(key, SPEC_PREFIX, strlen(SPEC_PREFIX)) == 0;
}

static int unknown_annotation(const struct json *j, const char *name, struct error *err)
{
	const char *names[ARRAY_SIZE(known) + 1] = {}, *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		names[i] = known[i].name;
	nearest = util_nearest(name, names);
	if (nearest)
		return json_error(j, err, "unknown annotation, did you mean '" SPEC_PREFIX "%s'?", nearest);
	return json_error(
		j, err,
		"unknown annotation (there are network, io, syscall, process, resource, experiment and select so far): remove it");
}

static int parse_annotation(const cJSON *annotation, struct fault_spec *spec, struct error *err)
{
	struct json j = json_root(annotation, annotation->string);
	const char *name = annotation->string + strlen(SPEC_PREFIX), *text = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!util_streq(name, known[i].name))
			continue;
		if (!known[i].parse)
			return error_set(err, ENOTSUP, "%s: not built yet, remove the annotation", j.path);
		r = json_string(&j, &text, err);
		return r < 0 ? r : known[i].parse(&j, text, spec, err);
	}
	return unknown_annotation(&j, name, err);
}

bool spec_annotated(const cJSON *annotations)
{
	const cJSON *annotation;

	cJSON_ArrayForEach (annotation, annotations) {
		if (is_ours(annotation->string))
			return true;
	}
	return false;
}

int spec_parse(const cJSON *annotations, struct fault_spec *ret, struct error *err)
{
	_cleanup_spec_ struct fault_spec spec = { .select = { .value_ppm = PPM_ALL } };
	const cJSON *annotation;

	*ret = (struct fault_spec){};
	cJSON_ArrayForEach (annotation, annotations) {
		int r = is_ours(annotation->string) ? parse_annotation(annotation, &spec, err) : 0;

		if (r < 0)
			return r;
	}
	*ret = spec;
	spec = (struct fault_spec){};
	return 0;
}

size_t spec_count(const struct fault_spec *spec, enum fault_layer layer)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_faults; i++)
		n += spec->faults[i].kind->layer == layer;
	return n;
}

size_t spec_count_containers(const struct fault_spec *spec)
{
	return spec->n_faults - spec_count(spec, LAYER_NETWORK);
}

void spec_seed(struct fault_spec *spec, uint64_t random)
{
	/* the mixing is one-to-one, so different arguments are different seeds */
	for (size_t i = 0; i < spec->n_faults; i++)
		if (!spec->faults[i].seed_given)
			spec->faults[i].seed = util_mix64(random + i);
}

void spec_cleanup(struct fault_spec *spec)
{
	for (size_t i = 0; i < spec->n_faults; i++)
		fault_cleanup(&spec->faults[i]);
	free(spec->faults);
	*spec = (struct fault_spec){};
}

char *spec_containers(const struct fault_spec *spec)
{
	char *all = util_strdup("");

	for (size_t i = 0; i < spec->n_faults; i++) {
		_cleanup_free_ char *copy = util_strdup(spec->faults[i].containers ? spec->faults[i].containers : "");
		char *rest = copy, *word;

		while ((word = strsep(&rest, " ")))
			if (*word && !util_has_word(all, word))
				common_add_word(&all, word);
	}
	return all;
}
