/* SPDX-License-Identifier: MIT
 *
 * ESP packets as sockets hand them over: several that came together, in a buffer of the
 * socket's.
 */
#ifndef HP_ESP_ARRIVED_H
#define HP_ESP_ARRIVED_H

#include <stdint.h>

#include <hipproxy/addr.h>

/* n packets back to back from data on, each seg octets but the last one, which has last; each
 * begins with its ESP header.  The rest is the outer header's, the same for all: src is the
 * sender, ports (host order) are 0 without UDP. */
struct hp_esp_arrived {
	const uint8_t *data; /* borrowed for one call */
	uint32_t n, seg, last;
	struct hp_addr src, dst;
	uint16_t sport, dport;
	uint8_t family, ttl, tos;
};

#endif
