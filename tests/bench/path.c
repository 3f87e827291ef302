// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the way of a packet costs, from a socket in one namespace to a socket in another, all of it on one CPU: what is on the way does
 * not matter. Ways are interleaved, and for each name there is a line, "<name> <median>"; for ways that have a base the median of what
 * each round differs from the base's. Lines of one name are pooled, so that where a namespace's memory lies weighs less: the nth of a
 * name has the nth of its base.
 *
 * path [-t | -g GAP-US] [-r ROUNDS] [-n N] < TABLE: a line of the table is NAME|BASE|FROM|TO|ADDRESS|DELAY-US, where BASE is the name of
 * earlier lines or empty and FROM and TO are namespaces. A way that does not deliver, or not after its delay, ends it.
 *
 * UDP packets of 64 bytes, N a round: ns a packet of the sender's time, which must include the delivery, so there must be no delay.
 * -g: one each GAP-US, and the time that all of it takes, timers too; for an exact clock and one CPU with nothing else to do.
 * -t: TCP streams, N times 128 KiB a round: Mbit/s; one differs from its base by a factor.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAYS_MAX 64
#define PAYLOAD 64
#define CHUNK (128 << 10)
#define PORT 7000

struct way {
	char *name;
	int base; /* -1 = none */
	uint64_t delay_us;
	int from, to;
	double *measured;
};

struct kind {
	void (*open)(struct way *w, const char *from, const char *to, const char *address);
	double (*measure)(const struct way *w);
	double (*over)(double value, double base);
};

static struct way ways[WAYS_MAX];
static size_t n_ways;
static struct {
	bool tcp;
	int rounds, packets;
	uint64_t gap_ns;
} opt = { .rounds = 200, .packets = 200 };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* This thread's own time, to which its softirqs add and other processes do not. */
static uint64_t spent_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int socket_in(const char *ns, int type)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC), sk;

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(2, "%s", ns);
	close(fd);
	sk = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (sk < 0)
		err(2, "socket");
	return sk;
}

static struct sockaddr_in socket_address(const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(PORT + n_ways) };

	if (inet_pton(AF_INET, text, &sin.sin_addr) != 1)
		errx(2, "'%s' is no address", text);
	return sin;
}

/* ---- UDP */

/* What has arrived: the receiver's filter lets nothing in, and what it refuses the socket counts. */
static uint32_t arrived(const struct way *w)
{
	uint32_t mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);

	if (getsockopt(w->to, SOL_SOCKET, SO_MEMINFO, mem, &len))
		err(1, "SO_MEMINFO");
	return mem[SK_MEMINFO_DROPS];
}

static void send_packet(const struct way *w)
{
	static const char payload[PAYLOAD];

	if (send(w->from, payload, sizeof(payload), 0) < 0)
		err(1, "%s: send", w->name);
}

static uint64_t trip_us(const struct way *w)
{
	struct pollfd pfd = { .fd = w->to, .events = POLLIN };
	char payload[PAYLOAD];
	uint64_t start = now_ns();

	send_packet(w);
	if (poll(&pfd, 1, 5000) != 1 || recv(w->to, payload, sizeof(payload), 0) != PAYLOAD)
		errx(1, "%s: the packet did not arrive", w->name);
	return (now_ns() - start) / 1000;
}

/* The quickest of some trips: another process may have had the CPU. */
static void check_delay(const struct way *w)
{
	uint64_t best = UINT64_MAX, least = w->delay_us, most = w->delay_us + 900;

	for (int i = 0; i < 20; i++) {
		uint64_t us = trip_us(w);

		best = us < best ? us : best;
	}
	if (best < least || best > most)
		errx(1, "%s: a packet takes %llu us and not %llu", w->name, (unsigned long long)best, (unsigned long long)least);
}

