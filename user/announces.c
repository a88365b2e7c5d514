/* SPDX-License-Identifier: MIT */
#include "announces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

int announces_init(char *base, struct announces *out)
{
	*out = (struct announces){ .base = base };
	return base ? 0 : -ENOMEM;
}

void announces_deinit(struct announces *a)
{
	size_t i;

	for (i = 0; i < a->len; i++)
		free(a->names[i]);
	free(a->names);
	free(a->base);
	memset(a, 0, sizeof(*a));
}

/* The names of all that is announced under the base, in order: the board's own. */
static int announces_list(const struct announces *a, const struct board *b, const char ***out,
			  size_t *len)
{
	const char **names = malloc((b->len + 1) * sizeof(*names));
	size_t i;

	if (!names)
		return -ENOMEM;
	*len = 0;
	for (i = 0; i < b->len; i++) {
		if (board_announced(b->list[i]) && path_below(b->list[i]->name, a->base))
			names[(*len)++] = b->list[i]->name;
	}
	*out = names;
	return 0;
}

/* From now on it has been told these; what is new and what is gone is put. */
static int announces_tell(struct announces *a, const char *const *names, size_t len,
			  struct wire_out *out)
{
	char **copy = calloc(len + 1, sizeof(*copy));
	size_t i = 0, j = 0;

	if (!copy)
		return -ENOMEM;
	while (i < a->len || j < len) {
		int order = i == a->len ? 1 : j == len ? -1 : strcmp(a->names[i], names[j]);
		const char *suffix = path_below(order < 0 ? a->names[i] : names[j], a->base);

		if (order)
			wire_put_announce(out, suffix, strlen(suffix), order > 0);
		if (order > 0)
			copy[j] = strdup(names[j]);
		else if (!order)
			copy[j] = a->names[i];
		else
			free(a->names[i]);
		out->failed |= order >= 0 && !copy[j];
		i += order <= 0;
		j += order >= 0;
	}
	free(a->names);
	a->names = copy;
	a->len = len;
	return out->failed ? -ENOMEM : 0;
}

/* All of them, and how many there are. */
static void announces_put(const struct announces *a, const char *const *names, size_t len,
			  struct wire_out *out)
{
	size_t i, bytes = 0;

	for (i = 0; i < len; i++)
		bytes += wire_text_size(strlen(path_below(names[i], a->base)));
	wire_put_announces(out, len, bytes);
	for (i = 0; i < len; i++) {
		const char *suffix = path_below(names[i], a->base);

		wire_put_text(out, suffix, strlen(suffix));
	}
}

int announces_begin(struct announces *a, const struct board *board, struct wire_out *out)
{
	struct wire_out each = { 0 };
	const char **names;
	size_t len;
	int err = announces_list(a, board, &names, &len);

	if (err)
		return err;
	announces_put(a, names, len, out);
	/* Only to have them known. */
	err = announces_tell(a, names, len, &each);
	wire_out_deinit(&each);
	free(names);
	return err ? err : out->failed ? -ENOMEM : 0;
}

int announces_go_on(struct announces *a, const struct board *board, struct wire_out *out)
{
	const char **names;
	size_t len;
	int err = announces_list(a, board, &names, &len);

	if (!err) {
		err = announces_tell(a, names, len, out);
		free(names);
	}
	return err;
}
