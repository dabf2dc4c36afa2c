/* SPDX-License-Identifier: MIT
 *
 * A name that one process of a network namespace has (see single.h).
 */
#include "io/single.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int hp_single_take(struct hp_io_err *e)
{
	/* Abstract names (the first octet is 0) belong to the network namespace and leave no file. */
	static const char name[] = "\0hipproxyd";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return hp_io_fail(e, -errno, "a local socket: %s", strerror(errno));
	memcpy(sun.sun_path, name, sizeof(name) - 1);
	if (!bind(fd, (struct sockaddr *)&sun,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1)))
		return fd;
	err = errno == EADDRINUSE ? -EBUSY : -errno;
	close(fd);
	return hp_io_fail(e, err, "%s", err == -EBUSY ?
			  "another hipproxyd runs in this network namespace" : strerror(-err));
}
