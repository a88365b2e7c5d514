// SPDX-License-Identifier: MIT
/*
 * hit_fixture - bump sites as the relay has them, and functions that begin with one instruction or
 * another, run in a loop on request.
 *
 * usage: hit_fixture [CPU]
 *
 * Writes the addresses of its entry and of the guard without one. Then reads lines "SHAPE COPY
 * COUNT" from standard input, SHAPE being a number of enum hit_shape, runs that shape COUNT times
 * and answers with the nanoseconds of processor time that this took. Processor time, since on a
 * busy machine the wall's tells of the others. COPY is for functions: 0, or which of bpftrace's.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../tests/fixture/sites.h"
#include "hit.h"

/* A bump's arguments: n once in a register and once in memory, as most of the relay's are; and the
 * entry, which a function's first instruction finds in a register no more than the relay's would.
 */
typedef void bump(const struct fixture_guard *guard, uint64_t n, const uint64_t *n_at, void *entry);

#define COPIES 3
#define BEGINS(name, insn)                                                            \
	".p2align 4\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" insn \
	"\n	ret\n.size " #name ", . - " #name "\n"
#define BEGINS_ALL(insn, text)                                            \
	__asm__(BEGINS(hit_##insn, text) BEGINS(hit_##insn##_count, text) \
			BEGINS(hit_##insn##_sum, text));                  \
	bump hit_##insn, hit_##insn##_count, hit_##insn##_sum

__asm__(".text\n");
BEGINS_ALL(push, "	pushq %rbp\n	popq %rbp");
BEGINS_ALL(test, "	testq %rdi, %rdi");
BEGINS_ALL(mov, "	movq %rdi, %rax");

static bump *const functions[HIT_SHAPES - HIT_FUNCTIONS][COPIES] = {
	{ hit_push, hit_push_count, hit_push_sum },
	{ hit_test, hit_test_count, hit_test_sum },
	{ hit_mov, hit_mov_count, hit_mov_sum },
};

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bump *bump_of(unsigned int shape, unsigned int copy)
{
	static const enum fixture_counter counters[] = { FIXTURE_FRAMES, FIXTURE_BYTES,
							 FIXTURE_GROUPS };

	if (shape >= HIT_SHAPES || copy >= COPIES)
		return NULL;
	if (shape >= HIT_FUNCTIONS)
		return functions[shape - HIT_FUNCTIONS][copy];
	return (bump *)(void *)fixture_bumps[0][counters[shape % HIT_OFF_FRAMES]];
}

int main(int argc, char **argv)
{
	static const uint64_t n = HIT_BYTES;
	static struct fixture_entry entry;
	static const struct fixture_guard on = { .entry = &entry, .tier = HIT_TIER };
	static const struct fixture_guard off = { .entry = NULL, .tier = HIT_TIER };
	unsigned int shape, copy;
	uint64_t count;

	if (argc > 1) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(atoi(argv[1]), &cpus);
		if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
			perror("hit_fixture: sched_setaffinity");
			return 1;
		}
	}
	printf("%" PRIuPTR " %" PRIuPTR "\n", (uintptr_t)&entry, (uintptr_t)&off);
	fflush(stdout);
	while (scanf("%u %u %" SCNu64, &shape, &copy, &count) == 3) {
		const struct fixture_guard *guard =
			shape >= HIT_OFF_FRAMES && shape < HIT_FUNCTIONS ? &off : &on;
		bump *hit = bump_of(shape, copy);
		uint64_t start = cpu_ns();

		for (uint64_t i = 0; hit && i < count; i++)
			hit(guard, n, &n, &entry);
		printf("%" PRIu64 "\n", cpu_ns() - start);
		fflush(stdout);
	}
	return 0;
}
