/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUZZ_FILES    4
#define FUZZ_CODE_MAX 8192
#define FUZZ_CODE_MIN 8

void fuzz_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* libFuzzer has the seeds in files; fuzz_main.c has another one of these. */
__attribute__((weak)) void fuzz_seed(const void *data, size_t size)
{
	(void)data;
	(void)size;
}

uint8_t fuzz_u8(struct fuzz_in *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

uint16_t fuzz_u16(struct fuzz_in *in)
{
	uint16_t low = fuzz_u8(in);

	return low | (uint16_t)(fuzz_u8(in) << 8);
}

const uint8_t *fuzz_bytes(struct fuzz_in *in, size_t most, size_t *len)
{
	const uint8_t *at = in->at;

	*len = in->left < most ? in->left : most;
	in->at += *len;
	in->left -= *len;
	return at;
}

char *fuzz_string(struct fuzz_in *in)
{
	char *text = malloc(in->left + 1);

	fuzz_check(text);
	memcpy(text, in->at, in->left);
	text[in->left] = '\0';
	in->at += in->left;
	in->left = 0;
	return text;
}

/* The descriptors and their paths; the only state that targets keep. */
static struct {
	int fd;
	char path[32];
} fuzz_files[FUZZ_FILES];

const char *fuzz_path(unsigned int which)
{
	fuzz_check(which < FUZZ_FILES);
	if (!*fuzz_files[which].path) {
		fuzz_files[which].fd = memfd_create("fuzz", MFD_CLOEXEC);
		fuzz_check(fuzz_files[which].fd >= 0);
		snprintf(fuzz_files[which].path, sizeof(fuzz_files[which].path), "/proc/self/fd/%d",
			 fuzz_files[which].fd);
	}
	return fuzz_files[which].path;
}

const char *fuzz_file(unsigned int which, const void *data, size_t size)
{
	const char *path = fuzz_path(which);

	fuzz_check(!ftruncate(fuzz_files[which].fd, 0));
	fuzz_check(pwrite(fuzz_files[which].fd, data, size, 0) == (ssize_t)size);
	return path;
}

char *fuzz_file_content(unsigned int which, size_t *size)
{
	struct stat st;
	char *text;

	fuzz_check(!fstat(fuzz_files[which].fd, &st));
	text = malloc(st.st_size + 1);
	fuzz_check(text);
	fuzz_check(pread(fuzz_files[which].fd, text, st.st_size, 0) == st.st_size);
	text[st.st_size] = '\0';
	*size = st.st_size;
	return text;
}

uint8_t *fuzz_memory(const void *data, size_t size)
{
	static uint8_t *memory;

	if (!memory) {
		memory = mmap((void *)FUZZ_MEMORY, FUZZ_MEMORY_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		fuzz_check(memory == (void *)FUZZ_MEMORY);
	}
	if (size > FUZZ_MEMORY_SIZE)
		size = FUZZ_MEMORY_SIZE;
	memcpy(memory, data, size);
	memset(memory + size, 0, FUZZ_MEMORY_SIZE - size);
	return memory;
}

/* Strings of hexadecimal digits, as the compiler joins them; `text` is of a C file. */
static void fuzz_unit_file(const char *text, void (*each)(const uint8_t *code, size_t len))
{
	static const char digits[] = "0123456789abcdef";
	static uint8_t code[FUZZ_CODE_MAX];
	size_t nibbles = 0;
	bool good = true, inside = false;

	for (; *text; text++) {
		const char *digit = strchr(digits, *text);

		if (!inside && !strncmp(text, "/*", 2)) {
			text = strstr(text, "*/");
			if (!text)
				return;
			text++;
		} else if (*text == '"') {
			inside = !inside;
		} else if (inside && digit && nibbles < 2 * FUZZ_CODE_MAX) {
			code[nibbles / 2] = (uint8_t)(code[nibbles / 2] << 4 | (digit - digits));
			nibbles++;
		} else if (inside) {
			good = good && *text == ' ';
		} else if (!isspace((unsigned char)*text)) {
			if (good && nibbles >= 2 * FUZZ_CODE_MIN && nibbles % 2 == 0)
				each(code, nibbles / 2);
			nibbles = 0;
			good = true;
		}
	}
}

void fuzz_unit_code(void (*each)(const uint8_t *code, size_t len))
{
	static char text[1 << 20];
	glob_t files;
	size_t i;

	fuzz_check(!glob("tests/unit/*.c", 0, NULL, &files));
	for (i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "re");

		fuzz_check(file);
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		fuzz_unit_file(text, each);
	}
	globfree(&files);
}
