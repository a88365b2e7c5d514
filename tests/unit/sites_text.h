/* SPDX-License-Identifier: MIT */
/*
 * sites_text.h - the sites of one function as text, to compare with what a test expects:
 *
 *     je publisher.bytes: E rax, G [rdi+0], T [rdi+8]:1, N rdx, nonzero; unprobed side.broadcasts:
 * why
 *
 * by address; E, G, T, S and N are entry, guard, tier, side and what is added, each only if there
 * is one, as eval_text.h has it. Then when the branch leads to the bump, and "opens" if it does.
 */
#ifndef MOQSTAT_TESTS_SITES_TEXT_H
#define MOQSTAT_TESTS_SITES_TEXT_H

#include "sites.h"

#define SITES_TEXT 1024

void sites_text(const struct sites *s, uint64_t function, char out[SITES_TEXT]);

#endif /* MOQSTAT_TESTS_SITES_TEXT_H */
