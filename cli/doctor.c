// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire doctor: runs the table of checks and shows it.
 */
#include "cli/doctor.h"

#include <argp.h>
#include <stdarg.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "lib/json.h"
#include "lib/util.h"

enum { OPT_CONF_DIR = 256, OPT_BIN_DIR, OPT_HOOKS_DIR, OPT_CONTAINERD };

struct options {
	bool json;
	const char *conf_dir, *bin_dir, *hooks_dir, *containerd;
};

static const struct argp_option argp_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "conf-dir", OPT_CONF_DIR, "DIR", 0, "Where the runtime's CNI configuration is (default: /etc/cni/net.d)", 0 },
	{ "bin-dir", OPT_BIN_DIR, "DIR", 0, "Where its CNI plugins are (default: /opt/cni/bin)", 0 },
	{ "hooks-dir", OPT_HOOKS_DIR, "DIR", 0, "hooks_dir of CRI-O or Podman (default: /usr/share/containers/oci/hooks.d)", 0 },
	{ "containerd-config", OPT_CONTAINERD, "FILE", 0, "containerd's configuration (default: /etc/containerd/config.toml)", 0 },
	{},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'j')
		o->json = true;
	else if (key == OPT_CONF_DIR)
		o->conf_dir = arg;
	else if (key == OPT_BIN_DIR)
		o->bin_dir = arg;
	else if (key == OPT_HOOKS_DIR)
		o->hooks_dir = arg;
	else if (key == OPT_CONTAINERD)
		o->containerd = arg;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "'%s' is too many: doctor takes options only", arg);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.doc = "Checks everything that faults need on this node, and says what to do about what is missing. The exit status is 1 "
	       "when a check fails; a warning is no failure. Changes nothing.\v"
	       "Examples:\n"
	       "  faultwire doctor\n"
	       "  faultwire doctor --conf-dir /etc/kubernetes/cni/net.d --bin-dir /usr/libexec/cni\n"
	       "  faultwire doctor --json | jq '.checks[] | select(.level != \"ok\")'\n",
};

void doctor_say(struct doctor_result *r, enum doctor_level level, const char *fmt, ...)
{
	va_list ap;

	r->level = level;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

static const char *const levels[] = { [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail" };

static void print_one(const struct doctor_check *check, const struct doctor_result *r)
{
	_cleanup_free_ char *text = text_safe(r->text);

	printf("%-4s  %-14s  %s\n", levels[r->level], check->name, text);
	if (r->level != DOCTOR_OK && check->remedy)
		printf("%-4s  %-14s  -> %s\n", "", "", check->remedy);
}

static cJSON *one_json(const struct doctor_check *check, const struct doctor_result *r)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "name", check->name);
	cJSON_AddStringToObject(j, "level", levels[r->level]);
	cJSON_AddStringToObject(j, "text", r->text);
	if (r->level != DOCTOR_OK && check->remedy)
		cJSON_AddStringToObject(j, "remedy", check->remedy);
	return j;
}

static int run(int argc, char **argv, struct error *err)
{
	struct options o = { .conf_dir = "/etc/cni/net.d", .bin_dir = "/opt/cni/bin", .containerd = "/etc/containerd/config.toml" };
	_cleanup_json_ cJSON *root = cJSON_CreateObject();
	_cleanup_free_ char *text = NULL;
	struct doctor d = { .hooks_dirs = { "/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d" } };
	unsigned int n[ARRAY_SIZE(levels)] = {};
	cJSON *list;

	(void)err;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	d.conf_dir = o.conf_dir;
	d.bin_dir = o.bin_dir;
	d.containerd = o.containerd;
	if (o.hooks_dir) {
		d.hooks_dirs[0] = o.hooks_dir;
		d.hooks_dirs[1] = NULL;
	}
	doctor_probe(&d.probe);
	list = cJSON_AddArrayToObject(root, "checks");
	for (size_t i = 0; i < doctor_checks_count; i++) {
		struct doctor_result r = {};

		doctor_checks[i].run(&d, &doctor_checks[i], &r);
		n[r.level]++;
		if (o.json)
			cJSON_AddItemToArray(list, one_json(&doctor_checks[i], &r));
		else
			print_one(&doctor_checks[i], &r);
	}
	cJSON_AddBoolToObject(root, "ok", !n[DOCTOR_FAIL]);
	text = cJSON_Print(root);
	if (o.json)
		puts(text);
	else
		printf("%u ok, %u warn, %u fail\n", n[DOCTOR_OK], n[DOCTOR_WARN], n[DOCTOR_FAIL]);
	return n[DOCTOR_FAIL] ? 1 : 0;
}

const struct command doctor_command = {
	.name = "doctor",
	.summary = "check everything that faults need on this node",
	.run = run,
};
