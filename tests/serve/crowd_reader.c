/* SPDX-License-Identifier: MIT */
#include "crowd_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DATA "data: "

/* So many bytes of a delta's text tell it from a full one: {"full or {"set" */
#define KIND_LEN 6

void crowd_reader_init(struct crowd_texts *texts, bool delta, struct crowd_reader *r)
{
	memset(r, 0, sizeof(*r));
	r->texts = texts;
	r->delta = delta;
}

/* All who are sent a text have had it. */
static void text_end(struct crowd_texts *t, struct crowd_text *text)
{
	uint64_t *spreads;

	if (!text->complete)
		return;
	if (t->spreads_len == t->spreads_size) {
		t->spreads_size = t->spreads_size ? 2 * t->spreads_size : 64;
		spreads = realloc(t->spreads, t->spreads_size * sizeof(*spreads));
		if (!spreads)
			abort();
		t->spreads = spreads;
	}
	t->spreads[t->spreads_len++] = text->last_ns - text->first_ns;
}

void crowd_texts_deinit(struct crowd_texts *t)
{
	size_t track, kind, i;

	for (track = 0; track < CROWD_TRACKS; track++) {
		for (kind = 0; kind < CROWD_KINDS; kind++) {
			for (i = 0; i < CROWD_RING; i++) {
				text_end(t, &t->ring[track][kind][i]);
				free(t->ring[track][kind][i].data);
			}
		}
	}
	memset(t->ring, 0, sizeof(t->ring));
}

