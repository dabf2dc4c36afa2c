/* SPDX-License-Identifier: MIT
 *
 * TCP header and options (RFC 9293, RFC 7323, RFC 2018).
 */
#ifndef HP_WIRE_TCP_H
#define HP_WIRE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/wire.h>

#define HP_TCP_HLEN     20
#define HP_TCP_HLEN_MAX 60

enum {
	HP_TCP_FIN = 0x01,
	HP_TCP_SYN = 0x02,
	HP_TCP_RST = 0x04,
	HP_TCP_PSH = 0x08,
	HP_TCP_ACK = 0x10,
	HP_TCP_URG = 0x20,
	HP_TCP_ECE = 0x40,
	HP_TCP_CWR = 0x80,
};

enum {
	HP_TCPOPT_END       = 0,
	HP_TCPOPT_NOP       = 1,
	HP_TCPOPT_MSS       = 2,
	HP_TCPOPT_WSCALE    = 3,
	HP_TCPOPT_SACK_OK   = 4,
	HP_TCPOPT_SACK      = 5,
	HP_TCPOPT_TIMESTAMP = 8,
};

/* Offsets within the header. */
enum {
	HP_TCP_OFF_SEQ   = 4,
	HP_TCP_OFF_ACK   = 8,
	HP_TCP_OFF_DOFF  = 12,
	HP_TCP_OFF_FLAGS = 13,
	HP_TCP_OFF_WIN   = 14,
	HP_TCP_OFF_CSUM  = 16,
	HP_TCP_OFF_URG   = 18,
};

struct hp_tcp {
	uint16_t sport, dport; /* host order, all */
	uint32_t seq, ack;
	uint16_t window, csum, urgent;
	uint8_t flags;
	uint8_t hlen;          /* octets with options */
};

/* One option in place. */
struct hp_tcp_opt {
	uint8_t kind;
	uint8_t len;           /* whole option, octets */
	uint16_t off;          /* from the TCP header's beginning */
	const uint8_t *data;   /* len - 2 octets */
};

/* Walks options: on to the next one that is neither NOP nor END. */
struct hp_tcp_opts {
	const uint8_t *tcp;
	uint16_t at, end;
	bool bad;              /* an option's length was impossible */
};

/* What the options say; absent ones are 0 / false. */
struct hp_tcp_optinfo {
	uint16_t mss;          /* as announced; 0: none */
	uint8_t wscale;
	bool has_wscale, sack_ok, has_ts;
	uint32_t ts_val, ts_ecr;
	uint16_t ts_off;       /* of the timestamp option from the header's beginning */
	uint16_t sack_off;     /* of the SACK option, 0: none */
	uint8_t sack_blocks;
};

/* 0, or -EBADMSG when fewer than 20 octets or the data offset is below 5 or beyond len. */
int hp_tcp_parse(const uint8_t *p, size_t len, struct hp_tcp *out);

/* hlen: as hp_tcp_parse said. */
struct hp_tcp_opts hp_tcp_opts_init(const uint8_t *tcp, size_t hlen);
bool hp_tcp_opts_next(struct hp_tcp_opts *o, struct hp_tcp_opt *out);
/* 0, or -EBADMSG when an option is malformed (out holds those before it). */
int hp_tcp_optinfo(const uint8_t *tcp, size_t hlen, struct hp_tcp_optinfo *out);

/* Block n of a SACK option (RFC 2018): left and right edge, host order. */
void hp_tcp_sack_get(const uint8_t *opt, unsigned n, uint32_t *left, uint32_t *right);
/* Rewrites it, with the checksum at tcp. */
void hp_tcp_sack_set(uint8_t *tcp, uint16_t opt_off, unsigned n, uint32_t left,
		     uint32_t right);

/* Lowers (never raises) the MSS option of a SYN to max; checksum updated in place.  partial:
 * the checksum field holds the pseudo header's sum only and is left alone.  True if changed. */
bool hp_tcp_mss_clamp(uint8_t *tcp, size_t len, uint16_t max, bool partial);

/* Sequence numbers modulo 2^32: a before b. */
static inline bool hp_seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif
