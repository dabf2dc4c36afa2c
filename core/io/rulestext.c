/* SPDX-License-Identifier: MIT
 *
 * The capture rules as text for nft and iptables-restore (see rules.h).
 *
 * Both say the same in the same order; a packet that costs nothing more (its connection
 * is marked) leaves at the first rule.
 */
#include "io/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

/* ---- what both need */

static bool of_family(const struct hp_prefix *p, int family)
{
	return hp_addr_is4(&p->addr) == (family == 4);
}

/* Calls emit for each combination of interface and network of this family, "" for any: from there
 * packets go to chain. */
static void each_capture(struct hp_buf *b, const struct hp_rules_cfg *cfg, int family,
			 void (*emit)(struct hp_buf *b, int family, const char *dev,
				      const char *net, const char *chain),
			 const char *chain)
{
	size_t n_dev = cfg->n_interfaces ? cfg->n_interfaces : 1, i, k;
	char net[HP_PREFIX_STRLEN];
	const char *dev;

	for (i = 0; i < n_dev; i++) {
		dev = cfg->n_interfaces ? cfg->interfaces[i] : "";
		if (!cfg->n_networks)
			emit(b, family, dev, "", chain);
		for (k = 0; k < cfg->n_networks; k++) {
			if (of_family(&cfg->networks[k], family))
				emit(b, family, dev,
				     hp_prefix_format(&cfg->networks[k], net), chain);
		}
	}
}

/* ---- nft */

static void nft_jump(struct hp_buf *b, int family, const char *dev, const char *net,
		     const char *chain)
{
	hp_buf_addf(b, "\t\t");
	if (dev[0])
		hp_buf_addf(b, "iifname \"%s\" ", dev);
	if (net[0])
		hp_buf_addf(b, "%s saddr %s ", family == 4 ? "ip" : "ip6", net);
	hp_buf_addf(b, "jump %s\n", chain);
}

static void nft_exceptions(struct hp_buf *b, const struct hp_rules_cfg *cfg)
{
	char net[HP_PREFIX_STRLEN];

	hp_buf_addf(b, "\t\tct mark and 0x%x == 0x%x return\n", cfg->mask, cfg->mark);
	hp_buf_addf(b, "\t\tiifname \"%s\" return\n\t\toifname \"%s\" return\n", cfg->tun,
		    cfg->tun);
	hp_buf_addf(b, "\t\tmeta mark and 0x%x == 0x%x return\n", cfg->mask, cfg->mark);
	hp_buf_addf(b, "\t\tip daddr { 224.0.0.0/4, 255.255.255.255 } return\n");
	hp_buf_addf(b, "\t\tip6 daddr ff00::/8 return\n");
	for (size_t i = 0; i < cfg->n_hip_hosts; i++) {
		const char *family = of_family(&cfg->hip_hosts[i], 4) ? "ip" : "ip6";

		hp_prefix_format(&cfg->hip_hosts[i], net);
		hp_buf_addf(b, "\t\t%s saddr %s return\n\t\t%s daddr %s return\n", family, net,
			    family, net);
	}
}

static void nft_forward(struct hp_buf *b, const struct hp_rules_cfg *cfg)
{
	hp_buf_addf(b, "\tchain forward {\n"
		       "\t\ttype filter hook forward priority 50; policy accept;\n");
	nft_exceptions(b, cfg);
	/* Without networks one rule does for both families. */
	each_capture(b, cfg, 4, nft_jump, "capture");
	if (cfg->n_networks)
		each_capture(b, cfg, 6, nft_jump, "capture");
	hp_buf_addf(b, "\t}\n");
}

