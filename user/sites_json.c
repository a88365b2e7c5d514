/* SPDX-License-Identifier: MIT */
#include "sites_json.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
	[MOQSTAT_OPERAND_NONE] = "none",   [MOQSTAT_OPERAND_IMM] = "imm",
	[MOQSTAT_OPERAND_REG] = "reg",	   [MOQSTAT_OPERAND_MEM] = "mem",
	[MOQSTAT_OPERAND_DEREF] = "deref", [MOQSTAT_OPERAND_POINT] = "point",
};

static const char *const event_names[MOQSTAT_EVENT_MAX] = {
	[MOQSTAT_EVENT_BUMP] = "bump",
	[MOQSTAT_EVENT_ENTRY] = "entry",
	[MOQSTAT_EVENT_ENTRY_NEW] = "entry-new",
	[MOQSTAT_EVENT_SESSION] = "session",
	[MOQSTAT_EVENT_SESSION_BUMP] = "session-bump",
	[MOQSTAT_EVENT_SESSION_NEW] = "session-new",
	[MOQSTAT_EVENT_PLACE] = "place",
	[MOQSTAT_EVENT_SESSION_PLACE] = "session-place",
	[MOQSTAT_EVENT_PEEK] = "peek",
	[MOQSTAT_EVENT_TABLE] = "table",
	[MOQSTAT_EVENT_INSERT] = "insert",
	[MOQSTAT_EVENT_REMOVE] = "remove",
	[MOQSTAT_EVENT_SCOPE] = "scope",
	[MOQSTAT_EVENT_CALL] = "call",
};

/* By bit of enum moqstat_handle. */
static const char *const handle_names[] = { "pending", "guard",	 "owner",  "path",
					    "peek",    "key",	 "odd",	   "call",
					    "account", "viewer", "cursor", "option" };

/* Operands that an event may do without, and where they are. */
static const struct {
	const char *name;
	size_t offset;
} optional_operands[] = {
	{ "entry", offsetof(struct moqstat_site, entry) },
	{ "tier", offsetof(struct moqstat_site, tier) },
	{ "side", offsetof(struct moqstat_site, side) },
	{ "skip", offsetof(struct moqstat_site, skip) },
	{ "place", offsetof(struct moqstat_site, guard) },
	{ "path", offsetof(struct moqstat_site, path) },
};

static const char *const when_names[] = {
	[MOQSTAT_WHEN_ALWAYS] = "always",
	[MOQSTAT_WHEN_NONZERO] = "nonzero",
	[MOQSTAT_WHEN_ZERO] = "zero",
	[MOQSTAT_WHEN_NEVER] = "never",
};

static const char *const role_names[] = { "publisher", "subscriber", "by-side" };

#define NAMES(array) array, sizeof(array) / sizeof((array)[0])

/* Index of a name, or -1. */
static int json_name(const json_t *value, const char *const *names, size_t len)
{
	const char *text = json_string_value(value);
	size_t i;

	for (i = 0; text && i < len; i++) {
		if (names[i] && !strcmp(names[i], text))
			return i;
	}
	return -1;
}

/* `json`, or NULL if something that should be in it isn't, for want of memory. */
static json_t *json_whole(json_t *json, bool whole)
{
	if (whole)
		return json;
	json_decref(json);
	return NULL;
}

/* Put a value into an object; the value, which may be NULL, is taken over. */
static bool json_put(json_t *object, const char *name, json_t *value)
{
	return !json_object_set_new(object, name, value);
}

static json_t *operand_encode(const struct moqstat_operand *op)
{
	json_t *json;
	bool whole = true;

	if (op->kind == MOQSTAT_OPERAND_NONE)
		return json_null();
	json = json_pack("{s:s, s:i}", "kind", kind_names[op->kind], "width", op->width);
	if (op->reg != MOQSTAT_REG_NONE)
		whole &= json_put(json, "reg", json_string(code_reg_name(op->reg)));
	if (op->index != MOQSTAT_REG_NONE)
		whole &= json_put(json, "index", json_string(code_reg_name(op->index))) &&
			 json_put(json, "scale", json_integer(op->scale));
	if (op->disp)
		whole &= json_put(json, "disp", json_integer(op->disp));
	if (op->kind >= MOQSTAT_OPERAND_DEREF)
		whole &= json_put(json, "outer", json_integer(op->outer));
	return json_whole(json, whole);
}

