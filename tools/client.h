/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl's end of the control socket: one JSON object a line, each way.
 */
#ifndef HP_TOOLS_CLIENT_H
#define HP_TOOLS_CLIENT_H

#include <stddef.h>

#include <jansson.h>

/* A reply longer than this is refused. */
#define HP_CLIENT_REPLY_MAX ((size_t)256 << 20)

struct hp_client {
	int fd;
	char *buf; /* received, not yet handed out */
	size_t len, cap;
};

/* 0, or -errno (-ENOENT, -ECONNREFUSED: no daemon; -EACCES; -ENAMETOOLONG). */
int hp_client_open(struct hp_client *c, const char *socket_path);
void hp_client_close(struct hp_client *c);
/* Seconds to wait for each part of a reply; 0: for ever. */
void hp_client_timeout(struct hp_client *c, int seconds);
/* Sends the request, which stays the caller's.  0 or -errno. */
int hp_client_send(struct hp_client *c, const json_t *request);
/* One line, parsed; the caller owns *reply.  0; -EAGAIN time is out; -ECONNRESET the
 * daemon has hung up; -EBADMSG not a JSON object; -EMSGSIZE; -ENOMEM; -errno. */
int hp_client_recv(struct hp_client *c, json_t **reply);

#endif
