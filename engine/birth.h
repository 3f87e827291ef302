/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The moment at which a container's own program begins: its init is traced from its creation until its exec has been done, and has not run an
 * instruction of it then.
 */
#ifndef FAULTWIRE_BIRTH_H
#define FAULTWIRE_BIRTH_H

#include "engine/container.h"
#include "engine/keeper.h"

struct birth;

/*
 * born() is called at that moment, page->running set; what it returns the program is to end with, -1 = it may run. Should we be late (the tracer was
 * killed), it is called as soon as the program is seen. Both must live as long as the source.
 */
int birth_open(const struct container *c, struct container_page *page, int (*born)(void *data), void *data, struct birth **ret,
	       struct error *err);
/* Over once the program has begun. */
struct keeper_source birth_source(struct birth *b);

/* Makes the container's process, which runs, end with a code, as if it had said so itself. -ESRCH when it has ended. */
int birth_exit(const struct container *c, int code);

#endif
