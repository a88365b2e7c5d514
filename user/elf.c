/* SPDX-License-Identifier: MIT */
#include "elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_functions.h"
#include "elf_machine.h"
#include "elf_slots.h"
#include "log.h"

/* Longest name of a function; a relay's longest has some 2,500 characters. */
#define ELF_NAME_MAX 16384

/* Longest function without a name; a relay's longest has 340,000 bytes. */
#define ELF_NAMELESS_MAX (4 << 20)

/* A relay is 54 MB with symbols and 700 MB with debug info. */
#define ELF_SIZE_MAX (4ULL << 30)

struct elf_section {
	uint64_t addr;
	uint64_t size;
	const uint8_t *bytes;
	bool exec;
};

struct elf_file {
	char *path;
	char *name; /* for people */
	int fd;
	Elf *elf;
	char build_id[ELF_BUILD_ID_TEXT];
	struct elf_section *sections;
	size_t sections_len;
	const struct elf_section *unwind; /* .eh_frame */
	GElf_Phdr *segments;
	size_t segments_len;
	bool stripped;
	struct elf_functions functions;
	struct elf_slots slots;
};

static int elf_file_open(struct elf_file *f)
{
	struct stat st;
	int err;

	/* O_NONBLOCK: a FIFO must not hold us up; it is refused below. */
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st)) {
		err = -errno;
		log_error("cannot open %s: %s; name a readable moq-relay executable", f->name,
			  strerror(-err));
		return err;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("%s is not a regular file; name a moq-relay executable", f->name);
		return -ENOEXEC;
	}
	if ((uint64_t)st.st_size > ELF_SIZE_MAX) {
		log_error("%s has %lld bytes, more than the %llu that are looked at", f->name,
			  (long long)st.st_size, ELF_SIZE_MAX);
		return -EFBIG;
	}
	return 0;
}

static int elf_file_check(struct elf_file *f)
{
	GElf_Ehdr header;

	elf_version(EV_CURRENT);
	f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &header)) {
		log_error("%s is not an ELF file, or a damaged one; name a moq-relay executable",
			  f->name);
		return -ENOEXEC;
	}
	if (gelf_getclass(f->elf) != ELFCLASS64 || header.e_machine != elf_machine ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB) {
		log_error("%s is built for another architecture (ELF machine %u); only %s is known",
			  f->name, header.e_machine, elf_machine_name);
		return -ENOTSUP;
	}
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
		log_error("%s is not an executable (ELF type %u)", f->name, header.e_type);
		return -ENOEXEC;
	}
	return 0;
}

static int elf_file_damaged(const struct elf_file *f, const char *what)
{
	log_error("%s is damaged or truncated: %s", f->name, what);
	return -ENOEXEC;
}

static int elf_file_read_segments(struct elf_file *f)
{
	size_t i, len;

	if (elf_getphdrnum(f->elf, &len) || !len)
		return elf_file_damaged(f, "no program headers");
	f->segments = calloc(len, sizeof(*f->segments));
	if (!f->segments)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &f->segments[i]))
			return elf_file_damaged(f, "its program headers can't be read");
	}
	f->segments_len = len;
	return 0;
}

static void elf_file_read_build_id(struct elf_file *f, Elf_Data *data)
{
	size_t at = 0, next, name, desc, i;
	GElf_Nhdr note;

	while ((next = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		const uint8_t *id = (const uint8_t *)data->d_buf + desc;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp((const char *)data->d_buf + name, "GNU", 4) &&
		    note.n_descsz <= ELF_BUILD_ID_MAX) {
			for (i = 0; i < note.n_descsz; i++)
				snprintf(f->build_id + 2 * i, 3, "%02x", id[i]);
			return;
		}
		at = next;
	}
}

static const struct elf_section *elf_file_section(const struct elf_file *f, uint64_t addr,
						  uint64_t size)
{
	size_t i;

	for (i = 0; i < f->sections_len; i++) {
		const struct elf_section *s = &f->sections[i];

		if (addr >= s->addr && addr - s->addr < s->size &&
		    size <= s->size - (addr - s->addr))
			return s;
	}
	return NULL;
}

/* Add a function if it lies in code. */
static int elf_file_add(const struct elf_file *f, struct elf_functions *fs, uint64_t addr,
			uint64_t size, const char *name)
{
	const struct elf_section *s = elf_file_section(f, addr, size);

	return size && name && s && s->exec ? elf_functions_add(fs, addr, size, name) : 0;
}

static int elf_file_read_symbols(struct elf_file *f, Elf_Scn *scn, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t i, len;
	int err = 0;

	if (!data || !header->sh_entsize)
		return elf_file_damaged(f, "its symbol table can't be read");
	len = data->d_size / header->sh_entsize;
	for (i = 0; i < len && !err; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			return elf_file_damaged(f, "a symbol can't be read");
		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC)
			err = elf_file_add(f, &f->functions, sym.st_value, sym.st_size,
					   elf_strptr(f->elf, header->sh_link, sym.st_name));
	}
	return err ? err : elf_functions_sort(&f->functions);
}

