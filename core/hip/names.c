/* SPDX-License-Identifier: MIT
 *
 * Names of the engine's states, events and counters.
 */
#include "hip/names.h"

#include "hip/hip.h"

static const char *const states[HP_ASSOC_STATES] = {
	[HP_UNASSOCIATED] = "UNASSOCIATED",
	[HP_I1_SENT] = "I1-SENT",
	[HP_I2_SENT] = "I2-SENT",
	[HP_R2_SENT] = "R2-SENT",
	[HP_ESTABLISHED] = "ESTABLISHED",
	[HP_CLOSING] = "CLOSING",
	[HP_CLOSED] = "CLOSED",
	[HP_E_FAILED] = "E-FAILED",
};

static const char *const events[HP_HIP_EVENTS] = {
	[HP_HIP_UP] = "up",
	[HP_HIP_DOWN] = "down",
	[HP_HIP_FAILED] = "failed",
	[HP_HIP_REKEYED] = "rekeyed",
	[HP_HIP_PATH_CHANGED] = "path-changed",
	[HP_HIP_GONE] = "gone",
};

static const struct hp_counter counters[HP_HIPC_MAX] = {
	[HP_HIPC_IN] = {"hip_in", "HIP messages received."},
	[HP_HIPC_OUT] = {"hip_out", "HIP messages sent."},
	[HP_HIPC_RETRANSMITTED] = {"hip_retransmitted",
				   "Messages sent again for want of an answer."},
	[HP_HIPC_BEX_INITIATOR] = {"hip_bex_initiator",
				   "Base exchanges completed as Initiator."},
	[HP_HIPC_BEX_RESPONDER] = {"hip_bex_responder",
				   "Base exchanges completed as Responder."},
	[HP_HIPC_REKEYS] = {"hip_rekeys", "Rekeyings completed."},
	[HP_HIPC_FAILED] = {"hip_failed", "Exchanges that ended in E-FAILED."},
	[HP_HIPC_CLOSED] = {"hip_closed", "Associations closed by CLOSE and CLOSE_ACK."},
	[HP_HIPC_NOTIFY_IN] = {"hip_notify_in", "NOTIFY messages received."},
	[HP_HIPC_NOTIFY_OUT] = {"hip_notify_out", "NOTIFY messages sent."},
	[HP_HIPC_KEEPALIVE_IN] = {"hip_keepalive_in", "NAT keepalives received."},
	[HP_HIPC_KEEPALIVE_OUT] = {"hip_keepalive_out", "NAT keepalives sent."},
	[HP_HIPC_PATH_CHECKS] = {"hip_path_checks",
				 "Times a peer was asked at another address or port."},
	[HP_HIPC_PATH_CHANGES] = {"hip_path_changes",
				  "Times it answered there, and the path is a new one."},
	[HP_HIPC_EVICTED] = {"hip_evicted",
		"associations that gave way to others in a full table"},
	[HP_HIPD_MALFORMED] = {"hip_malformed",
			       "Not a HIP message: header or parameters are wrong."},
	[HP_HIPD_VERSION] = {"hip_version", "Another HIP version than 2."},
	[HP_HIPD_CRITICAL] = {"hip_critical",
			      "A critical parameter that is unknown here."},
	[HP_HIPD_CHECKSUM] = {"hip_checksum", "The checksum is wrong."},
	[HP_HIPD_SIZE] = {"hip_size", "Larger than a HIP message may be."},
	[HP_HIPD_TYPE] = {"hip_type", "A packet type that is not handled."},
	[HP_HIPD_NOT_OUR_HIT] = {"hip_not_our_hit",
				 "The receiver's HIT is none of ours."},
	[HP_HIPD_PEER_HIT] = {"hip_peer_hit", "The sender's HIT is no HIT."},
	[HP_HIPD_OWN_HIT] = {"hip_own_hit", "The sender claims one of our own HITs."},
	[HP_HIPD_NO_ASSOC] = {"hip_no_assoc", "No association with this peer."},
	[HP_HIPD_STATE] = {"hip_state", "Not expected in the association's state."},
	[HP_HIPD_BUSY] = {"hip_busy",
			  "An earlier message of this peer is still being worked on."},
	[HP_HIPD_QUEUE_FULL] = {"hip_queue_full", "Too much public-key work is waiting."},
	[HP_HIPD_MEMORY] = {"hip_memory",
			    "No memory, or the cryptographic library failed."},
	[HP_HIPD_LIMIT] = {"hip_limit",
			   "The limit of associations or remembered puzzles is reached."},
	[HP_HIPD_RATE] = {"hip_rate", "More from this source than is answered."},
	[HP_HIPD_POLICY] = {"hip_policy", "Refused by policy."},
	[HP_HIPD_OPPORTUNISTIC] = {"hip_opportunistic",
				   "Opportunistic exchange, which is switched off."},
	[HP_HIPD_PIN] = {"hip_pin", "Another HIT is pinned for this address."},
	[HP_HIPD_NO_R1] = {"hip_no_r1", "No R1 is signed yet."},
	[HP_HIPD_DH_GROUP] = {"hip_dh_group",
			      "A Diffie-Hellman group that was not offered."},
	[HP_HIPD_CROSSED] = {"hip_crossed",
			     "Both sides began; the peer's attempt gives way to ours."},
	[HP_HIPD_MISSING] = {"hip_missing",
			     "A parameter that must be there is not, or is malformed."},
	[HP_HIPD_R1_COUNTER] =
		{"hip_r1_counter",
		 "An R1 older than one seen before, or an I2 that echoes another."},
	[HP_HIPD_PUZZLE_OLD] =
		{"hip_puzzle_old",
		 "The answer to a puzzle that was not set, or too long ago."},
	[HP_HIPD_PUZZLE_WRONG] = {"hip_puzzle_wrong", "The puzzle's solution is wrong."},
	[HP_HIPD_PUZZLE_HARD] =
		{"hip_puzzle_hard",
		 "The puzzle is harder than permitted, or was not solved in time."},
	[HP_HIPD_REPLAY] = {"hip_replay", "A solution that was used before."},
	[HP_HIPD_HIT_SUITE] = {"hip_hit_suite",
			       "A HIT suite that one side does not accept."},
	[HP_HIPD_CIPHER] = {"hip_cipher",
			    "No common HIP cipher, or one that was not offered."},
	[HP_HIPD_TRANSPORT] = {"hip_transport", "No ESP among the transport formats."},
	[HP_HIPD_ESP_SUITE] = {"hip_esp_suite",
			       "No common ESP suite, or one that was not offered."},
	[HP_HIPD_DOWNGRADE] =
		{"hip_downgrade",
		 "The group is not the best of both lists: somebody changed I1."},
	[HP_HIPD_DH_VALUE] = {"hip_dh_value", "The Diffie-Hellman value is unfit."},
	[HP_HIPD_DECRYPT] = {"hip_decrypt", "ENCRYPTED does not hold a HOST_ID."},
	[HP_HIPD_HOST_ID] = {"hip_host_id",
			     "The Host Identity is malformed or of an unknown kind."},
	[HP_HIPD_HIT] = {"hip_hit", "The Host Identity does not belong to the HIT."},
	[HP_HIPD_MAC] = {"hip_mac", "HIP_MAC is wrong."},
	[HP_HIPD_SIGNATURE] = {"hip_signature", "The signature is wrong."},
	[HP_HIPD_ECHO] = {"hip_echo", "The echo response does not match."},
	[HP_HIPD_SPI] = {"hip_spi", "ESP_INFO holds an SPI that cannot be."},
	[HP_HIPD_KEYMAT] = {"hip_keymat", "ESP_INFO's KEYMAT index cannot be."},
	[HP_HIPD_UPDATE_ID] = {"hip_update_id",
			       "An UPDATE with neither SEQ nor a new ACK."},
	[HP_HIPD_STALE] = {"hip_stale",
			   "The state had changed when the message was verified."},
	[HP_HIPD_ADDRESS] = {"hip_address", "A locator that cannot be used."},
	[HP_HIPD_SEND] = {"hip_send",
			  "A message could not be built or no source address is known."},
	[HP_HIPD_NAT_MODE] = {"hip_nat_mode",
			      "NAT traversal by other means than UDP encapsulation."},
	[HP_HIPD_PLUGIN] = {"hip_plugin", "A plugin has refused an authentic message."},
};

const char *hp_assoc_state_name(enum hp_assoc_state s)
{
	return s < HP_ASSOC_STATES ? states[s] : "?";
}

const char *hp_hip_event_name(enum hp_hip_event ev)
{
	return ev < HP_HIP_EVENTS ? events[ev] : "?";
}

const struct hp_counter *hp_hip_count_table(void)
{
	return counters;
}
