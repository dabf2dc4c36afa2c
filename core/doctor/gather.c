/* SPDX-License-Identifier: MIT
 *
 * Looking at this machine (see box.h).
 */
#include "doctor/box.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "io/rtnlask.h"

#define NETWORKS_MAX 8
#define SERVED_MAX   8 /* addresses asked about for each network */
#define PEERS_MAX    16

/* ---- small questions */

static int number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static int conf4(const char *dev, const char *key)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", dev, key);
	return number_in(path);
}

static unsigned int mtu_of(const char *dev)
{
	char path[128];
	int n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/mtu", dev);
	n = number_in(path);
	return n > 0 ? (unsigned int)n : 0;
}

/* The greater of "all" and the device's own is in force. */
static int rp_filter_of(const char *dev)
{
	int all = conf4("all", "rp_filter"), own = conf4(dev, "rp_filter");

	return all > own ? all : own;
}

static bool has_plugin(const struct hp_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->plugins.n; i++)
		if (!strcmp(conf->plugins.at[i], name))
			return true;
	return false;
}

/* ---- devices */

static void add_dev(struct hp_box *b, const char *name, bool is_tun)
{
	struct hp_box_dev *d;

	for (size_t i = 0; i < b->n_devs; i++)
		if (!strcmp(b->devs[i].name, name))
			return;
	if (b->n_devs == HP_BOX_DEVS)
		return;
	d = &b->devs[b->n_devs++];
	*d = (struct hp_box_dev){ .is_tun = is_tun, .exists = if_nametoindex(name) != 0 };
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->mtu = d->exists ? mtu_of(name) : 0;
	d->forward4 = d->exists ? conf4(name, "forwarding") : -1;
}

static void look_at_devs(struct hp_box *b)
{
	const struct hp_conf *c = b->conf;

	add_dev(b, c->tun.name, true);
	for (size_t i = 0; c->client.enabled && i < c->client.interfaces.n; i++)
		add_dev(b, c->client.interfaces.at[i], false);
}

/* ---- ways */

static void name_of_peer(const struct hp_conf_peer *p, char buf[64])
{
	char hit[HP_ADDR_STRLEN];

	snprintf(buf, 64, "%s", *p->name ? p->name : hp_addr_format(&p->hit, hit));
}

static void name_dev(char buf[IFNAMSIZ], int ifindex)
{
	if (!ifindex || !if_indextoname((unsigned int)ifindex, buf))
		buf[0] = '\0';
}

static struct hp_box_way *way_new(struct hp_box *b, enum hp_box_kind kind,
				  const struct hp_conf_peer *p)
{
	struct hp_box_way *w;

	if (b->n_ways == HP_BOX_WAYS)
		return NULL;
	w = &b->ways[b->n_ways];
	*w = (struct hp_box_way){ .kind = kind, .peer = b->peers[b->n_ways] };
	if (p)
		name_of_peer(p, b->peers[b->n_ways]);
	b->n_ways++;
	return w;
}

static bool is_tun(const struct hp_box *b, const char *dev)
{
	return !strcmp(dev, b->conf->tun.name);
}

/* Newer kernels say EINVAL where older ones said EXDEV; a blackhole says it too. */
static bool is_filtered(const struct hp_box_way *w, int iif)
{
	struct hp_rtnl_way plain;

	if (!iif || !hp_addr_is4(&w->to) || (w->err != -EXDEV && w->err != -EINVAL) ||
	    w->rp_filter <= 0)
		return false;
	return w->err == -EXDEV || !hp_rtnl_ask(&(struct hp_rtnl_ask){ .dst = w->to }, &plain);
}

/* Reverse path filters ask for the way to the source with source and destination exchanged, so that
 * rules by source count.  The kernel answers that for a foreign IPv4 source only as for a packet
 * that has come in somewhere: there, where this one leaves. */