/* Marks: from packet to connection, from connection to packet, and on what the device brings. */
static void nft_marks(struct hp_buf *b, const struct hp_rules_cfg *cfg)
{
	hp_buf_addf(b,
		    "\tchain remember {\n"
		    "\t\ttype filter hook postrouting priority -150; policy accept;\n"
		    "\t\tmeta mark and 0x%x == 0x%x ct mark set ct mark and 0x%x or 0x%x\n\t}\n",
		    cfg->mask, cfg->mark, ~cfg->mask, cfg->mark);
	hp_buf_addf(b,
		    "\tchain begun {\n"
		    "\t\ttype filter hook prerouting priority -150; policy accept;\n"
		    "\t\tct mark and 0x%x == 0x%x meta mark set meta mark and 0x%x or 0x%x\n\t}\n",
		    cfg->mask, cfg->mark, ~cfg->mask, cfg->mark);
	hp_buf_addf(b,
		    "\tchain from_tun {\n"
		    "\t\ttype filter hook prerouting priority -300; policy accept;\n"
		    "\t\tiifname \"%s\" meta mark set meta mark or 0x%x\n\t}\n",
		    cfg->tun, cfg->tun_mark);
}

char *hp_rules_nft_text(const struct hp_rules_cfg *cfg)
{
	const char *bypass = cfg->fail_open ? " bypass" : "";
	struct hp_buf b = HP_BUF_INIT;

	/* Adding first makes deleting safe: the whole is one transaction. */
	hp_buf_addf(&b,
		    "add table inet hipproxy\ndelete table inet hipproxy\n"
		    "table inet hipproxy {\n"
		    "\tchain capture {\n"
		    "\t\tmeta l4proto tcp queue num %u%s\n\t\tqueue num %u%s\n\t}\n",
		    cfg->queue, bypass, cfg->queue + 1u, bypass);
	nft_forward(&b, cfg);
	hp_buf_addf(&b,
		    "\tchain errors {\n"
		    "\t\ttype filter hook output priority -150; policy accept;\n"
		    "\t\toifname \"%s\" return\n"
		    "\t\tmeta l4proto { 1, 58 } meta mark and 0x%x == 0x%x queue num %u%s\n\t}\n",
		    cfg->tun, cfg->tun_mark, cfg->tun_mark, cfg->queue + 1u, bypass);
	nft_marks(&b, cfg);
	hp_buf_addf(&b, "}\n");
	return hp_buf_take(&b);
}

char *hp_rules_nft_nat_text(const char *tun, const struct hp_prefix *from, size_t n)
{
	struct hp_buf b = HP_BUF_INIT;
	char net[HP_PREFIX_STRLEN];

	hp_buf_addf(&b, "add table inet hipproxy_nat\ndelete table inet hipproxy_nat\n"
			"table inet hipproxy_nat {\n\tchain postrouting {\n"
			"\t\ttype nat hook postrouting priority 100; policy accept;\n");
	for (size_t i = 0; i < n; i++)
		hp_buf_addf(&b, "\t\t%s saddr %s oifname != \"%s\" masquerade\n",
			    of_family(&from[i], 4) ? "ip" : "ip6",
			    hp_prefix_format(&from[i], net), tun);
	hp_buf_addf(&b, "\t}\n}\n");
	return hp_buf_take(&b);
}

/* ---- iptables */

/* Which packets a jump takes; the others shall pay for one rule only. */
enum jump_for {
	FOR_ALL,
	FOR_MARKED,  /* packets with our mark */
	FOR_DECRYPTED, /* packets with the TUN device's mark */
	FOR_BEGUN,   /* packets of a connection with our mark */
	FOR_TUN,     /* packets from the TUN device */
	FOR_OTHERS,  /* packets that neither come from it nor go to it */
};

static const char *const jump_matches[] = {
	[FOR_ALL] = "",
	[FOR_MARKED] = " -m mark --mark ",
	[FOR_DECRYPTED] = " -m mark --mark ",
	[FOR_BEGUN] = " -m connmark --mark ",
	[FOR_TUN] = " -i ",
	[FOR_OTHERS] = " ! -i ",
};

#define NOT_OUT " ! -o "

/* Our chains, and the jumps that lead to them. */
struct own_chain {
	const char *table, *name;
	const char *from;     /* NULL: reached from another of ours */
	const char *position; /* how the jump is put in */
	enum jump_for jump;
	bool old;	      /* of earlier versions: only removed */
};

