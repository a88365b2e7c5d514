/* SPDX-License-Identifier: MIT */
/*
 * marker.h - whether a file may be a relay at all, told cheaply, so that strangers' programs need
 * not be decoded.
 */
#ifndef MOQSTAT_MARKER_H
#define MOQSTAT_MARKER_H

#include <stdbool.h>

/** May the file at `path` be a relay's executable: is it an ELF file with the name of the
 *  environment variable in it that switches a relay's statistics on (moq-relay 0.12.5,
 *  src/config.rs)? The site scan decides. 0, or -errno where it could not be read; nothing is
 *  logged. */
int marker_check(const char *path, bool *relay);

#endif /* MOQSTAT_MARKER_H */
