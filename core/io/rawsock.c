/* SPDX-License-Identifier: MIT
 *
 * The raw sockets themselves: options and filters (see raw.h).
 */
#include "io/raw_internal.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <unistd.h>

#include "wire/ip.h"

#define RCVBUF (32 << 20)
#define SNDBUF (8 << 20)

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static void buffer_sizes(int fd)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF))
		set_int(fd, SOL_SOCKET, SO_RCVBUF, RCVBUF);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SNDBUF))
		set_int(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF);
}

/* What the kernel does with what is too long; the numbers are the same for IPv6.  Only HIP messages
 * go by the path MTU that the kernel has heard of: anybody can change that. */
enum {
	WHOLE = IP_PMTUDISC_PROBE,  /* refuses what the link can't carry */
	CUT = IP_PMTUDISC_OMIT,     /* fragments as the link requires */
	CUT_MORE = IP_PMTUDISC_DONT /* fragments as the path requires */
};

static int discover(int fd, int family, int how)
{
	return family == AF_INET ? set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, how) :
				   set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, how);
}

/* IPv4 gives the whole header; IPv6 gives none, so what we want of it must be asked for.
 */
static int header_fields(int fd, int family)
{
	int err;

	if (family == AF_INET)
		return 0;
	err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	return err;
}

/* A socket that only sends gets nothing: a filter that lets no packet through, and
 * whatever came before it was in place is read. */
static int deafen(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = {.len = 1, .filter = &none};
	char byte;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		return -errno;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
		;
	return 0;
}

static int socket_open(const struct raw_family *f, int proto, int how, int *out)
{
	int fd = socket(f->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	int err = fd < 0 ? -errno : 0;

	if (!err && f->raw->mark)
		err = set_int(fd, SOL_SOCKET, SO_MARK, (int)f->raw->mark);
	if (!err)
		err = discover(fd, f->family, how);
	if (!err)
		err = header_fields(fd, f->family);
	if (!err)
		buffer_sizes(fd);
	*out = fd;
	return err;
}

/* Its buffer is the system's default: a flood of errors is lost, not kept. */
static int icmp_open(struct raw_family *f)
{
	bool v4 = f->family == AF_INET;
	int fd = socket(f->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	int err = fd < 0 ? -errno : raw_icmp_filter(fd, f->family);

	if (!err && f->raw->mark)
		err = set_int(fd, SOL_SOCKET, SO_MARK, (int)f->raw->mark);
	if (!err)
		err = header_fields(fd, f->family);
	f->icmp = fd;
	return err;
}

int raw_sockets_open(struct raw_family *f, struct hp_io_err *e)
{
	const char *ip = f->family == AF_INET ? "IPv4" : "IPv6";
	int err;

	err = socket_open(f, HP_PROTO_HIP, CUT_MORE, &f->hip);
	if (!err)
		err = f->family == AF_INET ? set_int(f->hip, IPPROTO_IP, IP_RECVERR, 1) :
					     set_int(f->hip, IPPROTO_IPV6, IPV6_RECVERR, 1);
	if (!err)
		err = socket_open(f, HP_PROTO_ESP, WHOLE, &f->esp_df);
	if (!err)
		err = socket_open(f, HP_PROTO_ESP, CUT, &f->esp_frag);
	if (!err)
		err = deafen(f->esp_frag);
	if (!err)
		err = icmp_open(f);
	if (!err && f->family == AF_INET6)
		err = socket_open(f, IPPROTO_RAW, WHOLE, &f->whole);
	if (!err && f->family == AF_INET6)
		err = deafen(f->whole);
	if (err == -EPERM)
		return hp_io_fail(e, err,
				  "raw %s sockets: CAP_NET_RAW and CAP_NET_ADMIN are "
				  "needed",
				  ip);
	if (err)
		return hp_io_fail(e, err, "raw %s sockets: %s", ip, strerror(-err));
	return 0;
}

void raw_sockets_close(struct raw_family *f)
{
	int *fds[] = {&f->hip, &f->esp_df, &f->esp_frag, &f->icmp, &f->whole};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
