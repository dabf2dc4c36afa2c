/* SPDX-License-Identifier: MIT
 *
 * UDP load for the benchmarks: a sender with a rate, a receiver that counts, a maker of flows and
 * an echo.
 *
 *    udpload send  ADDR PORT SIZE RATE SECONDS
 *    udpload recv  PORT [SECONDS_IDLE]
 *    udpload flows ADDR PORT_FIRST PORTS SRC_PREFIX N RATE
 *    udpload echo  PORT_FIRST PORTS
 *
 * Every datagram of `send` begins with a mark, the number of the run and a sequence
 * number, so that the receiver can tell loss, reordering and duplicates apart and never
 * takes a straggler of an earlier run for a packet of this one.  Some datagrams that say
 * how many were sent end a run; without them the receiver stops after SECONDS_IDLE
 * without anything.  Each command prints one line of JSON.  The receiver says "listening"
 * on stderr when it is ready.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sendmmsg, recvmmsg */
#endif
/* This pass of gcc 12.2 crashes on this file with -O3. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns", "no-tree-loop-distribution")
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	       64
#define SIZE_MAX_BYTES 9000
#define MARK	       0x68706c64u
#define HEADER_BYTES   16
#define END_BYTES      24
#define END_SEQ	       UINT64_MAX
/* Sequence numbers that the receiver keeps a bit for: 128 MB at most. */
#define SEQ_LIMIT    (UINT64_C(1) << 30)
#define BUFFER_BYTES (64 << 20)
#define PAUSE_NS     100000
/* What a sender that was not scheduled makes up for at once; the rest is not sent. */
#define CATCH_UP_S 0.005

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	va_list ap;

	fputs("udpload: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void usage(void) __attribute__((noreturn));

static void usage(void)
{
	fputs("usage: udpload send  ADDR PORT SIZE RATE SECONDS\n"
	      "       udpload recv  PORT [SECONDS_IDLE]\n"
	      "       udpload flows ADDR PORT_FIRST PORTS SRC_PREFIX N RATE\n"
	      "       udpload echo  PORT_FIRST PORTS\n"
	      "RATE is packets a second, 0: as many as possible.  SRC_PREFIX is IPv4, "
	      "such as\n"
	      "10.1.128.0/17: sources of flows, which must be local addresses.\n",
	      stderr);
	exit(2);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ns(long ns)
{
	struct timespec t = {.tv_nsec = ns};

	nanosleep(&t, NULL);
}

/* A number from an argument, within min and max, or the end of the program. */
static double number(const char *what, const char *text, double min, double max)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end || errno || !(v >= min && v <= max))
		die("%s must be a number from %.10g to %.10g, not \"%s\"", what, min, max,
		    text);
	return v;
}

static unsigned long integer(const char *what, const char *text, double min, double max)
{
	double v = number(what, text, min, max);

	if (v != (double)(unsigned long)v)
		die("%s must be a whole number, not \"%s\"", what, text);
	return (unsigned long)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static void big_buffer(int fd, int forced, int usual)
{
	int bytes = BUFFER_BYTES;

	/* Only root may go beyond the system's limit; what others get is better than
	 * nothing. */
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, usual, &bytes, sizeof(bytes));
}

/* --- pacing
 * ---------------------------------------------------------------------------------- */

struct pace {
	double rate; /* packets a second, 0: no limit */
	double begin;
	uint64_t forgone; /* fell due while we were not running */
};

static struct pace pace_init(double rate)
{
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	return (struct pace){.rate = rate, .begin = now_s()};
}

/* How many may leave now, at most BATCH, when `sent` have left. */
static unsigned int pace_due(struct pace *p, uint64_t sent)
{
	uint64_t due, late, most;

	if (p->rate <= 0)
		return BATCH;
	due = (uint64_t)((now_s() - p->begin) * p->rate) - p->forgone;
	if (due <= sent)
		return 0;
	late = due - sent;
	most = (uint64_t)(p->rate * CATCH_UP_S) + BATCH;
	if (late > most) {
		p->forgone += late - most;
		late = most;
	}
	return late < BATCH ? (unsigned int)late : BATCH;
}

