// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kills the plugin at every system call of a verb, one after the other, and looks whether what comes afterwards leaves the node and the
 * pod as they were. What a process has done to a node it has done by system calls: killed at the entry of the n-th for every n, it has
 * been killed everywhere.
 *
 * killat PLUGIN DIR VERB AFTER VICTIM-ADDRESS PEER-ADDRESS [CALL]
 *   VERB    ADD or DEL of the pod 'victim'
 *   AFTER   del    DEL
 *           gc     GC that does not list it
 *           again  ADD of the same pod once more, and DEL
 *           next   ADD and DEL of the pod 'other'; DEL of the victim only where it has a record
 *           dies   as 'next', but the victim's namespace is gone and no DEL comes
 *           turns  gc and next in turn
 * DIR has the netconfs 'victim', 'other' and 'gc', and 'renew', a script that makes the victim's namespace anew. Pods are namespaces
 * in /run/netns. The faults' windows are over 1 ms after ADD: from then on packets pass, whatever was killed.
 * CALL is the number of a system call: the verb is killed from its first such call on, and where it pins something up to its last pin. Prints how many calls there were; exits 1 when something was left.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/abi.h"

#define STATE "/run/faultwire"
#define PORT 7777
#define IDS_MAX 65536
#define FAILURES_MAX 5 /* then it is known */

static const char *plugin, *dir, *addresses[2];
enum { VICTIM, PEER };

/* ---- the plugin under ptrace */

struct id {
	bool prog;
	uint32_t id;
	unsigned int n;
};

/* Programs and maps that the plugin made, of all runs: others on this machine make some too. */
static struct id ids[IDS_MAX];
static size_t n_ids;
static unsigned int killed_at; /* the n of now */
static uint64_t begin_nr;      /* the call to begin with */

static void note_object(pid_t pid, int fd)
{
	char path[64], line[128];
	struct id id = { .n = killed_at };
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "prog_id: %u", &id.id) == 1)
			id.prog = true;
		else if (sscanf(line, "map_id: %u", &id.id) != 1)
			continue;
		if (n_ids < IDS_MAX)
			ids[n_ids++] = id;
	}
	if (f)
		fclose(f);
}

static void child(const char *verb, const char *pod, const char *input)
{
	char in[256], id[64], netns[64], command[32];
	char *argv[] = { (char *)plugin, NULL };
	char *env[] = { command, id, netns, "CNI_IFNAME=eth0", "CNI_PATH=/", NULL };
	int fd, out = open("/dev/null", O_WRONLY);

	snprintf(in, sizeof(in), "%s/%s", dir, input);
	fd = open(in, O_RDONLY);
	snprintf(command, sizeof(command), "CNI_COMMAND=%s", verb);
	snprintf(id, sizeof(id), "CNI_CONTAINERID=%s", pod);
	snprintf(netns, sizeof(netns), "CNI_NETNS=/run/netns/%s", pod);
	if (fd < 0 || out < 0 || dup2(fd, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	close(fd);
	close(out);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	execve(plugin, argv, env);
	_exit(127);
}

struct call {
	uint64_t nr, arg;
};

struct seen {
	struct call last;
	unsigned int begin;  /* n of the first begin_nr */
	unsigned int pinned; /* n of the last pin */
};

static void at_exit_of(const struct call *call, pid_t pid, int64_t rval)
{
	if (call->nr == SYS_bpf && rval >= 0 && (call->arg == BPF_MAP_CREATE || call->arg == BPF_PROG_LOAD))
		note_object(pid, rval);
}

/* Runs it and kills it at the entry of its n-th call; 0 = lets it through. The status is waitpid's; *ret: what it did. */
static int run(const char *verb, const char *pod, const char *input, unsigned int n, struct seen *ret)
{
	struct __ptrace_syscall_info info;
	struct seen seen = {};
	struct call call = {};
	unsigned int calls = 0;
	pid_t pid = fork();
	int status;

	if (!pid)
		child(verb, pod, input);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) /* at the end of execve */
		err(2, "%s", plugin);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int sig = 0;; sig = WIFSTOPPED(status) && WSTOPSIG(status) != (SIGTRAP | 0x80) ? WSTOPSIG(status) : 0) {
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
		if (waitpid(pid, &status, 0) != pid)
			err(2, "waitpid");
		if (!WIFSTOPPED(status))
			break;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
			continue;
		if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			at_exit_of(&call, pid, info.exit.rval);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		call = (struct call){ info.entry.nr, info.entry.args[0] };
		calls++;
		if (!seen.begin && call.nr == begin_nr)
			seen.begin = calls;
		if (call.nr == SYS_bpf && call.arg == BPF_OBJ_PIN)
			seen.pinned = calls;
		if (calls == n)
			kill(pid, SIGKILL);
	}
	seen.last = call;
	if (ret)
		*ret = seen;
	return status;
}

