/* SPDX-License-Identifier: MIT */
#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The library's thread may hold it longer than its owner. */
struct lookup {
	struct gaicb request;
	struct addrinfo hints;
	struct addrinfo *numeric; /* or NULL: the request's result counts */
	char host[];
};

static void *lookup_warm(void *arg)
{
	struct addrinfo *list = NULL;

	if (!getaddrinfo("localhost", NULL, NULL, &list))
		freeaddrinfo(list);
	pthread_exit(arg);
}

void lookup_prepare(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, lookup_warm, NULL))
		pthread_join(thread, NULL);
}

int lookup_create(const char *host, struct lookup **out)
{
	struct lookup *l = calloc(1, sizeof(*l) + strlen(host) + 1);
	struct gaicb *list[1];
	int bad;

	if (!l)
		return -ENOMEM;
	strcpy(l->host, host);
	l->hints.ai_socktype = SOCK_STREAM;
	l->hints.ai_flags = AI_NUMERICHOST;
	if (getaddrinfo(l->host, NULL, &l->hints, &l->numeric)) {
		l->numeric = NULL;
		l->hints.ai_flags = AI_ADDRCONFIG;
		l->request.ar_name = l->host;
		l->request.ar_request = &l->hints;
		list[0] = &l->request;
		bad = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
		if (bad) {
			free(l);
			return bad == EAI_MEMORY ? -ENOMEM : -EAGAIN;
		}
	}
	*out = l;
	return 0;
}

void lookup_destroy(struct lookup *l)
{
	if (!l)
		return;
	if (l->numeric) {
		freeaddrinfo(l->numeric);
		free(l);
		return;
	}
	/* Where it can't be called back it is the thread's, which will end at some time. */
	if (gai_error(&l->request) == EAI_INPROGRESS && gai_cancel(&l->request) == EAI_NOTCANCELED)
		return;
	if (l->request.ar_result)
		freeaddrinfo(l->request.ar_result);
	free(l);
}

int lookup_address(struct lookup *l, unsigned int number, char out[LOOKUP_ADDRESS_MAX],
		   unsigned int *count, const char **why)
{
	const struct addrinfo *a;
	int bad = l->numeric ? 0 : gai_error(&l->request);

	if (bad == EAI_INPROGRESS)
		return -EAGAIN;
	*why = gai_strerror(bad);
	if (bad)
		return -ENOENT;
	*count = 0;
	for (a = l->numeric ? l->numeric : l->request.ar_result; a; a = a->ai_next)
		(*count)++;
	number %= *count ? *count : 1;
	for (a = l->numeric ? l->numeric : l->request.ar_result; a && number; number--)
		a = a->ai_next;
	if (!a || getnameinfo(a->ai_addr, a->ai_addrlen, out, LOOKUP_ADDRESS_MAX, NULL, 0,
			      NI_NUMERICHOST)) {
		*why = "it has no address";
		return -ENOENT;
	}
	return 0;
}