/* --- send
 * ------------------------------------------------------------------------------------ */

struct sender {
	int fd;
	uint32_t run;
	uint64_t sent;
	uint64_t refused; /* ICMP errors that came back */
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	uint8_t bytes[BATCH][SIZE_MAX_BYTES];
};

static int connected(const char *addr, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *ai;
	int fd, err;

	err = getaddrinfo(addr, port, &hints, &ai);
	if (err)
		die("\"%s\" is not an address: %s", addr, gai_strerror(err));
	fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("no socket: %s", strerror(errno));
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		die("no way to %s: %s", addr, strerror(errno));
	freeaddrinfo(ai);
	big_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	return fd;
}

static void sender_prepare(struct sender *s, size_t size_bytes)
{
	if (getrandom(&s->run, sizeof(s->run), 0) != (ssize_t)sizeof(s->run))
		die("no random number");
	for (int i = 0; i < BATCH; i++) {
		put32(s->bytes[i], MARK);
		put32(s->bytes[i] + 4, s->run);
		s->iov[i] = (struct iovec){s->bytes[i], size_bytes};
		s->msgs[i].msg_hdr =
			(struct msghdr){.msg_iov = &s->iov[i], .msg_iovlen = 1};
	}
}

static bool passing(int err)
{
	return err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH ||
	       err == ENOBUFS || err == EAGAIN || err == EINTR;
}

static void sender_batch(struct sender *s, unsigned int n)
{
	int done;

	for (unsigned int i = 0; i < n; i++)
		put64(s->bytes[i] + 8, s->sent + i);
	done = sendmmsg(s->fd, s->msgs, n, 0);
	if (done >= 0) {
		s->sent += (uint64_t)done;
		return;
	}
	if (!passing(errno))
		die("can't send: %s", strerror(errno));
	/* An ICMP error about an earlier datagram, or no room: this batch is tried again.
	 */
	s->refused++;
}

/* A flood may drown some of these: they go out with pauses. */
static void sender_end(struct sender *s)
{
	uint8_t end[END_BYTES];

	put32(end, MARK);
	put32(end + 4, s->run);
	put64(end + 8, END_SEQ);
	put64(end + 16, s->sent);
	for (int i = 0; i < 8; i++) {
		pause_ns(10 * 1000 * 1000);
		if (send(s->fd, end, sizeof(end), 0) < 0 && !passing(errno))
			die("can't send: %s", strerror(errno));
	}
}

/* In a namespace on the way, forwarding happens in the sender's own system calls. */
static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int cmd_send(char **arg)
{
	static struct sender s;
	double seconds, end, took, cpu = cpu_s();
	struct pace pace;
	size_t size;

	integer("PORT", arg[1], 1, 65535);
	size = integer("SIZE", arg[2], HEADER_BYTES, SIZE_MAX_BYTES);
	number("RATE", arg[3], 0, 1e9);
	seconds = number("SECONDS", arg[4], 0.001, 3600);
	s.fd = connected(arg[0], arg[1]);
	sender_prepare(&s, size);
	pace = pace_init(strtod(arg[3], NULL));
	end = pace.begin + seconds;
	while (now_s() < end && s.sent < SEQ_LIMIT - BATCH) {
		unsigned int n = pace_due(&pace, s.sent);

		if (n)
			sender_batch(&s, n);
		else
			pause_ns(PAUSE_NS);
	}
	took = now_s() - pace.begin;
	cpu = cpu_s() - cpu;
	sender_end(&s);
	printf("{\"sent\": %ju, \"pps\": %.1f, \"seconds\": %.6f, \"cpu_seconds\": %.6f, "
	       "\"forgone\": %ju, \"refused\": %ju}\n",
	       (uintmax_t)s.sent, (double)s.sent / took, took, cpu, (uintmax_t)pace.forgone,
	       (uintmax_t)s.refused);
	return 0;
}

/* --- recv
 * ------------------------------------------------------------------------------------ */

