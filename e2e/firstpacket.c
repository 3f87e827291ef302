/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends a packet as the first act of a container, and says how long its echo took.
 *
 *	firstpacket [-T] [-m] [-n N] [-i MS] [-t MS] [-l BYTES] ADDR PORT
 *	firstpacket -s PORT
 *
 * Without -n prints one number, the round trip in microseconds of CLOCK_MONOTONIC, or "lost". With -n N sends N packets, one
 * every -i milliseconds (1000), and prints for each, as soon as its fate is known, a line
 *
 *	<milliseconds from the first packet to this one> <round trip in microseconds | lost | refused>
 *
 * or, with -m, milliseconds of CLOCK_MONOTONIC instead. A packet counts as lost after -t milliseconds (1000). An echo of a packet
 * whose fate was known already gets a line of its own that ends with the word "duplicate", or "late" if the packet had been called
 * lost. Packets are UDP datagrams of -l bytes (16), sent on schedule whether or not earlier ones were answered; with -T each is a
 * TCP connection, whose handshake is timed, one after the other.
 *
 * -s echoes UDP and TCP on PORT, over IPv6 and IPv4, until it is ended.
 *
 * Exit: 0 something was answered, 1 nothing was, 2 usage or a failed system call.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD_MAX 65507
#define PEERS_MAX 64
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

enum fate { PENDING, ANSWERED, GONE };

struct probe {
	uint64_t sent_at;
	enum fate fate;
};

/* First bytes of a datagram; run keeps echoes of an earlier process on the same port apart. */
struct header {
	uint64_t run;
	uint32_t number;
	uint32_t zero;
};

struct options {
	bool tcp;
	bool many;
	bool monotonic;
	unsigned int count;
	uint64_t interval;
	uint64_t timeout;
	size_t length;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static unsigned int answered;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void usage(void)
{
	fputs("usage: firstpacket [-T] [-m] [-n N] [-i MS] [-t MS] [-l BYTES] ADDR PORT\n"
	      "       firstpacket -s PORT\n",
	      stderr);
	exit(2);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static void sleep_until(uint64_t when)
{
	struct timespec t = { .tv_sec = when / NSEC_PER_SEC, .tv_nsec = when % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* True if fd has one of events before the clock says deadline. */
static bool wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t t = now();
	uint64_t left = deadline > t ? deadline - t : 0;
	struct timespec timeout = { .tv_sec = left / NSEC_PER_SEC, .tv_nsec = left % NSEC_PER_SEC };

	return ppoll(&p, 1, &timeout, NULL) > 0;
}

/* One line of result for the packet of sent_at. rtt_ns is read if word is NULL; extra, if not NULL, ends the line. */
static void report(const struct options *o, uint64_t first_at, uint64_t sent_at, uint64_t rtt_ns, const char *word,
		   const char *extra)
{
	if (o->many)
		printf("%.3f ", (double)(o->monotonic ? sent_at : sent_at - first_at) / NSEC_PER_MSEC);
	if (word)
		printf("%s", word);
	else
		printf("%llu", (unsigned long long)(rtt_ns / 1000));
	if (extra)
		printf(" %s", extra);
	putchar('\n');
	fflush(stdout);
}

/* UDP */

static void send_probe(int fd, const struct options *o, struct probe *probe, uint64_t run, uint32_t number)
{
	static unsigned char payload[PAYLOAD_MAX];
	struct header h = { .run = run, .number = number };

	memcpy(payload, &h, sizeof(h));
	probe->sent_at = now();
	/* What cannot be sent gets no echo either, and so is reported as lost; the reason is worth a word. */
	if (send(fd, payload, o->length, 0) < 0)
		perror("firstpacket: send");
}

static void receive_echoes(int fd, const struct options *o, struct probe *probes, uint32_t sent, uint64_t run)
{
	static unsigned char payload[PAYLOAD_MAX];
	struct probe *p;
	struct header h;
	uint64_t arrived;
	ssize_t n;

	for (;;) {
		n = recv(fd, payload, sizeof(payload), MSG_DONTWAIT);
		arrived = now();
		/* ECONNREFUSED tells of an earlier packet, which will be reported as lost; echoes may be queued behind it. */
		if (n < 0 && errno != ECONNREFUSED)
			return;
		if (n < (ssize_t)sizeof(h))
			continue;
		memcpy(&h, payload, sizeof(h));
		if (h.run != run || h.number >= sent)
			continue;
		p = &probes[h.number];
		report(o, probes[0].sent_at, p->sent_at, arrived - p->sent_at, NULL,
		       p->fate == PENDING    ? NULL
		       : p->fate == ANSWERED ? "duplicate"
					     : "late");
		if (p->fate == PENDING) {
			p->fate = ANSWERED;
			answered++;
		}
	}
}

/* Returns the number of the first packet whose fate is open, or sent. Packets before from are settled. */
static uint32_t settle(const struct options *o, struct probe *probes, uint32_t from, uint32_t sent)
{
	uint64_t t = now();

	for (; from < sent; from++) {
		struct probe *p = &probes[from];

		if (p->fate != PENDING)
			continue;
		if (p->sent_at + o->timeout > t)
			break;
		p->fate = GONE;
		report(o, probes[0].sent_at, p->sent_at, 0, "lost", NULL);
	}
	return from;
}

static void udp_run(const struct options *o, const union address *to, socklen_t len)
{
	struct probe *probes = calloc(o->count, sizeof(*probes));
	int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t sent = 0, settled = 0;
	uint64_t run = now() ^ (uint64_t)getpid() << 48;

	if (!probes || fd < 0 || connect(fd, &to->any, len) < 0)
		die("firstpacket");

	while (settled < o->count) {
		uint64_t next = UINT64_MAX, deadline;

		if (sent < o->count) {
			next = sent ? probes[0].sent_at + sent * o->interval : 0;
			if (next <= now()) {
				send_probe(fd, o, &probes[sent], run, sent);
				sent++;
				/* With short intervals this loop may not wait for long, and an echo's time is when it is read. */
				receive_echoes(fd, o, probes, sent, run);
				settled = settle(o, probes, settled, sent);
				continue;
			}
		}
		deadline = settled < sent ? probes[settled].sent_at + o->timeout : UINT64_MAX;
		if (next < deadline)
			deadline = next;
		if (wait_for(fd, POLLIN, deadline))
			receive_echoes(fd, o, probes, sent, run);
		settled = settle(o, probes, settled, sent);
	}
	close(fd);
	free(probes);
}

/* TCP */

/* Opens and closes one connection. Returns NULL and the handshake's time, or the word for what happened instead. */
static const char *tcp_probe(const struct options *o, const union address *to, socklen_t len, uint64_t sent_at, uint64_t *ret_rtt)
{
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(int);
	int error = 0;

	if (fd < 0)
		die("firstpacket: socket");
	if (connect(fd, &to->any, len) < 0) {
		error = errno;
		if (error == EINPROGRESS) {
			error = ETIMEDOUT;
			if (wait_for(fd, POLLOUT, sent_at + o->timeout))
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		}
	}
	*ret_rtt = now() - sent_at;
	close(fd);
	if (error == ECONNREFUSED)
		return "refused";
	return error ? "lost" : NULL;
}

static void tcp_run(const struct options *o, const union address *to, socklen_t len)
{
	uint64_t start = now(), sent_at = start, rtt;
	const char *word;

	for (unsigned int i = 0; i < o->count; i++) {
		if (i) {
			sleep_until(start + i * o->interval);
			sent_at = now();
		}
		word = tcp_probe(o, to, len, sent_at, &rtt);
		answered += !word;
		report(o, start, sent_at, rtt, word, NULL);
	}
}

/* Server */

static int listener(int type, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	int off = 0, on = 1, rc;

	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		rc = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	} else {
		fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		rc = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	}
	if (rc < 0 || (type == SOCK_STREAM && listen(fd, PEERS_MAX) < 0))
		die("firstpacket: listen");
	return fd;
}

static void echo_datagram(int fd)
{
	static unsigned char buffer[PAYLOAD_MAX];
	union address from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, &from.any, &len);

	if (n >= 0 && sendto(fd, buffer, n, 0, &from.any, len) < 0)
		perror("firstpacket: sendto");
}

/* Returns false when the peer is done. */
static bool echo_stream(int fd)
{
	unsigned char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	return n > 0 && send(fd, buffer, n, MSG_NOSIGNAL) == n;
}

static void serve(uint16_t port)
{
	struct pollfd fds[2 + PEERS_MAX] = {
		{ .fd = listener(SOCK_DGRAM, port), .events = POLLIN },
		{ .fd = listener(SOCK_STREAM, port), .events = POLLIN },
	};
	nfds_t used = 2;

	for (;;) {
		/* A full table leaves new connections in the backlog. */
		fds[1].events = used < 2 + PEERS_MAX ? POLLIN : 0;
		if (poll(fds, used, -1) < 0)
			continue;
		if (fds[0].revents)
			echo_datagram(fds[0].fd);
		for (nfds_t i = used; i-- > 2;) {
			if (!fds[i].revents || echo_stream(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--used];
		}
		if (fds[1].revents) {
			int peer = accept4(fds[1].fd, NULL, NULL, SOCK_CLOEXEC);

			if (peer >= 0)
				fds[used++] = (struct pollfd){ .fd = peer, .events = POLLIN };
		}
	}
}

/* Command line */

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < min || n > max)
		usage();
	return n;
}

