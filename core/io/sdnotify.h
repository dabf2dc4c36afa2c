/* SPDX-License-Identifier: MIT
 *
 * Messages to the service manager that started the daemon (systemd's sd_notify(3)).
 *
 * The protocol is one datagram of "NAME=value" lines to the Unix socket that the environment
 * variable NOTIFY_SOCKET names.  It is spoken here, not by libsystemd: the protocol is stable and
 * documented for that, and machines without systemd need no library for it.  Without the
 * variable nothing is sent.
 */
#ifndef HP_IO_SDNOTIFY_H
#define HP_IO_SDNOTIFY_H

#include <stdint.h>
#include <sys/un.h>

struct hp_sdnotify {
	struct sockaddr_un to;
	unsigned int to_len;  /* octets of to; 0: there is no service manager */
	int fd;               /* -1: none */
	uint64_t watchdog_us; /* the manager wants WATCHDOG=1 within this time; 0: it does not */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment, so
 * that programs started later do not speak for this one.  0; or -EINVAL when NOTIFY_SOCKET is
 * neither an absolute path nor an abstract name ("@..."), -ENAMETOOLONG when it is too long,
 * or -errno of socket: then nothing will be sent. */
int hp_sdnotify_init(struct hp_sdnotify *n);
void hp_sdnotify_fini(struct hp_sdnotify *n);

/* One message: lines "NAME=value" separated by newlines.  Never waits.  0, also without a service
 * manager; or -errno: -EMSGSIZE when the text is too long, -ENOENT or -ECONNREFUSED when the
 * manager is gone. */
int hp_sdnotify_send(const struct hp_sdnotify *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
