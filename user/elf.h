/* SPDX-License-Identifier: MIT */
/*
 * elf.h - what the site finder needs of an x86-64 ELF executable: code, constants, functions,
 * build-id. Read-only, and safe on hostile files.
 */
#ifndef MOQSTAT_ELF_H
#define MOQSTAT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of a build-id that are kept, and its text in hexadecimal with the NUL. */
#define ELF_BUILD_ID_MAX  64
#define ELF_BUILD_ID_TEXT (2 * ELF_BUILD_ID_MAX + 1)

/** A function: of the symbol table or, without a name, as the unwind information bounds it, or code
 *  that neither tells of. */
struct elf_symbol {
	uint64_t addr;	  /* virtual address in the file */
	uint64_t size;	  /* bytes, > 0, wholly inside an executable section */
	const char *name; /* mangled; "" if it has none; owned by the file */
};

struct elf_file;

/** Read the executable at `path` and check that it is one this program can analyse. What is
 *  wrong with it is logged. *out is ended by elf_file_destroy().
 *  It may be stripped. Errors: what open(2) gives; -ENOEXEC not an ELF executable, or a damaged
 * one; -ENOTSUP another architecture; -ENODATA much of its code is in no function that symbols or
 *  .eh_frame tell of. */
int elf_file_create(const char *path, struct elf_file **out);

/** The same of a file that messages are to call otherwise, where the path says nothing to people.
 */
int elf_file_create_named(const char *path, const char *name, struct elf_file **out);
void elf_file_destroy(struct elf_file *f);

/** The path given. */
const char *elf_file_path(const struct elf_file *f);

/** What messages call it. */
const char *elf_file_name(const struct elf_file *f);

/** The GNU build-id in hexadecimal; "" if the file has none. */
const char *elf_file_build_id(const struct elf_file *f);

/** Has it no symbol table at all? */
bool elf_file_is_stripped(const struct elf_file *f);

/** Functions, sorted by address. All code but padding is in one. */
const struct elf_symbol *elf_file_symbols(const struct elf_file *f, size_t *len);

/** The functions at or around an address that begin nearest before it: more than one where
 *  identical ones were folded into one place. NULL where there is none. */
const struct elf_symbol *elf_file_symbols_at(const struct elf_file *f, uint64_t addr, size_t *len);

/** The mangled name of (the first of) those, or NULL: none, or one without a name. */
const char *elf_file_name_at(const struct elf_file *f, uint64_t addr);

/** What the dynamic linker puts into the word at `slot`, e.g. for `call qword [rip+x]`
 *  (code_insn.slot): *target is the address within this file, or 0 and *import the name of what is
 *  another file's. A name may be given for an address, too; *import is NULL if not. Works without
 *  a symbol table. -ENOENT: nothing is known to be put there. */
int elf_file_slot(const struct elf_file *f, uint64_t slot, uint64_t *target, const char **import);

/** The name of the imported function whose PLT stub is at an address, or NULL. Works without a
 *  symbol table. */
const char *elf_file_import_at(const struct elf_file *f, uint64_t addr);

/** `size` bytes of section content at a virtual address, or NULL where the file has none.
 *  Owned by the file. */
const uint8_t *elf_file_bytes(const struct elf_file *f, uint64_t addr, uint64_t size);

/** Is that text anywhere in the sections' content? */
bool elf_file_has_text(const struct elf_file *f, const char *text);

/** Where a virtual address lies in the file, as uprobes want it. -ERANGE outside any loaded
 *  segment. */
int elf_file_offset(const struct elf_file *f, uint64_t addr, uint64_t *offset);

/** The source name of a mangled Rust symbol, without the hash; a copy of `name` where it is not
 *  one. The caller frees it. NULL without memory. */
char *elf_demangle(const char *name);

#endif /* MOQSTAT_ELF_H */