/* Only what fills up the room between functions? */
static bool elf_file_is_padding(const struct elf_file *f, const struct elf_symbol *piece)
{
	const uint8_t *bytes = elf_file_bytes(f, piece->addr, piece->size);
	uint64_t i;

	for (i = 0; i < piece->size && (bytes[i] == 0xcc || bytes[i] == 0x90 || !bytes[i]); i++)
		;
	return i == piece->size;
}

/* Add those parts of `more`, unsorted and perhaps outside of any code, that no function covers. */
static int elf_file_fill(struct elf_file *f, const struct elf_functions *more)
{
	struct elf_functions code = { 0 }, parts = { 0 };
	size_t i;
	int err = 0;

	for (i = 0; i < more->len && !err; i++)
		err = elf_file_add(f, &code, more->list[i].addr, more->list[i].size,
				   more->list[i].name);
	if (!err)
		err = elf_functions_sort(&code);
	if (!err)
		err = elf_functions_uncovered(&f->functions, &code, &parts);
	for (i = 0; i < parts.len && !err; i++) {
		if (!elf_file_is_padding(f, &parts.list[i]))
			err = elf_file_add(f, &f->functions, parts.list[i].addr, parts.list[i].size,
					   parts.list[i].name);
	}
	if (!err)
		err = elf_functions_sort(&f->functions);
	elf_functions_deinit(&code);
	elf_functions_deinit(&parts);
	return err;
}

/* What has no symbol: functions by .eh_frame, then whatever code is left, so that none escapes the
 * scan. That is little, and written in assembly. */
static int elf_file_read_nameless(struct elf_file *f)
{
	const struct elf_section *u = f->unwind;
	struct elf_functions more = { 0 };
	size_t i;
	int err = u ? elf_functions_unwind(&more, u->bytes, u->size, u->addr) : 0;

	if (!err)
		err = elf_file_fill(f, &more);
	more.len = 0;
	for (i = 0; i < f->sections_len && !err; i++)
		err = elf_functions_add(&more, f->sections[i].addr, f->sections[i].size, "");
	if (!err)
		err = elf_file_fill(f, &more);
	elf_functions_deinit(&more);
	for (i = 0; i < f->functions.len && !err; i++) {
		if (*f->functions.list[i].name || f->functions.list[i].size <= ELF_NAMELESS_MAX)
			continue;
		log_error(
			"%s tells of %llu bytes of code at 0x%llx neither by symbols nor by unwind information "
			"where functions begin; install moq-relay as `cargo install` or `strip` leaves it",
			f->name, (unsigned long long)f->functions.list[i].size,
			(unsigned long long)f->functions.list[i].addr);
		err = -ENODATA;
	}
	return err;
}

static int elf_file_read_slots(struct elf_file *f, Elf_Scn *scn, const GElf_Shdr *header)
{
	int err;

	if (header->sh_type != SHT_RELA)
		return 0;
	err = elf_slots_read(f->elf, scn, header, &f->slots);
	return err == -ENOEXEC ? elf_file_damaged(f, "its relocations can't be read") : err;
}

static bool elf_file_is_unwind(const struct elf_file *f, const GElf_Shdr *header)
{
	const char *name;
	size_t names;

	if (elf_getshdrstrndx(f->elf, &names))
		return false;
	name = elf_strptr(f->elf, names, header->sh_name);
	return name && !strcmp(name, ".eh_frame");
}

static int elf_file_read_sections(struct elf_file *f)
{
	Elf_Scn *scn = NULL, *symtab = NULL;
	GElf_Shdr header, symtab_header = { 0 };
	size_t len;
	int err;

	if (elf_getshdrnum(f->elf, &len) || !len)
		return elf_file_damaged(f, "no section headers");
	f->sections = calloc(len, sizeof(*f->sections));
	if (!f->sections)
		return -ENOMEM;
	while ((scn = elf_nextscn(f->elf, scn))) {
		struct elf_section *s = &f->sections[f->sections_len];
		Elf_Data *data;

		if (!gelf_getshdr(scn, &header))
			return elf_file_damaged(f, "a section header can't be read");
		if (header.sh_type == SHT_SYMTAB) {
			symtab = scn;
			symtab_header = header;
		}
		if (!(header.sh_flags & SHF_ALLOC) || header.sh_type == SHT_NOBITS)
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || (data->d_size && !data->d_buf) || data->d_size != header.sh_size)
			return elf_file_damaged(f, "a section reaches past the end of the file");
		s->addr = header.sh_addr;
		s->size = data->d_size;
		s->bytes = data->d_buf;
		s->exec = header.sh_flags & SHF_EXECINSTR;
		if (s->addr + s->size < s->addr)
			return elf_file_damaged(f, "a section's address is out of range");
		if (!f->unwind && elf_file_is_unwind(f, &header))
			f->unwind = s;
		f->sections_len++;
		if (header.sh_type == SHT_NOTE && (data = elf_getdata(scn, NULL)))
			elf_file_read_build_id(f, data);
		err = elf_file_read_slots(f, scn, &header);
		if (err)
			return err;
	}
	elf_slots_sort(&f->slots);
	f->stripped = !symtab;
	err = symtab ? elf_file_read_symbols(f, symtab, &symtab_header) : 0;
	return err ? err : elf_file_read_nameless(f);
}

