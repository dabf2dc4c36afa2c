/* SPDX-License-Identifier: MIT
 *
 * Limits and waiting times of the engine that no setting changes.
 */
#ifndef HP_HIP_NUMBERS_H
#define HP_HIP_NUMBERS_H

#define HP_I2_TRIES	   2	/* retransmissions of I2 before the exchange starts over from I1 */
#define HP_ROUNDS	   3	/* exchanges tried before E-FAILED */
#define HP_ECHO_LEN	   16	/* octets of an echo request of ours */
#define HP_R1_BUCKETS	   1024 /* token buckets for R1s, by hashed address */
#define HP_HINT_BUCKETS	   256	/* token buckets for I1s caused by UPDATEs of unknown peers */
#define HP_USED_MAX	   262144 /* accepted puzzle solutions remembered */

#endif
