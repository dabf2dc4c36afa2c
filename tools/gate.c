/* SPDX-License-Identifier: MIT
 *
 * Opening hipproxy-gate (see gate.h).
 */
#include "tools/gate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/gatesock.h"
#include "tools/ask.h"

#define ANSWER_MS 15000

static void open_gate(const char *path)
{
	struct hp_gate_msg *m = calloc(1, sizeof(*m));
	int sock = m ? hp_gatesock_connect(path) : -1, fd = -1;

	if (sock >= 0) {
		m->type = HP_GM_OPEN;
		if (!hp_gatesock_send(sock, m, -1) && !hp_gatesock_wait(sock, ANSWER_MS))
			hp_gatesock_recv(sock, m, &fd);
		if (fd >= 0)
			close(fd);
		close(sock);
	}
	free(m);
}

void hp_before_proxy(const struct hp_ctl *ctl, const json_t *request)
{
	const char *state = json_string_value(json_object_get(request, "state")), *path;
	json_t *status = json_pack("{s:s}", "cmd", "status"), *reply = NULL;

	if (!geteuid() && state && !strcmp(state, "off") && !hp_ask(ctl, status, true, &reply)) {
		path = json_string_value(json_object_get(json_object_get(reply, "gate"), "socket"));
		if (path && json_is_object(json_object_get(reply, "capture")))
			open_gate(path);
	}
	json_decref(reply);
	json_decref(status);
}
