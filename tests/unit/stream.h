/* SPDX-License-Identifier: MIT
 *
 * A byte stream, and TCP segments of it, for tests that cut and join.
 */
#ifndef HP_TESTS_STREAM_H
#define HP_TESTS_STREAM_H

#include <stdlib.h>

#include "packets.h"
#include "wire/tcp.h"

static const uint8_t stamps[12] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
static uint8_t stream[65536];

static inline void stream_fill(void)
{
	for (size_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)rand();
}

static inline struct test_tcp tcp_between(bool v4, uint16_t sport)
{
	return (struct test_tcp){
		.src = test_addr(v4 ? "192.0.2.1" : "2001:20::1"),
		.dst = test_addr(v4 ? "192.0.2.2" : "2001:20::2"),
		.sport = sport, .dport = 80, .seq = 0xfffff000, .ack = 5, .flags = HP_TCP_ACK,
		.opts = stamps, .opts_len = sizeof(stamps),
	};
}

#endif
