/* SPDX-License-Identifier: MIT */
/*
 * elf_image.h - small x86-64 executables, put together byte by byte and written to a temporary
 * file: sections .text, .rodata, .note.gnu.build-id, .symtab, .strtab, .dynsym, .dynstr, .rela.dyn,
 * .eh_frame.
 *
 * Code is given as hexadecimal text, one instruction a line, with the assembly beside it. Any
 * failure that no test is about ends the test.
 */
#ifndef MOQSTAT_TESTS_ELF_IMAGE_H
#define MOQSTAT_TESTS_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code.h"

#define IMAGE_TEXT	  0x401000 /* address of .text; it lies at IMAGE_OFFSET in the file */
#define IMAGE_OFFSET	  0x1000
#define IMAGE_TEXT_MAX	  0x4000
#define IMAGE_RODATA	  0x500000 /* address of .rodata */
#define IMAGE_RODATA_MAX  0x400
#define IMAGE_SYMBOLS_MAX 64
#define IMAGE_SLOTS_MAX	  16
#define IMAGE_UNWIND	  0x510000 /* address of .eh_frame */
#define IMAGE_UNWIND_MAX  0x1000
#define IMAGE_CIE	  24 /* bytes of the CIE that it begins with; the length comes first */
#define IMAGE_FDE	  20 /* and of each FDE that follows: length, CIE, start, size, 0 */
#define IMAGE_SECTIONS	  11

/** The default build-id, in hexadecimal. */
#define IMAGE_BUILD_ID "00112233445566778899aabbccddeeff01234567"

enum image_section {
	IMAGE_SEC_NULL = 0,
	IMAGE_SEC_TEXT,
	IMAGE_SEC_RODATA,
	IMAGE_SEC_NOTE,
	IMAGE_SEC_SYMTAB,
	IMAGE_SEC_STRTAB,
	IMAGE_SEC_SHSTRTAB,
	IMAGE_SEC_DYNSYM,
	IMAGE_SEC_DYNSTR,
	IMAGE_SEC_RELA,
	IMAGE_SEC_UNWIND,
};

struct image_symbol {
	const char *name;
	uint64_t addr;
	uint64_t size;
	uint8_t type; /* STT_FUNC */
	bool unwind;  /* has an FDE, if there are any */
};

/** What the dynamic linker puts where. */
struct image_slot {
	uint64_t addr;
	uint32_t type;	     /* R_X86_64_RELATIVE, … */
	int64_t addend;	     /* the address, with R_X86_64_RELATIVE */
	const char *import;  /* at most 31 bytes; NULL: no symbol */
	uint64_t defined_at; /* of the symbol; 0: not in this file */
};

struct image {
	char path[64];
	uint8_t text[IMAGE_TEXT_MAX];
	size_t text_len;
	uint8_t rodata[IMAGE_RODATA_MAX];
	size_t rodata_len;
	const char *build_id; /* in hexadecimal */
	struct image_symbol symbols[IMAGE_SYMBOLS_MAX];
	size_t symbols_len;
	struct image_slot slots[IMAGE_SLOTS_MAX];
	size_t slots_len;
	bool stripped; /* without .symtab */
	bool unwind;   /* with an .eh_frame that is of use */
	/* After image_build(), to be damaged before image_write(): */
	uint8_t *bytes;
	size_t len;
	Elf64_Ehdr *header;
	Elf64_Phdr *segments; /* text, rodata */
	Elf64_Shdr *sections; /* by enum image_section */
	Elf64_Sym *symtab;    /* the null symbol, then as in `symbols` */
	Elf64_Sym *dynsym;    /* the null symbol, then that of each slot */
	Elf64_Rela *rela;     /* as in `slots` */
	Elf64_Nhdr *note;
	uint8_t *eh_frame; /* the CIE, then an FDE for each function */
};

/** Begin with nothing in it. */
void image_init(struct image *im);

/** Remove the file and free what it owns. */
void image_deinit(struct image *im);

/** Bytes of hexadecimal text, spaces ignored. Returns how many. */
size_t image_hex(const char *hex, uint8_t *out, size_t room);

/** Append a function at the next multiple of 16, padded with int3. Returns its address. */
uint64_t image_function(struct image *im, const char *name, const char *hex);

/** Append a symbol of any place. */
void image_symbol(struct image *im, const char *name, uint64_t addr, uint64_t size);

/** Put the file together. May be called again after changes. */
void image_build(struct image *im);

/** Write what image_build() made. */
void image_write(const struct image *im);

/** Build, write, and open it as the program does. */
struct elf_file *image_open(struct image *im);

/** Open a file as the program does, with what is logged caught in said[size]. */
int image_create(const char *path, struct elf_file **out, char *said, size_t size);

/** One function at IMAGE_TEXT, decoded. Ended by code_deinit(). */
void image_code(const char *hex, struct code *out);

/** Standard error goes to a file from here on; returns what image_caught() needs. */
struct image_catch {
	void *file;
	int before;
};
struct image_catch image_catch(void);

/** It goes where it went before; what was written meanwhile is put into said[size]. */
void image_caught(struct image_catch c, char *said, size_t size);

#endif /* MOQSTAT_TESTS_ELF_IMAGE_H */
