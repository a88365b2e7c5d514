// SPDX-License-Identifier: MIT
/*
 * hit_fixture - bump sites as the relay has them, run in a loop on request.
 *
 * usage: hit_fixture [CPU]
 *
 * Writes the address of its entry. Then reads lines "SHAPE COUNT" from standard input, SHAPE being
 * a number of enum hit_shape, runs that shape COUNT times and answers with the nanoseconds of
 * processor time that this took. Processor time, since on a busy machine the wall's tells of the
 * others.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hit.h"

/*
 * The relay's shape, instruction by instruction, with the probed `je` named by a symbol: a guard G
 * in rdi, its entry E in rax, the tier T in ecx, the index I in rcx; for bytes n in rsi. In
 * assembly of its own, since a compiler asked for the same in C would choose otherwise with each
 * version.
 */
__asm__(".macro shape name:req bump:vararg\n"
	".text\n"
	".p2align 4\n"
	".globl \\name, \\name\\()_je\n"
	".type \\name, @function\n"
	"\\name:\n"
	"	movq 0x10(%rdi), %rax\n"
	"	testq %rax, %rax\n"
	"\\name\\()_je:\n"
	"	je 1f\n"
	"	movzbl 0x18(%rdi), %ecx\n"
	"	leaq (%rcx,%rcx,8), %rcx\n"
	"	\\bump\n"
	"1:	ret\n"
	".size \\name, . - \\name\n"
	".endm\n"
	"shape hit_inc lock incq 0x48(%rax,%rcx,8)\n"	      /* publisher, frames */
	"shape hit_add lock addq %rsi, 0x40(%rax,%rcx,8)\n"); /* publisher, bytes */

void hit_inc(const struct hit_guard *guard, uint64_t n);
void hit_add(const struct hit_guard *guard, uint64_t n);

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	static struct hit_entry entry;
	const struct hit_guard on = { .entry = &entry, .tier = HIT_TIER };
	const struct hit_guard off = { .entry = NULL, .tier = HIT_TIER };
	unsigned int shape;
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
	printf("%" PRIuPTR "\n", (uintptr_t)&entry);
	fflush(stdout);
	while (scanf("%u %" SCNu64, &shape, &count) == 2) {
		const struct hit_guard *guard = shape == HIT_OFF ? &off : &on;
		void (*hit)(const struct hit_guard *, uint64_t) =
			shape == HIT_ADD ? hit_add : hit_inc;
		uint64_t start = cpu_ns();

		for (uint64_t i = 0; i < count; i++)
			hit(guard, HIT_BYTES);
		printf("%" PRIu64 "\n", cpu_ns() - start);
		fflush(stdout);
	}
	return 0;
}
