/* SPDX-License-Identifier: MIT
 *
 * Installing and removing the capture rules (see rules.h).
 */
#include "io/rules.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hipproxy/log.h>

#include "io/run.h"

static const char *const backend_names[] = {
	[HP_RULES_AUTO] = "auto",
	[HP_RULES_IPTABLES] = "iptables",
	[HP_RULES_NFT] = "nft",
};

const char *hp_rules_backend_name(enum hp_rules_backend b)
{
	return backend_names[b];
}

/* Why a program did not do its work; 0 if it did. */
static int outcome(const char *program, int err, const struct hp_run *r,
		   struct hp_io_err *e)
{
	if (err == -ENOENT)
		return hp_io_fail(e, err, "%s is not installed", program);
	if (err)
		return hp_io_fail(e, err, "%s: %s", program, strerror(-err));
	if (r->status)
		return hp_io_fail(e, -EIO, "%s failed: %s", program,
				  r->errors[0] ? r->errors : "no reason given");
	return 0;
}

/* Runs argv with input; output, if asked for, is the caller's to free. */
static int program(const char *const *argv, const char *input, char **output,
		   struct hp_io_err *e)
{
	struct hp_run r;
	int err = hp_run(argv, input, &r);

	err = outcome(argv[0], err, &r, e);
	if (!err && output) {
		*output = r.out;
		if (!r.out)
			err = hp_io_fail(e, -ENOMEM, "%s: out of memory", argv[0]);
	} else {
		free(r.out);
	}
	return err;
}

/* ---- nft */

static int nft_feed(const char *text, struct hp_io_err *e)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};

	return program(argv, text, NULL, e);
}

static int nft_install(const struct hp_rules_cfg *cfg, struct hp_io_err *e)
{
	char *text = hp_rules_nft_text(cfg);
	int err = text ? nft_feed(text, e) : hp_io_fail(e, -ENOMEM, "nft: out of memory");

	free(text);
	return err;
}

/* Not there, no nft, no nf_tables: nothing to remove. */
static int nft_remove_table(const char *table, const char *text, struct hp_io_err *e)
{
	const char *const list[] = {"nft", "list", "table", "inet", table, NULL};

	return program(list, NULL, NULL, NULL) ? 0 : nft_feed(text, e);
}

static int nft_remove(struct hp_io_err *e)
{
	int err = nft_remove_table("hipproxy", "delete table inet hipproxy\n", e);
	int nat = nft_remove_table("hipproxy_nat", "delete table inet hipproxy_nat\n",
				   err ? NULL : e);

	return err ? err : nat;
}

/* ---- iptables */

static bool have_ipv6(void)
{
	return !access("/proc/self/net/if_inet6", F_OK);
}

/* What is asked for: rules of capture, or of masquerading, or neither: none of ours. */
struct wanted {
	const struct hp_rules_cfg *cfg;
	const char *tun;
	const struct hp_prefix *from;
	size_t n;
};

static char *iptables_text(const struct wanted *w, int family, const char *saved)
{
	return w->n ? hp_rules_iptables_nat_text(w->tun, w->from, w->n, family, saved) :
		      hp_rules_iptables_text(w->cfg, family, saved);
}

static int iptables_apply(const struct wanted *w, int family, struct hp_io_err *e)
{
	const char *const save[] = {family == 4 ? "iptables-save" : "ip6tables-save",
				    NULL};
	const char *const restore[] = {family == 4 ? "iptables-restore"
						   : "ip6tables-restore",
				       "-w", "5", "--noflush", NULL};
	char *saved = NULL, *text = NULL;
	int err = program(save, NULL, &saved, e);

	if (!err) {
		text = iptables_text(w, family, saved);
		if (!text)
			err = hp_io_fail(e, -ENOMEM, "%s: out of memory", restore[0]);
	}
	if (!err && text[0])
		err = program(restore, text, NULL, e);
	free(saved);
	free(text);
	return err;
}

static int iptables_remove(struct hp_io_err *e)
{
	const struct wanted none = {NULL, NULL, NULL, 0};
	int four = iptables_apply(&none, 4, e), six;

	six = have_ipv6() ? iptables_apply(&none, 6, four ? NULL : e) : 0;
	if (four == -ENOENT)
		four = 0;
	if (six == -ENOENT)
		six = 0;
	return four ? four : six;
}

static int iptables_install(const struct hp_rules_cfg *cfg, struct hp_io_err *e)
{
	const struct wanted w = {cfg, NULL, NULL, 0};
	int err = iptables_apply(&w, 4, e);

	if (!err && have_ipv6())
		err = iptables_apply(&w, 6, e);
	if (err)
		iptables_remove(NULL);
	return err;
}

/* ---- both */

static bool name_ok(const char *s)
{
	size_t n = strlen(s), i;

	if (!n || n >= IFNAMSIZ || s[0] == '-')
		return false;
	for (i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("_.:@-", s[i]))
			return false;
	}
	return true;
}