static int reg_decode(const json_t *json)
{
	const char *name = json_string_value(json);
	int i;

	if (!json)
		return MOQSTAT_REG_NONE;
	for (i = 0; name && i < CODE_REGS; i++) {
		if (!strcmp(code_reg_name(i), name))
			return i;
	}
	return -1;
}

/* An integer of an object within bounds; `missing` where it has none. */
static bool int_decode(const json_t *object, const char *name, int64_t missing, int64_t low,
		       int64_t high, int64_t *out)
{
	const json_t *value = json_object_get(object, name);

	*out = value ? json_integer_value(value) : missing;
	return (!value || json_is_integer(value)) && *out >= low && *out <= high;
}

static bool is_1_2_4_8(int64_t n)
{
	return n == 1 || n == 2 || n == 4 || n == 8;
}

static bool operand_decode(const json_t *json, struct moqstat_operand *out)
{
	int kind = json_name(json_object_get(json, "kind"), NAMES(kind_names));
	int reg = reg_decode(json_object_get(json, "reg"));
	int index = reg_decode(json_object_get(json, "index"));
	int64_t width, scale, disp, outer;

	memset(out, 0, sizeof(*out));
	if (json_is_null(json))
		return true;
	if (kind <= MOQSTAT_OPERAND_NONE || reg < 0 || index < 0 ||
	    (kind != MOQSTAT_OPERAND_IMM && reg == MOQSTAT_REG_NONE) ||
	    !int_decode(json, "width", 0, 1, 8, &width) || !is_1_2_4_8(width) ||
	    !int_decode(json, "scale", 1, 1, 8, &scale) || !is_1_2_4_8(scale) ||
	    !int_decode(json, "disp", 0, INT32_MIN, INT32_MAX, &disp) ||
	    !int_decode(json, "outer", 0, INT32_MIN, INT32_MAX, &outer))
		return false;
	*out = (struct moqstat_operand){ .kind = kind,
					 .reg = reg,
					 .index = index,
					 .scale = scale,
					 .width = width,
					 .disp = disp,
					 .outer = outer };
	return true;
}

static const char *field_name(bool session, unsigned int field)
{
	if (session)
		return field == MOQSTAT_SESSIONS ? "sessions" : "sessions_closed";
	return layout_field_name(field);
}

static bool site_is_bump(const struct moqstat_site *what)
{
	return what->event == MOQSTAT_EVENT_BUMP || what->event == MOQSTAT_EVENT_SESSION_BUMP;
}

static json_t *handles_encode(uint16_t handles)
{
	json_t *json = json_array();
	bool whole = true;
	size_t i;

	for (i = 0; i < sizeof(handle_names) / sizeof(handle_names[0]); i++) {
		if (handles & (1u << i))
			whole &= !json_array_append_new(json, json_string(handle_names[i]));
	}
	return json_whole(json, whole);
}

static bool handles_decode(const json_t *json, uint16_t *out)
{
	size_t i;
	int bit;

	*out = 0;
	for (i = 0; i < json_array_size(json); i++) {
		bit = json_name(json_array_get(json, i), NAMES(handle_names));
		if (bit < 0)
			return false;
		*out |= 1u << bit;
	}
	return json_is_array(json);
}

/* Put those of the optional operands that there are. */
static bool optional_encode(const struct moqstat_site *what, json_t *json)
{
	bool whole = true;
	size_t i;

	for (i = 0; i < sizeof(optional_operands) / sizeof(optional_operands[0]); i++) {
		const struct moqstat_operand *op =
			(const void *)((const char *)what + optional_operands[i].offset);

		if (op->kind)
			whole &= json_put(json, optional_operands[i].name, operand_encode(op));
	}
	return whole;
}

static bool optional_decode(const json_t *json, struct moqstat_site *what)
{
	size_t i;

	for (i = 0; i < sizeof(optional_operands) / sizeof(optional_operands[0]); i++) {
		const json_t *value = json_object_get(json, optional_operands[i].name);
		struct moqstat_operand *op = (void *)((char *)what + optional_operands[i].offset);

		if (value && !operand_decode(value, op))
			return false;
	}
	return true;
}

