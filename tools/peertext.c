/* SPDX-License-Identifier: MIT
 *
 * The group `peers` as text: see peertext.h.
 */
#include "tools/peertext.h"

#include <errno.h>
#include <string.h>

bool hp_peer_name_is_plain(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(name);

	return n && n <= HP_PEER_NAME_MAX && strspn(name, letters) == n && !strchr("._-", *name);
}

/* ---- writing */

static void print_addresses(FILE *out, const struct hp_conf_addrs *list)
{
	char text[HP_ADDR_STRLEN];

	fputs("\taddresses = [ ", out);
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", hp_addr_format(&list->at[i], text));
	fputs(" ];\n", out);
}

static void print_serves(FILE *out, const struct hp_conf_prefixes *list)
{
	char text[HP_PREFIX_STRLEN];

	if (!list->n)
		return;
	fputs("\tserves = [ ", out);
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", hp_prefix_format(&list->at[i], text));
	fputs(" ];\n", out);
}

static void print_peer(FILE *out, const struct hp_conf_peer *p)
{
	char hit[HP_ADDR_STRLEN];

	fprintf(out, "{\n\tname = \"%s\";\n\thit = \"%s\";\n", p->name,
		hp_addr_format(&p->hit, hit));
	print_addresses(out, &p->addresses);
	print_serves(out, &p->serves);
	if (!p->esn_icv)
		fputs("\tesn_icv = false;\n", out);
	fputc('}', out);
}

void hp_peertext_print(FILE *out, const struct hp_conf_peers *peers)
{
	fputs("peers = ( ", out);
	for (size_t i = 0; i < peers->n; i++) {
		fputs(i ? ", " : "", out);
		print_peer(out, &peers->at[i]);
	}
	fputs(" );\n", out);
}

/* ---- reading */

static void complain(struct hp_conf_report *report, const char *name, const char *why)
{
	char line[256];

	report->n++;
	snprintf(line, sizeof(line), "%.100s: %s", name, why);
	if (report->line)
		report->line(report->ctx, line);
}

/* Is it text at all?  Nothing else is shown to the parser. */
static bool is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 ? !strchr("\t\r\n", text[i]) || !text[i] :
						    text[i] == 0x7f)
			return false;
	return true;
}

/* Names, which the file that is written and the ones who read it see. */
static void check(struct hp_conf *conf, struct hp_conf_report *report)
{
	char key[48];

	for (size_t i = 0; i < conf->peers.n; i++) {
		snprintf(key, sizeof(key), "peers[%zu].name", i);
		if (*conf->peers.at[i].name && !hp_peer_name_is_plain(conf->peers.at[i].name))
			hp_conf_complain_key(conf, report, key, "expected letters, digits, '.', '_' "
					     "and '-', the first a letter or a digit");
	}
	if (conf->peers.n > HP_PEERTEXT_PEERS)
		hp_conf_complain_key(conf, report, "peers", "expected at most %d groups",
				     HP_PEERTEXT_PEERS);
}

int hp_peertext_parse(const char *name, const char *text, size_t len, struct hp_conf **out,
		      struct hp_conf_report *report)
{
	unsigned before = report->n;
	int err = -EINVAL;

	*out = NULL;
	if (len > HP_PEERTEXT_MAX)
		complain(report, name, "expected at most 64 KB");
	else if (!is_text(text, len))
		complain(report, name, "expected text, not control characters");
	else
		err = hp_conf_parse_peers(name, text, out, report);
	if (err)
		return err;
	check(*out, report);
	if (report->n == before)
		return 0;
	hp_conf_free(*out);
	*out = NULL;
	return -EINVAL;
}
