/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
/* Of all that it defines. */
#undef columns
#undef lines

#include "top_state.h"

/* ms in which the rest of a key's sequence follows its Esc. */
#define SCREEN_ESCAPE 25

struct screen {
	SCREEN *curses;
};

const char *screen_lacks(void)
{
	bool able;
	int err = 0;

	if (!isatty(STDOUT_FILENO))
		return "standard output is no terminal";
	if (!isatty(STDIN_FILENO))
		return "standard input is no terminal";
	if (setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return "TERM names no terminal that is known here";
	able = cursor_address && clear_screen;
	del_curterm(cur_term);
	return able ? NULL : "this terminal can't move its cursor";
}

int screen_create(struct screen **out)
{
	struct screen *s;

	if (screen_lacks())
		return -ENOTSUP;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->curses = newterm(NULL, stdout, stdin);
	if (!s->curses) {
		free(s);
		return -ENOTSUP;
	}
	set_escdelay(SCREEN_ESCAPE);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	/* Without room for a cursor it can't be hidden; that is no error. */
	curs_set(0);
	*out = s;
	return 0;
}

void screen_destroy(struct screen *s)
{
	if (!s)
		return;
	curs_set(1);
	endwin();
	delscreen(s->curses);
	free(s);
}

void screen_size(const struct screen *s, size_t *rows, size_t *columns)
{
	(void)s;
	*rows = LINES > 0 ? LINES : 0;
	*columns = COLS > 0 ? COLS : 0;
}

void screen_resize(struct screen *s)
{
	struct winsize size;

	(void)s;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		return;
	resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

void screen_show(struct screen *s, const struct top_view *v)
{
	size_t i;

	(void)s;
	erase();
	for (i = 0; i < v->len && i < (size_t)LINES; i++) {
		const struct top_line *line = &v->lines[i];

		attrset(line->look == TOP_LOOK_BOLD	 ? A_BOLD
			: line->look == TOP_LOOK_REVERSE ? A_REVERSE
							 : A_NORMAL);
		move((int)i, 0);
		if (line->text.data)
			addnstr(line->text.data, (int)line->text.len);
		/* What looks otherwise does so over the whole width. */
		if (line->look == TOP_LOOK_REVERSE && line->text.width < (size_t)COLS)
			hline(' ' | A_REVERSE, COLS - (int)line->text.width);
	}
	attrset(A_NORMAL);
	refresh();
}

static int screen_special(wint_t key)
{
	switch (key) {
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_LEFT:
		return TOP_KEY_LEFT;
	case KEY_RIGHT:
		return TOP_KEY_RIGHT;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	case KEY_ENTER:
		return TOP_KEY_ENTER;
	case KEY_BACKSPACE:
		return TOP_KEY_ERASE;
	default:
		return 0;
	}
}

static int screen_plain(wint_t key)
{
	switch (key) {
	case '\r':
	case '\n':
		return TOP_KEY_ENTER;
	case '\t':
		return TOP_KEY_TAB;
	case 0x1b:
		return TOP_KEY_ESCAPE;
	case '\b':
	case 0x7f:
		return TOP_KEY_ERASE;
	default:
		return key < TOP_KEY_UP ? (int)key : 0;
	}
}

int screen_key(struct screen *s)
{
	wint_t key;

	(void)s;
	switch (get_wch(&key)) {
	case OK:
		return screen_plain(key);
	case KEY_CODE_YES:
		return screen_special(key);
	default:
		return -1;
	}
}
