/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of containers that faults have and no container of their pod has.
 */
#ifndef FAULTWIRE_UNMET_H
#define FAULTWIRE_UNMET_H

#include "lib/json.h"

/* A line each. */
void unmet_print(void);
/* As an array; the caller's. */
cJSON *unmet_json(void);

#endif
