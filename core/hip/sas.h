/* SPDX-License-Identifier: MIT
 *
 * Part of an association: its ESP SAs and the secrets that they are from.
 */
#ifndef HP_HIP_SAS_H
#define HP_HIP_SAS_H

#include "crypto/keymat.h"
#include "hip/engine.h"

#define HP_OLD_SAS 4 /* replaced inbound SAs kept */

struct hp_secrets;

struct hp_old_sa { /* inbound, replaced */
	struct hp_sa *sa;
	uint64_t replaced_ms;
	uint64_t proved_ms; /* when data by a newer one had come; 0: none yet */
};

struct hp_sas {
	struct hp_secrets *cur;
	struct hp_sa *in, *in_next, *out;
	uint32_t spi_before; /* of the outbound SA before out; 0: none */
	bool no_esn_icv;     /* the peer's ICV leaves out the high half of sequence numbers */
	struct hp_old_sa old[HP_OLD_SAS]; /* the oldest first */
	size_t n_old;
	struct hp_timer t_old;
	uint32_t rekeys;
};

void hp_sas_init(struct hp_sas *s);
/* May data be sent, as far as SAs go? */
bool hp_assoc_is_up(const struct hp_assoc *a);
/* The next inbound SA, for data that comes before the exchange or rekeying has ended.  Frees the
 * one before.  0 or a reason. */
int hp_assoc_prepare_in(struct hp_assoc *a, struct hp_secrets *s, uint32_t spi);
void hp_assoc_drop_next_in(struct hp_assoc *a);
/* s's SAs replace the present ones, s becomes sas.cur (taken also on error).  0 or a reason. */
int hp_assoc_install(struct hp_assoc *a, struct hp_secrets *s);
void hp_assoc_drop_sas(struct hp_assoc *a);
/* Does the peer have, or has it had, an inbound SA of this SPI? */
bool hp_assoc_is_spi_out(const struct hp_assoc *a, uint32_t spi);

#endif
