/* SPDX-License-Identifier: MIT
 *
 * FTP's lines: see line.h.
 */
#include "line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Telnet (RFC 854). */
enum { SB = 250, WILL = 251, DONT = 254, IAC = 255 };

static const char *const verbs[FTP_VERBS] = { [FTP_PORT] = "PORT", [FTP_PASV] = "PASV",
					      [FTP_EPRT] = "EPRT", [FTP_EPSV] = "EPSV",
					      [FTP_AUTH] = "AUTH", [FTP_ALGS] = "ALGS" };

size_t ftp_line_len(const uint8_t *p, size_t len)
{
	const uint8_t *end = memchr(p, '\n', len);

	return end ? (size_t)(end - p) + 1 : 0;
}

/* Octets of Telnet commands at the beginning; *open: the last one is not whole. */
static size_t telnet(const uint8_t *p, size_t len, bool *open)
{
	size_t at = 0, need;

	*open = false;
	/* The urgent mark of an ABOR may stand alone (RFC 959, section 4.1.3). */
	while (at < len && p[at] == IAC) {
		need = at + 1 < len && p[at + 1] >= WILL && p[at + 1] <= DONT ? 3 : 2;
		if (need > len - at) {
			*open = true;
			break;
		}
		at += need;
	}
	return at;
}

/* Is the command's word (n octets, n 4 at most) the beginning of v, or all of it? */
static bool begins(const uint8_t *p, size_t n, const char *v)
{
	return !strncasecmp((const char *)p, v, n);
}

/* Commands with which a dialogue may begin, or go on where the gateway has not seen its beginning
 * (RFC 959, 775, 2228, 2389, 2428, 2640, 3659, 6384, 7151; CLNT and SITE are common). */
static const char *const known[] = {
	"USER", "PASS", "ACCT", "CWD", "CDUP", "SMNT", "REIN", "QUIT", "PORT", "PASV", "TYPE",
	"STRU", "MODE", "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO", "ABOR",
	"DELE", "RMD",	"MKD",	"PWD",	"LIST", "NLST", "SITE", "SYST", "STAT", "HELP", "NOOP",
	"XCUP", "XCWD", "XMKD", "XPWD", "XRMD", "AUTH", "ADAT", "PROT", "PBSZ", "CCC",	"MIC",
	"CONF", "ENC",	"FEAT", "OPTS", "EPRT", "EPSV", "LANG", "MDTM", "SIZE", "MLST", "MLSD",
	"ALGS", "HOST", "CLNT", NULL
};

enum ftp_first ftp_first_word(const uint8_t *p, size_t len)
{
	bool open;
	size_t at = telnet(p, len, &open), n = at;

	while (n < len && n - at < 5 && isalpha(p[n]))
		n++;
	if (open || (n == len && n - at < 5))
		return FTP_FIRST_OPEN;
	for (size_t i = 0; n < len && isspace(p[n]) && known[i]; i++)
		if (strlen(known[i]) == n - at && begins(p + at, n - at, known[i]))
			return FTP_FIRST_KNOWN;
	return FTP_FIRST_OTHER;
}

bool ftp_command_open(const uint8_t *p, size_t len)
{
	bool open;
	size_t at = telnet(p, len, &open);
	size_t n = len - at < 4 ? len - at : 4;

	if (len > FTP_LINE_MAX)
		return false;
	if (open || !n)
		return true;
	for (int v = FTP_OTHER + 1; v < FTP_VERBS; v++)
		if (begins(p + at, n, verbs[v]) &&
		    (len - at < 5 || !isalnum(p[at + 4])))
			return true;
	return false;
}

bool ftp_reply_open(const uint8_t *p, size_t len)
{
	/* Every reply of ours is one whose code we must see; text lines are not. */
	return len <= FTP_LINE_MAX && (!len || isdigit(p[0])) && (len < 2 || isdigit(p[1])) &&
	       (len < 3 || isdigit(p[2]));
}

static uint16_t eol_len(const uint8_t *p, size_t len)
{
	return len > 1 && p[len - 2] == '\r' ? 2 : 1;
}

/* NULs go too (RFC 2640). */
void ftp_text_copy(const uint8_t *p, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < FTP_LINE_MAX; i++) {
		if (p[i] == IAC) {
			i += i + 1 < len && p[i + 1] >= WILL && p[i + 1] <= DONT ? 2 : 1;
			continue;
		}
		if (p[i] && (n || !isspace(p[i])))
			out[n++] = (char)p[i];
	}
	while (n && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
}

void ftp_command_parse(const uint8_t *p, size_t len, struct ftp_command *out)
{
	size_t at, end;
	bool open;

	*out = (struct ftp_command){ .eol = eol_len(p, len) };
	if (len > FTP_LINE_MAX)
		return;
	at = telnet(p, len, &open);
	end = len - out->eol;
	if (open || at + 4 > end || (at + 4 < end && !isspace(p[at + 4])))
		return;
	for (int v = FTP_OTHER + 1; v < FTP_VERBS; v++)
		if (begins(p + at, 4, verbs[v]))
			out->verb = (enum ftp_verb)v;
	out->lead = (uint16_t)at;
	ftp_text_copy(p + at + 4, end - at - 4, out->arg);
}