/* ---- what is there */

struct text {
	size_t n;
	char s[1 << 16];
};

static __attribute__((format(printf, 2, 3))) void say(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	if (t->n >= sizeof(t->s))
		errx(2, "too much is there to compare");
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool holds_entries(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LPM_TRIE || type == BPF_MAP_TYPE_LRU_HASH;
}

/* Entries of a hash: what a pod has brought, it takes along. The rest of the maps is arrays. */
static void see_map(struct text *t, const char *path)
{
	struct bpf_map_info info = {};
	char a[256], b[256];
	unsigned int len = sizeof(info), entries = 0;
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && holds_entries(info.type) && info.key_size <= sizeof(a)) {
		for (bool more = !bpf_map_get_next_key(fd, NULL, a); more; entries++) {
			more = !bpf_map_get_next_key(fd, a, b);
			memcpy(a, b, sizeof(a));
		}
		say(t, "%s has %u entries\n", path, entries);
	}
	close(fd);
}

static void see_dir(struct text *t, const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, is_name, compare_names);

	for (int i = 0; i < n; i++) {
		char name[512];

		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		say(t, "%s\n", name);
		if (list[i]->d_type == DT_DIR)
			see_dir(t, name);
		else if (strstr(path, "/bpf/"))
			see_map(t, name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* Kernel state of the slots given out last and nobody's now. */
static void see_slots(struct text *t)
{
	static struct fw_slot slot;
	struct fw_control control;
	int slots = -1, fd = open(STATE "/last-slot", O_RDONLY), node = bpf_obj_get(FW_PIN_CONTROL);
	uint16_t last = 0;
	DIR *d = opendir(FW_PIN_ROOT);
	char path[512];

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), FW_PIN_ROOT "/%s/slots", e->d_name);
		if (e->d_name[0] != '.' && slots < 0)
			slots = bpf_obj_get(path);
	}
	if (fd >= 0 && read(fd, &last, sizeof(last)) != sizeof(last))
		last = 0;
	for (uint32_t i = last > 3 ? last - 2 : 1; i <= last; i++) {
		snprintf(path, sizeof(path), STATE "/slots/%u", i);
		if (!access(path, F_OK))
			continue;
		if (slots >= 0 && !bpf_map_lookup_elem(slots, &i, &slot) && (slot.rules[0] || slot.rules[1]))
			say(t, "slot %u has rules\n", i);
		if (node >= 0 && !bpf_map_lookup_elem(node, &i, &control) && (control.aborted || control.disarmed))
			say(t, "slot %u has a control word\n", i);
	}
	if (d)
		closedir(d);
	close(slots);
	close(node);
	close(fd);
}

static void see_files(struct text *t)
{
	struct stat st;

	see_dir(t, STATE "/pods");
	see_dir(t, STATE "/slots");
	see_dir(t, "/sys/fs/bpf");
	if (!stat(STATE "/tmp", &st))
		say(t, STATE "/tmp is there\n");
	if (!stat(STATE "/lock", &st) && st.st_size)
		say(t, STATE "/lock has a byte\n");
	see_slots(t);
}

struct pod {
	int rtnl, udp;
};

static struct pod pods[2];

static const struct rtattr *attribute(const struct nlmsghdr *h, size_t header, int type)
{
	int n = h->nlmsg_len - NLMSG_SPACE(header);

	for (struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(header)); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static const char *string_of(const struct nlmsghdr *h, size_t header, int type)
{
	const struct rtattr *a = attribute(h, header, type);

	return a ? RTA_DATA(a) : "";
}

static void see_message(struct text *t, const struct nlmsghdr *h)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct tcmsg *tc = NLMSG_DATA(h);
	const struct rtattr *segs;

	if (h->nlmsg_type == RTM_NEWLINK) {
		segs = attribute(h, sizeof(*link), IFLA_GSO_MAX_SEGS);
		say(t, "link %s flags %x qdisc %s gso_max_segs %u\n", string_of(h, sizeof(*link), IFLA_IFNAME), link->ifi_flags,
		    string_of(h, sizeof(*link), IFLA_QDISC), segs ? *(const uint32_t *)RTA_DATA(segs) : 0);
	} else {
		say(t, "%s on %d: parent %x handle %x info %x kind %s\n", h->nlmsg_type == RTM_NEWQDISC ? "qdisc" : "filter",
		    tc->tcm_ifindex, tc->tcm_parent, tc->tcm_handle, tc->tcm_info, string_of(h, sizeof(*tc), TCA_KIND));
	}
}

