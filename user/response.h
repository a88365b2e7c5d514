/* SPDX-License-Identifier: MIT */
/*
 * response.h - an answer as libmicrohttpd sends it: its body, compressed where that pays, and its
 * headers.
 */
#ifndef MOQSTAT_RESPONSE_H
#define MOQSTAT_RESPONSE_H

#include "answer.h"
#include "request.h"

struct MHD_Response;

/** The body of an answer, which takes over what it lies in. NULL where memory lacks. */
struct MHD_Response *response_create(struct answer *a, const struct request *r);

/** Say of a response what there is to say of its answer. */
void response_add_headers(struct MHD_Response *response, const struct answer *a);

#endif /* MOQSTAT_RESPONSE_H */
