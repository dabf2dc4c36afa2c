/* SPDX-License-Identifier: MIT
 *
 * What ESP_INFO of an UPDATE may say (RFC 7402, sections 5.1.1 and 6.9; RFC 8046, section 5.3).
 *
 * The SPIs in the peer's ESP_INFO are those of its inbound SAs: our outbound ones.
 */
#include "hip/espinfo.h"

#include "hip/secrets.h"

/* Also the one before, whose successor the peer may not have made yet, and the one that it has got
 * by a rekeying that is not over here. */
static bool is_of_peer(const struct hp_assoc *a, uint32_t spi)
{
	return hp_assoc_is_spi_out(a, spi) || (spi && a->rk.spi_out == spi);
}

/* The four cases of section 5.3: no rekeying, rekeying, new SA, SA deprecated. */
static int check_spis(const struct hp_assoc *a, const struct hp_esp_info *ei)
{
	bool old = is_of_peer(a, ei->old_spi);

	if (ei->new_spi && ei->new_spi < 256)
		return HP_HIPD_SPI;
	if (ei->old_spi == ei->new_spi || !ei->new_spi)
		return old ? 0 : HP_HIPD_SPI;
	return old || !ei->old_spi ? 0 : HP_HIPD_SPI;
}

/* RFC 7402, section 5.1.1: beyond KEYMAT's end new SAs need a new Diffie-Hellman value. */
static int check_index(const struct hp_assoc *a, const struct hp_esp_info *ei,
		       const struct hp_hip_msg *m)
{
	if (hp_hip_param_find(m, HP_PARAM_DIFFIE_HELLMAN, 0) || a->rk.dh ||
	    a->rk.job == HP_REKEY_MAKES_DH)
		return 0;
	return hp_secrets_reach(a->sas.cur, ei->keymat_idx) ? 0 : HP_HIPD_KEYMAT;
}

int hp_espinfo_check(const struct hp_assoc *a, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_ESP_INFO, 0);
	struct hp_esp_info ei;
	int reason;

	if (!t)
		return 0;
	if (hp_hip_read_esp_info(t, &ei))
		return HP_HIPD_MISSING;
	reason = check_spis(a, &ei);
	if (reason || !hp_espinfo_rekeys(&ei))
		return reason;
	return check_index(a, &ei, m);
}

bool hp_espinfo_rekeys(const struct hp_esp_info *ei)
{
	return ei->new_spi && ei->old_spi != ei->new_spi;
}
