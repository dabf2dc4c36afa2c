/* SPDX-License-Identifier: MIT
 *
 * Where messages of a path are sent, for sendmsg: addresses and control messages.
 */
#ifndef HP_IO_TARGET_H
#define HP_IO_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <hipproxy/assoc.h>

/* Source address, traffic class, hop limit, and one option of the sender's. */
#define HP_TARGET_CTRL (CMSG_SPACE(sizeof(struct in6_pktinfo)) + 3 * CMSG_SPACE(sizeof(int)))

/* Shared by all messages of one call. */
struct hp_target {
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	bool v4;
	size_t ctrl_len;
	_Alignas(struct cmsghdr) uint8_t ctrl[HP_TARGET_CTRL];
};

/* From path->src (zero: the kernel chooses) to path->dst and its port.  tos, ttl: 0: the kernel's.
 * 0, or -EINVAL: the addresses are of different families. */
int hp_target_init(struct hp_target *t, const struct hp_path *path, uint8_t tos, uint8_t ttl);
/* One more control message.  To remove it, restore ctrl_len. */
void hp_target_ctrl(struct hp_target *t, int level, int type, const void *data, size_t len);
/* A message of n pieces; t and iov must outlive it. */
struct msghdr hp_target_message(struct hp_target *t, struct iovec *iov, size_t n);

/* Does this errno value of sendmsg mean that a queue is full? */
bool hp_target_full(int err);

#endif
