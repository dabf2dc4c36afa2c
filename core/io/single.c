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

int hp_single_take(const char *program, struct hp_io_err *e)
{
	/* Abstract names (the first octet is 0) belong to the network namespace and leave no file. */
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	size_t len = strlen(program);

	if (fd < 0)
		return hp_io_fail(e, -errno, "a local socket: %s", strerror(errno));
	if (len >= sizeof(sun.sun_path) - 1)
		len = sizeof(sun.sun_path) - 1;
	memcpy(sun.sun_path + 1, program, len);
	if (!bind(fd, (struct sockaddr *)&sun,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)))
		return fd;
	err = errno == EADDRINUSE ? -EBUSY : -errno;
	close(fd);
	if (err == -EBUSY)
		return hp_io_fail(e, err, "another %s runs in this network namespace", program);
	return hp_io_fail(e, err, "a local socket: %s", strerror(-err));
}