static const struct own_chain own_chains[] = {
	/* Behind table filter: what its FORWARD forbids is not looked for. */
	{"security", "HIPPROXY", "FORWARD", "-I", FOR_OTHERS, false},
	{"security", "HIPPROXY-QUEUE", NULL, NULL, FOR_ALL, false},
	{"mangle", "HIPPROXY", "FORWARD", "-I", FOR_OTHERS, true},
	{"mangle", "HIPPROXY-QUEUE", NULL, NULL, FOR_ALL, true},
	{"mangle", "HIPPROXY-BEGUN", "PREROUTING", "-I", FOR_BEGUN, false},
	{"mangle", "HIPPROXY-MARK", "POSTROUTING", "-A", FOR_MARKED, false},
	{"mangle", "HIPPROXY-OUT", "OUTPUT", "-A", FOR_DECRYPTED, false},
	{"raw", "HIPPROXY", "PREROUTING", "-I", FOR_TUN, false},
	{"raw", "HIPPROXY-TUN", NULL, NULL, FOR_ALL, true},
	{"raw", "HIPPROXY-DIVERT", NULL, NULL, FOR_ALL, true},
	{"raw", "HIPPROXY-TAKE", NULL, NULL, FOR_ALL, true},
	{"nat", "HIPPROXY-NAT", "POSTROUTING", "-I", FOR_ALL, false},
};

#define N_CHAINS (sizeof(own_chains) / sizeof(own_chains[0]))

/* What of ours an iptables-save holds. */
struct leftovers {
	bool chain[N_CHAINS];
	struct hp_buf jumps[N_CHAINS]; /* lines that delete them */
};

static void leftovers_free(struct leftovers *l)
{
	for (size_t i = 0; i < N_CHAINS; i++)
		hp_buf_fini(&l->jumps[i]);
}

/* The end of text at p if it begins there, else NULL. */
static const char *skip(const char *p, const char *end, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(end - p) >= n && !memcmp(p, text, n) ? p + n : NULL;
}

static const char *skip_word(const char *p, const char *end)
{
	while (p < end && *p != ' ')
		p++;
	return p;
}

/* "-A FORWARD -j HIPPROXY" of older versions too; whatever mark or device it says. */
static bool is_jump(const struct own_chain *c, const char *line, const char *end)
{
	const char *p = skip(line, end, "-A "), *match;

	if (p)
		p = skip(p, end, c->from);
	if (!p)
		return false;
	match = skip(p, end, jump_matches[c->jump]);
	if (match && match > p)
		p = skip_word(match, end);
	match = c->jump == FOR_OTHERS ? skip(p, end, NOT_OUT) : NULL;
	if (match)
		p = skip_word(match, end);
	p = skip(p, end, " -j ");
	if (p)
		p = skip(p, end, c->name);
	return p == end;
}

static void line_scan(struct leftovers *l, const char *table, const char *line,
		      size_t len)
{
	const char *end = line + len, *p;
	size_t i;

	for (i = 0; i < N_CHAINS; i++) {
		const struct own_chain *c = &own_chains[i];

		if (strcmp(table, c->table))
			continue;
		p = skip(line, end, ":");
		if (p)
			p = skip(p, end, c->name);
		if (p && skip(p, end, " "))
			l->chain[i] = true;
		if (c->from && is_jump(c, line, end))
			hp_buf_addf(&l->jumps[i], "-D%.*s\n", (int)len - 2, line + 2);
	}
}

static struct leftovers saved_scan(const char *saved)
{
	struct leftovers l = {.chain = {false}};
	char table[16] = "";
	size_t len;

	for (size_t i = 0; i < N_CHAINS; i++)
		l.jumps[i] = (struct hp_buf)HP_BUF_INIT;
	while (*saved) {
		len = strcspn(saved, "\n");
		if (*saved == '*' && len < sizeof(table))
			snprintf(table, sizeof(table), "%.*s", (int)len - 1, saved + 1);
		else
			line_scan(&l, table, saved, len);
		saved += len + (saved[len] == '\n');
	}
	return l;
}

