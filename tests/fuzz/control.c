/* SPDX-License-Identifier: MIT
 *
 * Octets of a client of the control socket: requests, one a line, answered by the daemon's own commands
 * over tables with an association and a flow.
 *
 * The first octet's bits: 1 it shuts its end down after writing, 2 it reads nothing, 4 it writes in two
 * parts.  Commands that work on files, on the gate or on the whole daemon are left out: their words are
 * few.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../pipeline/lab.h"

#include "daemon/daemon.h"

#define ROUNDS 200

static struct lab l;
static struct hp_daemon d;
static struct hp_control *control;
static char path[64];

static const char *const served[] = { "associations", "flows", "peers", "pipeline", "policy", "top",
				      "events", "close", "flush", "trace" };

static int command(void *ctx, struct hp_control_client *c, const json_t *request, json_t *reply)
{
	const char *name = json_string_value(json_object_get(request, "cmd"));

	HP_FUZZ_HOLDS(name);
	for (size_t i = 0; i < sizeof(served) / sizeof(*served); i++)
		if (!strcmp(name, served[i]))
			return hp_daemon_command(ctx, c, request, reply);
	return -EOPNOTSUPP;
}

static void remove_socket(void)
{
	hp_control_close(control);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static void begin(void)
{
	struct hp_control_cfg cfg = { .path = path, .group = "", .fn = command, .ctx = &d };
	struct hp_io_err e;

	hp_log_level_all(HP_LOG_ERROR);
	lab_init(&l);
	lab_start(&l);
	if (!world_connect(&l.w, 200))
		abort();
	d.clock = l.w.clock;
	hp_timers_init(&d.timers, hp_clock_ms(&d.clock));
	d.loop = hp_loop_new(&d.timers, &d.clock);
	d.conf = l.n[0].conf;
	d.registry = l.n[0].registry;
	d.hip = l.w.s[0].hip;
	d.pipe = l.n[0].pipe;
	d.incidents = hp_incidents_new(&d.clock);
	cfg.timers = &d.timers;
	strcpy(path, "/tmp/fuzz-control-XXXXXX");
	if (!d.loop || !d.incidents || !mkdtemp(path))
		abort();
	strcat(path, "/control");
	if (hp_control_open(d.loop, &cfg, &control, &e))
		abort();
	atexit(remove_socket);
}

static int connect_client(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, path, sizeof(path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sun, sizeof(sun)))
		abort();
	return fd;
}

/* Some rounds of the loop; what comes back is lines of JSON objects. */
static void serve(int fd, bool reads)
{
	static char back[65536];

	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n;

		HP_FUZZ_HOLDS(!hp_loop_once(d.loop, 0));
		n = reads ? recv(fd, back, sizeof(back), 0) : -1;
		HP_FUZZ_HOLDS(n <= 0 || back[n - 1] == '\n' || n == sizeof(back) ||
			      memchr("{}[]\",:", back[0], 7));
		if (n <= 0 && i > 20)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[0] : 0;
	size_t half;
	int fd;

	if (!d.loop)
		begin();
	data += size > 0;
	size -= size > 0;
	half = how & 4 ? size / 2 : size;
	fd = connect_client();
	(void)!send(fd, data, half, MSG_NOSIGNAL);
	serve(fd, !(how & 2));
	(void)!send(fd, data + half, size - half, MSG_NOSIGNAL);
	if (how & 1)
		shutdown(fd, SHUT_WR);
	serve(fd, !(how & 2));
	close(fd);
	for (int i = 0; i < ROUNDS && hp_control_clients(control); i++)
		HP_FUZZ_HOLDS(!hp_loop_once(d.loop, 0));
	HP_FUZZ_HOLDS(!hp_control_clients(control));
	return 0;
}
