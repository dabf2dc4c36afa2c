/* SPDX-License-Identifier: MIT
 *
 * Routing by mark (see divert.h).
 */
#include "io/divert.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "io/rtnl.h"

#define METRIC_DEVICE 10
#define METRIC_CLOSED 20000
/* We tell senders what fits ourselves: the kernel must not compare with the device's MTU. */
#define ROUTE_MTU 65535

/* What the kernel itself says about a marked packet (time exceeded, say) has its mark, because of
 * fwmark_reflect, and must not come to the device: it goes past the rule. */
static int own_errors(int family, uint32_t mark, bool add)
{
	struct hp_rtnl_rule past = { .family = family, .priority = HP_DIVERT_PRIORITY - 1,
				     .mark = mark, .local_skip_to = HP_DIVERT_PRIORITY + 1 };
	struct hp_rtnl_rule behind = { .family = family, .priority = HP_DIVERT_PRIORITY + 1 };
	int err = hp_rtnl_rule(&behind, add), err2 = hp_rtnl_rule(&past, add);

	return err && err != -EEXIST ? err : err2;
}

static int family_on(int family, int ifindex, uint32_t mark, bool fail_open)
{
	struct hp_rtnl_default way = { .family = family, .table = HP_DIVERT_TABLE,
				       .metric = METRIC_CLOSED };
	struct hp_rtnl_rule rule = { .family = family, .table = HP_DIVERT_TABLE,
				     .priority = HP_DIVERT_PRIORITY, .mark = mark };
	int err = fail_open ? 0 : hp_rtnl_default(&way, true);

	way.metric = METRIC_DEVICE;
	way.ifindex = ifindex;
	way.mtu = ROUTE_MTU;
	if (!err || err == -EEXIST)
		err = hp_rtnl_default(&way, true);
	if (!err || err == -EEXIST)
		err = own_errors(family, mark, true);
	if (!err || err == -EEXIST)
		err = hp_rtnl_rule(&rule, true);
	return err == -EEXIST ? 0 : err;
}

static void family_off(int family)
{
	struct hp_rtnl_default way = { .family = family, .table = HP_DIVERT_TABLE };
	struct hp_rtnl_rule rule = { .family = family, .table = HP_DIVERT_TABLE,
				     .priority = HP_DIVERT_PRIORITY };

	while (!hp_rtnl_rule(&rule, false))
		;
	while (!own_errors(family, 0, false))
		;
	while (!hp_rtnl_default(&way, false))
		;
}

int hp_divert_on(int ifindex, uint32_t mark, bool fail_open, struct hp_io_err *e)
{
	int err;

	hp_divert_off();
	err = family_on(AF_INET, ifindex, mark, fail_open);
	if (!err)
		err = family_on(AF_INET6, ifindex, mark, fail_open);
	if (!err || err == -EAFNOSUPPORT)
		return 0;
	hp_divert_off();
	return hp_io_fail(e, err, "routing rule %d and table %d: %s", HP_DIVERT_PRIORITY,
			  HP_DIVERT_TABLE, strerror(-err));
}

void hp_divert_off(void)
{
	family_off(AF_INET);
	family_off(AF_INET6);
}