int elf_file_create_named(const char *path, const char *name, struct elf_file **out)
{
	struct elf_file *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->fd = -1;
	f->path = strdup(path);
	f->name = strdup(name);
	err = f->path && f->name ? elf_file_open(f) : -ENOMEM;
	if (!err)
		err = elf_file_check(f);
	if (!err)
		err = elf_file_read_segments(f);
	if (!err)
		err = elf_file_read_sections(f);
	if (err) {
		if (err == -ENOMEM)
			log_error("no memory to read %s", name);
		elf_file_destroy(f);
		return err;
	}
	*out = f;
	return 0;
}

int elf_file_create(const char *path, struct elf_file **out)
{
	return elf_file_create_named(path, path, out);
}

void elf_file_destroy(struct elf_file *f)
{
	if (!f)
		return;
	elf_slots_deinit(&f->slots);
	elf_functions_deinit(&f->functions);
	free(f->segments);
	free(f->sections);
	if (f->elf)
		elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->name);
	free(f);
}

const char *elf_file_path(const struct elf_file *f)
{
	return f->path;
}

const char *elf_file_name(const struct elf_file *f)
{
	return f->name;
}

const char *elf_file_build_id(const struct elf_file *f)
{
	return f->build_id;
}

bool elf_file_is_stripped(const struct elf_file *f)
{
	return f->stripped;
}

const struct elf_symbol *elf_file_symbols(const struct elf_file *f, size_t *len)
{
	*len = f->functions.len;
	return f->functions.list;
}

const uint8_t *elf_file_bytes(const struct elf_file *f, uint64_t addr, uint64_t size)
{
	const struct elf_section *s = elf_file_section(f, addr, size);

	return s ? s->bytes + (addr - s->addr) : NULL;
}

bool elf_file_has_text(const struct elf_file *f, const char *text)
{
	size_t i;

	for (i = 0; i < f->sections_len; i++) {
		const struct elf_section *section = &f->sections[i];

		/* An empty one has no bytes. */
		if (section->size && memmem(section->bytes, section->size, text, strlen(text)))
			return true;
	}
	return false;
}

int elf_file_offset(const struct elf_file *f, uint64_t addr, uint64_t *offset)
{
	size_t i;

	for (i = 0; i < f->segments_len; i++) {
		const GElf_Phdr *p = &f->segments[i];

		if (p->p_type == PT_LOAD && addr >= p->p_vaddr && addr - p->p_vaddr < p->p_filesz) {
			*offset = addr - p->p_vaddr + p->p_offset;
			return 0;
		}
	}
	return -ERANGE;
}

const struct elf_symbol *elf_file_symbols_at(const struct elf_file *f, uint64_t addr, size_t *len)
{
	return elf_functions_at(&f->functions, addr, len);
}

const char *elf_file_name_at(const struct elf_file *f, uint64_t addr)
{
	size_t len;
	const struct elf_symbol *at = elf_file_symbols_at(f, addr, &len);

	return at && *at->name ? at->name : NULL;
}

int elf_file_slot(const struct elf_file *f, uint64_t slot, uint64_t *target, const char **import)
{
	const struct elf_slot *s = elf_slots_find(&f->slots, slot);

	if (!s)
		return -ENOENT;
	*target = s->target;
	*import = s->import;
	return 0;
}

const char *elf_file_import_at(const struct elf_file *f, uint64_t addr)
{
	uint64_t slot, target;
	const char *import;

	if (!elf_machine_stub(f, addr, &slot) || elf_file_slot(f, slot, &target, &import) || target)
		return NULL;
	return import;
}

/* What the demangler has said so far; it goes back to `full` when there is no more room. */
struct elf_demangled {
	char text[ELF_NAME_MAX];
	size_t len;
	jmp_buf full;
};

static void elf_demangle_part(const char *part, size_t len, void *arg)
{
	struct elf_demangled *d = arg;

	if (!len) /* and perhaps no part */
		return;
	if (len >= sizeof(d->text) - d->len)
		longjmp(d->full, 1);
	memcpy(d->text + d->len, part, len);
	d->len += len;
}

char *elf_demangle(const char *name)
{
	struct elf_demangled d; /* its text is only as good as its length */

	d.len = 0;
	/* A hostile name can stand for one that is longer than any memory, hence the way out. The
	 * demangler keeps nothing on the heap. */
	if (setjmp(d.full) || !rust_demangle_callback(name, 0, elf_demangle_part, &d))
		return strdup(name);
	d.text[d.len] = '\0';
	/* Legacy mangling ends in "::h" and a hash of 16 digits. */
	if (d.len > 19 && !strncmp(d.text + d.len - 19, "::h", 3))
		d.text[d.len - 19] = '\0';
	return strdup(d.text);
}
