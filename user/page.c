/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <stdio.h>

#include <zlib.h>

#include "page_policy.h" /* made by page/policy */

/* The compiler has no #embed yet; the Makefile knows of the file. */
__asm__(".pushsection .rodata\n"
	".global page_begin\n"
	".hidden page_begin\n"
	"page_begin:\n"
	".incbin \"page/index.html\"\n"
	".global page_end\n"
	".hidden page_end\n"
	"page_end:\n"
	".popsection\n");
extern const char page_begin[], page_end[];

const char *page_html(size_t *len)
{
	*len = page_end - page_begin;
	return page_begin;
}

const char *page_policy(void)
{
	return PAGE_POLICY;
}

const char *page_etag(void)
{
	static char tag[16];
	size_t len;
	const char *html = page_html(&len);

	snprintf(tag, sizeof(tag), "\"%08lx\"", crc32(0, (const void *)html, len));
	return tag;
}