static int cfg_check(const struct hp_rules_cfg *cfg, struct hp_io_err *e)
{
	size_t i;

	if (!cfg->mark || !cfg->mask || cfg->mark & ~cfg->mask)
		return hp_io_fail(e, -EINVAL,
				  "capture rules: mark 0x%x and mask 0x%x do not "
				  "fit each other",
				  cfg->mark, cfg->mask);
	if (!cfg->tun_mark || cfg->tun_mark & cfg->mask)
		return hp_io_fail(e, -EINVAL, "capture rules: mark 0x%x of the TUN device has "
				  "bits of mask 0x%x, or none", cfg->tun_mark, cfg->mask);
	if (cfg->queue == UINT16_MAX)
		return hp_io_fail(e, -EINVAL,
				  "capture rules: the queue number is at most 65534");
	if (!name_ok(cfg->tun))
		return hp_io_fail(e, -EINVAL,
				  "capture rules: \"%s\" is no interface name", cfg->tun);
	for (i = 0; i < cfg->n_interfaces; i++) {
		if (!name_ok(cfg->interfaces[i]))
			return hp_io_fail(e, -EINVAL,
					  "capture rules: \"%s\" is no interface name",
					  cfg->interfaces[i]);
	}
	return 0;
}

/* The other backend's rules would capture too: they go once the new ones are in place. */
static int install_nft(const struct hp_rules_cfg *cfg, struct hp_io_err *e)
{
	int err = nft_install(cfg, e);

	return err ? err : iptables_remove(e);
}

static int install_iptables(const struct hp_rules_cfg *cfg, struct hp_io_err *e)
{
	int err = iptables_install(cfg, e);

	return err ? err : nft_remove(e);
}

static int install_auto(const struct hp_rules_cfg *cfg, enum hp_rules_backend *used,
			struct hp_io_err *e)
{
	struct hp_io_err nft = {""}, ipt = {""};
	int err;

	*used = HP_RULES_NFT;
	if (!install_nft(cfg, &nft))
		return 0;
	hp_log(HP_LOG_IO, HP_LOG_INFO, "capture rules go through iptables, because %s",
	       nft.text);
	*used = HP_RULES_IPTABLES;
	err = install_iptables(cfg, &ipt);
	if (!err)
		return 0;
	return hp_io_fail(e, err, "capture rules: neither way works: %.200s; %.200s",
			  nft.text, ipt.text);
}

/* Replies of the kernel carry the mark of what they answer.  Reverse path filters look at the
 * mark: a connection that began in the clear has a way of its own. */
void hp_rules_marks_count(void)
{
	static const char *const files[] = {"/proc/sys/net/ipv4/fwmark_reflect",
					    "/proc/sys/net/ipv6/fwmark_reflect",
					    "/proc/sys/net/ipv4/conf/all/src_valid_mark"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		FILE *f = fopen(files[i], "we");

		if (f)
			fputs("1\n", f);
		if (!f || fclose(f))
			hp_log(HP_LOG_IO, HP_LOG_WARNING,
			       "%s can't be set: marked packets may take a wrong way", files[i]);
	}
}

int hp_rules_install(const struct hp_rules_cfg *cfg, enum hp_rules_backend *used,
		     struct hp_io_err *e)
{
	enum hp_rules_backend backend = cfg->backend;
	struct hp_io_err why = {""};
	int err = cfg_check(cfg, e);

	if (err)
		return err;
	if (backend == HP_RULES_AUTO)
		err = install_auto(cfg, &backend, e);
	else
		err = backend == HP_RULES_NFT ? install_nft(cfg, &why)
					      : install_iptables(cfg, &why);
	if (err && why.text[0])
		hp_io_fail(e, err, "capture rules: %s", why.text);
	if (err) {
		hp_rules_cleanup(NULL);
		return err;
	}
	hp_rules_marks_count();
	if (used)
		*used = backend;
	return 0;
}

int hp_rules_cleanup(struct hp_io_err *e)
{
	int nft = nft_remove(e), ipt = iptables_remove(nft ? NULL : e);

	return nft ? nft : ipt;
}

static int masquerade_iptables(const struct wanted *w, struct hp_io_err *e)
{
	int err = iptables_apply(w, 4, e);

	return !err && have_ipv6() ? iptables_apply(w, 6, e) : err;
}

int hp_rules_masquerade(const char *tun, const struct hp_prefix *from, size_t n,
			struct hp_io_err *e)
{
	const struct wanted w = {NULL, tun, from, n};
	struct hp_io_err nft = {""}, ipt = {""};
	char *text;
	int err;

	if (!n || !name_ok(tun))
		return hp_io_fail(e, -EINVAL, "masquerading: no sources, or no interface name");
	text = hp_rules_nft_nat_text(tun, from, n);
	err = text ? nft_feed(text, &nft) : -ENOMEM;
	free(text);
	if (!err)
		return 0;
	err = masquerade_iptables(&w, &ipt);
	return err ? hp_io_fail(e, err, "masquerading: neither way works: %.200s; %.200s", nft.text,
				ipt.text) :
		     0;
}
