/* SPDX-License-Identifier: GPL-2.0-only */
/* The sandbox's process: holds the pod's namespaces, reaps what is left to it, and goes when told. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
	sigset_t end;
	int sig;

	/* SIG_IGN here means that the kernel reaps our children by itself. */
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&end);
	sigaddset(&end, SIGINT);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	return sigwait(&end, &sig);
}