struct receiver {
	uint64_t *seen; /* a bit for each sequence number */
	uint64_t words;
	uint64_t received; /* different ones */
	uint64_t duplicates;
	uint64_t reordered; /* came after a later one */
	uint64_t foreign;   /* of other runs, or not ours at all */
	uint64_t next;	    /* one more than the highest */
	uint64_t sent;	    /* what the sender says at the end */
	uint32_t run;
	bool started;
	bool ended;
	double first_s;
	double last_s;
};

static bool remember(struct receiver *r, uint64_t seq)
{
	uint64_t word = seq / 64, bit = UINT64_C(1) << (seq % 64);

	if (word >= r->words) {
		uint64_t words = r->words ? r->words : 1 << 16;

		while (words <= word)
			words *= 2;
		r->seen = realloc(r->seen, words * sizeof(*r->seen));
		if (!r->seen)
			die("no memory");
		memset(r->seen + r->words, 0, (words - r->words) * sizeof(*r->seen));
		r->words = words;
	}
	if (r->seen[word] & bit)
		return false;
	r->seen[word] |= bit;
	return true;
}

static void take_data(struct receiver *r, uint64_t seq, double at)
{
	if (seq >= SEQ_LIMIT) {
		r->foreign++;
		return;
	}
	if (!remember(r, seq)) {
		r->duplicates++;
		return;
	}
	if (seq + 1 > r->next)
		r->next = seq + 1;
	else
		r->reordered++;
	if (!r->received++)
		r->first_s = at;
	r->last_s = at;
}

static void take(struct receiver *r, const uint8_t *p, size_t len, double at)
{
	if (len < HEADER_BYTES || get32(p) != MARK ||
	    (r->started && get32(p + 4) != r->run)) {
		r->foreign++;
		return;
	}
	r->run = get32(p + 4);
	r->started = true;
	if (get64(p + 8) != END_SEQ) {
		take_data(r, get64(p + 8), at);
	} else if (len >= END_BYTES) {
		r->sent = get64(p + 16);
		r->ended = true;
	}
}

/* Both families on one socket: a HIP host's packets come from and to HITs, others to
 * IPv4. */
static int listening(in_port_t port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), no = 0;

	if (fd < 0)
		die("no socket: %s", strerror(errno));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0)
		die("no socket for both families: %s", strerror(errno));
	big_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		die("port %u: %s", (unsigned int)port, strerror(errno));
	return fd;
}

static void wait_at_most(int fd, double seconds)
{
	struct timeval t = {
		.tv_sec = (time_t)seconds,
		.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0)
		die("no timeout: %s", strerror(errno));
}

static void receive(struct receiver *r, int fd, double idle_s)
{
	static uint8_t bytes[BATCH][SIZE_MAX_BYTES];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	bool draining = false;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){bytes[i], SIZE_MAX_BYTES};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	wait_at_most(fd, idle_s);
	for (;;) {
		int n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL);
		double at = now_s();

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			die("can't receive: %s", strerror(errno));
		if (n <= 0)
			return;
		for (int i = 0; i < n; i++)
			take(r, bytes[i], msgs[i].msg_len, at);
		/* After the end only stragglers can come. */
		if (r->ended && !draining)
			wait_at_most(fd, 0.05);
		draining = r->ended;
	}
}

static int cmd_recv(char **arg)
{
	struct receiver r = {0};
	double idle_s = arg[1] ? number("SECONDS_IDLE", arg[1], 0.01, 3600) : 2;
	int fd = listening((in_port_t)integer("PORT", arg[0], 1, 65535));
	double took;
	uint64_t sent;

	fputs("listening\n", stderr);
	receive(&r, fd, idle_s);
	took = r.last_s - r.first_s;
	sent = r.ended ? r.sent : r.next;
	printf("{\"received\": %ju, \"pps\": %.1f, \"seconds\": %.6f, \"sent\": %ju, "
	       "\"lost\": %ju, \"reordered\": %ju, \"duplicates\": %ju, \"foreign\": "
	       "%ju, "
	       "\"ended\": %s}\n",
	       (uintmax_t)r.received, took > 0 ? (double)(r.received - 1) / took : 0,
	       took, (uintmax_t)sent,
	       (uintmax_t)(sent > r.received ? sent - r.received : 0),
	       (uintmax_t)r.reordered, (uintmax_t)r.duplicates, (uintmax_t)r.foreign,
	       r.ended ? "true" : "false");
	free(r.seen);
	return 0;
}

