/* SPDX-License-Identifier: MIT
 *
 * Names and sentences of the reasons why a peer can't be reached (see why.h).
 */
#include "hip/why.h"

static const struct {
	const char *name, *text;
} table[HP_WHYS] = {
	[HP_WHY_NONE] = {"", ""},
	[HP_WHY_SILENT] =
		{"no-answer", "no answer: the host is down, a firewall drops HIP (IP protocol "
			      "139), its rules refuse us in silence, or it has another HIT"},
	[HP_WHY_NO_R2] =
		{"no-r2", "the exchange began, but the peer did not answer our I2: it may refuse "
			  "us in silence, or large HIP messages are lost on the way"},
	[HP_WHY_NO_HIP] =
		{"no-hip", "the host answers ICMP protocol unreachable: hipproxyd does not run "
			   "there"},
	[HP_WHY_PROHIBITED] =
		{"prohibited", "a firewall on the way rejects HIP (IP protocol 139)"},
	[HP_WHY_UNREACHABLE] =
		{"unreachable", "ICMP says that the host or its network is unreachable"},
	[HP_WHY_NO_ROUTE] = {"no-route", "this machine has no route to the peer's address"},
	[HP_WHY_POLICY] = {"denied", "the peer's access rules deny us (NOTIFY "
				     "BLOCKED_BY_POLICY)"},
	[HP_WHY_REFUSED] = {"refused", "the peer refused the exchange by a NOTIFY"},
	[HP_WHY_NO_COMMON] =
		{"nothing-common", "the peer and we accept no common algorithms: compare "
				   "hip and esp in both configurations"},
	[HP_WHY_OTHER_HIT] =
		{"other-hit", "the address has another HIT than the one that was asked for: "
			      "the HIT in the configuration is wrong"},
	[HP_WHY_OTHER_KEY] =
		{"other-key", "the address has another HIT than when it was last met: the peer "
			      "has a new key, or it is another host"},
	[HP_WHY_REVOKED] = {"revoked", "its HIT is revoked here (hipproxyctl revoke)"},
	[HP_WHY_OWN_HIT] =
		{"same-key", "the peer's HIT is our own: both ends have the same key"},
	[HP_WHY_MEMORY] = {"memory", "out of memory, or the limit of associations is reached"},
};

const char *hp_hip_why_name(enum hp_hip_why why)
{
	return why < HP_WHYS ? table[why].name : "";
}

const char *hp_hip_why_text(enum hp_hip_why why)
{
	return why < HP_WHYS ? table[why].text : "";
}