static bool comes_back(const struct hp_box_way *w)
{
	struct hp_rtnl_ask q = { .dst = w->from, .src = w->to };
	struct hp_rtnl_way back;
	char dev[IFNAMSIZ];

	if (hp_addr_is_zero(&w->from))
		return false;
	if (hp_addr_is4(&w->to) && *w->out)
		q.iif = (int)if_nametoindex(w->out);
	if (hp_rtnl_ask(&q, &back) && hp_rtnl_ask(&(struct hp_rtnl_ask){ .dst = w->from }, &back))
		return false;
	name_dev(dev, back.oif);
	return !strcmp(dev, w->in);
}

static void ask_way(const struct hp_box *b, struct hp_box_way *w, uint32_t mark)
{
	int iif = *w->in ? (int)if_nametoindex(w->in) : 0;
	struct hp_rtnl_ask q = { .dst = w->to, .src = w->from, .iif = iif, .mark = mark };
	struct hp_rtnl_way r;

	w->err = hp_rtnl_ask(&q, &r);
	name_dev(w->out, r.oif);
	w->to_tun = is_tun(b, w->out);
	w->mtu = *w->out ? mtu_of(w->out) : 0;
	if (!iif && hp_addr_is_zero(&w->from))
		w->from = r.src;
	if (!iif)
		return;
	w->rp_filter = hp_addr_is4(&w->to) ? rp_filter_of(w->in) : 0;
	w->filtered = is_filtered(w, iif);
	w->reverse_ok = comes_back(w);
}

static void peer_ways(struct hp_box *b)
{
	const struct hp_conf_peers *peers = &b->conf->peers;

	for (size_t i = 0; i < peers->n && i < PEERS_MAX; i++)
		for (size_t a = 0; a < peers->at[i].addresses.n && a < 2; a++) {
			struct hp_box_way *w = way_new(b, HP_WAY_PEER, &peers->at[i]);

			if (!w)
				return;
			w->to = peers->at[i].addresses.at[a];
			ask_way(b, w, b->conf->client.mark);
		}
}

/* The nth address behind the prefix's first. */
static struct hp_addr address_in(const struct hp_prefix *p, uint8_t n)
{
	struct hp_addr a = p->addr;

	if (p->bits < 128)
		a.b[15] = (uint8_t)(a.b[15] + n);
	return a;
}

/* An address of a client in net, and the device towards it.  False: there is no way to net, or
 * all that was tried is this machine itself. */
static bool find_client(const struct hp_prefix *net, struct hp_addr *client, char dev[IFNAMSIZ],
			int *err)
{
	*err = 0;
	for (uint8_t n = net->bits == 128 ? 0 : 1; n < 8; n++) {
		struct hp_addr a = address_in(net, n);
		struct hp_rtnl_way r;

		if (!hp_prefix_contains(net, &a))
			break;
		*err = hp_rtnl_ask(&(struct hp_rtnl_ask){ .dst = a }, &r);
		if (*err)
			return false;
		if (r.local)
			continue;
		*client = a;
		name_dev(dev, r.oif);
		return true;
	}
	return false;
}

static bool same_family(const struct hp_addr *a, const struct hp_addr *b)
{
	return hp_addr_is4(a) == hp_addr_is4(b);
}

/* Rules by port or client let packets take other ways. */
static bool is_diverted(const struct hp_box *b)
{
	return b->daemon.running && b->daemon.diverting;
}

static void served_way(struct hp_box *b, const struct hp_conf_peer *p, const struct hp_addr *dst,
		       const struct hp_addr *client, const char *dev)
{
	struct hp_box_way *w = way_new(b, HP_WAY_SERVED, p);

	if (!w)
		return;
	w->from = *client;
	w->to = *dst;
	w->wants_tun = is_diverted(b);
	snprintf(w->in, sizeof(w->in), "%s", dev);
	ask_way(b, w, 0);
	w = if_nametoindex(b->conf->tun.name) ? way_new(b, HP_WAY_BACK, p) : NULL;
	if (!w)
		return;
	w->from = *dst;
	w->to = *client;
	snprintf(w->in, sizeof(w->in), "%s", b->conf->tun.name);
	ask_way(b, w, 0);
}