/* --- flows
 * ----------------------------------------------------------------------------------- */

#define SPORT_FIRST 1024
#define SPORTS	    (65536 - SPORT_FIRST)

struct flows {
	struct sockaddr_in
		to[BATCH]; /* the server, each message with a port of its own */
	uint32_t source;   /* first address, host order */
	uint32_t sources;
	in_port_t port_first;
	unsigned int ports;
	uint64_t n;
};

static void prefix(struct flows *f, const char *text)
{
	char addr[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	struct in_addr in;
	uint32_t mask;
	unsigned long len;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		die("SRC_PREFIX must look like 10.1.128.0/17, not \"%s\"", text);
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	if (inet_pton(AF_INET, addr, &in) != 1)
		die("SRC_PREFIX: \"%s\" is not an IPv4 address", addr);
	len = integer("length of SRC_PREFIX", slash + 1, 8, 32);
	if (len == 32) {
		f->source = ntohl(in.s_addr);
		f->sources = 1;
		return;
	}
	if (len == 31)
		die("SRC_PREFIX: a /31 has no address that is no end of it");
	mask = UINT32_MAX << (32 - len);
	if (ntohl(in.s_addr) & ~mask)
		die("SRC_PREFIX: %s has bits beyond /%lu", addr, len);
	/* Neither the network's own address nor broadcast. */
	f->source = ntohl(in.s_addr) + 1;
	f->sources = ~mask - 1;
}

static void flows_parse(struct flows *f, char **arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint64_t possible;

	if (inet_pton(AF_INET, arg[0], &to.sin_addr) != 1)
		die("\"%s\" is not an IPv4 address", arg[0]);
	for (int i = 0; i < BATCH; i++)
		f->to[i] = to;
	f->port_first = (in_port_t)integer("PORT_FIRST", arg[1], 1, 65535);
	f->ports = (unsigned int)integer("PORTS", arg[2], 1, 65536 - f->port_first);
	prefix(f, arg[3]);
	possible = (uint64_t)f->sources * SPORTS * f->ports;
	f->n = integer("N", arg[4], 1, 1e9);
	if (f->n > possible)
		die("%ju flows are possible with these ports and sources, not %ju",
		    (uintmax_t)possible, (uintmax_t)f->n);
	number("RATE", arg[5], 0, 1e9);
}

/* Any source address may be chosen for each datagram of it. */
static int source_port(unsigned int port)
{
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_port = htons((in_port_t)port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0)
		die("no socket: %s", strerror(errno));
	if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes)) < 0)
		die("IP_FREEBIND: %s", strerror(errno));
	big_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

union control {
	struct cmsghdr head;
	uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void source_set(struct msghdr *m, union control *c, uint32_t source)
{
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(source)};

	m->msg_control = c;
	m->msg_controllen = sizeof(c->room);
	c->head = (struct cmsghdr){.cmsg_level = IPPROTO_IP,
				   .cmsg_type = IP_PKTINFO,
				   .cmsg_len = CMSG_LEN(sizeof(info))};
	memcpy(CMSG_DATA(&c->head), &info, sizeof(info));
}

/* Messages `done` and on of one source port: sources change slowest. */
static unsigned int flows_fill(struct flows *f, struct mmsghdr *msgs, uint64_t done,
			       unsigned int n)
{
	static union control controls[BATCH];
	static struct iovec payload = {"hpld", 4};

	for (unsigned int i = 0; i < n; i++) {
		uint64_t k = done + i;

		f->to[i].sin_port = htons((in_port_t)(f->port_first + k % f->ports));
		msgs[i].msg_hdr = (struct msghdr){.msg_name = &f->to[i],
						  .msg_namelen = sizeof(f->to[i]),
						  .msg_iov = &payload,
						  .msg_iovlen = 1};
		source_set(&msgs[i].msg_hdr, &controls[i],
			   f->source + (uint32_t)(k / f->ports));
	}
	return n;
}

