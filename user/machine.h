/* SPDX-License-Identifier: MIT */
/*
 * machine.h - runs the relay's own drop code on a private copy of what the relay's memory holds.
 *
 * A destructor knows better than any table of offsets where a future keeps what it owns, and in
 * which of its states. Here it is executed instruction by instruction: what it reads comes from
 * the relay, what it writes stays here, and calls are entered only where the owner wants it. The
 * relay is never touched.
 *
 * The files that know the machine's instructions are machine_x86*.
 */
#ifndef MOQSTAT_MACHINE_H
#define MOQSTAT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_PAGE	   4096
#define MACHINE_PAGES_MAX  16384 /* of the relay's that one run may look at */
#define MACHINE_FRAMES_MAX 64
#define MACHINE_STACK	   (16 * MACHINE_PAGE)

#ifndef MACHINE_STEPS_MAX
#define MACHINE_STEPS_MAX 4000000
#endif

/** Where the private stack lies: not an address of any process. */
#define MACHINE_STACK_AT 0x00ff000000000000ull

/** Why a run ended. */
enum machine_end {
	MACHINE_DONE = 0,   /* the function returned */
	MACHINE_UNREADABLE, /* it read memory that isn't there */
	MACHINE_UNKNOWN,    /* an instruction that isn't known here */
	MACHINE_TRAP,	    /* it would have panicked, or ran out of its function */
	MACHINE_ENDLESS,    /* more steps, pages or calls than such code takes */
	MACHINE_STOPPED,    /* a callback said so */
	MACHINE_NO_MEMORY,
};

struct machine;

/** A call that was entered. */
struct machine_frame {
	uint64_t function; /* its address */
	uint64_t self;	   /* its first argument */
	uint64_t back;	   /* where it returns to */
};

/** What the owner provides. Addresses are the relay's. */
struct machine_ops {
	/** Copy a page of memory. 0 or -errno. */
	int (*page)(void *arg, uint64_t addr, uint8_t bytes[MACHINE_PAGE]);
	/** The code at an address, and how many bytes of its function are left; NULL: none. */
	const uint8_t *(*code)(void *arg, uint64_t addr, size_t *left);
	/** Is this function to be entered? Otherwise it is skipped as if it returned 0. */
	bool (*call)(void *arg, const struct machine *m, uint64_t function);
	/** Would this function be entered? Asked ahead, without meaning to call it. */
	bool (*leads)(void *arg, uint64_t function);
	/** Does execution at this branch mean something? Asked once per instruction. */
	bool (*marked)(void *arg, uint64_t addr);
	/** A marked branch is about to be executed. False stops the run. */
	bool (*branch)(void *arg, const struct machine *m, uint64_t addr);
	/** A reference count at `count` is about to be decremented, and what follows if it becomes
	 *  zero enters a function. Is it to become zero? `value` is what it holds. */
	bool (*release)(void *arg, const struct machine *m, uint64_t count, uint64_t value);
	/** A reference count that leads nowhere is decremented. Its address was read `from` there,
	 * or 0; if it becomes zero the function at `end` follows, or 0. */
	void (*touch)(void *arg, const struct machine *m, uint64_t count, uint64_t from,
		      uint64_t end);
};

int machine_create(const struct machine_ops *ops, void *arg, struct machine **out);
void machine_destroy(struct machine *m);

/** Forget all pages, so that the next run sees the relay as it is then. */
void machine_forget(struct machine *m);

/** Call the function at `addr` with one argument. */
enum machine_end machine_run(struct machine *m, uint64_t addr, uint64_t self);

/** Where the last run ended, for messages. */
uint64_t machine_at(const struct machine *m);

/** A general register, numbered as enum moqstat_reg. */
uint64_t machine_reg(const struct machine *m, unsigned int reg);

/** The address that the 8 bytes now in a register were loaded from, or 0. */
uint64_t machine_from(const struct machine *m, unsigned int reg);

/** The calls that were entered, outermost first. */
const struct machine_frame *machine_frames(const struct machine *m, size_t *len);

/** Read memory as the run sees it. False: not readable. */
bool machine_read(struct machine *m, uint64_t addr, void *out, size_t size);

/** Read all again that was read since machine_forget() (but for what was changed by locked
 *  instructions, such as reference counts): is it still the same? */
bool machine_same(struct machine *m);

#endif /* MOQSTAT_MACHINE_H */
