/* SPDX-License-Identifier: MIT
 *
 * Any octets as lines of an FTP control connection; what was understood is built anew.
 */
#include "fuzz.h"

#include "../../plugins/ftp/line.h"

static void arguments(const char *text)
{
	struct hp_addr a;
	unsigned int family;
	uint8_t out[128];
	uint16_t port = 1;

	if (!ftp_port_parse(text, &a, &port))
		HP_FUZZ_HOLDS(port && ftp_port_build(out, sizeof(out), &a, port));
	if (!ftp_eprt_parse(text, &family, &a, &port))
		HP_FUZZ_HOLDS(port && ftp_eprt_build(out, sizeof(out), &a, port));
	if (!ftp_227_parse(text, &a, &port))
		HP_FUZZ_HOLDS(port && ftp_227_build(out, sizeof(out), &a, port));
	if (!ftp_229_parse(text, &port))
		HP_FUZZ_HOLDS(port && ftp_229_build(out, sizeof(out), port));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ftp_command c;
	struct ftp_reply r;
	char text[FTP_LINE_MAX];
	size_t n;

	/* What is undecided is short, and what is decided stays so. */
	n = size < 600 ? size : 600;
	for (size_t i = 0; i < n; i++)
		if (ftp_first_word(data, i) != FTP_FIRST_OPEN)
			HP_FUZZ_HOLDS(ftp_first_word(data, i) == ftp_first_word(data, n));
	while (size && (n = ftp_line_len(data, size))) {
		HP_FUZZ_HOLDS(n <= size);
		ftp_command_parse(data, n, &c);
		HP_FUZZ_HOLDS((size_t)c.lead + c.eol <= n);
		/* What is a command of ours was held while it came. */
		for (size_t i = 0; c.verb && i < n - c.eol; i++)
			HP_FUZZ_HOLDS(ftp_command_open(data, i));
		arguments(c.arg);
		if (ftp_reply_parse(data, n, &r))
			arguments(r.text);
		ftp_text_copy(data, n, text);
		arguments(text);
		data += n;
		size -= n;
	}
	if (size) {
		ftp_command_open(data, size);
		ftp_reply_open(data, size);
	}
	return 0;
}
