/* SPDX-License-Identifier: MIT
 *
 * The socket between hipproxyd and hipproxy-gate (see gatesock.h).
 */
#include "io/gatesock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/account.h"

#define BUFFER	     (1 << 20) /* for the lists of a large configuration */

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static int namespace_number(uint64_t *out)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	socklen_t len = sizeof(*out);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, out, &len)) {
		if (stat("/proc/self/ns/net", &st))
			err = -errno;
		else
			*out = st.st_ino;
	}
	close(fd);
	return err;
}

int hp_gatesock_path(const char *ending, char out[HP_GATE_PATH_MAX])
{
	uint64_t number;
	int err = namespace_number(&number);

	if (err)
		return err;
	if (snprintf(out, HP_GATE_PATH_MAX, "%s/%llu%s", HP_GATE_RUN_DIR,
		     (unsigned long long)number, ending) >= HP_GATE_PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

static int address(const char *path, struct sockaddr_un *out)
{
	if (strlen(path) >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, path, strlen(path));
	return 0;
}

static int open_socket(int flags)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0), size = BUFFER;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

/* ---- both ends */

int hp_gatesock_listen(const char *path, struct hp_io_err *e)
{
	struct sockaddr_un sun;
	uid_t uid;
	gid_t gid;
	int fd = -1, err = address(path, &sun);

	if (!err && mkdir(HP_GATE_RUN_DIR, 0755) && errno != EEXIST)
		err = -errno;
	if (!err) {
		fd = open_socket(SOCK_NONBLOCK);
		err = fd < 0 ? fd : 0;
	}
	/* The caller is the only one (single.h): what is there was left behind. */
	if (!err && unlink(path) && errno != ENOENT)
		err = -errno;
	if (!err && bind(fd, (struct sockaddr *)&sun, sizeof(sun)))
		err = -errno;
	if (!err && hp_account_user(HP_SERVICE_ACCOUNT, &uid, &gid) &&
	    chown(path, (uid_t)-1, gid))
		err = -errno;
	if (!err && (chmod(path, 0660) || listen(fd, 8)))
		err = -errno;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return hp_io_fail(e, err, "%s: %s", path, strerror(-err));
}

static int peer_of(int fd, struct ucred *out)
{
	socklen_t len = sizeof(*out);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out, &len) ? -errno : 0;
}

int hp_gatesock_accept(int listener, uid_t *uid, pid_t *pid)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), err;
	struct ucred peer;
	uid_t user;
	gid_t group;

	if (fd < 0)
		return -errno;
	err = peer_of(fd, &peer);
	if (!err && peer.uid &&
	    (!hp_account_user(HP_SERVICE_ACCOUNT, &user, &group) || peer.uid != user))
		err = -EACCES;
	if (err) {
		close(fd);
		return err;
	}
	*uid = peer.uid;
	*pid = peer.pid;
	return fd;
}

int hp_gatesock_connect(const char *path)
{
	struct sockaddr_un sun;
	struct ucred peer;
	int fd = open_socket(SOCK_NONBLOCK), err = fd < 0 ? fd : address(path, &sun);

	if (!err && connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		err = -errno;
	if (!err)
		err = peer_of(fd, &peer);
	if (!err && peer.uid)
		err = -EACCES;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

/* ---- messages */

union control {
	struct cmsghdr h;
	char room[CMSG_SPACE(sizeof(int))];
};

int hp_gatesock_send(int sock, const struct hp_gate_msg *m, int fd)
{
	uint8_t octets[HP_GATE_MSG_MAX];
	union control control = { .room = { 0 } };
	int len = hp_gate_msg_build(m, octets, sizeof(octets));
	struct iovec iov = { octets, len < 0 ? 0 : (size_t)len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (len < 0)
		return len;
	if (fd >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The kernel closes those for which there is no room. */
static int descriptor_of(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)) && fd < 0)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int hp_gatesock_recv(int sock, struct hp_gate_msg *m, int *fd)
{
	uint8_t octets[HP_GATE_MSG_MAX];
	union control control;
	struct iovec iov = { octets, sizeof(octets) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int err;

	*fd = -1;
	if (n < 0)
		return -errno;
	*fd = descriptor_of(&msg);
	if (!n)
		err = -ECONNRESET;
	else
		err = msg.msg_flags & MSG_TRUNC ? -EBADMSG :
		      hp_gate_msg_parse(octets, (size_t)n, m);
	if (err && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return err;
}

int hp_gatesock_wait(int sock, int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n < 0 ? -errno : -ETIMEDOUT;
}