static void udp_open(struct way *w, const char *from, const char *to, const char *address)
{
	struct sock_filter refuse[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog filter = { 1, refuse };
	struct sockaddr_in sin = socket_address(address);

	w->to = socket_in(to, SOCK_DGRAM);
	w->from = socket_in(from, SOCK_DGRAM);
	if (bind(w->to, (struct sockaddr *)&sin, sizeof(sin)) || connect(w->from, (struct sockaddr *)&sin, sizeof(sin)))
		err(1, "%s: %s", w->name, address);
	check_delay(w);
	if (setsockopt(w->to, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		err(1, "SO_ATTACH_FILTER");
}

static void settle(const struct way *w, uint32_t until)
{
	for (int i = 0; i < 5000 && arrived(w) != until; i++)
		usleep(200);
	if (arrived(w) != until)
		errx(1, "%s: %d packets are missing", w->name, (int)(until - arrived(w)));
}

/* One after the other without a rest. */
static double udp_measure(const struct way *w)
{
	uint32_t sent = arrived(w) + opt.packets / 10 + opt.packets;
	uint64_t start, end;

	for (int i = 0; i < opt.packets / 10; i++)
		send_packet(w);
	start = spent_ns();
	for (int i = 0; i < opt.packets; i++)
		send_packet(w);
	end = spent_ns();
	settle(w, sent);
	return (double)(end - start) / opt.packets;
}

/* How often the clock could be read until then. */
static uint64_t spin(uint64_t until)
{
	uint64_t n = 0;

	while (now_ns() < until)
		n++;
	return n;
}

static double spin_ns(void)
{
	uint64_t start = now_ns(), length = 10000000;

	return (double)length / spin(start + length);
}

/* At a pace, on a clock that only instructions advance: all the time that a sender who spins in between did not get. */
static double udp_measure_paced(const struct way *w)
{
	uint64_t start, spun = 0, lead = w->delay_us * 1000 / opt.gap_ns + 1;
	uint32_t sent = arrived(w) + lead + opt.packets;
	double each = spin_ns();

	start = now_ns();
	for (uint64_t i = 1; i <= lead; i++) {
		send_packet(w);
		spin(start + i * opt.gap_ns);
	}
	start += lead * opt.gap_ns;
	for (int i = 1; i <= opt.packets; i++) {
		send_packet(w);
		spun += spin(start + i * opt.gap_ns);
	}
	if (now_ns() > start + (opt.packets + 1) * opt.gap_ns)
		errx(1, "%s: a packet takes longer than from one to the next", w->name);
	settle(w, sent);
	return opt.gap_ns - spun * each / opt.packets;
}

static double udp_over(double value, double base)
{
	return value - base;
}

/* ---- TCP */

/* Of one size: what TCP finds best for one stream it may not find for the next. */
static int tcp_socket(const char *ns)
{
	int fd = socket_in(ns, SOCK_STREAM), size = 4 * CHUNK;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		err(2, "socket buffer");
	return fd;
}

static void tcp_open(struct way *w, const char *from, const char *to, const char *address)
{
	struct sockaddr_in sin = socket_address(address);
	int listener = tcp_socket(to), on = 1;

	w->from = tcp_socket(from);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&sin, sizeof(sin)) || listen(listener, 1) ||
	    connect(w->from, (struct sockaddr *)&sin, sizeof(sin)))
		err(1, "%s: %s", w->name, address);
	w->to = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (w->to < 0)
		err(1, "%s: accept", w->name);
	close(listener);
}

static ssize_t again(ssize_t n, const struct way *w)
{
	if (n < 0 && errno != EAGAIN)
		err(1, "%s", w->name);
	return n < 0 ? 0 : n;
}

/* Sender and receiver take turns, so that what is on its way stays in the cache. */
static void stream(const struct way *w, uint64_t bytes)
{
	static char chunk[CHUNK];
	ssize_t n;

	for (uint64_t got = 0; got < bytes;) {
		again(send(w->from, chunk, sizeof(chunk), MSG_DONTWAIT), w);
		do {
			n = again(recv(w->to, chunk, sizeof(chunk), MSG_DONTWAIT), w);
			got += n;
		} while (n);
	}
}

static double tcp_measure(const struct way *w)
{
	uint64_t bytes = (uint64_t)opt.packets * CHUNK, start;

	stream(w, bytes / 10);
	start = spent_ns();
	stream(w, bytes);
	return bytes * 8e3 / (spent_ns() - start);
}

static double tcp_over(double value, double base)
{
	return value / base;
}

enum { UDP, UDP_PACED, TCP };
static const struct kind kinds[] = {
	[UDP] = { udp_open, udp_measure, udp_over },
	[UDP_PACED] = { udp_open, udp_measure_paced, udp_over },
	[TCP] = { tcp_open, tcp_measure, tcp_over },
};

/* ---- */

/* The nth line of a name; -1 = none. */
static int find(const char *name, int nth)
{
	for (size_t i = 0; i < n_ways; i++)
		if (!strcmp(ways[i].name, name) && !nth--)
			return i;
	return -1;
}

static int count(const char *name)
{
	int n = 0;

	for (size_t i = 0; i < n_ways; i++)
		n += !strcmp(ways[i].name, name);
	return n;
}

static void read_table(const struct kind *kind)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0 && n_ways < WAYS_MAX) {
		struct way *w = &ways[n_ways];
		char *text = strdup(line), *field[6];

		text[strcspn(text, "\n")] = '\0';
		for (size_t i = 0; i < 6; i++)
			field[i] = strsep(&text, "|");
		if (!field[5])
			errx(2, "a line of the table is short: '%s'", line);
		w->name = field[0];
		w->base = find(field[1], count(w->name));
		if (w->base < 0 && *field[1])
			errx(2, "no line before '%s' is its base", line);
		w->delay_us = strtoul(field[5], NULL, 10);
		w->measured = calloc(opt.rounds, sizeof(*w->measured));
		kind->open(w, field[2], field[3], field[4]);
		n_ways++;
	}
	free(line);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct kind *kind, const char *name)
{
	double *all = calloc(n_ways * opt.rounds, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < n_ways; i++) {
		const struct way *w = &ways[i];

		for (int k = 0; !strcmp(w->name, name) && k < opt.rounds; k++)
			all[n++] = w->base < 0 ? w->measured[k] : kind->over(w->measured[k], ways[w->base].measured[k]);
	}
	qsort(all, n, sizeof(*all), compare);
	printf("%s %.5g\n", name, all[n / 2]);
	free(all);
}

