// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures what a path does to UDP packets: sends numbered ones from one network namespace to another and prints a line a packet:
 *
 *     <number> <sent, ns monotonic> <delay, ns; -1 = lost> <copies> <damaged copies>
 *
 * traffic -a NETNS -b NETNS -d ADDRESS [-p PORT] [-s SOURCE-PORT] [-n PACKETS] [-g GAP-US] [-t SENDERS] [-l PAYLOAD] [-w WAIT-MS]
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SENDERS_MAX 16
#define PAYLOAD_MAX 1400
#define PATTERN 0x5a

struct packet {
	uint64_t sent;
	int64_t delay;
	unsigned int copies, damaged;
};

struct message {
	uint32_t number[3]; /* of three, damage leaves two */
	uint8_t fill[PAYLOAD_MAX];
};

static struct {
	const char *a, *b, *address;
	unsigned int port, source, packets, gap_us, senders, payload, wait_ms;
} opt = { .port = 9999, .packets = 1000, .gap_us = 1000, .senders = 1, .payload = 64, .wait_ms = 1000 };

static struct packet *packets;
static struct sockaddr_storage to;
static socklen_t to_len;
static atomic_uint next_number;
static atomic_bool all_sent;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void enter(const char *ns)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(2, "%s", ns);
	close(fd);
}

static void set_address(void)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;

	if (inet_pton(AF_INET, opt.address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(opt.port);
		to_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, opt.address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(opt.port);
		to_len = sizeof(*v6);
	} else {
		errx(2, "'%s' is no address", opt.address);
	}
}

static int udp_socket(const char *ns)
{
	int fd, size = 64 << 20;

	enter(ns);
	fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(2, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		err(2, "socket buffer");
	return fd;
}

static int receiver_socket(void)
{
	int fd = udp_socket(opt.b);

	if (bind(fd, (struct sockaddr *)&to, to_len))
		err(2, "bind");
	return fd;
}

static int sender_socket(unsigned int i)
{
	struct sockaddr_storage from = { .ss_family = to.ss_family };
	int fd = udp_socket(opt.a);

	if (!opt.source)
		return fd;
	((struct sockaddr_in *)&from)->sin_port = htons(opt.source + i); /* same place in both families */
	if (bind(fd, (struct sockaddr *)&from, to_len))
		err(2, "bind source port");
	return fd;
}

static bool intact(const struct message *m, size_t n)
{
	for (size_t i = offsetof(struct message, fill); i < n; i++)
		if (((const uint8_t *)m)[i] != PATTERN)
			return false;
	return n == opt.payload && m->number[0] == m->number[1] && m->number[1] == m->number[2];
}

static void receive(const struct message *m, size_t n, uint64_t now)
{
	uint32_t number = m->number[0] == m->number[1] ? m->number[0] : m->number[2];
	bool ok = intact(m, n);
	struct packet *p;

	if (number >= opt.packets)
		return;
	p = &packets[number];
	if (p->delay < 0)
		p->delay = now - p->sent;
	p->copies++;
	p->damaged += !ok;
}

/*
 * With gaps times are measured, so nothing else that runs may come between; without, the sender is not to be stopped by each packet's
 * arrival, which takes half of the time. Where that is not allowed the figures are worse, not wrong.
 */
static void set_priority(void)
{
	struct sched_param param = { .sched_priority = opt.gap_us ? 1 : 0 };

	sched_setscheduler(0, opt.gap_us ? SCHED_FIFO : SCHED_BATCH, &param);
}

static void *receiver(void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLIN };
	uint64_t last = now_ns();
	struct message m;
	ssize_t n;

	set_priority();
	while (!all_sent || now_ns() - last < opt.wait_ms * 1000000ULL) {
		if (poll(&pfd, 1, 10) <= 0)
			continue;
		while ((n = recv(pfd.fd, &m, sizeof(m), MSG_DONTWAIT)) > 0) {
			last = now_ns();
			receive(&m, n, last);
		}
	}
	return NULL;
}

static void *sender(void *arg)
{
	struct message m;
	uint64_t due = now_ns();
	unsigned int number;

	set_priority();
	memset(&m, PATTERN, sizeof(m));
	while ((number = next_number++) < opt.packets) {
		struct timespec ts = { .tv_sec = due / 1000000000, .tv_nsec = due % 1000000000 };

		if (opt.gap_us)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		m.number[0] = m.number[1] = m.number[2] = number;
		packets[number].sent = now_ns();
		if (sendto(*(int *)arg, &m, opt.payload, 0, (struct sockaddr *)&to, to_len) < 0 && errno != ENOBUFS &&
		    errno != ECONNREFUSED)
			err(2, "sendto");
		due += opt.gap_us * 1000ULL * opt.senders;
	}
	return NULL;
}

static void run(void)
{
	pthread_t rx, tx[SENDERS_MAX];
	int rx_fd = receiver_socket(), tx_fd[SENDERS_MAX];

	for (unsigned int i = 0; i < opt.senders; i++)
		tx_fd[i] = sender_socket(i);
	pthread_create(&rx, NULL, receiver, &rx_fd);
	for (unsigned int i = 0; i < opt.senders; i++)
		pthread_create(&tx[i], NULL, sender, &tx_fd[i]);
	for (unsigned int i = 0; i < opt.senders; i++)
		pthread_join(tx[i], NULL);
	all_sent = true;
	pthread_join(rx, NULL);
}

static void options(int argc, char **argv)
{
	struct {
		char letter;
		unsigned int *value;
	} numbers[] = {
		{ 'p', &opt.port },    { 's', &opt.source },  { 'n', &opt.packets }, { 'g', &opt.gap_us },
		{ 't', &opt.senders }, { 'l', &opt.payload }, { 'w', &opt.wait_ms },
	};
	int c;

	while ((c = getopt(argc, argv, "a:b:d:p:s:n:g:t:l:w:")) > 0) {
		if (c == 'a')
			opt.a = optarg;
		else if (c == 'b')
			opt.b = optarg;
		else if (c == 'd')
			opt.address = optarg;
		else if (c == '?')
			errx(2, "usage: see the head of this file");
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			if (numbers[i].letter == c)
				*numbers[i].value = strtoul(optarg, NULL, 10);
	}
	if (!opt.a || !opt.b || !opt.address || !opt.senders || opt.senders > SENDERS_MAX ||
	    opt.payload < sizeof(((struct message *)0)->number) || opt.payload > PAYLOAD_MAX)
		errx(2, "usage: traffic -a NETNS -b NETNS -d ADDRESS ...");
}

int main(int argc, char **argv)
{
	options(argc, argv);
	set_address();
	packets = calloc(opt.packets, sizeof(*packets));
	if (!packets)
		err(2, "memory");
	for (unsigned int i = 0; i < opt.packets; i++)
		packets[i].delay = -1;
	run();
	for (unsigned int i = 0; i < opt.packets; i++)
		printf("%u %llu %lld %u %u\n", i, (unsigned long long)packets[i].sent, (long long)packets[i].delay,
		       packets[i].copies, packets[i].damaged);
	return 0;
}
