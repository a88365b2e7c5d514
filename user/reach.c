/* SPDX-License-Identifier: MIT */
#include "reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "relocation.h"

/* Parts of the names of destructors, mangled either way. */
static const char *const reach_glue[] = { "drop_in_place", "drop_slow", "4drop", "dealloc" };

struct reach_edge {
	uint32_t callee, caller; /* indices of functions */
};

/* All destructors of the executable, and who calls whom. */
struct reach_graph {
	const struct elf_file *file;
	struct relocation *relocations;
	size_t relocations_len;
	struct reach_function *list;
	size_t len;
	struct reach_edge *edges;
	size_t edges_len, edges_room;
};

static bool reach_has(const char *name, const char *a, const char *b)
{
	return strstr(name, a) && strstr(name, b);
}

static bool reach_is_glue(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(reach_glue) / sizeof(reach_glue[0]); i++) {
		if (strstr(name, reach_glue[i]))
			return true;
	}
	return false;
}

/* Types whose drop_in_place matters, by their names; with generic arguments or without. */
static const struct {
	const char *type;
	uint32_t kind;
} reach_types[] = {
	{ "moq_net::ietf::publisher::Publisher<", REACH_HOLDER },
	{ "moq_net::ietf::subscriber::Subscriber<", REACH_HOLDER },
	{ "moq_net::lite::publisher::Publisher<", REACH_HOLDER },
	{ "moq_net::lite::subscriber::Subscriber<", REACH_HOLDER },
	{ "moq_net::model::broadcast::BroadcastProducer>", REACH_HOLDER },
	{ "moq_net::model::broadcast::BroadcastDynamic>", REACH_HOLDER },
	{ "moq_net::model::track::TrackProducer>", REACH_HOLDER },
	{ "moq_net::model::origin::OriginConsumer>", REACH_CONSUMER },
	{ "moq_net::model::origin::OriginProducer>", REACH_PRODUCER },
};

/* Is the name that of drop_in_place of one of those, and not of something made of it? */
static int reach_type(const char *name, uint32_t *kind)
{
	static const char drop[] = "core::ptr::drop_in_place<";
	char *text;
	size_t i;

	*kind = REACH_PLAIN;
	if (!reach_has(name, "drop_in_place", "moq_net"))
		return 0;
	text = elf_demangle(name);
	if (!text)
		return -ENOMEM;
	for (i = 0; i < sizeof(reach_types) / sizeof(reach_types[0]); i++) {
		size_t len = strlen(reach_types[i].type);

		if (!strncmp(text, drop, sizeof(drop) - 1) && !strchr(text, '{') &&
		    !strncmp(text + sizeof(drop) - 1, reach_types[i].type, len))
			*kind = reach_types[i].kind;
	}
	free(text);
	return 0;
}

static int reach_kind(const char *name, const struct sites *sites, uint64_t addr, uint32_t *kind)
{
	size_t i;

	for (i = 0; i < sites->functions_len; i++) {
		if (sites->functions[i].addr == addr &&
		    sites->functions[i].role == LAYOUT_UNSUBSCRIBE) {
			*kind = REACH_SUBSCRIPTION;
			return 0;
		}
	}
	if (reach_has(name, "tokio", "7dealloc"))
		*kind = REACH_TASK;
	else if (reach_has(name, "RawTable", "4drop"))
		*kind = REACH_TABLE;
	else
		return reach_type(name, kind);
	return 0;
}

static ptrdiff_t reach_index(const struct reach_function *list, size_t len, uint64_t addr)
{
	size_t low = 0, high = len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr - list[low - 1].addr < list[low - 1].size ? (ptrdiff_t)low - 1 : -1;
}

const struct reach_function *reach_find(const struct reach *r, uint64_t addr)
{
	ptrdiff_t i = reach_index(r->list, r->len, addr);

	return i < 0 ? NULL : &r->list[i];
}