static void text_append(struct crowd_text *text, const char *data, size_t len)
{
	char *more;

	if (text->len + len > text->size) {
		text->size = 2 * (text->len + len);
		more = realloc(text->data, text->size);
		if (!more)
			abort();
		text->data = more;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

/* The text to compare with; a new one for whoever comes first; NULL where that is long ago. */
static struct crowd_text *text_find(struct crowd_texts *t, size_t track, enum crowd_kind kind,
				    uint64_t sequence)
{
	struct crowd_text *text = &t->ring[track][kind][sequence % CROWD_RING];

	if (text->used && text->sequence > sequence)
		return NULL;
	if (!text->used || text->sequence != sequence) {
		text_end(t, text);
		text->used = true;
		text->complete = false;
		text->sequence = sequence;
		text->len = 0;
	}
	return text;
}

/* More of an event's text. */
static void reader_compare(struct crowd_reader *r, const char *data, size_t len)
{
	struct crowd_text *text = r->compared;
	size_t common;

	if (!text || text->sequence != r->sequence) {
		r->same = false;
		return;
	}
	common = r->compared_at < text->len ? text->len - r->compared_at : 0;
	if (common > len)
		common = len;
	if (memcmp(text->data + r->compared_at, data, common) || (common < len && text->complete))
		r->same = false;
	else
		text_append(text, data + common, len - common);
	r->compared_at += len;
}

/* The number of a track in an id of several. */
static bool reader_sequence(const char *id, size_t track, uint64_t *out)
{
	for (; track && id; track--) {
		id = strchr(id, ',');
		id = id ? id + 1 : NULL;
	}
	if (!id || *id < '0' || *id > '9')
		return false;
	*out = strtoull(id, NULL, 10);
	return true;
}

/* Which track an event is of; all of them: of none. */
static size_t reader_track(const struct crowd_reader *r)
{
	size_t i;

	if (!*r->name && r->texts->len == 1)
		return 0;
	for (i = 0; i < r->texts->len && strcmp(r->texts->tracks[i], r->name); i++)
		;
	return i;
}

/* The text of a group begins, of which `head` is there. */
static void reader_begin(struct crowd_reader *r, const char *head, size_t len)
{
	enum crowd_kind kind = CROWD_FRAME;

	if (r->delta)
		kind = memcmp(head, "{\"full", KIND_LEN) ? CROWD_DELTA : CROWD_FULL;
	r->in_data = true;
	r->same = reader_sequence(r->id, r->track, &r->sequence);
	r->compared = r->same ? text_find(r->texts, r->track, kind, r->sequence) : NULL;
	r->compared_at = 0;
	reader_compare(r, head, len);
}

/* All of it is there. */
static void reader_end(struct crowd_reader *r, uint64_t now)
{
	static const char kinds[] = "frame\0full\0\0delta";
	struct crowd_text *text = r->compared;
	size_t i = r->track;

	r->in_data = false;
	r->counts.events++;
	if (r->any[i] && r->sequence != r->last[i] + 1)
		r->counts.gaps++;
	r->any[i] = true;
	r->last[i] = r->sequence;
	if (!r->same || r->compared_at != text->len) {
		r->counts.unlike++;
		return;
	}
	text->last_ns = now;
	if (text->complete)
		return;
	text->complete = true;
	text->first_ns = now;
	if (!r->texts->out)
		return;
	fprintf(r->texts->out, "%s\t%" PRIu64 "\t%s\t", r->texts->tracks[i], text->sequence,
		kinds + (!r->delta					? 0
			 : text->data[2] == 'f' && text->data[3] == 'u' ? 6
									: 12));
	fwrite(text->data, 1, text->len, r->texts->out);
	putc('\n', r->texts->out);
}

/* A whole line that is no group's text. */
static void reader_line(struct crowd_reader *r)
{
	char *line = r->text;

	line[r->text_len] = '\0';
	r->text_len = 0;
	if (!*line)
		*r->name = *r->id = '\0';
	else if (!strncmp(line, "event: ", 7))
		snprintf(r->name, sizeof(r->name), "%.*s", (int)sizeof(r->name) - 1, line + 7);
	else if (!strncmp(line, "id: ", 4))
		snprintf(r->id, sizeof(r->id), "%.*s", (int)sizeof(r->id) - 1, line + 4);
	else if (!strncmp(line, DATA, strlen(DATA)) && !strcmp(r->name, "lost"))
		r->counts.lost++;
	else if (!strncmp(line, DATA, strlen(DATA)) && !strcmp(r->name, "lagging"))
		r->counts.lagging++;
	else if (*line != ':' && strncmp(line, "retry: ", 7))
		r->counts.other++;
}

/* One more byte of a line; true where a group's text goes on from here. */
static void reader_byte(struct crowd_reader *r, char c)
{
	size_t head = strlen(DATA) + (r->delta ? KIND_LEN : 0);

	if (c == '\n') {
		reader_line(r);
		return;
	}
	if (r->text_len + 1 == sizeof(r->text)) {
		r->counts.other++;
		return;
	}
	r->text[r->text_len++] = c;
	if (r->text_len != head || strncmp(r->text, DATA, strlen(DATA)))
		return;
	r->track = reader_track(r);
	if (r->track == r->texts->len)
		return;
	reader_begin(r, r->text + strlen(DATA), r->text_len - strlen(DATA));
	r->text_len = 0;
}

/* More of the events. */
static void reader_events(struct crowd_reader *r, const char *data, size_t len, uint64_t now)
{
	const char *end;

	while (len) {
		if (!r->in_data) {
			reader_byte(r, *data++);
			len--;
			continue;
		}
		end = memchr(data, '\n', len);
		reader_compare(r, data, end ? (size_t)(end - data) : len);
		if (!end)
			return;
		reader_end(r, now);
		len -= end + 1 - data;
		data = end + 1;
	}
}

/* One more byte of a header, or of the line in front of a chunk. */
static void reader_frame(struct crowd_reader *r, char c)
{
	char *end;

	if (r->line_len + 1 < sizeof(r->line))
		r->line[r->line_len++] = c;
	r->line[r->line_len] = '\0';
	if (r->at == CROWD_HEAD) {
		if (!r->status && r->line_len == strlen("HTTP/1.1 200"))
			r->status = atoi(r->line + strlen("HTTP/1.1 "));
		/* Of a header only its end is of interest. */
		if (c == '\n' && r->line_len <= 2)
			r->at = r->status == 200 ? CROWD_SIZE : CROWD_OVER;
		if (c == '\n')
			r->line_len = 0;
		return;
	}
	if (c != '\n')
		return;
	r->line_len = 0;
	r->chunk = strtoul(r->line, &end, 16);
	r->at = end == r->line || !r->chunk ? CROWD_OVER : CROWD_BODY;
	r->chunk += 2;
}

void crowd_reader_take(struct crowd_reader *r, const char *data, size_t len, uint64_t now)
{
	size_t n;

	r->counts.bytes += len;
	while (len && r->at != CROWD_OVER) {
		if (r->at != CROWD_BODY) {
			reader_frame(r, *data++);
			len--;
			continue;
		}
		n = len < r->chunk ? len : r->chunk;
		/* The last two bytes are the chunk's own. */
		if (r->chunk > 2)
			reader_events(r, data, n < r->chunk - 2 ? n : r->chunk - 2, now);
		data += n;
		len -= n;
		r->chunk -= n;
		if (!r->chunk)
			r->at = CROWD_SIZE;
	}
}

bool crowd_reader_ready(const struct crowd_reader *r)
{
	size_t i;

	for (i = 0; i < r->texts->len && r->any[i]; i++)
		;
	return i == r->texts->len;
}
