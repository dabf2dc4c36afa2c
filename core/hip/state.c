/* SPDX-License-Identifier: MIT
 *
 * The state machine's table (RFC 7401, section 4.4.4): what is taken in which state.
 *
 * An empty cell is a drop.  States change where a message has been verified, in the file
 * of its type.  Timers change states in assoc.c and where a message was not answered.
 */
#include "hip/state.h"

#include "hip/close.h"
#include "hip/i1.h"
#include "hip/i2.h"
#include "hip/notify.h"
#include "hip/r1.h"
#include "hip/r2.h"
#include "hip/recover.h"
#include "hip/update.h"

enum hp_hip_ev {
	HP_EV_I1,
	HP_EV_R1,
	HP_EV_I2,
	HP_EV_R2,
	HP_EV_UPDATE,
	HP_EV_NOTIFY,
	HP_EV_CLOSE,
	HP_EV_CLOSE_ACK,
	HP_EVS
};

static const hp_rx_fn table[HP_ASSOC_STATES][HP_EVS] = {
	[HP_UNASSOCIATED] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_UPDATE] = hp_update_lost,
			[HP_EV_NOTIFY] = hp_notify_input,
		},
	[HP_I1_SENT] =
		{
			[HP_EV_I1] = hp_i1_input_crossing,
			[HP_EV_R1] = hp_r1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_NOTIFY] = hp_notify_input,
		},
	[HP_I2_SENT] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_R1] = hp_r1_input,
			[HP_EV_I2] = hp_i2_input_crossing,
			[HP_EV_R2] = hp_r2_input,
			[HP_EV_NOTIFY] = hp_notify_input,
			[HP_EV_CLOSE] = hp_close_input_early,
		},
	[HP_R2_SENT] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_UPDATE] = hp_update_input,
			[HP_EV_NOTIFY] = hp_notify_input,
			[HP_EV_CLOSE] = hp_close_input,
		},
	[HP_ESTABLISHED] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_UPDATE] = hp_update_input,
			[HP_EV_NOTIFY] = hp_notify_input,
			[HP_EV_CLOSE] = hp_close_input,
		},
	[HP_CLOSING] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_NOTIFY] = hp_notify_input,
			[HP_EV_CLOSE] = hp_close_input,
			[HP_EV_CLOSE_ACK] = hp_close_ack_input,
		},
	[HP_CLOSED] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_NOTIFY] = hp_notify_input,
			[HP_EV_CLOSE] = hp_close_input,
			[HP_EV_CLOSE_ACK] = hp_close_ack_input,
		},
	[HP_E_FAILED] =
		{
			[HP_EV_I1] = hp_i1_input,
			[HP_EV_I2] = hp_i2_input,
			[HP_EV_NOTIFY] = hp_notify_input,
		},
};

static int event_of(uint8_t type)
{
	switch (type) {
	case HP_HIP_I1:
		return HP_EV_I1;
	case HP_HIP_R1:
		return HP_EV_R1;
	case HP_HIP_I2:
		return HP_EV_I2;
	case HP_HIP_R2:
		return HP_EV_R2;
	case HP_HIP_UPDATE:
		return HP_EV_UPDATE;
	case HP_HIP_NOTIFY:
		return HP_EV_NOTIFY;
	case HP_HIP_CLOSE:
		return HP_EV_CLOSE;
	case HP_HIP_CLOSE_ACK:
		return HP_EV_CLOSE_ACK;
	default:
		return -1;
	}
}

int hp_state_input(enum hp_assoc_state s, uint8_t type, const struct hp_rx *rx)
{
	int ev = event_of(type);

	if (ev < 0)
		return HP_HIPD_TYPE;
	if (!table[s][ev])
		return rx->a ? HP_HIPD_STATE : HP_HIPD_NO_ASSOC;
	return table[s][ev](rx);
}
