/* SPDX-License-Identifier: MIT */
/*
 * page.h - the page at `/`: page/index.html as it was when the program was built.
 */
#ifndef MOQSTAT_PAGE_H
#define MOQSTAT_PAGE_H

#include <stddef.h>

/** The page's bytes. */
const char *page_html(size_t *len);

/** The Content-Security-Policy that lets its own script and style run, and nothing else. */
const char *page_policy(void);

/** Its entity tag, with its quotes: of its content. */
const char *page_etag(void);

#endif /* MOQSTAT_PAGE_H */
