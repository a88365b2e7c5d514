/* SPDX-License-Identifier: MIT */
#include "scene.h"

/* Where texts of paths lie: behind each object, far enough for the longest. */
#define TEXT_BEHIND 0x1000

/* Where the paths lie that are given to functions, one a length of text and thread or so. */
#define NAMED 0x7f0000100000ULL

static struct pt_regs regs;

static const struct moqstat_operand entry_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_RBX, .index = MOQSTAT_REG_NONE, .width = 8
};
static const struct moqstat_operand tier_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_R8, .index = MOQSTAT_REG_NONE, .width = 1
};
static const struct moqstat_operand side_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_R9, .index = MOQSTAT_REG_NONE, .width = 8
};
static const struct moqstat_operand n_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_RCX, .index = MOQSTAT_REG_NONE, .width = 8
};
static const struct moqstat_operand guard_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_R12, .index = MOQSTAT_REG_NONE, .width = 8
};
static const struct moqstat_operand path_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_R13, .index = MOQSTAT_REG_NONE, .width = 8
};
static const struct moqstat_operand argument_operand = {
	.kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_RSI, .index = MOQSTAT_REG_NONE, .width = 8
};

static program_fn *const programs[SCENE_SITES] = {
	[AT_ENTRY] = entry,
	[AT_ENTRY_NEW] = allocated,
	[AT_SESSION] = session,
	[AT_SESSION_NEW] = allocated,
	[AT_SESSION_OPEN] = session_bump,
	[AT_SESSION_CLOSE] = session_bump,
	[AT_SESSION_PLACE] = session_place,
	[AT_OPEN] = bump,
	[AT_CLOSE] = bump,
	[AT_TRACK] = bump,
	[AT_TRACK_CLOSE] = bump,
	[AT_BYTES] = bump,
	[AT_PLACE] = place,
	[AT_OWNER] = place,
	[AT_PEEK] = peek,
	[AT_PEEK_KEY] = peek,
	[AT_TABLE] = table,
	[AT_INSERT] = insert,
	[AT_TAKE] = take,
	[AT_SCOPE] = scope,
	[AT_CALL] = call,
};

/* A bump, told by the guard's place where there is no entry; one that opens, by what is pending. */
static void scene_add_bump(__u32 cookie, __u8 field, bool opens)
{
	struct moqstat_site site = {
		.event = MOQSTAT_EVENT_BUMP,
		.role = MOQSTAT_PUBLISHER,
		.field = field,
		.opens = opens,
		.handles = opens ? MOQSTAT_HANDLE_PENDING : MOQSTAT_HANDLE_GUARD,
		.entry = entry_operand,
		.tier = tier_operand,
		.n = field >= MOQSTAT_BYTES ? n_operand : scene_imm(1),
		.guard = guard_operand,
		.path = path_operand,
	};

	host_map_set("sites", &cookie, &site);
}

static void scene_add(__u32 cookie, __u8 event, __u8 handles)
{
	struct moqstat_site site = { .event = event, .handles = handles };

	site.entry = entry_operand;
	site.tier = tier_operand;
	site.side = side_operand;
	site.guard = guard_operand;
	site.path = path_operand;
	if (event == MOQSTAT_EVENT_ENTRY || event == MOQSTAT_EVENT_SESSION)
		site.entry = argument_operand;
	if (event == MOQSTAT_EVENT_SESSION_BUMP) {
		site.opens = cookie == AT_SESSION_OPEN;
		site.field = site.opens ? MOQSTAT_SESSIONS : MOQSTAT_SESSIONS_CLOSED;
	}
	host_map_set("sites", &cookie, &site);
}