static void served_by(struct hp_box *b, const struct hp_conf_peer *p, const struct hp_addr *client,
		      const char *dev, int *left)
{
	size_t n = p->serves.n ? p->serves.n : p->addresses.n;

	for (size_t i = 0; i < n && *left; i++) {
		struct hp_addr dst = p->serves.n ?
					     address_in(&p->serves.at[i],
							p->serves.at[i].bits < 127) :
					     p->addresses.at[i];

		if (!same_family(&dst, client))
			continue;
		--*left;
		served_way(b, p, &dst, client, dev);
	}
}

static void network_ways(struct hp_box *b, const struct hp_prefix *net)
{
	const struct hp_conf_peers *peers = &b->conf->peers;
	struct hp_box_way *w;
	struct hp_addr client;
	char dev[IFNAMSIZ];
	int left = SERVED_MAX, err;

	if (find_client(net, &client, dev, &err)) {
		for (size_t i = 0; i < peers->n && left; i++)
			served_by(b, &peers->at[i], &client, dev, &left);
		return;
	}
	w = err ? way_new(b, HP_WAY_BACK, NULL) : NULL;
	if (!w)
		return;
	w->to = address_in(net, net->bits < 128);
	w->err = err;
}

/* Without client.networks: the networks of client.interfaces. */
static size_t networks_of_devs(const struct hp_conf *c, struct hp_prefix *out, size_t max)
{
	struct ifaddrs *all, *i;
	size_t n = 0;

	if (getifaddrs(&all))
		return 0;
	for (i = all; i && n < max; i = i->ifa_next) {
		const struct sockaddr_in *a = (const void *)i->ifa_addr;
		const struct sockaddr_in *m = (const void *)i->ifa_netmask;
		bool named = false;

		for (size_t k = 0; k < c->client.interfaces.n; k++)
			named |= !strcmp(i->ifa_name, c->client.interfaces.at[k]);
		if (!named || !a || !m || a->sin_family != AF_INET)
			continue;
		out[n].addr = hp_addr_from4(a->sin_addr.s_addr & m->sin_addr.s_addr);
		out[n++].bits = (uint8_t)(96 + __builtin_popcount(m->sin_addr.s_addr));
	}
	freeifaddrs(all);
	return n;
}

static void client_ways(struct hp_box *b)
{
	const struct hp_conf_prefixes *nets = &b->conf->client.networks;
	struct hp_prefix found[NETWORKS_MAX];
	size_t n = nets->n;
	const struct hp_prefix *at = nets->at;

	if (!n) {
		n = networks_of_devs(b->conf, found, NETWORKS_MAX);
		at = found;
	}
	for (size_t i = 0; i < n && i < NETWORKS_MAX; i++)
		network_ways(b, &at[i]);
}

/* ---- all of it */

static void families(struct hp_box *b)
{
	for (size_t i = 0; i < b->n_ways; i++)
		if (b->ways[i].kind != HP_WAY_PEER) {
			b->need4 |= hp_addr_is4(&b->ways[i].to);
			b->need6 |= !hp_addr_is4(&b->ways[i].to);
		}
	for (size_t i = 0; i < b->daemon.n_pools; i++) {
		b->need4 |= hp_addr_is4(&b->daemon.pools[i].addr);
		b->need6 |= !hp_addr_is4(&b->daemon.pools[i].addr);
	}
}

void hp_box_gather(struct hp_box *b, const struct hp_conf *conf, const struct hp_box_daemon *d)
{
	struct stat st;

	memset(b, 0, sizeof(*b));
	b->conf = conf;
	b->daemon = *d;
	b->serves_clients = conf->client.enabled;
	b->serves_servers = has_plugin(conf, "server");
	b->forward4 = conf4("all", "forwarding");
	b->forward6 = number_in("/proc/sys/net/ipv6/conf/all/forwarding");
	b->now_s = time(NULL);
	if (*conf->state && !stat(conf->state, &st))
		b->state_s = st.st_mtime;
	look_at_devs(b);
	peer_ways(b);
	if (b->serves_clients)
		client_ways(b);
	families(b);
}
