/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>

#include "elf_machine.h"

const uint16_t elf_machine = EM_X86_64;
const char elf_machine_name[] = "x86-64";

enum elf_word elf_machine_word(uint32_t type)
{
	switch (type) {
	case R_X86_64_RELATIVE:
		return ELF_WORD_RELATIVE;
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
		return ELF_WORD_SYMBOL;
	default:
		return ELF_WORD_OTHER;
	}
}

/* endbr64, perhaps; bnd, perhaps; jmp [rip+x] */
bool elf_machine_stub(const struct elf_file *f, uint64_t addr, uint64_t *slot)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa }, jump[] = { 0xff, 0x25 };
	const uint8_t *bytes = elf_file_bytes(f, addr, sizeof(endbr));
	int32_t distance;

	if (bytes && !memcmp(bytes, endbr, sizeof(endbr)))
		addr += sizeof(endbr);
	bytes = elf_file_bytes(f, addr, 7);
	if (bytes && *bytes == 0xf2) {
		bytes++;
		addr++;
	}
	if (!bytes || memcmp(bytes, jump, sizeof(jump)))
		return false;
	memcpy(&distance, bytes + sizeof(jump), sizeof(distance));
	*slot = addr + 6 + (uint64_t)(int64_t)distance;
	return true;
}
