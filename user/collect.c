/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <stdlib.h>
#include <string.h>

int collect_read(struct collect *c, struct collect_batch *batch)
{
	return collect_read_since(c, 0, batch);
}

int collect_read_since(struct collect *c, uint64_t number, struct collect_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->since = number;
	return c->ops->read(c, batch);
}

void collect_batch_deinit(struct collect_batch *batch)
{
	if (!batch)
		return;
	free(batch->broadcasts);
	free(batch->sessions);
	free(batch->text);
	memset(batch, 0, sizeof(*batch));
}

void collect_destroy(struct collect *c)
{
	if (c)
		c->ops->destroy(c);
}
