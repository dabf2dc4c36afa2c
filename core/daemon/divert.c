/* SPDX-License-Identifier: MIT
 *
 * client.capture = "route": packets to peers of the configuration are routed to the TUN device.
 *
 * That is for destinations whose packets are all protected, whatever their protocol: so as soon
 * as there are rules by port, client or destination, every packet goes by a queue, where it can
 * still be let pass.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>

static size_t count(const struct hp_conf_peer *p)
{
	return p->serves.n ? p->serves.n : p->addresses.n;
}

static size_t add(const struct hp_conf_peer *p, struct hp_prefix *to)
{
	for (size_t i = 0; i < count(p); i++)
		to[i] = p->serves.n ? p->serves.at[i] :
				      (struct hp_prefix){ .addr = p->addresses.at[i], .bits = 128 };
	return count(p);
}

static int collect(const struct hp_conf_peers *peers, struct hp_rules_cfg *cfg)
{
	struct hp_prefix *list;
	size_t n = 0;

	for (size_t i = 0; i < peers->n; i++)
		n += count(&peers->at[i]);
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < peers->n; i++)
		cfg->n_diverted += add(&peers->at[i], list + cfg->n_diverted);
	cfg->diverted = list;
	return 0;
}

int hp_daemon_divert(struct hp_daemon *d, struct hp_rules_cfg *cfg, struct hp_io_err *err)
{
	const struct hp_conf_client *c = &d->conf->client;
	bool route = c->capture == HP_CONF_CAPTURE_ROUTE;

	if (route && c->rules.n)
		hp_log(HP_LOG_IO, HP_LOG_NOTICE, "client.capture: packets come by a queue, "
						 "because there are client.rules");
	else if (route && collect(&d->conf->peers, cfg))
		return hp_io_fail(err, -ENOMEM, "out of memory");
	cfg->divert_mark = c->divert_mark;
	/* Every packet this machine forwards pays for routing rules, also for those that a reload
	 * or a killed daemon has left without a purpose. */
	if (!cfg->n_diverted) {
		hp_divert_off();
		return 0;
	}
	return hp_divert_on(hp_tun_index(d->tun), c->divert_mark, cfg->fail_open, err);
}

bool hp_daemon_diverts(const struct hp_daemon *d)
{
	const struct hp_conf_client *c = &d->conf->client;

	return d->capturing && c->capture == HP_CONF_CAPTURE_ROUTE && !c->rules.n;
}

void hp_daemon_diverted_free(struct hp_rules_cfg *cfg)
{
	free((void *)(uintptr_t)cfg->diverted);
	cfg->diverted = NULL;
	cfg->n_diverted = 0;
}
