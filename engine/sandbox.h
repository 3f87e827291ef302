/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The annotations of a pod whose containers have faults, from its ADD on to its DEL, under the sandbox's id: runtimes give the plugin what they do
 * not give the hook. One file a pod, only for pods that ask for such faults.
 */
#ifndef FAULTWIRE_SANDBOX_H
#define FAULTWIRE_SANDBOX_H

#include "engine/engine.h"

#define SANDBOX_DIR STATE_DIR "/sandboxes"

/* 'annotations' is an object of strings. Overwrites what an ADD of another interface of the pod wrote: it is the same. */
int sandbox_save(const struct engine_target *target, const cJSON *annotations, struct error *err);
/* The file's document: "annotations", "podNamespace", "podName", "podUid". The caller's. -ENOENT when the pod has none. */
int sandbox_load(const char *id, cJSON **ret, struct error *err);
/* One access(2). */
bool sandbox_exists(const char *id);
/* What is not there is success. Files of containers that died with their supervisors go too. */
void sandbox_remove(const char *id);
/* Those of the network that keep() does not claim, and any whose network namespace is gone. keep may be NULL: only the latter. */
void sandbox_gc(const char *network, engine_keep_fn *keep, void *ctx);

#endif
