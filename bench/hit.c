// SPDX-License-Identifier: MIT
/*
 * hit - what one hit of a probe costs, at the instruction that moqstat probes.
 *
 * The programs take turns within each round, so that whatever else the machine does falls on all of
 * them alike; a ratio is the median of the ratios within a round. Before anything is measured, each
 * program must have run exactly as often as the fixture passed its site.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <gelf.h>
#include <jansson.h>

#include "hit.h"

#define PROOF_HITS  1009
#define ROUNDS_MAX  1000
#define CASES_MAX   8
#define BARE_FACTOR 50 /* the bare loop is that much faster, and needs as many turns more */

static const char *const shapes[HIT_SHAPES] = { "inc", "add", "off" };
static const char *const shape_what[HIT_SHAPES] = {
	"lock inc, as for frames",
	"lock add, as for bytes",
	"entry null, as with the relay's statistics off",
};

struct options {
	const char *fixture;
	const char *json;
	const char *cpu;
	unsigned int rounds;
	uint64_t hits;
};

struct fixture {
	struct hit_target target;
	FILE *to, *from;
};

struct summary {
	double median, low, high, ratio; /* ns; low and high are the quartiles */
};

static struct hit_site sites[HIT_SITES] = { { .symbol = "hit_inc_je" },
					    { .symbol = "hit_add_je" } };
static struct hit_program programs[CASES_MAX];
static struct summary summaries[HIT_SHAPES][CASES_MAX];
static double samples[HIT_SHAPES][CASES_MAX][ROUNDS_MAX];

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list args;

	fputs("bench/hit: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* ---- the fixture ---- */

static struct fixture fixture_start(const struct options *options)
{
	struct fixture fixture;
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl(options->fixture, options->fixture, options->cpu, (char *)NULL);
		fprintf(stderr, "bench/hit: %s: %s\n", options->fixture, strerror(errno));
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	fixture.to = fdopen(to[1], "w");
	fixture.from = fdopen(from[0], "r");
	fixture.target.tgid = (uint32_t)pid;
	if (!fixture.to || !fixture.from ||
	    fscanf(fixture.from, "%" SCNu64, &fixture.target.entry) != 1)
		die("%s: did not start", options->fixture);
	return fixture;
}

static void fixture_end(struct fixture *fixture)
{
	fclose(fixture->to);
	fclose(fixture->from);
	waitpid((pid_t)fixture->target.tgid, NULL, 0);
}

/* Nanoseconds that `count` passes took. */
static uint64_t fixture_run(struct fixture *fixture, size_t shape, uint64_t count,
			    struct hit_program *program)
{
	uint64_t ns;

	program->passes[shape] += count;
	if (fprintf(fixture->to, "%zu %" PRIu64 "\n", shape, count) < 0 || fflush(fixture->to) ||
	    fscanf(fixture->from, "%" SCNu64, &ns) != 1)
		die("the fixture ended");
	return ns;
}

/* The offset in the file of a symbol's address. */
static uint64_t symbol_offset(Elf *elf, const char *symbol)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Sym sym;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, header.sh_link, sym.st_name);
			GElf_Shdr text;

			if (name && !strcmp(name, symbol) &&
			    gelf_getshdr(elf_getscn(elf, sym.st_shndx), &text))
				return sym.st_value - text.sh_addr + text.sh_offset;
		}
	}
	die("the fixture has no symbol %s", symbol);
}

static void sites_find(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	Elf *elf;

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		die("%s: %s", file, elf_errmsg(-1));
	for (int i = 0; i < HIT_SITES; i++)
		sites[i].offset = symbol_offset(elf, sites[i].symbol);
	elf_end(elf);
	close(fd);
}

/* ---- attaching ---- */

/* BPF_LINK_CREATE of uprobe_multi as Linux 6.6 has it: Debian 12's headers and libbpf are older. */
static int link_uprobe_multi(int prog_fd, const char *path, const uint64_t *offsets,
			     const uint64_t *cookies, uint32_t count)
{
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t count, multi_flags, pid, pad;
	} attr = {
		.prog_fd = (uint32_t)prog_fd,
		.attach_type = HIT_ATTACH_TYPE,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.count = count,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr) - sizeof(attr.pad));

	return fd < 0 ? -errno : (int)fd;
}

/* A link, or -1 for the case without a program. */
static int attach(const struct options *options, const struct hit_program *program)
{
	const uint64_t offsets[HIT_SITES] = { sites[0].offset, sites[1].offset };
	int link;

	if (program->fd < 0)
		return -1;
	link = link_uprobe_multi(program->fd, options->fixture, offsets, program->cookies,
				 HIT_SITES);
	if (link < 0)
		die("attaching to %s: %s%s", options->fixture, strerror(-link),
		    link == -EINVAL ? " (uprobe_multi needs Linux 6.6)" : "");
	return link;
}

static uint64_t runs(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		die("how often a program ran: %s", strerror(errno));
	return info.run_cnt;
}

/* A probe that doesn't fire costs nothing: show that this one does. */
static void prove(const struct options *options, struct fixture *fixture, size_t c)
{
	struct hit_program *program = &programs[c];
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	int link = attach(options, program);
	uint64_t before, count;

	if (stats < 0)
		die("run statistics: %s", strerror(-stats));
	for (size_t s = 0; link >= 0 && s < HIT_SHAPES; s++) {
		before = runs(program->fd);
		fixture_run(fixture, s, PROOF_HITS, program);
		count = runs(program->fd) - before;
		if (count != PROOF_HITS)
			die("%s ran %" PRIu64 " times in %d passes of %s", hit_cases[c].what, count,
			    PROOF_HITS, shapes[s]);
	}
	if (link >= 0)
		close(link);
	close(stats);
}

