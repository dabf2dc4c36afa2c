/* SPDX-License-Identifier: MIT
 *
 * The parameters of an R1, in the order of their types.
 */
#include "hip/r1params.h"

#include "hip/offered.h"

void hp_r1_add_params(struct hp_hip_builder *b, const struct hp_r1_parts *p)
{
	static const uint8_t zero[HP_RHASH_MAX];
	const struct hp_hip_config *c = p->cfg;
	struct hp_puzzle puzzle = {p->k, p->lifetime, zero, zero, hp_rhash_len(p->rhash)};
	uint16_t esp = HP_PARAM_ESP_TRANSFORM;
	uint8_t suites[HP_HIP_LIST_MAX];

	for (size_t i = 0; i < c->n_hit_suites; i++)
		suites[i] = (uint8_t)(c->hit_suites[i] << 4);
	hp_hip_add_r1_counter(b, p->generation);
	hp_hip_add_puzzle(b, &puzzle);
	hp_hip_add_u8list(b, HP_PARAM_DH_GROUP_LIST, c->dh_groups, c->n_dh_groups);
	hp_hip_add_dh(b, &p->dh);
	hp_hip_add_u16list(b, HP_PARAM_HIP_CIPHER, c->ciphers, c->n_ciphers);
	hp_hip_add_offered(b, &p->offer);
	hp_hip_param(b, HP_PARAM_HOST_ID, p->host_id + 4, hp_get16(p->host_id + 2));
	hp_hip_add_u8list(b, HP_PARAM_HIT_SUITE_LIST, suites, c->n_hit_suites);
	hp_hip_add_u16list(b, HP_PARAM_TRANSPORT_FORMAT_LIST, &esp, 1);
	hp_hip_add_u16list(b, HP_PARAM_ESP_TRANSFORM, c->esp_suites, c->n_esp_suites);
}
