/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "log.h"

#define LISTEN_BACKLOG 1024
#define LISTEN_PASSED  "socket"

union listen_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
	struct sockaddr_storage room;
};

/* Take "HOST:PORT" apart; the host without its brackets. */
static int listen_split(const char *address, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(address, ':'), *from = address;
	size_t len = colon ? (size_t)(colon - address) : 0;

	*port = colon ? colon + 1 : address;
	if (!colon || !len) {
		snprintf(host, size, "127.0.0.1");
		return 0;
	}
	if (*from == '[' && len > 2 && from[len - 1] == ']') {
		from++;
		len -= 2;
	} else if (memchr(from, ':', len)) {
		return -EINVAL; /* an IPv6 address needs brackets */
	}
	if (len >= size)
		return -EINVAL;
	memcpy(host, from, len);
	host[len] = '\0';
	return 0;
}

/* Does it reach no farther than this machine? */
static bool listen_local(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (address->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return address->sa_family == AF_UNIX;
}

/* Others may only be let near it if they must say who they are. */
static int listen_allow(const char *address, const struct sockaddr *real,
			const struct listen_rules *rules)
{
	if (rules->tokens || listen_local(real))
		return 0;
	log_error(
		"--listen %s: whoever reaches that address could read who watches what; listen on a "
		"loopback address, 127.0.0.1:9814 say, or give --token-file",
		address);
	return -EPERM;
}

static int listen_bind(const struct addrinfo *info, int *out)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1,
	    err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, LISTEN_BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

/* Say where, since port 0 could be any, and a socket that was passed as well. */
static void listen_say(int fd, bool tls)
{
	union listen_address address = { 0 };
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	const char *scheme = tls ? "https" : "http";

	if (getsockname(fd, &address.any, &len))
		return;
	if (address.any.sa_family == AF_UNIX)
		log_info("listening on %s, at %s%s", scheme, *address.local.sun_path ? "" : "@",
			 address.local.sun_path + !*address.local.sun_path);
	else if (!getnameinfo(&address.any, len, host, sizeof(host), port, sizeof(port),
			      NI_NUMERICHOST | NI_NUMERICSERV))
		log_info(address.any.sa_family == AF_INET6 ? "listening on %s://[%s]:%s/"
							   : "listening on %s://%s:%s/",
			 scheme, host, port);
}

static int listen_named(const char *address, const struct listen_rules *rules, int *out)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found = NULL;
	char host[NI_MAXHOST];
	const char *port;
	int err = listen_split(address, host, sizeof(host), &port), why;

	if (!err && (!*port || strspn(port, "0123456789") != strlen(port) || atol(port) > 65535))
		err = -EINVAL;
	why = err ? 0 : getaddrinfo(host, port, &hints, &found);
	if (err || why) {
		log_error(
			"--listen %s: no address to listen on%s%s; give HOST:PORT, [IPV6]:PORT, a port, "
			"127.0.0.1:9814 say, or socket",
			address, why ? ": " : "", why ? gai_strerror(why) : "");
		return -EINVAL;
	}
	err = listen_allow(address, found->ai_addr, rules);
	if (!err) {
		err = listen_bind(found, out);
		if (err)
			log_error("--listen %s: cannot listen there: %s", address, strerror(-err));
	}
	freeaddrinfo(found);
	return err;
}

/* How many the service manager has passed must be one; it is told once, and to no child. */
static int listen_passed_one(void)
{
	int passed = sd_listen_fds(1);

	if (passed == 1)
		return 0;
	if (passed > 1)
		log_error("--listen " LISTEN_PASSED
			  ": the service manager passes %d sockets; one can be served: leave one "
			  "ListenStream= in the socket unit",
			  passed);
	else
		log_error(
			"--listen " LISTEN_PASSED
			": no socket was passed; start moqstat.socket beside the service, or give "
			"HOST:PORT");
	return -EINVAL;
}

static int listen_passed(const struct listen_rules *rules, int *out)
{
	union listen_address address = { 0 };
	socklen_t len = sizeof(address);
	int fd = SD_LISTEN_FDS_START, err = listen_passed_one();

	if (err)
		return err;
	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
	    getsockname(fd, &address.any, &len)) {
		log_error(
			"--listen " LISTEN_PASSED
			": what was passed is no stream socket that listens; the socket unit needs "
			"ListenStream= and Accept=no");
		return -EINVAL;
	}
	err = listen_allow(LISTEN_PASSED, &address.any, rules);
	if (!err && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) {
		err = -errno;
		log_error("--listen " LISTEN_PASSED ": cannot use what was passed: %s",
			  strerror(-err));
	}
	*out = fd;
	return err;
}

int listen_open(const char *address, const struct listen_rules *rules, int *out)
{
	int err = strcmp(address, LISTEN_PASSED) ? listen_named(address, rules, out)
						 : listen_passed(rules, out);

	if (!err)
		listen_say(*out, rules->tls);
	return err;
}