static json_t *site_encode(const struct site *site)
{
	const struct moqstat_site *what = &site->what;
	json_t *json =
		json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:i}", "event", event_names[what->event],
			  "address", (json_int_t)site->addr, "offset", (json_int_t)site->offset,
			  "instruction", site->insn, "class", code_class_name(site->class),
			  "counts_when", when_names[what->when], "function", (int)site->function);
	bool session = what->event == MOQSTAT_EVENT_SESSION_BUMP;
	bool whole = json_put(json, "guard", operand_encode(&site->guard)) &&
		     json_put(json, "handles", handles_encode(what->handles)) &&
		     optional_encode(what, json);

	if (site_is_bump(what))
		whole &= json_put(json, "bump", json_integer(site->bump)) &&
			 json_put(json, "field", json_string(field_name(session, what->field))) &&
			 json_put(json, "opens", json_boolean(what->opens));
	if (site_is_bump(what) || what->n.kind)
		whole &= json_put(json, "n", operand_encode(&what->n));
	if (what->event == MOQSTAT_EVENT_BUMP)
		whole &= json_put(json, "role", json_string(role_names[what->role]));
	return json_whole(json, whole);
}

static int field_decode(const struct layout *l, const json_t *json, int event)
{
	static const char *const sessions[] = { "sessions", "sessions_closed" };
	const char *name = json_string_value(json);
	size_t i;

	if (event == MOQSTAT_EVENT_SESSION_BUMP)
		return json_name(json, NAMES(sessions));
	for (i = 0; name && i < l->frame->fields_len; i++) {
		if (!strcmp(l->frame->fields[i].name, name))
			return l->frame->fields[i].field;
	}
	return -1;
}

/* What the program of an event reads must be there. Where tiers are labels, what names nothing may
 * tell whether statistics are on. */
static bool site_has_operands(const struct layout *l, const struct moqstat_site *what)
{
	bool path = what->path.kind, guard = what->guard.kind;

	if (((what->handles & (MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_OWNER | MOQSTAT_HANDLE_CALL |
			       MOQSTAT_HANDLE_ACCOUNT)) &&
	     !guard) ||
	    ((what->handles & MOQSTAT_HANDLE_PATH) && !path))
		return false;
	switch (what->event) {
	case MOQSTAT_EVENT_BUMP:
		return what->entry.kind && what->n.kind && what->tier.kind &&
		       (what->role != MOQSTAT_ROLE_MAX || what->side.kind);
	case MOQSTAT_EVENT_SESSION_BUMP:
		return what->entry.kind && what->n.kind;
	case MOQSTAT_EVENT_ENTRY:
		if (layout_has_labels(l))
			return what->side.kind && !what->entry.kind == !what->tier.kind;
		return what->entry.kind && what->side.kind;
	case MOQSTAT_EVENT_SESSION:
		return what->entry.kind && what->side.kind && what->tier.kind;
	case MOQSTAT_EVENT_PLACE:
		return guard && (path || (what->handles & MOQSTAT_HANDLE_PENDING));
	case MOQSTAT_EVENT_SESSION_PLACE:
		return guard && path && what->tier.kind && what->side.kind;
	case MOQSTAT_EVENT_PEEK:
		return path;
	case MOQSTAT_EVENT_TABLE:
		return guard;
	case MOQSTAT_EVENT_CALL:
	case MOQSTAT_EVENT_INSERT:
		return guard && path;
	case MOQSTAT_EVENT_REMOVE:
		return guard && path && what->entry.kind;
	default:
		return what->entry.kind;
	}
}

static bool site_decode(const struct sites *s, const json_t *json, struct site *out)
{
	static const char *const classes[] = { "emulated", "stepped", "refused" };
	int event = json_name(json_object_get(json, "event"), NAMES(event_names));
	int when = json_name(json_object_get(json, "counts_when"), NAMES(when_names));
	int class = json_name(json_object_get(json, "class"), NAMES(classes));
	const char *insn = json_string_value(json_object_get(json, "instruction"));
	struct moqstat_site *what = &out->what;
	const json_t *opens = json_object_get(json, "opens"), *n = json_object_get(json, "n");
	int64_t addr, offset, bump, function;
	int role = 0, field = 0;

	memset(out, 0, sizeof(*out));
	if (event < 0 || when < 0 || class < 0 || !insn || strlen(insn) >= sizeof(out->insn) ||
	    !int_decode(json, "address", 0, 1, INT64_MAX, &addr) ||
	    !int_decode(json, "offset", 0, 1, INT64_MAX, &offset) ||
	    !int_decode(json, "bump", 0, 0, INT64_MAX, &bump) ||
	    !int_decode(json, "function", -1, 0, (int64_t)s->functions_len - 1, &function) ||
	    !operand_decode(json_object_get(json, "guard"), &out->guard) ||
	    !handles_decode(json_object_get(json, "handles"), &what->handles) ||
	    !optional_decode(json, what))
		return false;
	what->event = event;
	if (event == MOQSTAT_EVENT_BUMP)
		role = json_name(json_object_get(json, "role"), NAMES(role_names));
	if (site_is_bump(what)) {
		field = field_decode(s->layout, json_object_get(json, "field"), event);
		if (!bump || !json_is_boolean(opens))
			return false;
	}
	if ((n || site_is_bump(what)) && !operand_decode(n, &what->n))
		return false;
	if (role < 0 || field < 0)
		return false;
	strcpy(out->insn, insn);
	out->addr = addr;
	out->offset = offset;
	out->bump = bump;
	out->class = class;
	out->function = function;
	what->when = when;
	what->role = role;
	what->field = field;
	what->opens = json_is_true(opens);
	return site_has_operands(s->layout, what);
}

