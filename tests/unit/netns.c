/* SPDX-License-Identifier: MIT
 *
 * Network namespaces for tests (see netns.h).
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool netns_available(void)
{
	if (geteuid()) {
		printf("skipped: must be root for network namespaces\n");
		return false;
	}
	if (system("ip -V >/dev/null 2>&1") || system("iptables -V >/dev/null 2>&1")) {
		printf("skipped: ip and iptables are needed\n");
		return false;
	}
	if (unshare(CLONE_NEWNET)) {
		printf("skipped: no network namespace: %s\n", strerror(errno));
		return false;
	}
	return true;
}

int netns_new(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		abort();
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	/* Neighbour discovery works at once only without duplicate address detection. */
	if (fd < 0 ||
	    !netns_sh("ip link set lo up && cd /proc/sys/net/ipv6/conf && "
		      "echo 0 >default/accept_dad && echo 0 >default/dad_transmits"))
		abort();
	return fd;
}

void netns_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET))
		abort();
}

bool netns_sh(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	r = system(command);
	if (r)
		printf("failed: %s\n", command);
	return !r;
}

char *netns_output(const char *command)
{
	FILE *f = popen(command, "r");
	size_t cap = 1 << 20, n = 0;
	char *text = calloc(1, cap);

	if (f && text)
		n = fread(text, 1, cap - 1, f);
	if (text)
		text[n] = '\0';
	if (f)
		pclose(f);
	return text;
}

static bool address(const char *dev, const char *a4, const char *a6)
{
	return netns_sh("ip addr add %s dev %s && ip addr add %s dev %s nodad && "
			"ip link set %s up",
			a4, dev, a6, dev, dev);
}

/* Until the kernel has noticed that both ends are up, first packets may be lost. */
static bool carries(const char *dev)
{
	return netns_sh("for i in $(seq 100); do ip -o link show %s | grep -q 'state UP' && exit; "
			"sleep 0.02; done; exit 1", dev);
}

bool netns_link(int ns_a, const char *dev_a, const char *addr4_a, const char *addr6_a,
		int ns_b, const char *dev_b, const char *addr4_b, const char *addr6_b)
{
	bool ok;

	netns_enter(ns_a);
	ok = netns_sh("ip link add %s type veth peer name %s netns /proc/%d/fd/%d", dev_a,
		      dev_b, (int)getpid(), ns_b) &&
	     address(dev_a, addr4_a, addr6_a);
	netns_enter(ns_b);
	ok = ok && address(dev_b, addr4_b, addr6_b) && carries(dev_b);
	netns_enter(ns_a);
	ok = ok && carries(dev_a);
	netns_enter(ns_b);
	return ok;
}
