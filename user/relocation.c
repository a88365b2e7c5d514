/* SPDX-License-Identifier: MIT */
#include "relocation.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <unistd.h>

#include "elf_machine.h"

/* A relay has 40,000. */
#define RELOCATION_MAX (16 << 20)

static int relocation_compare(const void *a, const void *b)
{
	const struct relocation *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static int relocation_read_section(Elf_Data *data, size_t entries, struct relocation **list,
				   size_t *len)
{
	struct relocation *grown;
	GElf_Rela rela;
	size_t i;

	if (!entries || entries > RELOCATION_MAX - *len)
		return entries ? -ENOEXEC : 0;
	grown = reallocarray(*list, *len + entries, sizeof(**list));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	for (i = 0; i < entries; i++) {
		if (!gelf_getrela(data, (int)i, &rela))
			return -ENOEXEC;
		if (elf_machine_word(GELF_R_TYPE(rela.r_info)) == ELF_WORD_RELATIVE)
			grown[(*len)++] = (struct relocation){ rela.r_offset, rela.r_addend };
	}
	return 0;
}

int relocation_read(const struct elf_file *f, struct relocation **out, size_t *out_len)
{
	struct relocation *list = NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	size_t len = 0;
	int fd, err = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	fd = open(elf_file_path(f), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while (elf && !err && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_RELA ||
		    !header.sh_entsize || !(data = elf_getdata(scn, NULL)))
			continue;
		err = relocation_read_section(data, data->d_size / header.sh_entsize, &list, &len);
	}
	if (!elf)
		err = -ENOEXEC;
	elf_end(elf);
	close(fd);
	if (err) {
		free(list);
		return err;
	}
	if (len)
		qsort(list, len, sizeof(*list), relocation_compare);
	*out = list;
	*out_len = len;
	return 0;
}

uint64_t relocation_find(const struct relocation *list, size_t len, uint64_t at)
{
	size_t low = 0, high = len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < len && list[low].at == at ? list[low].value : 0;
}
