/* SPDX-License-Identifier: MIT */
/*
 * screen.h - the terminal, by ncurses: lines of text onto it, and keys from it.
 */
#ifndef MOQSTAT_SCREEN_H
#define MOQSTAT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "top_view.h"

struct screen;

/** Can lines be shown on standard output, and keys be read from standard input? The reason where
 * not is for people, static text; NULL: they can. */
const char *screen_lacks(void);

/** Take the terminal over. *out is ended by screen_destroy(), which leaves it as it was. -ENOTSUP
 * screen_lacks() something; -ENOMEM. */
int screen_create(struct screen **out);
void screen_destroy(struct screen *s);

/** How large it is now. */
void screen_size(const struct screen *s, size_t *rows, size_t *columns);

/** The terminal has another size. */
void screen_resize(struct screen *s);

/** Show these lines, and nothing else. */
void screen_show(struct screen *s, const struct top_view *v);

/** The next key that was pressed, as top_state_key() takes it; -1: none. */
int screen_key(struct screen *s);

#endif /* MOQSTAT_SCREEN_H */
