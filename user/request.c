/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

static enum request_method request_method(const char *name)
{
	static const char *const names[] = { "GET", "HEAD", "OPTIONS" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return i;
	}
	return REQUEST_OTHER;
}

static int request_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Replace the escapes of a text in its place; a plus is a space in parameters. What is no escape
 * stands for itself, as it does to the relay. */
static int request_decode(char *text, bool plus)
{
	char *from = text, *to = text;

	for (; *from; from++, to++) {
		*to = *from == '+' && plus ? ' ' : *from;
		if (*from != '%' || request_digit(from[1]) < 0 || request_digit(from[2]) < 0)
			continue;
		*to = (char)(request_digit(from[1]) * 16 + request_digit(from[2]));
		if (!*to)
			return -EINVAL;
		from += 2;
	}
	*to = '\0';
	return utf8_valid(text, to - text) ? 0 : -EINVAL;
}

/* Take the parameters apart: the text between the ampersands. */
static int request_params(struct request *r, char *query)
{
	size_t n = 1;
	char *p, *one;
	int err = 0;

	for (p = query; *p; p++)
		n += *p == '&';
	if (n > REQUEST_PARAMS_MAX)
		return -E2BIG;
	r->params = calloc(n, sizeof(*r->params));
	if (!r->params)
		return -ENOMEM;
	while ((one = strsep(&query, "&")) && !err) {
		char *value = strchrnul(one, '=');

		if (!*one)
			continue;
		if (*value)
			*value++ = '\0';
		err = request_decode(one, true);
		if (!err)
			err = request_decode(value, true);
		r->params[r->params_len++] = (struct request_param){ .name = one, .value = value };
	}
	return err;
}

/* Where the path begins: a target may be a whole URI (RFC 9112, 3.2.2). NULL where there is none.
 */
static const char *request_origin(const char *target)
{
	size_t scheme = !strncasecmp(target, "http://", 7)    ? 7
			: !strncasecmp(target, "https://", 8) ? 8
							      : 0;

	return scheme ? strchr(target + scheme, '/') : *target == '/' ? target : NULL;
}

int request_init(const char *method, const char *target, struct request *out)
{
	struct request r = { .method = request_method(method) };
	char *query;
	int err;

	target = request_origin(target);
	if (!target)
		return -EINVAL;
	r.text = strdup(target);
	if (!r.text)
		return -ENOMEM;
	r.path = r.text;
	query = strchr(r.text, '?');
	if (query)
		*query++ = '\0';
	err = request_decode(r.text, false);
	if (!err && query)
		err = request_params(&r, query);
	if (err) {
		request_deinit(&r);
		return err;
	}
	*out = r;
	return 0;
}

void request_deinit(struct request *r)
{
	if (!r)
		return;
	free(r->params);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

const char *request_param(const struct request *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->params_len; i++) {
		if (!strcmp(r->params[i].name, name))
			return r->params[i].value;
	}
	return NULL;
}

static bool request_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The digits behind "q=", thousandths; what is no number weighs all. */
static unsigned int request_thousandths(const char *at, const char *end)
{
	unsigned int digit = 1000, sum = 0;

	for (; at < end && digit; at++) {
		if (*at >= '0' && *at <= '9') {
			sum += (*at - '0') * digit;
			digit /= 10;
		} else if (*at != '.') {
			break;
		}
	}
	return digit == 1000 || sum > 1000 ? 1000 : sum;
}

/* The weight among the parameters of a word in a list. */
static unsigned int request_parameter(const char *at, const char *end)
{
	for (; at < end; at++) {
		if (*at != ';')
			continue;
		for (at++; at < end && request_space(*at); at++)
			;
		if (end - at >= 2 && tolower((unsigned char)*at) == 'q' && at[1] == '=')
			return request_thousandths(at + 2, end);
		at--;
	}
	return 1000;
}

/* How much a word in a list weighs, thousandths; -1 where it isn't there at all. */
static int request_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *end;
	int most = -1, weight;

	for (; list && *list; list = *end ? end + 1 : end) {
		end = strchrnul(list, ',');
		while (request_space(*list))
			list++;
		if ((size_t)(end - list) < len || strncasecmp(list, word, len) ||
		    !(list + len == end || request_space(list[len]) || list[len] == ';'))
			continue;
		weight = request_parameter(list + len, end);
		most = weight > most ? weight : most;
	}
	return most;
}

bool request_accepts_coding(const struct request *r, const char *coding)
{
	int named = request_listed(r->accept_encoding, coding);

	return named >= 0 ? named : request_listed(r->accept_encoding, "*") > 0;
}

bool request_accepts_type(const struct request *r, const char *type)
{
	return request_listed(r->accept, type) > 0;
}

unsigned int request_weight(const struct request *r, const char *type)
{
	size_t len = strcspn(type, "/");
	char kind[32];
	int weight = request_listed(r->accept, type);

	snprintf(kind, sizeof(kind), "%.*s/*", (int)len, type);
	if (weight < 0)
		weight = request_listed(r->accept, kind);
	if (weight < 0)
		weight = request_listed(r->accept, "*/*");
	return weight < 0 ? 0 : weight;
}

bool request_has(const struct request *r, const char *etag)
{
	const char *at = r->if_none_match, *end;
	size_t len = strlen(etag);

	for (; at && *at; at = *end ? end + 1 : end) {
		while (request_space(*at))
			at++;
		if (!strncmp(at, "W/", 2))
			at += 2;
		/* A comma may be within the quotes. */
		end = *at == '"' ? strchrnul(at + 1, '"') : at;
		end = strchrnul(end, ',');
		if (*at == '*' ||
		    (!strncmp(at, etag, len) && (at + len == end || request_space(at[len]))))
			return true;
	}
	return false;
}

const char *request_token(const struct request *r)
{
	const char *token = r->authorization;

	if (!token || strncasecmp(token, "Bearer", 6) || !request_space(token[6]))
		return request_param(r, "token");
	for (token += 6; request_space(*token); token++)
		;
	return token;
}
