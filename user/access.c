/* SPDX-License-Identifier: MIT */
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define ACCESS_BLANKS	" \t\r"
#define ACCESS_FILE_MAX (1 << 20)

struct access_token {
	unsigned char bytes[ACCESS_TOKEN_MAX]; /* zeros behind it */
	size_t len;
	int64_t expires;
	unsigned int scopes; /* enum access_scope */
};

struct access {
	size_t len;
	struct access_token list[];
};

static int access_expiry(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *rest;
	char *end;

	if (!strcmp(text, "never")) {
		*out = ACCESS_NEVER;
		return 0;
	}
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !errno && !*end)
		return 0;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!rest || *rest)
		return -EINVAL;
	*out = timegm(&tm);
	return 0;
}

static int access_scopes(char *text, unsigned int *out)
{
	char *one;

	*out = 0;
	while ((one = strsep(&text, ","))) {
		if (!strcmp(one, "tracks"))
			*out |= ACCESS_TRACKS;
		else if (!strcmp(one, "metrics"))
			*out |= ACCESS_METRICS;
		else
			return -EINVAL;
	}
	return 0;
}

/* What is wrong with a line, or NULL. */
static const char *access_line(char *line, struct access_token *out)
{
	char *rest, *token = strtok_r(line, ACCESS_BLANKS, &rest);
	char *expiry = strtok_r(NULL, ACCESS_BLANKS, &rest);
	char *scopes = strtok_r(NULL, ACCESS_BLANKS, &rest);

	memset(out, 0, sizeof(*out));
	out->len = strlen(token);
	if (!scopes || strtok_r(NULL, ACCESS_BLANKS, &rest))
		return "give a token, its expiry and its scopes";
	if (out->len < ACCESS_TOKEN_MIN || out->len > ACCESS_TOKEN_MAX)
		return "a token has from 16 to 256 bytes";
	if (access_expiry(expiry, &out->expires))
		return "an expiry is `never`, seconds since 1970, or a time as 2027-01-31T12:00:00Z";
	if (access_scopes(scopes, &out->scopes))
		return "scopes are `tracks`, `metrics` or `tracks,metrics`";
	memcpy(out->bytes, token, out->len);
	return NULL;
}

int access_parse(const char *text, const char *name, struct access **out)
{
	struct access *a = calloc(1, sizeof(*a) + ACCESS_TOKENS_MAX * sizeof(*a->list));
	char *copy = strdup(text), *rest = copy, *line;
	const char *why = NULL;
	unsigned int number = 0;

	if (!a || !copy) {
		free(a);
		free(copy);
		return -ENOMEM;
	}
	while (!why && (line = strsep(&rest, "\n"))) {
		number++;
		line += strspn(line, ACCESS_BLANKS);
		if (!*line || *line == '#')
			continue;
		if (a->len == ACCESS_TOKENS_MAX)
			why = "more than 1024 tokens";
		else
			why = access_line(line, &a->list[a->len++]);
	}
	explicit_bzero(copy, strlen(text));
	free(copy);
	if (!why && !a->len)
		why = "no token is in it";
	if (why) {
		log_error("token file %s, line %u: %s", name, number, why);
		access_destroy(a);
		return -EINVAL;
	}
	*out = a;
	return 0;
}

/* All of a file that nobody else can read or write. */
static int access_read_text(int fd, const char *path, uid_t owner, char **out)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > ACCESS_FILE_MAX) {
		log_error("token file %s: that is no regular file of less than 1 MB", path);
		return -EINVAL;
	}
	if ((st.st_mode & 077) || (st.st_uid && st.st_uid != geteuid() && st.st_uid != owner)) {
		log_error(
			"token file %s: others may read or change it; it must belong to root or to "
			"moqstat's user and have mode 600 (chmod 600 %s)",
			path, path);
		return -EACCES;
	}
	text = malloc(ACCESS_FILE_MAX + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, ACCESS_FILE_MAX);
	if (n < 0) {
		free(text);
		return -errno;
	}
	text[n] = '\0';
	if (strlen(text) != (size_t)n) {
		free(text);
		log_error("token file %s: it holds a zero byte", path);
		return -EINVAL;
	}
	*out = text;
	return 0;
}

int access_slurp(const char *path, uid_t owner, char **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;

	if (fd < 0) {
		err = -errno;
		log_error("cannot open the token file %s: %s", path, strerror(-err));
		return err;
	}
	err = access_read_text(fd, path, owner, out);
	close(fd);
	if (err && err != -EINVAL && err != -EACCES)
		log_error("cannot read the token file %s: %s", path, strerror(-err));
	return err;
}

int access_read(const char *path, uid_t owner, struct access **out)
{
	char *text = NULL;
	int err = access_slurp(path, owner, &text);

	if (err || !text)
		return err;
	err = access_parse(text, path, out);
	access_wipe(text);
	return err;
}

void access_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void access_destroy(struct access *a)
{
	if (a)
		explicit_bzero(a, sizeof(*a) + ACCESS_TOKENS_MAX * sizeof(*a->list));
	free(a);
}

/* Compare in a time that tells nothing. */
static bool access_same(const unsigned char *a, const unsigned char *b)
{
	unsigned char differs = 0;
	size_t i;

	for (i = 0; i < ACCESS_TOKEN_MAX; i++)
		differs |= ((const volatile unsigned char *)a)[i] ^ b[i];
	return !differs;
}

enum access_verdict access_check(const struct access *a, const char *token, enum access_scope scope,
				 int64_t now, int64_t *expires)
{
	enum access_verdict verdict = ACCESS_UNKNOWN;
	unsigned char shown[ACCESS_TOKEN_MAX] = { 0 };
	size_t i, len = token ? strlen(token) : 0;

	/* One that is too long is none of these. */
	if (len > ACCESS_TOKEN_MAX)
		len = 0;
	for (i = 0; i < len; i++)
		shown[i] = token[i];
	for (i = 0; i < a->len; i++) {
		const struct access_token *t = &a->list[i];
		bool same = access_same(t->bytes, shown);

		if (!same || verdict == ACCESS_GRANTED)
			continue;
		verdict = now >= t->expires	 ? ACCESS_EXPIRED
			  : !(t->scopes & scope) ? ACCESS_BEYOND
						 : ACCESS_GRANTED;
		if (verdict == ACCESS_GRANTED)
			*expires = t->expires;
	}
	return verdict;
}
