/* SPDX-License-Identifier: MIT
 *
 * The socket between hipproxyd and hipproxy-gate: messages (gate/message.h) and descriptors.
 *
 * It is a SOCK_SEQPACKET socket of a network namespace: HP_GATE_RUN_DIR/N.sock, where N is the
 * namespace's cookie (Linux 5.14), which no other one has until the next boot, or the number of its
 * inode.
 */
#ifndef HP_IO_GATESOCK_H
#define HP_IO_GATESOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "gate/message.h"
#include "io/err.h"

#define HP_GATE_PATH_MAX 108

/* ending: ".sock" and such.  0, or -errno. */
int hp_gatesock_path(const char *ending, char out[HP_GATE_PATH_MAX]);

/* For hipproxy-gate: makes the folder and listens there; a socket that nobody listens at any more is
 * replaced.  Root and, if there is one, the user hipproxy may connect.  A descriptor, or -errno with
 * a sentence. */
int hp_gatesock_listen(const char *path, struct hp_io_err *err);
/* A connection and who made it; only root and the user hipproxy are let in.  A descriptor, -EAGAIN:
 * there is none, -EACCES: it was somebody else, or another -errno. */
int hp_gatesock_accept(int listener, uid_t *uid, pid_t *pid);
/* To hipproxy-gate, which must run as root.  A descriptor, or -errno: -ENOENT and -ECONNREFUSED when
 * none runs, -EACCES when what listens there is no process of root. */
int hp_gatesock_connect(const char *path);

/* One message, with a descriptor unless fd is -1; never waits.  0, or -errno: -EAGAIN. */
int hp_gatesock_send(int sock, const struct hp_gate_msg *m, int fd);
/* The next message.  *fd: the caller's to close, -1: it had none.  0, -EAGAIN: there is none,
 * -EBADMSG: what came is no message, -ECONNRESET: the other end is gone, or another -errno. */
int hp_gatesock_recv(int sock, struct hp_gate_msg *m, int *fd);
/* Waits for something to be read.  0, or -ETIMEDOUT. */
int hp_gatesock_wait(int sock, int timeout_ms);

#endif
