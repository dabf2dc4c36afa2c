/* SPDX-License-Identifier: MIT
 *
 * FTP's control connection, line by line (RFC 959, RFC 2428, RFC 6384).
 *
 * Pure: octets in, structs out, and the reverse.  Lines are hostile.
 */
#ifndef FTP_LINE_H
#define FTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#define FTP_LINE_MAX 512u /* a longer line is none of ours */

enum ftp_verb {
	FTP_OTHER,
	FTP_PORT,
	FTP_PASV,
	FTP_EPRT,
	FTP_EPSV,
	FTP_AUTH,
	FTP_ALGS,
	FTP_VERBS
};

struct ftp_command {
	enum ftp_verb verb;
	uint16_t lead;       /* octets of Telnet commands before it */
	uint16_t eol;        /* octets of line end: 1 or 2 */
	char arg[FTP_LINE_MAX]; /* without Telnet commands and spaces around; NUL ends */
};

struct ftp_reply {
	uint16_t code;       /* 100..599 */
	bool more;           /* "220-": not the last line */
	uint16_t eol;
	char text[FTP_LINE_MAX]; /* behind code and separator */
};

/* Octets of the first line with its end; 0: no line end yet. */
size_t ftp_line_len(const uint8_t *p, size_t len);
/* The beginning of a line without its end: may it become a command, or a reply, we change?  If
 * not, it need not wait for the rest. */
bool ftp_command_open(const uint8_t *p, size_t len);
bool ftp_reply_open(const uint8_t *p, size_t len);
/* The first word of a dialogue, or of the part of it that is seen: is it a command of FTP? */
enum ftp_first {
	FTP_FIRST_OPEN,  /* it may become one: at most four letters */
	FTP_FIRST_KNOWN,
	FTP_FIRST_OTHER,
};
enum ftp_first ftp_first_word(const uint8_t *p, size_t len);
/* A whole line as text, at most FTP_LINE_MAX - 1 octets: without Telnet commands, and without the
 * white space at both ends. */
void ftp_text_copy(const uint8_t *p, size_t len, char *out);
/* A whole line.  A command of no interest is FTP_OTHER.  Reply: false if it begins with no
 * code. */
void ftp_command_parse(const uint8_t *p, size_t len, struct ftp_command *out);
bool ftp_reply_parse(const uint8_t *p, size_t len, struct ftp_reply *out);

/* Arguments.  0, or -EINVAL. */
/* "h1,h2,h3,h4,p1,p2" (RFC 959, section 4.1.2), nothing behind. */
int ftp_port_parse(const char *arg, struct hp_addr *addr, uint16_t *port);
/* "|2|2001:db8::1|5282|" (RFC 2428, section 2).  family: as written, *addr zero unless it is 1 or
 * 2 and the address is one of that family. */
int ftp_eprt_parse(const char *arg, unsigned int *family, struct hp_addr *addr, uint16_t *port);
/* Text of a 227 reply: the first six numbers, with parentheses or without (RFC 1123, 4.1.2.6),
 * with blanks behind the commas or without. */
int ftp_227_parse(const char *text, struct hp_addr *addr, uint16_t *port);
/* Text of a 229 reply: "(|||6446|)" (RFC 2428, section 3). */
int ftp_229_parse(const char *text, uint16_t *port);

/* Lines with CRLF; octets written, 0 if there is no room or the address has the wrong family. */
size_t ftp_port_build(uint8_t *out, size_t cap, const struct hp_addr *addr, uint16_t port);
size_t ftp_eprt_build(uint8_t *out, size_t cap, const struct hp_addr *addr, uint16_t port);
size_t ftp_227_build(uint8_t *out, size_t cap, const struct hp_addr *addr, uint16_t port);
size_t ftp_229_build(uint8_t *out, size_t cap, uint16_t port);
/* Any line. */
size_t ftp_text_build(uint8_t *out, size_t cap, const char *text);

#endif
