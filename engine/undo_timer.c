// SPDX-License-Identifier: GPL-2.0-only
/*
 * systemd's part in putting back: a timer of PID 1's, which no kill of ours reaches. See undo.h.
 */
#include "engine/undo.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/util.h"

#define GRACE_NS (2 * NSEC_PER_SEC) /* the supervisor comes first, where it lives */
#define PATIENCE_MS 3000

static bool is_systemd(void)
{
	return !access("/run/systemd/system", F_OK);
}

static char *unit_of(const char *container)
{
	return util_printf("faultwire-undo-%016llx", (unsigned long long)util_fnv64(UTIL_FNV_SEED, container, strlen(container)));
}

static void run(char *const *argv)
{
	pid_t child = fork();
	struct pollfd fd = { .fd = -1, .events = POLLIN };
	sigset_t none;

	if (child == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (child < 0)
		return;
	fd.fd = (int)syscall(SYS_pidfd_open, child, 0);
	if (poll(&fd, 1, PATIENCE_MS) <= 0)
		kill(child, SIGKILL);
	util_closep(&fd.fd);
	waitpid(child, NULL, 0);
}

void undo_arm(const char *container, uint64_t in_ns)
{
	_cleanup_free_ char *unit = NULL, *unit_option = NULL, *when = NULL;
	char self[PATH_MAX];
	ssize_t n;

	if (!is_systemd())
		return;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return;
	self[n] = '\0';
	undo_disarm(container);
	unit = unit_of(container);
	unit_option = util_printf("--unit=%s", unit);
	when = util_printf("--on-active=%llums", (unsigned long long)((in_ns + GRACE_NS) / NSEC_PER_MSEC));
	run((char *const[]){ "systemd-run", "--quiet", "--collect", unit_option, when, "--timer-property=AccuracySec=100ms", self,
			     "undo", (char *)container, NULL });
}

void undo_disarm(const char *container)
{
	_cleanup_free_ char *unit = NULL, *timer = NULL;

	if (!is_systemd())
		return;
	unit = unit_of(container);
	timer = util_printf("%s.timer", unit);
	run((char *const[]){ "systemctl", "--quiet", "stop", timer, NULL });
}
