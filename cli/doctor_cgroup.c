// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks for a load balancer in the sockets: programs on a cgroup above the pods that rewrite the address of connect() and sendto(), so that
 * a service's own address never appears on a pod's interface.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "lib/util.h"

/* The root's programs and what a pod's cgroup inherits, for both of kubelet's cgroup drivers. */
static const char *const places[] = {
	"/sys/fs/cgroup",
	"/sys/fs/cgroup/kubepods.slice",
	"/sys/fs/cgroup/kubepods",
	"/sys/fs/cgroup/unified",
};

static const enum bpf_attach_type types[] = {
	BPF_CGROUP_INET4_CONNECT,
	BPF_CGROUP_INET6_CONNECT,
	BPF_CGROUP_UDP4_SENDMSG,
	BPF_CGROUP_UDP6_SENDMSG,
};

static void prog_name(__u32 id, char *ret, size_t n)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		info.name[0] = '\0';
	snprintf(ret, n, "%s", info.name[0] ? info.name : "one without a name");
}

/* Whether a program is in force at 'place'. -errno when one cannot ask there. */
static int look_at(const char *place, __u32 *ret_id)
{
	_cleanup_close_ int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int asked = -EINVAL;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		__u32 ids[16], n = ARRAY_SIZE(ids);

		if (bpf_prog_query(fd, types[i], BPF_F_QUERY_EFFECTIVE, NULL, ids, &n))
			continue;
		if (n) {
			*ret_id = ids[0];
			return 1;
		}
		asked = 0;
	}
	return asked;
}

void doctor_socket_balancer(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	char name[BPF_OBJ_NAME_LEN + 8];
	bool asked = false;
	__u32 id = 0;

	(void)d;
	(void)check;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int r = look_at(places[i], &id);

		asked |= r >= 0;
		if (r <= 0)
			continue;
		prog_name(id, name, sizeof(name));
		doctor_say(ret, DOCTOR_WARN,
			   "'%s' on '%s' sees every connect(), as Cilium's and Calico's do that turn a service's address into a "
			   "pod's: a "
			   "ClusterIP is then on no packet of a pod, so 'cidrs' with it match nothing, and neither do 'hosts' of a "
			   "service that has one",
			   name, places[i]);
		return;
	}
	doctor_say(ret, DOCTOR_OK, "%s",
		   asked ? "none: packets to a service have its address" : "not known (no cgroup v2 at /sys/fs/cgroup)");
}
