/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_image.h"

/* Where the parts lie in the file, besides IMAGE_OFFSET of the text. */
#define AT_NOTE	  0x200
#define AT_RODATA (IMAGE_OFFSET + IMAGE_TEXT_MAX)
#define AT_SYMTAB (AT_RODATA + IMAGE_RODATA_MAX)
#define AT_DYNSYM (AT_SYMTAB + (IMAGE_SYMBOLS_MAX + 1) * sizeof(Elf64_Sym))
#define AT_DYNSTR (AT_DYNSYM + (IMAGE_SLOTS_MAX + 1) * sizeof(Elf64_Sym))
#define AT_RELA	  (AT_DYNSTR + (IMAGE_SLOTS_MAX + 1) * DYNSTR_EACH)
#define AT_UNWIND (AT_RELA + IMAGE_SLOTS_MAX * sizeof(Elf64_Rela))
#define AT_STRTAB (AT_UNWIND + IMAGE_UNWIND_MAX)

/* Room for one name in .dynstr. */
#define DYNSTR_EACH 32

static const char section_names[] =
	"\0.text\0.rodata\0.note.gnu.build-id\0.symtab\0.strtab\0.shstrtab"
	"\0.dynsym\0.dynstr\0.rela.dyn\0.eh_frame";

void image_init(struct image *im)
{
	int fd;

	memset(im, 0, sizeof(*im));
	im->build_id = IMAGE_BUILD_ID;
	strcpy(im->path, "/tmp/moqstat-test-XXXXXX");
	fd = mkstemp(im->path);
	assert_true(fd >= 0);
	close(fd);
}

void image_deinit(struct image *im)
{
	unlink(im->path);
	free(im->bytes);
	memset(im, 0, sizeof(*im));
}

static unsigned int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	assert_true(c && at);
	return at - digits;
}

size_t image_hex(const char *hex, uint8_t *out, size_t room)
{
	size_t len = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(len < room);
		out[len] = hex_digit(hex[0]) << 4;
		out[len++] |= hex_digit(hex[1]);
		hex++;
	}
	return len;
}

void image_symbol(struct image *im, const char *name, uint64_t addr, uint64_t size)
{
	assert_true(im->symbols_len < IMAGE_SYMBOLS_MAX);
	im->symbols[im->symbols_len++] =
		(struct image_symbol){ .name = name, .addr = addr, .size = size, .type = STT_FUNC };
}

uint64_t image_function(struct image *im, const char *name, const char *hex)
{
	uint64_t addr;
	size_t len;

	while (im->text_len % 16)
		im->text[im->text_len++] = 0xcc;
	addr = IMAGE_TEXT + im->text_len;
	len = image_hex(hex, im->text + im->text_len, sizeof(im->text) - im->text_len);
	image_symbol(im, name, addr, len);
	im->symbols[im->symbols_len - 1].unwind = true;
	im->text_len += len;
	return addr;
}

static void section_set(struct image *im, enum image_section index, uint32_t type, uint64_t flags,
			uint64_t addr, uint64_t offset, uint64_t size)
{
	const char *name = section_names;
	unsigned int i;

	for (i = 0; i < index; i++)
		name += strlen(name) + 1;
	im->sections[index] = (Elf64_Shdr){ .sh_name = name - section_names,
					    .sh_type = type,
					    .sh_flags = flags,
					    .sh_addr = addr,
					    .sh_offset = offset,
					    .sh_size = size,
					    .sh_addralign = 1 };
}

static void image_build_note(struct image *im)
{
	uint8_t *at = im->bytes + AT_NOTE;
	size_t len;

	im->note = (Elf64_Nhdr *)at;
	memcpy(at + sizeof(*im->note), "GNU", 4);
	len = image_hex(im->build_id, at + sizeof(*im->note) + 4, 256);
	*im->note = (Elf64_Nhdr){ .n_namesz = 4, .n_descsz = len, .n_type = NT_GNU_BUILD_ID };
	section_set(im, IMAGE_SEC_NOTE, SHT_NOTE, SHF_ALLOC, 0x400000 + AT_NOTE, AT_NOTE,
		    (sizeof(*im->note) + 4 + len + 3) / 4 * 4);
	im->sections[IMAGE_SEC_NOTE].sh_addralign = 4;
}

