/* SPDX-License-Identifier: MIT */
/*
 * shelter.h - runs what must not be cut short by a SIGKILL.
 *
 * While its caller has a SIGKILL pending the kernel can't write into the relay's pages, neither to
 * put a breakpoint there nor to take it away (6.18: get_user_pages() under uprobe_unregister()
 * fails, "failed to unregister, leaking uprobe"). So a process that is killed in the middle of
 * attaching or detaching leaves breakpoints in the relay, each of which is a trap for nothing until
 * the relay ends. Killed at any other time it leaves none.
 */
#ifndef MOQSTAT_SHELTER_H
#define MOQSTAT_SHELTER_H

/** Run `run(arg)` as if called here, with the same memory and descriptors, and give what it
 *  returns; but in a process of its own, while this one waits. If this one is killed meanwhile, the
 *  other goes on to the end, and then closes all descriptors. Where no process can be made it is
 *  called here. -EINTR: it did not come to its end. */
int shelter_run(int (*run)(void *arg), void *arg);

#endif /* MOQSTAT_SHELTER_H */