static int reach_functions(struct reach_graph *g, const struct sites *sites, struct reach *out)
{
	size_t i, len;
	uint32_t kind;
	const struct elf_symbol *symbols = elf_file_symbols(g->file, &len);

	g->list = calloc(len + 1, sizeof(*g->list));
	if (!g->list)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		const struct elf_symbol *s = &symbols[i];
		struct reach_function *last = g->len ? &g->list[g->len - 1] : NULL;

		if (strstr(s->name, "__rust_dealloc") &&
		    out->release_len < sizeof(out->release) / sizeof(out->release[0]))
			out->release[out->release_len++] = s->addr;
		if (!reach_is_glue(s->name) ||
		    (last && s->addr < last->addr + last->size && s->addr != last->addr))
			continue;
		/* Identical functions are folded: several names, one place. */
		if (last && last->addr == s->addr) {
			if (!last->kind && reach_kind(s->name, sites, s->addr, &last->kind))
				return -ENOMEM;
			/* Told only where all of its names say so. */
			last->ietf &= reach_has(s->name, "moq_net", "ietf");
			continue;
		}
		if (reach_kind(s->name, sites, s->addr, &kind))
			return -ENOMEM;
		g->list[g->len++] = (struct reach_function){
			.addr = s->addr,
			.size = s->size,
			.kind = kind,
			.arc = reach_has(s->name, "drop_slow", ""),
			.ietf = reach_has(s->name, "moq_net", "ietf"),
		};
	}
	return 0;
}

static int reach_edge_add(struct reach_graph *g, size_t callee, size_t caller)
{
	if (g->edges_len == g->edges_room) {
		size_t room = g->edges_room ? 2 * g->edges_room : 4096;
		struct reach_edge *grown = reallocarray(g->edges, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		g->edges = grown;
		g->edges_room = room;
	}
	g->edges[g->edges_len++] = (struct reach_edge){ callee, caller };
	return 0;
}

/* The calls and jumps in a function's bytes. Not decoded: what looks like one by chance only makes
 * the result larger. */
static int reach_calls(struct reach_graph *g, size_t caller)
{
	const struct reach_function *f = &g->list[caller];
	const uint8_t *bytes = elf_file_bytes(g->file, f->addr, f->size);
	struct code_branch branch;
	uint64_t at = 0, target;
	ptrdiff_t callee;

	while (bytes && code_next_branch(bytes, f->size, f->addr, &at, &branch)) {
		target = branch.slot
				 ? relocation_find(g->relocations, g->relocations_len, branch.slot)
				 : branch.target;
		callee = reach_index(g->list, g->len, target);
		if (callee < 0 || g->list[callee].addr != target || (size_t)callee == caller)
			continue;
		if (reach_edge_add(g, callee, caller))
			return -ENOMEM;
	}
	return 0;
}

/* From those in which a guard ends, back to all that call them. */
static void reach_spread(struct reach_graph *g, const struct sites *sites)
{
	bool more = true;
	ptrdiff_t at;
	size_t i;

	for (i = 0; i < sites->len; i++) {
		const struct moqstat_site *what = &sites->list[i].what;

		if ((what->event != MOQSTAT_EVENT_BUMP &&
		     what->event != MOQSTAT_EVENT_SESSION_BUMP) ||
		    !MOQSTAT_FIELD_CLOSES(what->field))
			continue;
		at = reach_index(g->list, g->len, sites->list[i].addr);
		if (at >= 0)
			g->list[at].leads = true;
	}
	while (more) {
		more = false;
		for (i = 0; i < g->edges_len; i++) {
			if (!g->list[g->edges[i].callee].leads || g->list[g->edges[i].caller].leads)
				continue;
			g->list[g->edges[i].caller].leads = true;
			more = true;
		}
	}
}

static int reach_build(struct reach_graph *g, const struct sites *sites, struct reach *out)
{
	size_t i;
	int err = reach_functions(g, sites, out);

	for (i = 0; i < g->len && !err; i++)
		err = reach_calls(g, i);
	if (err)
		return err;
	reach_spread(g, sites);
	for (i = 0; i < g->len; i++) {
		if (g->list[i].leads || g->list[i].kind)
			g->list[out->len++] = g->list[i];
	}
	out->list = g->list;
	g->list = NULL;
	return out->len && out->release_len ? 0 : -ENOTSUP;
}

int reach_create(const struct elf_file *f, const struct sites *sites, struct reach *out)
{
	struct reach_graph g = { .file = f };
	struct reach r = { 0 };
	int err = relocation_read(f, &g.relocations, &g.relocations_len);

	if (!err)
		err = reach_build(&g, sites, &r);
	free(g.relocations);
	free(g.edges);
	free(g.list);
	if (err) {
		reach_deinit(&r);
		return err;
	}
	*out = r;
	return 0;
}

void reach_deinit(struct reach *r)
{
	if (!r)
		return;
	free(r->list);
	memset(r, 0, sizeof(*r));
}