bool ftp_reply_parse(const uint8_t *p, size_t len, struct ftp_reply *out)
{
	*out = (struct ftp_reply){ .eol = eol_len(p, len) };
	if (len < 4 || len > FTP_LINE_MAX || p[0] < '1' || p[0] > '5' || !isdigit(p[1]) ||
	    !isdigit(p[2]) || (p[3] != '-' && !isspace(p[3])))
		return false;
	out->code = (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
	out->more = p[3] == '-';
	if (len > 4u + out->eol)
		ftp_text_copy(p + 4, len - 4 - out->eol, out->text);
	return true;
}

/* ---- numbers */

/* At most max; *s moves behind it. */
static int number(const char **s, unsigned int max, unsigned int *out)
{
	const char *p = *s;
	unsigned int v = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		v = v * 10 + (unsigned int)(*p - '0');
		if (v > max)
			return -EINVAL;
	}
	*out = v;
	*s = p;
	return 0;
}

static void skip_blanks(const char **s)
{
	while (**s == ' ' || **s == '\t')
		(*s)++;
}

/* blanks: they may stand behind a comma. */
static int six(const char **s, bool blanks, struct hp_addr *addr, uint16_t *port)
{
	unsigned int v[6];
	char text[16];

	for (int i = 0; i < 6; i++) {
		if (i && *(*s)++ != ',')
			return -EINVAL;
		if (i && blanks)
			skip_blanks(s);
		if (number(s, 255, &v[i]))
			return -EINVAL;
	}
	snprintf(text, sizeof(text), "%u.%u.%u.%u", v[0], v[1], v[2], v[3]);
	*port = (uint16_t)(v[4] << 8 | v[5]);
	return hp_addr_parse(text, addr) || !*port ? -EINVAL : 0;
}

int ftp_port_parse(const char *arg, struct hp_addr *addr, uint16_t *port)
{
	return six(&arg, false, addr, port) || *arg ? -EINVAL : 0;
}

int ftp_227_parse(const char *text, struct hp_addr *addr, uint16_t *port)
{
	for (; *text; text++) {
		const char *s = text;

		/* As clients do, which read the numbers with scanf's %u. */
		if (isdigit((unsigned char)*s) && !six(&s, true, addr, port))
			return 0;
		while (isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]))
			text++;
	}
	return -EINVAL;
}

int ftp_229_parse(const char *text, uint16_t *port)
{
	const char *s = strchr(text, '(');
	unsigned int v;
	char d;

	if (!s || !s[1] || isdigit((unsigned char)s[1]))
		return -EINVAL;
	d = s[1];
	if (s[2] != d || s[3] != d)
		return -EINVAL;
	s += 4;
	skip_blanks(&s);
	if (number(&s, 65535, &v) || *s != d || !v)
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}

int ftp_eprt_parse(const char *arg, unsigned int *family, struct hp_addr *addr, uint16_t *port)
{
	char d = *arg, text[HP_ADDR_STRLEN];
	const char *end;
	unsigned int v;

	*addr = (struct hp_addr){ { 0 } };
	/* RFC 2428, section 2: printable ASCII. */
	if (d < 33 || d > 126 || isalnum((unsigned char)d))
		return -EINVAL;
	arg++;
	if (number(&arg, 65535, family) || *arg++ != d)
		return -EINVAL;
	end = strchr(arg, d);
	if (!end || end == arg || (size_t)(end - arg) >= sizeof(text))
		return -EINVAL;
	memcpy(text, arg, (size_t)(end - arg));
	text[end - arg] = '\0';
	arg = end + 1;
	if (number(&arg, 65535, &v) || *arg++ != d || *arg || !v)
		return -EINVAL;
	*port = (uint16_t)v;
	if (*family != 1 && *family != 2)
		return 0;
	if (hp_addr_parse(text, addr))
		return -EINVAL;
	return hp_addr_is4(addr) == (*family == 1) ? 0 : -EINVAL;
}

/* ---- building */

static size_t built(int n, size_t cap)
{
	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

size_t ftp_port_build(uint8_t *out, size_t cap, const struct hp_addr *a, uint16_t port)
{
	if (!hp_addr_is4(a))
		return 0;
	return built(snprintf((char *)out, cap, "PORT %u,%u,%u,%u,%u,%u\r\n", a->b[12], a->b[13],
			      a->b[14], a->b[15], port >> 8, port & 255),
		     cap);
}

size_t ftp_eprt_build(uint8_t *out, size_t cap, const struct hp_addr *a, uint16_t port)
{
	char text[HP_ADDR_STRLEN];

	return built(snprintf((char *)out, cap, "EPRT |%d|%s|%u|\r\n", hp_addr_is4(a) ? 1 : 2,
			      hp_addr_format(a, text), port),
		     cap);
}

size_t ftp_227_build(uint8_t *out, size_t cap, const struct hp_addr *a, uint16_t port)
{
	if (!hp_addr_is4(a))
		return 0;
	return built(snprintf((char *)out, cap,
			      "227 Entering Passive Mode (%u,%u,%u,%u,%u,%u)\r\n", a->b[12],
			      a->b[13], a->b[14], a->b[15], port >> 8, port & 255),
		     cap);
}

size_t ftp_229_build(uint8_t *out, size_t cap, uint16_t port)
{
	return built(snprintf((char *)out, cap, "229 Entering Extended Passive Mode (|||%u|)\r\n",
			      port),
		     cap);
}

size_t ftp_text_build(uint8_t *out, size_t cap, const char *text)
{
	return built(snprintf((char *)out, cap, "%s\r\n", text), cap);
}