/* Returns the end of the string table. */
static size_t image_build_symbols(struct image *im)
{
	size_t i, at = AT_STRTAB + 1;

	for (i = 0; i < im->symbols_len; i++) {
		const struct image_symbol *s = &im->symbols[i];

		im->symtab[i + 1] = (Elf64_Sym){ .st_name = at - AT_STRTAB,
						 .st_info = ELF64_ST_INFO(STB_GLOBAL, s->type),
						 .st_shndx = IMAGE_SEC_TEXT,
						 .st_value = s->addr,
						 .st_size = s->size };
		strcpy((char *)im->bytes + at, s->name);
		at += strlen(s->name) + 1;
	}
	section_set(im, IMAGE_SEC_SYMTAB, SHT_SYMTAB, 0, 0, AT_SYMTAB,
		    (im->symbols_len + 1) * sizeof(Elf64_Sym));
	im->sections[IMAGE_SEC_SYMTAB].sh_link = IMAGE_SEC_STRTAB;
	im->sections[IMAGE_SEC_SYMTAB].sh_info = 1;
	im->sections[IMAGE_SEC_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	im->sections[IMAGE_SEC_SYMTAB].sh_addralign = 8;
	section_set(im, IMAGE_SEC_STRTAB, SHT_STRTAB, 0, 0, AT_STRTAB, at - AT_STRTAB);
	return at;
}

static void image_build_slots(struct image *im)
{
	size_t i;

	for (i = 0; i < im->slots_len; i++) {
		const struct image_slot *slot = &im->slots[i];

		im->rela[i] = (Elf64_Rela){ .r_offset = slot->addr, .r_addend = slot->addend };
		im->rela[i].r_info = ELF64_R_INFO(slot->import ? i + 1 : 0, slot->type);
		if (!slot->import)
			continue;
		assert_true(strlen(slot->import) < DYNSTR_EACH);
		strcpy((char *)im->bytes + AT_DYNSTR + (i + 1) * DYNSTR_EACH, slot->import);
		im->dynsym[i + 1] =
			(Elf64_Sym){ .st_name = (i + 1) * DYNSTR_EACH,
				     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				     .st_shndx = slot->defined_at ? IMAGE_SEC_TEXT : SHN_UNDEF,
				     .st_value = slot->defined_at };
	}
	section_set(im, IMAGE_SEC_DYNSYM, SHT_DYNSYM, SHF_ALLOC, 0x400000 + AT_DYNSYM, AT_DYNSYM,
		    (im->slots_len + 1) * sizeof(Elf64_Sym));
	im->sections[IMAGE_SEC_DYNSYM].sh_link = IMAGE_SEC_DYNSTR;
	im->sections[IMAGE_SEC_DYNSYM].sh_entsize = sizeof(Elf64_Sym);
	im->sections[IMAGE_SEC_DYNSYM].sh_addralign = 8;
	section_set(im, IMAGE_SEC_DYNSTR, SHT_STRTAB, SHF_ALLOC, 0x400000 + AT_DYNSTR, AT_DYNSTR,
		    (im->slots_len + 1) * DYNSTR_EACH);
	section_set(im, IMAGE_SEC_RELA, SHT_RELA, SHF_ALLOC, 0x400000 + AT_RELA, AT_RELA,
		    im->slots_len * sizeof(Elf64_Rela));
	im->sections[IMAGE_SEC_RELA].sh_link = IMAGE_SEC_DYNSYM;
	im->sections[IMAGE_SEC_RELA].sh_entsize = sizeof(Elf64_Rela);
	im->sections[IMAGE_SEC_RELA].sh_addralign = 8;
}

/* As a compiler and a linker make it: augmentation zR, distances of four bytes. */
static void image_build_unwind(struct image *im)
{
	static const uint8_t cie[IMAGE_CIE] = {
		20,  0,	   0,  0,   /* length */
		0,   0,	   0,  0,   /* a CIE */
		1,		    /* version */
		'z', 'R',  0,	    /* augmentation */
		1,   120,  16,	    /* alignment of code, of data; return register */
		1,   0x1b,	    /* of the augmentation's data: relative, 4 bytes, signed */
		12,  7,	   8,  144, /* rules */
		1,		    /* */
	};
	size_t i, at = IMAGE_CIE;

	memcpy(im->eh_frame, cie, sizeof(cie));
	for (i = 0; i < im->symbols_len && im->unwind; i++) {
		const struct image_symbol *s = &im->symbols[i];
		const uint32_t fde[IMAGE_FDE / 4] = { IMAGE_FDE - 4, at + 4,
						      (uint32_t)(s->addr - (IMAGE_UNWIND + at + 8)),
						      (uint32_t)s->size };

		if (!s->unwind)
			continue;
		assert_true(at + IMAGE_FDE <= IMAGE_UNWIND_MAX);
		memcpy(im->eh_frame + at, fde, sizeof(fde));
		at += IMAGE_FDE;
	}
	section_set(im, IMAGE_SEC_UNWIND, SHT_PROGBITS, SHF_ALLOC, IMAGE_UNWIND, AT_UNWIND,
		    im->unwind ? at : 0);
}

static size_t image_names_len(const struct image *im)
{
	size_t i, len = 1;

	for (i = 0; i < im->symbols_len; i++)
		len += strlen(im->symbols[i].name) + 1;
	return len;
}

void image_build(struct image *im)
{
	size_t names = image_names_len(im), shdrs, at;

	shdrs = (AT_STRTAB + names + sizeof(section_names) + 7) / 8 * 8;
	free(im->bytes);
	im->len = shdrs + IMAGE_SECTIONS * sizeof(Elf64_Shdr);
	im->bytes = calloc(1, im->len);
	assert_non_null(im->bytes);
	im->header = (Elf64_Ehdr *)im->bytes;
	im->segments = (Elf64_Phdr *)(im->bytes + sizeof(Elf64_Ehdr));
	im->symtab = (Elf64_Sym *)(im->bytes + AT_SYMTAB);
	im->dynsym = (Elf64_Sym *)(im->bytes + AT_DYNSYM);
	im->rela = (Elf64_Rela *)(im->bytes + AT_RELA);
	im->sections = (Elf64_Shdr *)(im->bytes + shdrs);

	*im->header = (Elf64_Ehdr){ .e_type = ET_EXEC,
				    .e_machine = EM_X86_64,
				    .e_version = EV_CURRENT,
				    .e_phoff = sizeof(Elf64_Ehdr),
				    .e_shoff = shdrs,
				    .e_ehsize = sizeof(Elf64_Ehdr),
				    .e_phentsize = sizeof(Elf64_Phdr),
				    .e_phnum = 2,
				    .e_shentsize = sizeof(Elf64_Shdr),
				    .e_shnum = IMAGE_SECTIONS,
				    .e_shstrndx = IMAGE_SEC_SHSTRTAB };
	memcpy(im->header->e_ident, ELFMAG, SELFMAG);
	im->header->e_ident[EI_CLASS] = ELFCLASS64;
	im->header->e_ident[EI_DATA] = ELFDATA2LSB;
	im->header->e_ident[EI_VERSION] = EV_CURRENT;
	im->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
					.p_flags = PF_R | PF_X,
					.p_offset = IMAGE_OFFSET,
					.p_vaddr = IMAGE_TEXT,
					.p_filesz = im->text_len,
					.p_memsz = im->text_len,
					.p_align = 0x1000 };
	im->segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
					.p_flags = PF_R,
					.p_offset = AT_RODATA,
					.p_vaddr = IMAGE_RODATA,
					.p_filesz = im->rodata_len,
					.p_memsz = im->rodata_len,
					.p_align = 0x1000 };
	memcpy(im->bytes + IMAGE_OFFSET, im->text, im->text_len);
	memcpy(im->bytes + AT_RODATA, im->rodata, im->rodata_len);
	section_set(im, IMAGE_SEC_TEXT, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, IMAGE_TEXT,
		    IMAGE_OFFSET, im->text_len);
	section_set(im, IMAGE_SEC_RODATA, SHT_PROGBITS, SHF_ALLOC, IMAGE_RODATA, AT_RODATA,
		    im->rodata_len);
	image_build_note(im);
	image_build_slots(im);
	im->eh_frame = im->bytes + AT_UNWIND;
	image_build_unwind(im);
	at = image_build_symbols(im);
	if (im->stripped)
		im->sections[IMAGE_SEC_SYMTAB] = im->sections[IMAGE_SEC_STRTAB] =
			(Elf64_Shdr){ .sh_type = SHT_NULL };
	memcpy(im->bytes + at, section_names, sizeof(section_names));
	section_set(im, IMAGE_SEC_SHSTRTAB, SHT_STRTAB, 0, 0, at, sizeof(section_names));
}