static void jumps_delete(struct hp_buf *b, const struct leftovers *l, const char *table)
{
	for (size_t i = 0; i < N_CHAINS; i++) {
		const struct hp_buf *lines = &l->jumps[i];

		if (strcmp(own_chains[i].table, table))
			continue;
		hp_buf_add(b, lines->data, lines->len);
		b->failed |= lines->failed;
	}
}

/* only_old: of earlier versions. */
static void chains_delete(struct hp_buf *b, const struct leftovers *l, const char *table,
			  bool only_old)
{
	static const char *const steps[] = {"-F", "-X"};

	for (size_t step = 0; step < 2; step++)
		for (size_t i = 0; i < N_CHAINS; i++)
			if (!strcmp(own_chains[i].table, table) && l->chain[i] &&
			    (own_chains[i].old || !only_old))
				hp_buf_addf(b, "%s %s\n", steps[step], own_chains[i].name);
}

static bool table_has_ours(const struct leftovers *l, const char *table)
{
	size_t i;

	for (i = 0; i < N_CHAINS; i++) {
		if (!strcmp(own_chains[i].table, table) && (l->chain[i] || l->jumps[i].len))
			return true;
	}
	return false;
}

static void table_remove(struct hp_buf *b, const struct leftovers *l, const char *table)
{
	if (!table_has_ours(l, table))
		return;
	hp_buf_addf(b, "*%s\n", table);
	jumps_delete(b, l, table);
	chains_delete(b, l, table, false);
	hp_buf_addf(b, "COMMIT\n");
}

/* A chain that is declared is made, or emptied if it was there. */
static void table_begin(struct hp_buf *b, const struct leftovers *l, const char *table)
{
	size_t i;

	hp_buf_addf(b, "*%s\n", table);
	for (i = 0; i < N_CHAINS; i++) {
		if (!strcmp(own_chains[i].table, table) && !own_chains[i].old)
			hp_buf_addf(b, ":%s - [0:0]\n", own_chains[i].name);
	}
	jumps_delete(b, l, table);
	chains_delete(b, l, table, true);
}

static void jump_add(struct hp_buf *b, const struct own_chain *c, const struct hp_rules_cfg *cfg)
{
	hp_buf_addf(b, "%s %s%s", c->position, c->from, jump_matches[c->jump]);
	if (c->jump == FOR_MARKED || c->jump == FOR_BEGUN)
		hp_buf_addf(b, "0x%x/0x%x", cfg->mark, cfg->mask);
	else if (c->jump == FOR_DECRYPTED)
		hp_buf_addf(b, "0x%x/0x%x", cfg->tun_mark, cfg->tun_mark);
	else if (c->jump == FOR_TUN)
		hp_buf_addf(b, "%s", cfg->tun);
	else if (c->jump == FOR_OTHERS)
		hp_buf_addf(b, "%s%s%s", cfg->tun, NOT_OUT, cfg->tun);
	hp_buf_addf(b, " -j %s\n", c->name);
}

/* cfg: not looked at for table nat. */
static void table_end(struct hp_buf *b, const char *table, const struct hp_rules_cfg *cfg)
{
	size_t i;

	for (i = 0; i < N_CHAINS; i++) {
		const struct own_chain *c = &own_chains[i];

		if (!strcmp(c->table, table) && c->from && !c->old)
			jump_add(b, c, cfg);
	}
	hp_buf_addf(b, "COMMIT\n");
}

static void ipt_jump(struct hp_buf *b, int family, const char *dev, const char *net,
		     const char *chain)
{
	hp_buf_addf(b, "-A HIPPROXY");
	if (dev[0])
		hp_buf_addf(b, " -i %s", dev);
	if (net[0])
		hp_buf_addf(b, " -s %s", net);
	hp_buf_addf(b, " -j %s\n", chain);
}