static json_t *unprobed_encode(const struct sites_unprobed *u)
{
	json_t *json = json_pack("{s:I, s:s, s:s}", "bump", (json_int_t)u->bump, "field",
				 field_name(u->session, u->field), "reason", u->reason);

	if (u->session)
		return json;
	return json_whole(json, json_put(json, "role", json_string(role_names[u->role])));
}

static json_t *function_encode(const struct sites_function *f)
{
	return json_pack("{s:s, s:I, s:i}", "name", f->name, "address", (json_int_t)f->addr,
			 "which", f->role);
}

json_t *sites_json_encode(const struct sites *s)
{
	json_t *functions = json_array(), *list = json_array(), *unprobed = json_array();
	json_t *json = json_pack("{s:s, s:s, s:s}", "layout", s->layout->name, "relays",
				 s->layout->relays, "build_id", s->build_id);
	bool whole = true;
	size_t i;

	for (i = 0; i < s->functions_len; i++)
		whole &= !json_array_append_new(functions, function_encode(&s->functions[i]));
	for (i = 0; i < s->len; i++)
		whole &= !json_array_append_new(list, site_encode(&s->list[i]));
	for (i = 0; i < s->unprobed_len; i++)
		whole &= !json_array_append_new(unprobed, unprobed_encode(&s->unprobed[i]));
	whole &= json_put(json, "functions", functions);
	whole &= json_put(json, "sites", list);
	whole &= json_put(json, "unprobed", unprobed);
	return json_whole(json, whole);
}

static int functions_decode(const json_t *json, struct sites *out)
{
	size_t i, len = json_array_size(json);

	out->functions = calloc(len + 1, sizeof(*out->functions));
	if (!out->functions)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		const json_t *item = json_array_get(json, i);
		const char *name = json_string_value(json_object_get(item, "name"));
		int64_t addr, which;

		if (!name || !int_decode(item, "address", 0, 1, INT64_MAX, &addr) ||
		    !int_decode(item, "which", -1, -1, LAYOUT_FUNCTION_MAX - 1, &which))
			return -EBADMSG;
		out->functions[i] = (struct sites_function){ .name = strdup(name),
							     .addr = addr,
							     .role = which };
		out->functions_len++;
		if (!out->functions[i].name)
			return -ENOMEM;
	}
	return 0;
}

static int list_decode(const json_t *json, struct sites *out)
{
	size_t i, len = json_array_size(json);

	if (!len || len > MOQSTAT_SITES_MAX)
		return -EBADMSG;
	out->list = calloc(len, sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		if (!site_decode(out, json_array_get(json, i), &out->list[i]))
			return -EBADMSG;
		out->len++;
	}
	return 0;
}

int sites_json_decode(const json_t *json, struct sites *out)
{
	const char *layout = json_string_value(json_object_get(json, "layout"));
	const char *build_id = json_string_value(json_object_get(json, "build_id"));
	struct sites s = { 0 };
	int err;

	/* What has bumps without probes is scanned anew, to have the reasons. */
	if (!layout || !build_id || strlen(build_id) >= sizeof(s.build_id) ||
	    json_array_size(json_object_get(json, "unprobed")))
		return -EBADMSG;
	s.layout = layout_find(layout);
	if (!s.layout)
		return -ENOTSUP;
	strcpy(s.build_id, build_id);
	err = functions_decode(json_object_get(json, "functions"), &s);
	if (!err)
		err = list_decode(json_object_get(json, "sites"), &s);
	if (err) {
		sites_deinit(&s);
		return err;
	}
	s.cached = true;
	*out = s;
	return 0;
}
