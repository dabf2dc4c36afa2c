/* SPDX-License-Identifier: MIT
 *
 * natudp: HIP and ESP in UDP, so that they pass NATs (RFC 5770, mode UDP-ENCAPSULATION).
 *
 * The plugin chooses path and port, adds and takes off the encapsulation, negotiates, keeps NATs'
 * mappings alive and follows them.  The port's sockets, and the question whether a peer is where it
 * seems to be, are the core's (hipproxy/outer.h).
 */
#include "natudp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <hipproxy/log.h>

#define SHUT_MS      3000 /* associations in UDP have this long to move */
#define SHUT_STEP_MS 100
#define CLAIMS_PER_S 50
/* RFC 9028, section 4.1: a random source port is from here up to 65535. */
#define RANDOM_MIN   49152u
#define RANDOM_TRIES 16

/* ---- settings */

struct settings {
	int mode; /* enum natudp_mode */
	uint16_t port;
	uint32_t keepalive_s;
	int source_port;
};

static const char *const modes[] = { [NATUDP_OFF] = "off", [NATUDP_PLAIN_UDP] = "plain-udp",
				     [NATUDP_AUTO] = "auto", NULL };

enum { FIXED, RANDOM };
static const char *const source_ports[] = { [FIXED] = "fixed", [RANDOM] = "random", NULL };

static const struct hp_conf_row schema[] = {
	{ "mode", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, mode), .def = "auto",
	  .names = modes, .help = "when UDP is used" },
	{ "port", HP_CONF_INT, 0, HP_CONF_AT(struct settings, port), 1, 65535, .def = "10500",
	  .help = "UDP port of this machine and of its peers" },
	{ "keepalive_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, keepalive_s), 1, 3600,
	  .def = "15", .help = "a peer gets a keepalive after this time without traffic" },
	{ "source_port", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, source_port), .def = "fixed",
	  .names = source_ports, .help = "UDP port from which this machine sends" },
	HP_CONF_END
};

/* ---- counters */

enum { UDP, NATIVE, MOVED };

static const struct hp_counter counters[] = {
	[UDP] = { "udp", "associations that came up in UDP" },
	[NATIVE] = { "native", "associations that came up without" },
	[MOVED] = { "moved", "associations that changed to another address, port or transport" },
	{ NULL, NULL }
};

static const struct hp_counter drops[] = {
	[NATUDP_D_RUNT] = { "runt", "received, too short for HIP and for ESP" },
	[NATUDP_D_RESERVED] = { "reserved-spi", "received, with an SPI that nobody may have" },
	[NATUDP_D_OVERSIZED] = { "oversized", "received, longer than a HIP message can be" },
	{ NULL, NULL }
};

/* ---- lists */

void natudp_list_init(struct natudp_link *list)
{
	list->next = list->prev = list;
}

void natudp_list_add(struct natudp_link *list, struct natudp_link *n)
{
	n->prev = list->prev;
	n->next = list;
	n->prev->next = n;
	list->prev = n;
}

void natudp_list_del(struct natudp_link *n)
{
	if (!n->next)
		return;
	n->next->prev = n->prev;
	n->prev->next = n->next;
	n->next = n->prev = NULL;
}

/* ---- associations */

static void anew(struct hp_instance *self, struct hp_assoc *a)
{
	(void)self;
	natudp_wait_clear(hp_transport_area(a));
}

static void gone(struct hp_instance *self, struct hp_assoc *a)
{
	natudp_wait_clear(hp_transport_area(a));
	natudp_untrack(natudp_of(self), hp_transport_area(a));
}

static void up(struct hp_instance *self, const struct hp_event_info *info)
{
	hp_count(&self->counters, hp_assoc_path(info->assoc)->dport ? UDP : NATIVE);
	natudp_track(natudp_of(self), info->assoc);
}

static void moved(struct hp_instance *self, const struct hp_event_info *info)
{
	struct natudp_assoc *na = hp_transport_area(info->assoc);

	hp_count(&self->counters, MOVED);
	if (na)
		na->changed_ms = hp_instance_now(self);
	natudp_track(natudp_of(self), info->assoc);
}

static const struct hp_event_sub events[] = {
	{ "natudp.up", HP_EVENT_ASSOC_UP, up },
	{ "natudp.moved", HP_EVENT_LOCATOR_CHANGED, moved },
	{ .name = NULL }
};

/* ---- another mode */

/* What the mode would carry in another way is tried in that way. */
static int move(struct hp_assoc *a, void *arg)
{
	const struct natudp *n = arg;
	const struct hp_path *now = hp_assoc_path(a);
	struct hp_path path = { .dst = now->dst };
	bool want = n->mode != NATUDP_OFF;

	if ((now->dport != 0) == want || hp_assoc_state(a) != HP_ESTABLISHED ||
	    hp_assoc_is_rekeying(a))
		return 0;
	if (want)
		path = (struct hp_path){ .dst = now->dst, .sport = n->own, .dport = n->number };
	hp_assoc_ask_at(a, &path);
	return 0;
}

static int is_in_udp(struct hp_assoc *a, void *arg)
{
	(void)arg;
	return hp_assoc_path(a)->dport != 0;
}

static int leave(struct hp_assoc *a, void *arg)
{
	struct hp_path native = { .dst = hp_assoc_path(a)->dst };

	(void)arg;
	if (hp_assoc_path(a)->dport)
		hp_assoc_lose_path(a, &native);
	return 0;
}

static void close_port(struct natudp *n)
{
	hp_plugin_timer_cancel(n->t_shut);
	hp_outer_port_close(n->self, n->port);
	n->port = NULL;
}