static socklen_t address(const char *host, const char *port, union address *ret)
{
	uint16_t p = htons(number(port, 1, 65535));

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = p;
		return sizeof(ret->v4);
	}
	if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) != 1)
		usage();
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = p;
	return sizeof(ret->v6);
}

static void end(int sig)
{
	_exit(128 + sig);
}

int main(int argc, char **argv)
{
	struct options o = {
		.count = 1,
		.interval = 1000 * NSEC_PER_MSEC,
		.timeout = 1000 * NSEC_PER_MSEC,
		.length = sizeof(struct header),
	};
	union address to;
	socklen_t len;
	int c;

	/* As a container's init it would not be ended by signals that it has no handler for. */
	signal(SIGTERM, end);
	signal(SIGINT, end);

	while ((c = getopt(argc, argv, "Tmn:i:t:l:s:")) >= 0) {
		switch (c) {
		case 'T':
			o.tcp = true;
			break;
		case 'm':
			o.monotonic = true;
			break;
		case 'n':
			o.many = true;
			o.count = number(optarg, 1, 10000000);
			break;
		case 'i':
			o.interval = number(optarg, 0, 3600000) * NSEC_PER_MSEC;
			break;
		case 't':
			o.timeout = number(optarg, 1, 3600000) * NSEC_PER_MSEC;
			break;
		case 'l':
			o.length = number(optarg, sizeof(struct header), PAYLOAD_MAX);
			break;
		case 's':
			serve(number(optarg, 1, 65535));
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2)
		usage();
	len = address(argv[optind], argv[optind + 1], &to);
	if (o.tcp)
		tcp_run(&o, &to, len);
	else
		udp_run(&o, &to, len);
	return answered ? 0 : 1;
}