int scene_setup(void **state)
{
	(void)state;
	host_reset();
	memset(&regs, 0, sizeof(regs));
	target_tgid = SCENE_TGID;
	key_low = 0x0706050403020100;
	key_high = 0x0f0e0d0c0b0a0908;
	names_max = 32;
	attached = 1;
	scene_thread(SCENE_TGID, SCENE_THREAD);
	scene_set(MOQSTAT_R9, SCENE_SHARED);
	scene_add(AT_ENTRY, MOQSTAT_EVENT_ENTRY, 0);
	scene_add(AT_ENTRY_NEW, MOQSTAT_EVENT_ENTRY_NEW, 0);
	scene_add(AT_SESSION, MOQSTAT_EVENT_SESSION, 0);
	scene_add(AT_SESSION_NEW, MOQSTAT_EVENT_SESSION_NEW, 0);
	scene_add(AT_SESSION_OPEN, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_HANDLE_PENDING);
	scene_add(AT_SESSION_CLOSE, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_HANDLE_GUARD);
	scene_add(AT_SESSION_PLACE, MOQSTAT_EVENT_SESSION_PLACE, 0);
	scene_add_bump(AT_OPEN, MOQSTAT_BROADCASTS, true);
	scene_add_bump(AT_CLOSE, MOQSTAT_BROADCASTS_CLOSED, false);
	scene_add_bump(AT_TRACK, MOQSTAT_SUBSCRIPTIONS, true);
	scene_add_bump(AT_TRACK_CLOSE, MOQSTAT_SUBSCRIPTIONS_CLOSED, false);
	scene_add_bump(AT_BYTES, MOQSTAT_BYTES, false);
	scene_add(AT_PLACE, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING);
	scene_add(AT_OWNER, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_OWNER);
	scene_add(AT_PEEK, MOQSTAT_EVENT_PEEK, 0);
	scene_add(AT_PEEK_KEY, MOQSTAT_EVENT_PEEK, MOQSTAT_HANDLE_KEY);
	scene_add(AT_TABLE, MOQSTAT_EVENT_TABLE, 0);
	scene_add(AT_INSERT, MOQSTAT_EVENT_INSERT, 0);
	scene_add(AT_TAKE, MOQSTAT_EVENT_REMOVE, 0);
	scene_add(AT_SCOPE, MOQSTAT_EVENT_SCOPE, 0);
	scene_add(AT_CALL, MOQSTAT_EVENT_CALL, 0);
	return 0;
}

int scene_teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

void scene_statistics_off(void)
{
	scene_set(MOQSTAT_R9, 0);
	scene_set(MOQSTAT_RBX, 0);
}

struct moqstat_operand scene_imm(__s32 value)
{
	return (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_IMM,
					 .index = MOQSTAT_REG_NONE,
					 .disp = value };
}

struct moqstat_operand scene_reg(enum moqstat_reg reg, __u8 width)
{
	return (struct moqstat_operand){
		.kind = MOQSTAT_OPERAND_REG, .reg = reg, .index = MOQSTAT_REG_NONE, .width = width
	};
}

struct moqstat_operand scene_mem(enum moqstat_reg reg, __s32 disp, __u8 width)
{
	return (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_MEM,
					 .reg = reg,
					 .index = MOQSTAT_REG_NONE,
					 .width = width,
					 .disp = disp };
}

struct moqstat_site *scene_site(__u32 cookie)
{
	return host_map_get("sites", &cookie, 0);
}

void scene_set(enum moqstat_reg reg, __u64 value)
{
	unsigned long *const all[] = {
		[MOQSTAT_RAX] = &regs.ax,  [MOQSTAT_RCX] = &regs.cx,  [MOQSTAT_RDX] = &regs.dx,
		[MOQSTAT_RBX] = &regs.bx,  [MOQSTAT_RSP] = &regs.sp,  [MOQSTAT_RBP] = &regs.bp,
		[MOQSTAT_RSI] = &regs.si,  [MOQSTAT_RDI] = &regs.di,  [MOQSTAT_R8] = &regs.r8,
		[MOQSTAT_R9] = &regs.r9,   [MOQSTAT_R10] = &regs.r10, [MOQSTAT_R11] = &regs.r11,
		[MOQSTAT_R12] = &regs.r12, [MOQSTAT_R13] = &regs.r13, [MOQSTAT_R14] = &regs.r14,
		[MOQSTAT_R15] = &regs.r15,
	};

	*all[reg] = value;
}

/* Among other flags, which mean nothing. */
void scene_zero_flag(bool set)
{
	regs.flags = set ? 0x246 : 0x202 | 0x81;
}

void scene_thread(__u32 tgid, __u32 thread)
{
	host.thread = (__u64)tgid << 32 | thread;
}

__u64 scene_path_bytes(__u64 at, const void *bytes, __u32 len)
{
	/* The capacity may be larger, or anything. */
	__u64 words[3] = { 0x123456789abcdef0, at + TEXT_BEHIND, len };

	host_memory_put(at, words, sizeof(words));
	if (len)
		host_memory_put(at + TEXT_BEHIND, bytes, len);
	return at;
}

__u64 scene_path(__u64 at, const char *text)
{
	return scene_path_bytes(at, text, strlen(text));
}

/* What a program leaves uninitialized isn't 0 by chance, nor what it was last. */
static __attribute__((noinline)) void scene_dirty_stack(void)
{
	volatile __u8 junk[2048];
	size_t i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = 0xa5;
}

void scene_fire(__u32 cookie)
{
	assert_in_range(cookie, 1, SCENE_SITES - 1);
	host.cookie = cookie;
	scene_dirty_stack();
	assert_int_equal(programs[cookie](&regs), 0);
}