static void dump(struct text *t, int fd, int type, const void *header, size_t n)
{
	static char buf[1 << 16];
	struct nlmsghdr *h = (void *)buf;
	bool more = true;

	memset(buf, 0, NLMSG_SPACE(n));
	*h = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(n), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP };
	memcpy(NLMSG_DATA(h), header, n);
	if (send(fd, buf, h->nlmsg_len, 0) < 0)
		err(2, "netlink");
	while (more) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);

		if (got < 0)
			err(2, "netlink");
		for (h = (void *)buf; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			more &= h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR;
			if (h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_NEWQDISC || h->nlmsg_type == RTM_NEWTFILTER)
				see_message(t, h);
		}
	}
}

static void see_pod(struct text *t, const struct pod *pod)
{
	struct ethtool_value tx = { .cmd = ETHTOOL_GTXCSUM };
	struct ifreq request = { .ifr_name = "eth0", .ifr_data = (void *)&tx };
	struct ifinfomsg link = {};
	struct tcmsg tc = {};

	dump(t, pod->rtnl, RTM_GETLINK, &link, sizeof(link));
	dump(t, pod->rtnl, RTM_GETQDISC, &tc, sizeof(tc));
	if (ioctl(pod->udp, SIOCGIFINDEX, &request))
		err(2, "eth0");
	tc.tcm_ifindex = request.ifr_ifindex;
	for (int i = 0; i < 2; i++) {
		tc.tcm_parent = TC_H_MAKE(TC_H_CLSACT, i ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
		dump(t, pod->rtnl, RTM_GETTFILTER, &tc, sizeof(tc));
	}
	request.ifr_data = (void *)&tx;
	if (ioctl(pod->udp, SIOCETHTOOL, &request))
		err(2, "ethtool");
	say(t, "transmit checksums %u\n", tx.data);
}

static void see(struct text *t, bool pod)
{
	t->n = 0;
	t->s[0] = '\0';
	see_files(t);
	if (pod)
		see_pod(t, &pods[VICTIM]);
}

/* ---- packets */

static struct sockaddr_in address_of(int i)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	if (inet_pton(AF_INET, addresses[i], &a.sin_addr) != 1)
		errx(2, "'%s' is no address", addresses[i]);
	return a;
}

/* Sockets inside a pod's namespace, in which we are not otherwise. */
static void pod_open(int i)
{
	static const char *const paths[] = { "/run/netns/victim", "/run/netns/peer" };
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), ns = open(paths[i], O_RDONLY | O_CLOEXEC);
	struct sockaddr_in a = address_of(i);

	if (own < 0 || ns < 0 || setns(ns, CLONE_NEWNET))
		err(2, "%s", paths[i]);
	pods[i].rtnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	pods[i].udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (pods[i].rtnl < 0 || pods[i].udp < 0 || bind(pods[i].udp, (struct sockaddr *)&a, sizeof(a)) || setns(own, CLONE_NEWNET))
		err(2, "%s", paths[i]);
	close(own);
	close(ns);
}

