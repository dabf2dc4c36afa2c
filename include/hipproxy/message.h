/* SPDX-License-Identifier: MIT
 *
 * HIP control messages, for hooks in the CTL stages (RFC 7401, section 5).
 *
 * There a packet's data begins with the HIP header and is read only; dst is the address of the
 * peer, zero if the message is made for anybody (R1) or the path is not known yet; assoc is the
 * association, NULL if there is none.
 *
 *	CTL_RX     has been parsed, nothing of it is authentic: a hook may drop it
 *	CTL_AUTH   MAC and signature, as its type has them, are right: a hook may drop it
 *	CTL_BUILD  is going to be built, and has its header only: a hook may add parameters
 *	CTL_OUTER  is complete and about to be sent: a hook may drop it
 */
#ifndef HIPPROXY_MESSAGE_H
#define HIPPROXY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

struct hp_instance;

/* Packet types (RFC 7401, section 5.3). */
enum {
	HP_MESSAGE_I1 = 1,
	HP_MESSAGE_R1 = 2,
	HP_MESSAGE_I2 = 3,
	HP_MESSAGE_R2 = 4,
	HP_MESSAGE_UPDATE = 16,
	HP_MESSAGE_NOTIFY = 17,
	HP_MESSAGE_CLOSE = 18,
	HP_MESSAGE_CLOSE_ACK = 19,
};

/* The type; 0 if p has no whole HIP header. */
uint8_t hp_message_type(const struct hp_packet *p);
/* The contents (without type and length) of the nth (0: first) parameter of this type, and their
 * length in octets.  NULL: there is none, or the message is malformed. */
const uint8_t *hp_message_param(const struct hp_packet *p, uint16_t type, size_t nth,
				size_t *len);

#define HP_MESSAGE_PARAM_MAX 512u /* octets of contents that one plugin may add to a message */

/* From a hook in CTL_BUILD: the message gets this parameter, in its place by number (RFC 7401,
 * section 5.2.1: ascending), covered by MAC and signature if the message has them.  Contents are
 * copied.  R1s are signed in advance for all peers: a hook is called when they are made.
 * Keepalives (RFC 5770) are not shown.  Permitted numbers are
 * 32768..49151, for private use (RFC 7401, section 5.2; even: peers that do not know it skip it,
 * odd: they refuse the message), and those of hp_plugin.params.  0; -EINVAL the number is not
 * permitted; -EEXIST added already; -EMSGSIZE more than HP_MESSAGE_PARAM_MAX octets from this plugin; -ENOBUFS
 * more than HP_MESSAGE_PARAMS from all, or than fit into the message; -EOPNOTSUPP not inside a CTL_BUILD hook. */
#define HP_MESSAGE_PARAMS 8u
int hp_message_add(struct hp_instance *self, uint16_t type, const void *contents, size_t len);

#endif
