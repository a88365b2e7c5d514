/* SPDX-License-Identifier: MIT */
#include "version.h"

#include <Zydis/Zydis.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "kernel.h"
#include "layout.h"
#include "log.h"

#ifndef MOQSTAT_CLANG
#define MOQSTAT_CLANG "unknown"
#endif

#ifdef __clang__
#define VERSION_COMPILER __VERSION__
#else
#define VERSION_COMPILER "gcc " __VERSION__
#endif

#define VERSION_TEXT(x)	  #x
#define VERSION_NUMBER(x) VERSION_TEXT(x)

/* A library: what it was built against, and what it runs with. */
static void version_library(json_t *to, const char *name, const char *built, const char *running)
{
	json_object_set_new(to, name, json_pack("{s:s, s:s}", "built", built, "running", running));
}

/* Those whose version decides what works. */
static json_t *version_libraries(void)
{
	static const char bpf[] =
		VERSION_NUMBER(LIBBPF_MAJOR_VERSION) "." VERSION_NUMBER(LIBBPF_MINOR_VERSION);
	json_t *libraries = json_object();
	const ZyanU64 zydis = ZydisGetVersion();
	char built[32], running[32];

	/* "v1.1": the header has no v. */
	version_library(libraries, "libbpf", bpf, libbpf_version_string() + 1);
	snprintf(built, sizeof(built), "%x.%x.%x", MHD_VERSION >> 24, MHD_VERSION >> 16 & 0xff,
		 MHD_VERSION >> 8 & 0xff);
	version_library(libraries, "libmicrohttpd", built, MHD_get_version());
	version_library(libraries, "jansson", JANSSON_VERSION, jansson_version_str());
	version_library(libraries, "zlib", ZLIB_VERSION, zlibVersion());
	snprintf(built, sizeof(built), "%u.%u.%u", ZYDIS_VERSION_MAJOR(ZYDIS_VERSION),
		 ZYDIS_VERSION_MINOR(ZYDIS_VERSION), ZYDIS_VERSION_PATCH(ZYDIS_VERSION));
	snprintf(running, sizeof(running), "%u.%u.%u", ZYDIS_VERSION_MAJOR(zydis),
		 ZYDIS_VERSION_MINOR(zydis), ZYDIS_VERSION_PATCH(zydis));
	version_library(libraries, "Zydis", built, running);
	return libraries;
}

static json_t *version_layouts(void)
{
	json_t *layouts = json_array();
	const struct layout *all;
	size_t i, len;

	all = layout_all(&len);
	for (i = 0; i < len; i++)
		json_array_append_new(layouts, json_pack("{s:s, s:s}", "name", all[i].name,
							 "relays", all[i].relays));
	return layouts;
}

static json_t *version_facts(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:b}", "version",
			 MOQSTAT_VERSION, "architecture", "x86_64", "compiler", VERSION_COMPILER,
			 "bpf_compiler", MOQSTAT_CLANG, "kernel", "least", KERNEL_LEAST, "tested",
			 KERNEL_TESTED, "layouts", version_layouts(), "libraries",
			 version_libraries(), "tls",
			 MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES);
}

static const char *version_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void version_print(json_t *facts)
{
	json_t *kernel = json_object_get(facts, "kernel"), *one;
	const char *name, *running;
	size_t i;

	printf("moqstat %s, %s\n", version_of(facts, "version"), version_of(facts, "architecture"));
	printf("kernel         Linux %s or later, tested from %s on\n", version_of(kernel, "least"),
	       version_of(kernel, "tested"));
	json_array_foreach(json_object_get(facts, "layouts"), i, one) printf(
		"layout         %s (%s)\n", version_of(one, "name"), version_of(one, "relays"));
	json_object_foreach(json_object_get(facts, "libraries"), name, one)
	{
		running = version_of(one, "running");
		printf("%-14s %s", name, running);
		if (strcmp(running, version_of(one, "built")))
			printf(", built with %s", version_of(one, "built"));
		putchar('\n');
	}
	printf("HTTPS          %s\n", json_is_true(json_object_get(facts, "tls")) ? "yes" : "no");
	printf("compiled by    %s\n", version_of(facts, "compiler"));
	printf("programs by    %s\n", version_of(facts, "bpf_compiler"));
}

int version_run(const struct options *o)
{
	json_t *facts = version_facts();
	int err = facts ? 0 : -ENOMEM;

	errno = 0;
	if (!err && o->json)
		err = json_dumpf(facts, stdout, JSON_INDENT(2)) || putchar('\n') == EOF ? -EIO : 0;
	else if (!err)
		version_print(facts);
	json_decref(facts);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = errno ? -errno : -EIO;
	if (err)
		log_error("version: can't write to standard output: %s", strerror(-err));
	return err ? EXIT_FAILED : EXIT_DONE;
}