void scene_name(const char *text)
{
	scene_set(MOQSTAT_RSI, scene_path(NAMED, text));
	scene_fire(AT_ENTRY);
}

void scene_new(__u64 at, const char *text)
{
	scene_name(text);
	scene_set(MOQSTAT_RBX, at);
	scene_fire(AT_ENTRY_NEW);
}

void scene_session(const char *root, __u64 tier)
{
	scene_set(MOQSTAT_RSI, scene_path(NAMED, root));
	scene_set(MOQSTAT_R8, tier);
	scene_fire(AT_SESSION);
}

void scene_bump(__u32 cookie, __u64 at)
{
	scene_set(MOQSTAT_RBX, at);
	scene_fire(cookie);
}

void scene_guard_bump(__u32 cookie, __u64 guard)
{
	scene_set(MOQSTAT_RBX, 0);
	scene_set(MOQSTAT_R12, guard);
	scene_fire(cookie);
}

void scene_place(__u32 cookie, __u64 guard)
{
	scene_set(MOQSTAT_R12, guard);
	scene_fire(cookie);
}

void scene_open_track(__u64 guard, const char *path)
{
	scene_name(path);
	scene_bump(AT_TRACK, 0);
	scene_place(AT_PLACE, guard);
}

static __u64 scene_sum(const char *map, const void *key, __u32 cell)
{
	const __u64 *values;
	__u64 sum = 0;
	__u32 cpu;

	for (cpu = 0; cpu < HOST_CPUS; cpu++) {
		values = host_map_get(map, key, cpu);
		sum += values ? values[cell] : 0;
	}
	return sum;
}

__u64 scene_hits(__u32 cookie)
{
	return scene_sum("hits", &cookie, 0);
}

__u64 scene_count(const struct moqstat_id *id, __u32 slot, __u32 field)
{
	struct moqstat_slot_key key = { .id = *id, .slot = slot };

	return scene_sum(MOQSTAT_FIELD_CLOSES(field) ? "closed" : "opened", &key,
			 MOQSTAT_FIELD_CELL(field));
}

__u64 scene_counted(const char *text, __u32 field)
{
	struct moqstat_id id = scene_id(text, 0);

	return id.hash ? scene_count(&id, 0, field) : 0;
}

void scene_assert_lost(__u32 reason, __u64 n)
{
	__u32 i;
	__u64 lost;

	for (i = 0; i < MOQSTAT_LOST_MAX; i++) {
		lost = scene_sum("lost", &i, 0);
		if (lost != (i == reason ? n : 0))
			fail_msg("lost by reason %u: %llu, not %llu", i, lost, i == reason ? n : 0);
	}
}

struct moqstat_id scene_id(const char *text, __u32 slot)
{
	const char *map = slot ? "roots" : "broadcasts";
	const struct moqstat_id *key = NULL;
	struct moqstat_id newest = {};
	const struct moqstat_name *name;

	while ((key = host_map_next(map, key))) {
		name = host_map_get(map, key, 0);
		if (name->slot == slot && name->len == strlen(text) &&
		    !memcmp(name->path, text, name->len) && key->incarnation > newest.incarnation)
			newest = *key;
	}
	return newest;
}

struct moqstat_id scene_overflow(__u32 slot)
{
	return (struct moqstat_id){ .tgid = SCENE_TGID, .incarnation = slot };
}

struct moqstat_id scene_unattributed(void)
{
	return scene_overflow(MOQSTAT_UNATTRIBUTED);
}

const struct moqstat_path *scene_path_of(const char *text)
{
	struct moqstat_path_key key = { .hash = scene_id(text, 0).hash,
					.tgid = SCENE_TGID,
					.len = strlen(text) };

	return host_map_get("paths", &key, 0);
}

__u32 scene_opens(const char *text)
{
	return scene_path_of(text)->state / MOQSTAT_PATH_OPENED;
}

bool scene_guard_known(__u64 address, __u32 kind)
{
	struct moqstat_guard_key key = { .address = address, .tgid = SCENE_TGID, .kind = kind };

	return host_map_get("guards", &key, 0);
}

struct moqstat_id scene_entry_id(__u64 at)
{
	struct moqstat_entry_key key = { .entry = at, .tgid = SCENE_TGID };
	const struct moqstat_id *id = host_map_get("entries", &key, 0);

	return id ? *id : (struct moqstat_id){};
}

void scene_assert_id(struct moqstat_id got, struct moqstat_id expected)
{
	assert_int_equal(got.hash, expected.hash);
	assert_int_equal(got.tgid, expected.tgid);
	assert_int_equal(got.incarnation, expected.incarnation);
}
