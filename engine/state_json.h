/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the engine: a record as text and back.
 */
#ifndef FAULTWIRE_STATE_JSON_H
#define FAULTWIRE_STATE_JSON_H

#include "engine/state.h"

/* The text is the caller's (free). */
char *state_to_text(const struct state_pod *pod);
/* -EBADMSG; *ret is untouched then. */
int state_from_text(const char *text, size_t n, struct state_pod *ret, struct error *err);

#endif
