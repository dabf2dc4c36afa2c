/* SPDX-License-Identifier: MIT
 *
 * From the configuration's words to the engine's numbers.
 */
#include "daemon/daemon.h"

#include <errno.h>

#include "crypto/cipher.h"
#include "crypto/espcipher.h"

/* At most n octets' worth of small numbers. */
static size_t bytes_of(const struct hp_conf_ints *from, uint8_t *to, size_t n)
{
	size_t i;

	for (i = 0; i < from->n && i < n; i++)
		to[i] = (uint8_t)from->at[i];
	return i;
}

static void lists(const struct hp_conf *conf, struct hp_hip_config *c)
{
	const struct hp_conf_strings *ciphers = &conf->hip.ciphers, *suites = &conf->esp.suites;

	c->n_dh_groups = bytes_of(&conf->hip.dh_groups, c->dh_groups, HP_HIP_LIST_MAX);
	c->n_hit_suites = bytes_of(&conf->hip.hit_suites, c->hit_suites, HP_HIP_LIST_MAX);
	c->n_ciphers = c->n_esp_suites = 0;
	for (size_t i = 0; i < ciphers->n && i < HP_HIP_LIST_MAX; i++) {
		const struct hp_cipher *cipher = hp_cipher_by_name(ciphers->at[i]);

		if (cipher)
			c->ciphers[c->n_ciphers++] = cipher->id;
	}
	for (size_t i = 0; i < suites->n && i < HP_HIP_LIST_MAX; i++) {
		const struct hp_esp_suite *suite = hp_esp_suite_by_name(suites->at[i]);

		if (suite)
			c->esp_suites[c->n_esp_suites++] = suite->id;
	}
}

int hp_daemon_hip_config(const struct hp_conf *conf, struct hp_hip_config *c, const char **key,
			 const char **why)
{
	const struct hp_conf_hip *h = &conf->hip;

	hp_hip_config_init(c);
	lists(conf, c);
	c->allow_null = h->allow_null;
	c->puzzle_k = h->puzzle_k;
	c->puzzle_k_max = h->puzzle_k_max;
	c->puzzle_k_accept = h->puzzle_k_accept;
	c->puzzle_lifetime_s = h->puzzle_lifetime_s;
	c->r1_lifetime_s = h->r1_lifetime_s;
	c->r1_per_s = h->r1_per_s;
	c->load_per_s = h->load_per_s;
	c->encrypt_host_id = h->encrypt_host_id;
	c->opportunistic_initiator = (enum hp_opportunistic)h->opportunistic_initiator;
	c->opportunistic_responder = (enum hp_opportunistic)h->opportunistic_responder;
	c->retransmit_ms = h->retransmit_ms;
	if (c->retransmit_max_ms < h->retransmit_ms)
		c->retransmit_max_ms = h->retransmit_ms;
	c->retransmit_max = h->retransmit_max;
	c->ual_s = h->ual_s;
	c->dead_peer_ms = h->dead_peer_ms;
	c->rekey_dh = h->rekey_dh;
	c->replay_window = conf->esp.replay_window;
	c->rekey_packets = conf->esp.rekey_packets;
	c->rekey_bytes = conf->esp.rekey_bytes;
	c->max_associations = conf->limits.associations;
	c->esp_backend = conf->esp.engine == HP_CONF_ENGINE_OPENSSL ? NULL : hp_esp_ipsec_mb();
	if (conf->esp.engine == HP_CONF_ENGINE_IPSEC_MB && !c->esp_backend) {
		*key = "esp.engine";
		*why = "ipsec-mb is not built in, or not for this processor";
		return -EINVAL;
	}
	*key = "hip";
	return hp_hip_config_check(c, why);
}

void hp_daemon_known_peers(struct hp_hip *hip, const struct hp_conf *conf)
{
	for (size_t i = 0; i < conf->peers.n; i++) {
		const struct hp_conf_peer *p = &conf->peers.at[i];
		size_t n = p->addresses.n < HP_HIP_LOCATORS ? p->addresses.n : HP_HIP_LOCATORS;

		if (hp_hip_known_peer(hip, &p->hit, p->addresses.at, n, !p->esn_icv))
			hp_log(HP_LOG_CORE, HP_LOG_WARNING, "peer %zu (%s) is not remembered", i,
			       p->name);
		hp_hip_known_reserve(hip, &p->hit);
	}
}
