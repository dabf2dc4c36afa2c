/* SPDX-License-Identifier: MIT
 *
 * The packet filter rules that bring packets to destinations of which nothing is known yet to us:
 * for discovery.  What is known is led by routing (gate/gate.h) and passes these rules.
 *
 * nft: a table "inet hipproxy".  iptables: in table security the chains HIPPROXY (one jump
 * at the head of FORWARD) and HIPPROXY-QUEUE, in table mangle HIPPROXY-BEGUN (one jump at the head of PREROUTING),
 * HIPPROXY-OUT (one jump in OUTPUT) and HIPPROXY-MARK (one jump in POSTROUTING), in table raw the
 * chain HIPPROXY (one jump at the head of PREROUTING), for IPv4 and IPv6.  Jumps say which packets
 * they are for: every packet that the machine forwards pays for each rule it is compared with.
 * Nothing else is touched.  Capture is in FORWARD: the kernel has routed the packet and
 * lowered its TTL, and table filter has let it pass.
 *
 * Never captured: what comes from or goes to the TUN device, connections whose connection mark has
 * the mark (an accepted packet with that mark puts it there), our own marked packets, hosts that
 * speak HIP themselves, groups and broadcast.  A port or a protocol exempts nothing.
 * The mark of a connection is given to its packets before they are routed.
 * Packets from the TUN device get tun_mark; with fwmark_reflect (set at installing) so do ICMP
 * errors the kernel makes about them, which are captured too: what they quote came out of ESP and
 * must not leave in the clear.
 */
#ifndef HP_IO_RULES_H
#define HP_IO_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "io/err.h"

enum hp_rules_backend { HP_RULES_AUTO, HP_RULES_IPTABLES, HP_RULES_NFT };

struct hp_rules_cfg {
	enum hp_rules_backend backend;
	uint16_t queue;	     /* TCP; queue + 1: the rest */
	uint32_t mark, mask; /* mark within mask, neither 0 */
	uint32_t tun_mark;   /* of packets from the TUN device; one bit or more outside mask */
	bool fail_open;	     /* no daemon: packets pass instead of being dropped */
	const char *tun;     /* "hip0" */
	const char *const *interfaces; /* only what came in here; none: everywhere */
	size_t n_interfaces;
	const struct hp_prefix *networks; /* only from these sources; none: all */
	size_t n_networks;
	const struct hp_prefix *hip_hosts; /* never from or to these */
	size_t n_hip_hosts;
};

/* Replaces rules of ours that are there already, whichever backend made them.  Each
 * family changes in one step.  0 and *used (may be NULL), or -errno with a sentence in
 * err; then none of our rules are left. */
int hp_rules_install(const struct hp_rules_cfg *cfg, enum hp_rules_backend *used,
		     struct hp_io_err *err);
/* Sets the sysctls by which marks of packets count for reverse look-ups and for replies. */
void hp_rules_marks_count(void);
/* Removes our rules of every backend, also those a dead daemon left behind; having none
 * is no error.  0, or -errno with a sentence in err. */
int hp_rules_cleanup(struct hp_io_err *err);
const char *
hp_rules_backend_name(enum hp_rules_backend b); /* "auto", "iptables", "nft" */

/* Packets from these sources that come from the TUN device leave with the address of the interface
 * they leave by (nft: table "inet hipproxy_nat"; iptables: chain HIPPROXY-NAT in table nat).
 * Replaces what was there; hp_rules_cleanup takes it away, and so it has to be called after
 * hp_rules_install and hp_rules_cleanup.  0, or -errno with a sentence in err. */
int hp_rules_masquerade(const char *tun, const struct hp_prefix *from, size_t n,
			struct hp_io_err *err);

/* The text given to nft -f. */
char *hp_rules_nft_text(const struct hp_rules_cfg *cfg);
/* The text given to iptables-restore --noflush for family 4 or 6.  saved: what
 * iptables-save printed, where jumps and chains of ours may be left over; cfg NULL: only
 * removes those, and the text is "" if there are none.  Both malloc'ed, NULL when memory
 * is out. */
char *hp_rules_iptables_text(const struct hp_rules_cfg *cfg, int family,
			     const char *saved);
/* The same for masquerading; "" if no prefix is of the family. */
char *hp_rules_nft_nat_text(const char *tun, const struct hp_prefix *from, size_t n);
char *hp_rules_iptables_nat_text(const char *tun, const struct hp_prefix *from, size_t n,
				 int family, const char *saved);

#endif
