/* SPDX-License-Identifier: MIT */
#include "response.h"

#include <stdlib.h>

#include <microhttpd.h>

#include "deflate.h"

/* Shorter bodies gain nothing from being compressed. */
#define RESPONSE_GZIP_MIN 1024

/* Said of every answer, as the relay does. */
#define RESPONSE_VARY "origin, access-control-request-method, access-control-request-headers"

static void response_free_group(void *group)
{
	group_release(group);
}

/* Bytes of the group that an answer holds, which goes over to the response. */
static struct MHD_Response *response_group(struct answer *a, const char *body, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		len, (void *)body, response_free_group, a->group);

	if (response)
		a->group = NULL;
	return response;
}

/* A body, compressed; NULL where that doesn't pay. A group's is compressed once for all who ask. */
static struct MHD_Response *response_packed(struct answer *a)
{
	struct MHD_Response *response;
	struct group *g = a->group;
	char *packed;
	size_t len;

	if (g && !g->packed && !g->unpackable &&
	    deflate_gzip(g->frame, g->len, &g->packed, &g->packed_len))
		g->unpackable = true;
	if (g)
		return g->packed ? response_group(a, g->packed, g->packed_len) : NULL;
	if (deflate_gzip(a->body, a->len, &packed, &len))
		return NULL;
	response = MHD_create_response_from_buffer(len, packed, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(packed);
	return response;
}

/* May a client have it compressed? */
static bool response_packable(const struct answer *a)
{
	return a->len >= RESPONSE_GZIP_MIN && !a->compressed;
}

struct MHD_Response *response_create(struct answer *a, const struct request *r)
{
	struct MHD_Response *response = NULL;

	if (response_packable(a) && request_accepts_coding(r, "gzip"))
		response = response_packed(a);
	if (response) {
		MHD_add_response_header(response, "Content-Encoding", "gzip");
		return response;
	}
	if (a->group && a->body)
		return response_group(a, a->body, a->len);
	return MHD_create_response_from_buffer(a->len, (void *)(a->body ? a->body : ""),
					       MHD_RESPMEM_MUST_COPY);
}

static void response_add(struct MHD_Response *response, const char *name, const char *value)
{
	if (value && *value)
		MHD_add_response_header(response, name, value);
}

void response_add_headers(struct MHD_Response *response, const struct answer *a)
{
	response_add(response, "Vary", RESPONSE_VARY);
	response_add(response, "Access-Control-Allow-Origin", "*");
	response_add(response, "Content-Type", a->type);
	response_add(response, "ETag", a->etag);
	response_add(response, "Content-Security-Policy", a->policy);
	response_add(response, "X-Content-Type-Options", "nosniff");
	response_add(response, "Cache-Control", a->events ? "no-store" : "no-cache");
	if (response_packable(a))
		response_add(response, "Vary", "accept-encoding");
	if (a->status == 401)
		response_add(response, "WWW-Authenticate", "Bearer realm=\"moqstat\"");
	if (a->preflight)
		response_add(response, "Access-Control-Allow-Methods", "GET");
	if (a->allow)
		response_add(response, "Allow", "GET,HEAD");
}