/* ---- measuring ---- */

static void measure(const struct options *options, struct fixture *fixture)
{
	for (unsigned int round = 0; round < options->rounds; round++) {
		for (size_t c = 0; c < hit_cases_len; c++) {
			int link = attach(options, &programs[c]);
			uint64_t hits = options->hits * (link < 0 ? BARE_FACTOR : 1);

			for (size_t s = 0; s < HIT_SHAPES; s++) {
				fixture_run(fixture, s, hits / 20, &programs[c]); /* warm up */
				samples[s][c][round] =
					(double)fixture_run(fixture, s, hits, &programs[c]) /
					(double)hits;
			}
			if (link >= 0)
				close(link);
		}
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %u of %u%s", round + 1, options->rounds,
				round + 1 == options->rounds ? "\r\033[K" : "");
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static double quantile(double *values, unsigned int len, double q)
{
	qsort(values, len, sizeof(*values), by_value);
	return values[(unsigned int)(q * (len - 1) + 0.5)];
}

static void summarize(unsigned int rounds)
{
	const size_t base = 1; /* the empty program */
	double ratios[ROUNDS_MAX];

	for (size_t s = 0; s < HIT_SHAPES; s++) {
		/* The ratios first: afterwards the samples are no longer in the order of rounds. */
		for (size_t c = 0; c < hit_cases_len; c++) {
			for (unsigned int r = 0; r < rounds; r++)
				ratios[r] = samples[s][c][r] / samples[s][base][r];
			summaries[s][c].ratio = quantile(ratios, rounds, 0.5);
		}
		for (size_t c = 0; c < hit_cases_len; c++) {
			summaries[s][c].median = quantile(samples[s][c], rounds, 0.5);
			summaries[s][c].low = quantile(samples[s][c], rounds, 0.25);
			summaries[s][c].high = quantile(samples[s][c], rounds, 0.75);
		}
	}
}

static void print_table(void)
{
	for (size_t s = 0; s < HIT_SHAPES; s++) {
		printf("%s: %s\n  %-8s %10s %19s %8s\n", shapes[s], shape_what[s], "", "ns a hit",
		       "middle half", "x empty");
		for (size_t c = 0; c < hit_cases_len; c++) {
			const struct summary *sum = &summaries[s][c];

			printf("  %-8s %10.1f %9.1f-%-9.1f %8.2f   %s\n", hit_cases[c].name,
			       sum->median, sum->low, sum->high, sum->ratio, hit_cases[c].what);
		}
	}
}

static void write_json(const struct options *options)
{
	json_t *root = json_pack("{s:i, s:I}", "rounds", (int)options->rounds, "hits",
				 (json_int_t)options->hits);

	for (size_t s = 0; s < HIT_SHAPES; s++) {
		json_t *shape = json_object();

		for (size_t c = 0; c < hit_cases_len; c++) {
			const struct summary *sum = &summaries[s][c];

			json_object_set_new(shape, hit_cases[c].name,
					    json_pack("{s:f, s:f, s:f, s:f}", "ns", sum->median,
						      "low", sum->low, "high", sum->high, "ratio",
						      sum->ratio));
		}
		json_object_set_new(root, shapes[s], shape);
	}
	if (options->json) {
		if (json_dump_file(root, options->json, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
			die("%s: could not be written", options->json);
	} else {
		json_dumpf(root, stdout, JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	json_decref(root);
}

/* ---- main ---- */

static void usage(FILE *to)
{
	fputs("usage: hit --fixture FILE [--rounds N] [--hits N] [--cpu N] [--json FILE]\n"
	      "Measures a probe's hit: ns of processor time, medians over the rounds. Needs "
	      "root.\n",
	      to);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "fixture", required_argument, NULL, 'f' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "hits", required_argument, NULL, 'n' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'f':
			options->fixture = optarg;
			break;
		case 'r':
			options->rounds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			options->hits = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			options->cpu = optarg;
			break;
		case 'j':
			options->json = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (!options->fixture || !options->hits || !options->rounds ||
	    options->rounds > ROUNDS_MAX) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 21, .hits = 50000, .cpu = "0" };
	struct fixture fixture;

	parse(argc, argv, &options);
	sites_find(options.fixture);
	fixture = fixture_start(&options);
	for (size_t c = 0; c < hit_cases_len; c++) {
		int err = hit_cases[c].load(&fixture.target, &programs[c]);

		if (err)
			die("loading %s: %s", hit_cases[c].what, strerror(-err));
		prove(&options, &fixture, c);
	}
	measure(&options, &fixture);
	fixture_end(&fixture);
	for (size_t c = 0; c < hit_cases_len; c++) {
		if (hit_cases[c].counted && !hit_cases[c].counted(&programs[c]))
			die("%s did not count what passed", hit_cases[c].what);
		if (hit_cases[c].unload)
			hit_cases[c].unload(&programs[c]);
	}

	summarize(options.rounds);
	print_table();
	write_json(&options);
	return 0;
}
