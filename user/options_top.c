/* SPDX-License-Identifier: MIT */
#include "options_top.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "top_state.h"

static int options_top_check_sort(const struct options *o)
{
	const struct table_columns *columns = &table_columns[o->view];
	char names[256] = "";
	size_t i;

	if (!o->sort || table_column(o->view, o->sort) >= 0)
		return 0;
	for (i = 0; i < columns->len; i++) {
		strcat(names, i ? ", " : "");
		strcat(names, columns->list[i].name);
	}
	log_error("--sort %s: no such column; there are %s", o->sort, names);
	return -EINVAL;
}

int options_top_check(const struct options *o)
{
	int ways = !!o->pid + !!o->exe + !!o->unit + !!o->all + !!o->url;

	if (ways > 1) {
		log_error("top: give one of URL, --pid, --exe, --unit and --all");
		return -EINVAL;
	}
	if (o->filter && strlen(o->filter) > TOP_FILTER_MAX) {
		log_error("--filter: give at most %d bytes", TOP_FILTER_MAX);
		return -EINVAL;
	}
	if (ways && !o->url && (o->token_file || o->cacert)) {
		log_error("top: --token-file and --cacert are for an agent's URL");
		return -EINVAL;
	}
	return options_top_check_sort(o);
}
