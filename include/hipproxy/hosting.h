/* SPDX-License-Identifier: MIT
 *
 * What a plugin needs that puts legacy servers behind Host Identities of this machine: the
 * identities, and addresses by which the servers know the peers.
 */
#ifndef HIPPROXY_HOSTING_H
#define HIPPROXY_HOSTING_H

#include <stdbool.h>

#include <hipproxy/addr.h>

struct hp_instance;

/* *hit is the HIT of the configured identity called name.  Nothing changes: for a plugin's check.
 * Returns as hp_identity_claim. */
int hp_identity_lookup(struct hp_instance *self, const char *name, struct hp_addr *hit);

/* The configured identity called name is the plugin's from now on: *hit is its HIT, and it never
 * answers opportunistic I1s.  0; -ENOENT there is none of this name; -EBUSY it stands for
 * clients or for this host; -EOPNOTSUPP no such service here. */
int hp_identity_claim(struct hp_instance *self, const char *name, struct hp_addr *hit);

/* Packets to pool come to the pipeline from now on, which asks services what they are (struct
 * hp_backend_service).  0, or -errno of the kernel, -EOPNOTSUPP. */
int hp_pool_attract(struct hp_instance *self, const struct hp_prefix *pool);

/* Packets from pool leave towards servers with the address of the interface they leave by; replies
 * come back to pool.  At most 4 prefixes.  0, or -errno, logged; -EOPNOTSUPP. */
int hp_pool_masquerade(struct hp_instance *self, const struct hp_prefix *pool);

/* The kernel answers ARP or neighbour discovery for addr on the link called iface (proxy ARP,
 * RFC 1027; RFC 4861, section 7.2.8).  0, -ENODEV, -errno of the kernel, -EOPNOTSUPP. */
int hp_pool_answer(struct hp_instance *self, const char *iface, const struct hp_addr *addr);

/* Plain packets to this legacy server that begin a conversation are dropped by this machine, which
 * forwards to it, unless they come out of ESP.  To be called at start, and for all of them again at
 * each reload.  0, -ENOMEM, -EOPNOTSUPP. */
int hp_server_guard(struct hp_instance *self, const struct hp_addr *server);

#endif