/* Not to be moved about: the caches of a CPU are part of the price. */
static void stay(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

int main(int argc, char **argv)
{
	const struct kind *kind;
	int o;

	while ((o = getopt(argc, argv, "tg:r:n:")) > 0) {
		opt.tcp |= o == 't';
		opt.gap_ns = o == 'g' ? strtoul(optarg, NULL, 10) * 1000 : opt.gap_ns;
		opt.rounds = o == 'r' ? atoi(optarg) : opt.rounds;
		opt.packets = o == 'n' ? atoi(optarg) : opt.packets;
	}
	if (optind != argc || opt.rounds <= 0 || opt.packets < 10)
		errx(2, "usage: path [-t | -g GAP-US] [-r ROUNDS] [-n N] < TABLE");
	kind = &kinds[opt.tcp ? TCP : opt.gap_ns ? UDP_PACED : UDP];
	stay();
	read_table(kind);
	for (int k = 0; k < opt.rounds; k++)
		for (size_t i = 0; i < n_ways; i++)
			ways[(i + k) % n_ways].measured[k] = kind->measure(&ways[(i + k) % n_ways]);
	for (size_t i = 0; i < n_ways; i++)
		if (find(ways[i].name, 0) == (int)i)
			report(kind, ways[i].name);
	return 0;
}