/* Sends `want` datagrams, each a flow, from one source port. */
static void flows_from(struct flows *f, int fd, uint64_t want, struct pace *pace,
		       uint64_t *sent)
{
	static struct mmsghdr msgs[BATCH];
	uint64_t done = 0;

	while (done < want) {
		unsigned int n = pace_due(pace, *sent);
		int r;

		if (!n) {
			pause_ns(PAUSE_NS);
			continue;
		}
		if (n > want - done)
			n = (unsigned int)(want - done);
		r = sendmmsg(fd, msgs, flows_fill(f, msgs, done, n), 0);
		/* An address that is not local would never work. */
		if (r < 0 && errno != ENOBUFS && errno != EINTR)
			die("can't send from these sources: %s", strerror(errno));
		if (r > 0) {
			done += (uint64_t)r;
			*sent += (uint64_t)r;
		}
	}
}

static int cmd_flows(char **arg)
{
	static struct flows f;
	uint64_t sent = 0, per_port;
	struct pace pace;
	double took;

	flows_parse(&f, arg);
	/* As few sockets as fill all sources and destination ports. */
	per_port = (uint64_t)f.sources * f.ports;
	pace = pace_init(strtod(arg[5], NULL));
	for (unsigned int sport = SPORT_FIRST; sport < 65536 && sent < f.n; sport++) {
		uint64_t left = f.n - sent;
		int fd = source_port(sport);

		if (fd < 0)
			continue; /* taken by someone else */
		flows_from(&f, fd, left < per_port ? left : per_port, &pace, &sent);
		close(fd);
	}
	if (sent < f.n)
		die("only %ju flows: source ports are taken", (uintmax_t)sent);
	took = now_s() - pace.begin;
	printf("{\"flows\": %ju, \"flows_per_s\": %.1f, \"seconds\": %.6f}\n",
	       (uintmax_t)sent, (double)sent / took, took);
	return 0;
}

/* --- echo
 * ------------------------------------------------------------------------------------ */

#define ECHO_PORTS 64

/* Sends what has come back, as one batch. */
static void echo_some(int fd)
{
	static uint8_t bytes[BATCH][SIZE_MAX_BYTES];
	static struct sockaddr_in6 from[BATCH];
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){bytes[i], SIZE_MAX_BYTES};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1,
						  .msg_name = &from[i],
						  .msg_namelen = sizeof(from[i])};
	}
	n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		iov[i].iov_len = msgs[i].msg_len;
	/* What does not fit into the queue is lost, as with any datagram. */
	if (n > 0)
		(void)!sendmmsg(fd, msgs, (unsigned int)n, MSG_DONTWAIT);
}

static int cmd_echo(char **arg)
{
	unsigned long first = integer("PORT_FIRST", arg[0], 1, 65535);
	unsigned long ports = integer("PORTS", arg[1], 1, ECHO_PORTS);
	struct pollfd fds[ECHO_PORTS];

	for (unsigned long i = 0; i < ports; i++)
		fds[i] = (struct pollfd){.fd = listening((in_port_t)(first + i)), .events = POLLIN};
	fputs("listening\n", stderr);
	for (;;) {
		if (poll(fds, ports, -1) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		for (unsigned long i = 0; i < ports; i++)
			if (fds[i].revents)
				echo_some(fds[i].fd);
	}
}

/* --- commands
 * -------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int min, max;
		int (*run)(char **arg);
	} commands[] = {
		{"send", 5, 5, cmd_send},
		{"recv", 1, 2, cmd_recv},
		{"flows", 6, 6, cmd_flows},
		{"echo", 2, 2, cmd_echo},
	};

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].min &&
		    argc - 2 <= commands[i].max)
			return commands[i].run(argv + 2);
	usage();
}
