/* SPDX-License-Identifier: MIT */
/*
 * verdict.c - ends a QEMU machine that has an isa-debug-exit device at port 0xf4: QEMU's exit
 * status is twice the number given, plus one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>

#define VERDICT_PORT 0xf4

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: verdict NUMBER\n");
		return 2;
	}
	if (ioperm(VERDICT_PORT, 4, 1)) {
		perror("verdict: port 0xf4");
		return 1;
	}
	outb(atoi(argv[1]), VERDICT_PORT);
	return 0;
}