void image_write(const struct image *im)
{
	FILE *file = fopen(im->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(im->bytes, 1, im->len, file), im->len);
	assert_int_equal(fclose(file), 0);
}

struct elf_file *image_open(struct image *im)
{
	struct elf_file *f;

	image_build(im);
	image_write(im);
	assert_int_equal(elf_file_create(im->path, &f), 0);
	return f;
}

struct image_catch image_catch(void)
{
	struct image_catch c = { .file = tmpfile(), .before = dup(STDERR_FILENO) };

	assert_non_null(c.file);
	fflush(stderr);
	dup2(fileno(c.file), STDERR_FILENO);
	return c;
}

void image_caught(struct image_catch c, char *said, size_t size)
{
	size_t len;

	fflush(stderr);
	dup2(c.before, STDERR_FILENO);
	close(c.before);
	rewind(c.file);
	len = fread(said, 1, size - 1, c.file);
	said[len] = '\0';
	fclose(c.file);
}

int image_create(const char *path, struct elf_file **out, char *said, size_t size)
{
	struct image_catch c = image_catch();
	int rc = elf_file_create(path, out);

	image_caught(c, said, size);
	return rc;
}

void image_code(const char *hex, struct code *out)
{
	struct image im;
	struct elf_file *f;

	image_init(&im);
	image_function(&im, "f", hex);
	f = image_open(&im);
	assert_int_equal(code_init(f, IMAGE_TEXT, im.symbols[0].size, out), 0);
	elf_file_destroy(f);
	image_deinit(&im);
}
