/* SPDX-License-Identifier: MIT
 *
 * Every reason for which the pipeline discards a packet, each with a counter.
 *
 * No drop is silent: in the core only the functions of trace.h return HP_DROP.
 */
#ifndef HP_PIPE_DROP_H
#define HP_PIPE_DROP_H

/* X(enum suffix, name, help) */
#define HP_DROP_REASONS(X)                                                                 \
	X(BAD_PACKET, "bad-packet", "no sane IPv4 or IPv6 packet: truncated or bad lengths")   \
	X(BAD_TRANSPORT, "bad-transport", "transport header is truncated or inconsistent")     \
	X(FRAGMENT, "fragment", "fragment that overlaps, is too large or exceeds the limits")  \
	X(POLICY, "policy", "a rule says block")                                               \
	X(UNKNOWN_BLOCKED, "unknown-blocked", "destination is not HIP-capable and unknown = \"block\"") \
	X(PEER_UNREACHABLE, "peer-unreachable", "the base exchange with a known HIP peer failed") \
	X(PEER_CHANGED, "peer-changed", "the destination has another HIT than when the flow began") \
	X(HOLD_FULL, "hold-full", "the hold queue of first packets is full")                   \
	X(HOLD_TIMEOUT, "hold-timeout", "held longer than hold_timeout_ms")                    \
	X(PEERS_FULL, "peers-full", "limits.peers is reached")                                 \
	X(CLIENT_HOLD, "client-hold", "its client has its share of the held packets")           \
	X(FLOWS_FULL, "flows-full", "limits.flows is reached")                                 \
	X(CLIENT_FLOWS, "client-flows", "its client, or peer, has its share of limits.flows")   \
	X(CLIENT_PORTS, "client-ports", "its client has its share of the ports to this service") \
	X(PORTS_USED, "ports-used", "no free port towards this peer")                          \
	X(PROTOCOL_USED, "protocol-used", "another host uses this protocol with this peer, and there are no ports") \
	X(NO_MAPPING, "no-mapping", "this protocol is neither translated nor carried")          \
	X(XLAT, "translation", "the header can't be translated (source route, bad length)")    \
	X(TOO_BIG, "too-big", "larger than the path; the sender was told the path MTU")        \
	X(NO_SA, "no-sa", "the association has no outbound security association yet")          \
	X(SEAL, "seal", "the packet could not be encrypted (sequence numbers used up)")        \
	X(NO_MEMORY, "no-memory", "the packet pool is empty")                                  \
	X(ESP_RUNT, "esp-runt", "ESP packet is too short or has a bad length")                 \
	X(ESP_SPI, "esp-spi", "ESP packet for an SPI that is not ours")                        \
	X(ESP_AUTH, "esp-auth", "ESP packet with a bad ICV")                                   \
	X(ESP_REPLAY, "esp-replay", "ESP packet was seen before or is older than the window")  \
	X(ESP_PADDING, "esp-padding", "ESP padding or next header is wrong")                   \
	X(ESP_DUMMY, "esp-dummy", "dummy ESP packet (next header 59), made to be discarded")   \
	X(ACCESS, "access", "a server-side proxy's rules do not permit it")                    \
	X(POOL, "pool", "no address for this peer, or no peer behind this address of the pool") \
	X(L7_ORDER, "l7-order", "segment before its turn in a stream that is rewritten")        \
	X(ROUTED, "routed", "not to be protected, but routed here: to let it pass would bring it back") \
	X(FILTERED, "filtered", "datagram of a HIP peer that the setting filtering keeps from a legacy host") \
	X(NO_FLOW, "no-flow", "from a HIP peer, but no flow and no host role wants it")        \
	X(HOST_UNKNOWN_PEER, "host-unknown-peer", "local packet for a HIT whose address is unknown") \
	X(HOST_SOURCE, "host-source", "local packet whose source or destination is not a HIT")  \
	X(TTL, "ttl", "TTL or hop limit is used up")                                           \
	X(ACK_INCLUDED, "ack-included", "a bare acknowledgement that the next one includes")   \
	X(SEND, "send", "the kernel refused the packet")                                       \
	X(NARROWED, "narrowed", "ESP for a path that has become narrower since it was sealed") \
	X(TUN, "tun", "the TUN device refused the packet")                                     \
	X(OUTER, "outer", "came to a plugin's UDP port, and no plugin said what it is")         \
	X(PLUGIN, "plugin", "a plugin dropped it; see its own counters")                       \
	X(CUT, "cut", "of a connection that a reload or a revocation has cut")                  \
	X(CLOSED, "closed", "discarded at shutdown or flush")

enum hp_drop_reason {
#define X(e, n, h) HP_DROP_##e,
	HP_DROP_REASONS(X)
#undef X
	HP_DROP_MAX
};

const char *hp_drop_name(enum hp_drop_reason r);
const char *hp_drop_help(enum hp_drop_reason r);

#endif
