/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faultwire doctor: a table of checks, each with its remedy.
 */
#ifndef FAULTWIRE_DOCTOR_H
#define FAULTWIRE_DOCTOR_H

#include <stddef.h>

#include "lib/error.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_result {
	enum doctor_level level; /* ok from the start */
	char text[ERROR_MAX];
};
void doctor_say(struct doctor_result *r, enum doctor_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What the kernel offers, tried out in a throwaway network namespace (doctor_probe.c). */
enum doctor_feature {
	FEATURE_HTB,
	FEATURE_NETEM,
	FEATURE_TBF,
	FEATURE_FQ,
	FEATURE_IFB,
	FEATURE_CLSACT,
	FEATURE_CLS_BPF,
	FEATURE_MIRRED,
	FEATURES,
};
enum doctor_answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

struct doctor_probe {
	enum doctor_answer has[FEATURES];
	struct error err; /* why answers are unknown */
};
void doctor_probe(struct doctor_probe *ret);

struct doctor {
	const char *conf_dir, *bin_dir;
	const char *hooks_dirs[2]; /* CRI-O's and Podman's, and NRI's hook-injector's other (NULL = none) */
	const char *containerd;    /* its configuration */
	struct doctor_probe probe;
};

struct doctor_check {
	const char *name;
	void (*run)(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);
	const char *remedy; /* shown unless ok; NULL = the text has it */
	enum doctor_feature feature;
	enum doctor_level without; /* how bad it is not to have the feature */
	const char *without_text;
	const char *with_text; /* of a shaper */
};
extern const struct doctor_check doctor_checks[];
extern const size_t doctor_checks_count;

/* The checks of the runtime's configuration (doctor_conf.c). */
void doctor_conf_entry(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);
void doctor_conf_first(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);
void doctor_conf_binary(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);

/* The OCI hook: its program, who starts it, what it may do (doctor_hook.c, doctor_containerd.c). */
void doctor_hook_program(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);
void doctor_hook_dirs(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);
void doctor_hook_containerd(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);
void doctor_hook_tracing(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);

/* Who rewrites addresses before packets are made (doctor_cgroup.c). */
void doctor_socket_balancer(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret);

#endif