static void ipt_exceptions(struct hp_buf *b, const struct hp_rules_cfg *cfg, int family)
{
	char net[HP_PREFIX_STRLEN];

	/* Not at the jump: packets that are not tracked have no connmark, nor another one. */
	hp_buf_addf(b, "-A HIPPROXY -m connmark --mark 0x%x/0x%x -j RETURN\n", cfg->mark,
		    cfg->mask);
	hp_buf_addf(b, "-A HIPPROXY -m mark --mark 0x%x/0x%x -j RETURN\n", cfg->mark,
		    cfg->mask);
	if (family == 4)
		hp_buf_addf(b, "-A HIPPROXY -d 224.0.0.0/4 -j RETURN\n"
			       "-A HIPPROXY -d 255.255.255.255/32 -j RETURN\n");
	else
		hp_buf_addf(b, "-A HIPPROXY -d ff00::/8 -j RETURN\n");
	for (size_t i = 0; i < cfg->n_hip_hosts; i++) {
		if (!of_family(&cfg->hip_hosts[i], family))
			continue;
		hp_prefix_format(&cfg->hip_hosts[i], net);
		hp_buf_addf(b, "-A HIPPROXY -s %s -j RETURN\n-A HIPPROXY -d %s -j RETURN\n", net,
			    net);
	}
}

static void ipt_install(struct hp_buf *b, const struct hp_rules_cfg *cfg, int family,
			const struct leftovers *l)
{
	const char *bypass = cfg->fail_open ? " --queue-bypass" : "";

	table_begin(b, l, "security");
	ipt_exceptions(b, cfg, family);
	each_capture(b, cfg, family, ipt_jump, "HIPPROXY-QUEUE");
	hp_buf_addf(b, "-A HIPPROXY-QUEUE -p tcp -j NFQUEUE --queue-num %u%s\n",
		    cfg->queue, bypass);
	hp_buf_addf(b, "-A HIPPROXY-QUEUE -j NFQUEUE --queue-num %u%s\n", cfg->queue + 1u,
		    bypass);
	table_end(b, "security", cfg);
	table_begin(b, l, "mangle");
	hp_buf_addf(b,
		    "-A HIPPROXY-BEGUN -j CONNMARK --restore-mark --nfmask 0x%x --ctmask 0x%x\n"
		    "-A HIPPROXY-MARK -j CONNMARK --save-mark --nfmask 0x%x --ctmask 0x%x\n",
		    cfg->mask, cfg->mask, cfg->mask, cfg->mask);
	hp_buf_addf(b, "-A HIPPROXY-OUT -o %s -j RETURN\n", cfg->tun);
	hp_buf_addf(b, "-A HIPPROXY-OUT -p %d -j NFQUEUE --queue-num %u%s\n",
		    family == 4 ? 1 : 58, cfg->queue + 1u, bypass);
	table_end(b, "mangle", cfg);
	table_begin(b, l, "raw");
	hp_buf_addf(b, "-A HIPPROXY -j MARK --set-xmark 0x%x/0x%x\n", cfg->tun_mark,
		    cfg->tun_mark);
	table_end(b, "raw", cfg);
}

char *hp_rules_iptables_text(const struct hp_rules_cfg *cfg, int family,
			     const char *saved)
{
	struct leftovers l = saved_scan(saved);
	struct hp_buf b = HP_BUF_INIT;

	if (cfg) {
		ipt_install(&b, cfg, family, &l);
	} else {
		table_remove(&b, &l, "security");
		table_remove(&b, &l, "mangle");
		table_remove(&b, &l, "raw");
		table_remove(&b, &l, "nat");
	}
	leftovers_free(&l);
	return hp_buf_take(&b);
}

char *hp_rules_iptables_nat_text(const char *tun, const struct hp_prefix *from, size_t n,
				 int family, const char *saved)
{
	struct leftovers l = saved_scan(saved);
	struct hp_buf b = HP_BUF_INIT;
	char net[HP_PREFIX_STRLEN];
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= of_family(&from[i], family);
	if (!any) {
		leftovers_free(&l);
		return hp_buf_take(&b);
	}
	table_begin(&b, &l, "nat");
	for (size_t i = 0; i < n; i++)
		if (of_family(&from[i], family))
			hp_buf_addf(&b, "-A HIPPROXY-NAT -s %s ! -o %s -j MASQUERADE\n",
				    hp_prefix_format(&from[i], net), tun);
	table_end(&b, "nat", NULL);
	leftovers_free(&l);
	return hp_buf_take(&b);
}