/* A packet of now reaches the other side. */
static bool passes(int from)
{
	struct sockaddr_in to = address_of(!from);
	struct pollfd p = { .fd = pods[!from].udp, .events = POLLIN };
	static uint32_t number;
	uint32_t got = 0;

	number++;
	if (sendto(pods[from].udp, &number, sizeof(number), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return false;
	while (got != number && poll(&p, 1, 2000) > 0)
		if (recv(p.fd, &got, sizeof(got), 0) < 0)
			return false;
	return got == number;
}

/* ---- what comes afterwards */

static void must(const char *verb, const char *pod, const char *input)
{
	int status = run(verb, pod, input, 0, NULL);

	if (status)
		printf("# killed at %u: %s of %s ends with status %x\n", killed_at, verb, pod, status);
}

static void after_del(void)
{
	must("DEL", "victim", "victim");
}

static void after_gc(void)
{
	must("GC", "", "gc");
}

static void after_again(void)
{
	must("ADD", "victim", "victim");
	must("DEL", "victim", "victim");
}

static void after_next(void)
{
	must("ADD", "other", "other");
	must("DEL", "other", "other");
	if (!access(STATE "/pods/victim@eth0.json", F_OK))
		must("DEL", "victim", "victim");
}

static void after_dies(void)
{
	umount2("/run/netns/victim", MNT_DETACH);
	unlink("/run/netns/victim");
	unlink(STATE "/last-sweep"); /* it is due */
	must("ADD", "other", "other");
	must("DEL", "other", "other");
}

static void after_turns(void)
{
	(killed_at % 2 ? after_gc : after_next)();
}

static const struct after {
	const char *name;
	void (*run)(void);
	bool dies;
} afters[] = {
	{ "del", after_del, false },   { "gc", after_gc, false },    { "again", after_again, false },
	{ "next", after_next, false }, { "dies", after_dies, true }, { "turns", after_turns, false },
};

/* Lines of a that b does not have. */
static void only_in(const char *what, const struct text *a, const struct text *b)
{
	char line[1024];
	size_t n;

	for (const char *s = a->s; *s; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		snprintf(line, sizeof(line), "%.*s\n", (int)n, s);
		if (!strstr(b->s, line))
			printf("#   %s: %s", what, line);
	}
}

/* Whether everything is as before; what the kernel does a moment later gets a moment. */
static bool as_before(const struct text *before, bool pod)
{
	static struct text now;

	for (int i = 0; i < 100; i++) {
		see(&now, pod);
		if (!strcmp(now.s, before->s))
			return true;
		usleep(10000);
	}
	only_in("left", &now, before);
	only_in("missing", before, &now);
	return false;
}

static bool objects_gone(void)
{
	bool ok = true;

	for (size_t i = 0; i < n_ids; i++) {
		int fd = -1;

		for (int k = 0; k < 500; k++) {
			fd = ids[i].prog ? bpf_prog_get_fd_by_id(ids[i].id) : bpf_map_get_fd_by_id(ids[i].id);
			if (fd < 0)
				break;
			close(fd);
			usleep(10000);
		}
		if (fd < 0)
			continue;
		printf("#   killed at %u: %s %u is still there\n", ids[i].n, ids[i].prog ? "program" : "map", ids[i].id);
		ok = false;
	}
	return ok;
}

static void renew(void)
{
	char command[300];

	snprintf(command, sizeof(command), "sh %s/renew", dir);
	if (system(command))
		errx(2, "%s failed", command);
}

/* One n; false once the verb gets through. */
static bool step(const char *verb, const struct after *after, const struct text *before, unsigned int *failures, struct seen *ret)
{
	bool add = !strcmp(verb, "ADD"), ended, ok = true;

	if (!add)
		must("ADD", "victim", "victim");
	ended = run(verb, "victim", "victim", killed_at, ret) == 0;
	if (!after->dies) {
		usleep(1500);
		if (!passes(VICTIM) || !passes(PEER)) {
			printf("#   killed at %u: packets do not pass although no window is open\n", killed_at);
			ok = false;
		}
	}
	after->run();
	ok = as_before(before, !after->dies) && ok;
	if (after->dies)
		renew();
	if (!ok) {
		printf("# %s killed at call %u (number %lu), then %s\n", verb, killed_at, (unsigned long)ret->last.nr, after->name);
		(*failures)++;
	}
	return !ended;
}

static const struct after *after_find(const char *name)
{
	for (size_t i = 0; i < sizeof(afters) / sizeof(afters[0]); i++)
		if (!strcmp(afters[i].name, name))
			return &afters[i];
	errx(2, "no '%s'", name);
}

int main(int argc, char **argv)
{
	static struct text before;
	const struct after *after;
	unsigned int failures = 0, begin, end;
	struct seen seen = {};

	if (argc != 7 && argc != 8)
		errx(2, "usage: killat PLUGIN DIR ADD|DEL del|gc|again|next|dies|turns VICTIM-ADDRESS PEER-ADDRESS [CALL]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	plugin = argv[1];
	dir = argv[2];
	after = after_find(argv[4]);
	addresses[VICTIM] = argv[5];
	addresses[PEER] = argv[6];
	if (!after->dies) {
		pod_open(VICTIM);
		pod_open(PEER);
	}
	see(&before, !after->dies);
	begin_nr = argc == 8 ? strtoul(argv[7], NULL, 0) : UINT64_MAX;
	killed_at = 0; /* lets it through */
	step(argv[3], after, &before, &failures, &seen);
	killed_at = seen.begin ? seen.begin : 1;
	begin = killed_at;
	end = argc == 8 && seen.pinned ? seen.pinned + 1 : UINT_MAX;
	while (killed_at <= end && failures < FAILURES_MAX && step(argv[3], after, &before, &failures, &seen))
		killed_at++;
	if (!objects_gone())
		failures++;
	printf("# %s killed at its calls %u to %u, then %s each time\n", argv[3], begin, killed_at - 1, after->name);
	return failures != 0;
}