/* Associations have had their time to move: those that have not begin anew. */
static void shut(struct hp_instance *self, void *ctx)
{
	struct natudp *n = ctx;

	if (hp_instance_now(self) < n->shut_ms && hp_transport_each(self, is_in_udp, NULL)) {
		hp_plugin_timer_set(n->t_shut, SHUT_STEP_MS);
		return;
	}
	hp_transport_each(self, leave, NULL);
	close_port(n);
}

/* Now, or after a while in which associations may move. */
static void close_later(struct natudp *n)
{
	if (!n->port)
		return;
	if (!hp_transport_each(n->self, is_in_udp, NULL)) {
		close_port(n);
		return;
	}
	n->shut_ms = hp_instance_now(n->self) + SHUT_MS;
	hp_plugin_timer_set(n->t_shut, SHUT_STEP_MS);
}

static int draw(uint16_t *number)
{
	uint16_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return -errno;
	*number = (uint16_t)(RANDOM_MIN + r % (65536u - RANDOM_MIN));
	return 0;
}

/* The port *number, or random ones until one is free: *number says which. */
static int open_some(struct natudp *n, bool random, uint16_t *number, struct hp_outer_port **out)
{
	int err, tries = 0;

	do {
		err = random ? draw(number) : 0;
		if (!err)
			err = hp_outer_port_open(n->self, *number, out);
	} while (random && err == -EADDRINUSE && ++tries < RANDOM_TRIES);
	return err;
}

static int open_port(struct natudp *n, const struct settings *set)
{
	bool random = set->source_port == RANDOM;
	uint16_t number = set->port;
	struct hp_outer_port *port;
	int err;

	if (n->port && n->random == random && (random || n->own == number)) {
		hp_plugin_timer_cancel(n->t_shut);
		return 0;
	}
	err = open_some(n, random, &number, &port);
	if (err)
		return err;
	close_port(n);
	n->port = port;
	n->own = number;
	n->random = random;
	return 0;
}

/* Takes effect at once, or -errno and nothing has changed. */
static int apply(struct natudp *n, enum natudp_mode mode, const struct settings *set)
{
	bool offered = n->mode != NATUDP_OFF, moves = n->mode != mode;
	int err = mode == NATUDP_OFF ? 0 : open_port(n, set);

	if (err)
		return err;
	n->mode = mode;
	n->number = set->port;
	n->keepalive_ms = set->keepalive_s * 1000;
	if (offered != (mode != NATUDP_OFF))
		hp_transport_changed(n->self);
	if (moves)
		hp_transport_each(n->self, move, n);
	if (mode == NATUDP_OFF)
		close_later(n);
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "NAT traversal: %s", modes[mode]);
	return 0;
}

static void status(struct hp_instance *self, struct hp_transport_status *out)
{
	const struct natudp *n = natudp_of(self);

	out->mode = modes[n->mode];
	out->port = n->port ? n->own : 0;
}

static int set_mode(struct hp_instance *self, const char *mode)
{
	struct natudp *n = natudp_of(self);
	struct settings set = *(const struct settings *)self->settings;

	for (int i = 0; modes[i]; i++)
		if (!strcmp(modes[i], mode))
			return apply(n, (enum natudp_mode)i, &set);
	return -EINVAL;
}

/* ---- start and stop */

static void end(struct natudp *n)
{
	if (n->port)
		close_port(n);
	hp_plugin_timer_free(n->t_shut);
	hp_plugin_timer_free(n->t_wait);
	hp_plugin_timer_free(n->t_look);
	n->self->state = NULL;
	free(n);
}

static int start(struct hp_instance *self)
{
	const struct settings *set = self->settings;
	struct natudp *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	self->state = n;
	n->self = self;
	natudp_list_init(&n->waiting);
	natudp_list_init(&n->in_udp);
	hp_tokens_init(&n->claims, CLAIMS_PER_S, CLAIMS_PER_S);
	n->t_shut = hp_plugin_timer_new(self, shut, n);
	n->t_wait = hp_plugin_timer_new(self, natudp_waited, n);
	n->t_look = hp_plugin_timer_new(self, natudp_look, n);
	err = n->t_shut && n->t_wait && n->t_look ?
		      apply(n, (enum natudp_mode)set->mode, set) : -ENOMEM;
	if (err)
		end(n);
	return err;
}

static int reload(struct hp_instance *self, const void *settings)
{
	const struct settings *set = settings;

	return apply(natudp_of(self), (enum natudp_mode)set->mode, set);
}

static void stop(struct hp_instance *self)
{
	end(natudp_of(self));
}

/* ---- the plugin */

static const struct hp_hook hooks[] = {
	{ .name = "natudp.out", .stage = HP_STAGE_OUT_OUTER, .run = natudp_out,
	  .help = "paths with a port: in UDP" },
	{ .name = "natudp.in", .stage = HP_STAGE_IN_OUTER, .run = natudp_in,
	  .help = "HIP and ESP out of UDP" },
	{ .name = NULL }
};

static const struct hp_transport transport = {
	.area_bytes = sizeof(struct natudp_assoc),
	.paths = natudp_paths,
	.offer = natudp_offer,
	.judge = natudp_judge,
	.message = natudp_message,
	.heard = natudp_heard,
	.anew = anew,
	.gone = gone,
	.status = status,
	.mode = set_mode,
};

HP_PLUGIN(natudp) = {
	HP_PLUGIN_HEAD,
	.name = "natudp",
	.version = "2",
	.summary = "HIP and ESP in UDP, through NATs",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.hooks = hooks,
	.events = events,
	.counters = counters,
	.drops = drops,
	.transport = &transport,
	.start = start,
	.reload = reload,
	.stop = stop,
};
