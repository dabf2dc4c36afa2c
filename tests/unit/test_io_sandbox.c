/* SPDX-License-Identifier: MIT
 *
 * What is left of system calls and files after the daemon has limited itself: tried in a process of its
 * own, by its first thread and by a thread of the job pool.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/jobs.h"
#include "io/landlock.h"
#include "io/syscalls.h"
#include "../harness.h"

static char inside[64], outside[64];

/* ---- what is tried: 0, or errno */

static int done(long ret)
{
	return ret < 0 ? errno : 0;
}

static int close_it(int fd)
{
	int err = done(fd);

	if (fd >= 0)
		close(fd);
	return err;
}

static int try_execve(void)
{
	char *argv[] = { "true", NULL };

	return done(execve("/bin/true", argv, NULL));
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : done(waitpid(pid, NULL, 0));
}

static int try_vfork_of_libc(void)
{
	return system("true") ? EPERM : 0;
}

static int try_tcp4(void) { return close_it(socket(AF_INET, SOCK_STREAM, 0)); }
static int try_tcp6(void) { return close_it(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
static int try_sctp(void) { return close_it(socket(AF_INET, SOCK_SEQPACKET, 132)); }
static int try_packet(void) { return close_it(socket(AF_PACKET, SOCK_RAW, 0)); }
static int try_audit(void) { return close_it(socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT)); }
static int try_passwd(void) { return close_it(open("/etc/passwd", O_RDONLY)); }
static int try_shadow(void) { return close_it(open("/etc/shadow", O_RDONLY)); }
static int try_ptrace(void) { return done(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static int try_mount(void) { return done(mount("none", "/mnt", "tmpfs", 0, NULL)); }
static int try_unshare(void) { return done(unshare(CLONE_NEWNS)); }
static int try_kill(void) { return done(kill(getppid(), 0)); }
static int try_bpf(void) { return done(syscall(SYS_bpf, 0, NULL, 0)); }
static int try_setuid(void) { return done(setuid(getuid())); }
static int try_uring(void) { return close_it((int)syscall(425, 1, NULL)); }
static int try_tiocsti(void) { return done(ioctl(0, 0x5412, "x")); }
static int try_new_call(void) { return done(syscall(590)); }

static int try_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : done(munmap(at, 4096));
}

static int try_code_later(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = at == MAP_FAILED ? 0 : done(mprotect(at, 4096, PROT_READ | PROT_EXEC));

	munmap(at, 4096);
	return err;
}

static int make(const char *folder, int flags)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/made", folder);
	return close_it(open(path, flags, 0600));
}

static int try_write_outside(void) { return make(outside, O_WRONLY | O_CREAT | O_TRUNC); }
static int try_write_inside(void) { return make(inside, O_WRONLY | O_CREAT | O_TRUNC); }

static int try_replace(void)
{
	char from[96], to[96];

	snprintf(from, sizeof(from), "%s/made", inside);
	snprintf(to, sizeof(to), "%s/kept", inside);
	return done(rename(from, to)) + done(unlink(to));
}

static int try_remove_outside(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/there", outside);
	return done(unlink(path));
}

static int try_udp(void) { return close_it(socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0)); }
static int try_local(void) { return close_it(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int try_route(void) { return close_it(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)); }
static int try_self(void) { return close_it(open("/proc/self/statm", O_RDONLY)); }

static int try_random(void)
{
	char byte;

	return done(getrandom(&byte, 1, 0));
}

static void *nothing(void *arg)
{
	return arg;
}

static int try_thread(void)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, nothing, NULL);

	return err ? err : pthread_join(t, NULL);
}

/* ---- which of them fail, and by which of the two locks */

enum lock { CALLS = 1, FILES = 2 };

static const struct {
	const char *what;
	int (*fn)(void);
	enum lock by;
	int err;
} tries[] = {
	{ "execve", try_execve, CALLS, EPERM },
	{ "fork", try_fork, CALLS, EPERM },
	{ "posix_spawn", try_vfork_of_libc, CALLS, EPERM },
	{ "TCP over IPv4", try_tcp4, CALLS, EPERM },
	{ "TCP over IPv6", try_tcp6, CALLS, EPERM },
	{ "SCTP", try_sctp, CALLS, EPERM },
	{ "packet sockets", try_packet, CALLS, EPERM },
	{ "netlink of the audit", try_audit, CALLS, EPERM },
	{ "ptrace", try_ptrace, CALLS, EPERM },
	{ "mount", try_mount, CALLS, EPERM },
	{ "unshare", try_unshare, CALLS, EPERM },
	{ "kill", try_kill, CALLS, EPERM },
	{ "bpf", try_bpf, CALLS, EPERM },
	{ "setuid", try_setuid, CALLS, EPERM },
	{ "io_uring", try_uring, CALLS, EPERM },
	{ "typing into a terminal", try_tiocsti, CALLS, EPERM },
	{ "memory for code", try_code, CALLS, EPERM },
	{ "code in memory", try_code_later, CALLS, EPERM },
	{ "a call of a newer kernel", try_new_call, CALLS, ENOSYS },
	{ "/etc/passwd", try_passwd, FILES, EACCES },
	{ "/etc/shadow", try_shadow, FILES, EACCES },
	{ "a file elsewhere", try_write_outside, FILES, EACCES },
	{ "removing elsewhere", try_remove_outside, FILES, EACCES },
	{ "UDP", try_udp, 0, 0 },
	{ "local sockets", try_local, 0, 0 },
	{ "netlink of routing", try_route, 0, 0 },
	{ "a file in its folder", try_write_inside, 0, 0 },
	{ "replacing one", try_replace, 0, 0 },
	{ "/proc/self", try_self, 0, 0 },
	{ "random numbers", try_random, 0, 0 },
	{ "a thread", try_thread, 0, 0 },
};

#define N_TRIES (sizeof(tries) / sizeof(*tries))

/* Shared with the process that tries. */
struct results {
	int files, calls; /* of the two functions */
	int first[N_TRIES], worker[N_TRIES];
	bool done;
};

/* Where nothing is refused, only what does no harm. */
static bool is_harmless(size_t i)
{
	return tries[i].fn == try_tcp4 || tries[i].fn == try_fork || tries[i].fn == try_code;
}

static bool all; /* are tried */

static void try_all(int *results)
{
	for (size_t i = 0; i < N_TRIES; i++)
		if (all || is_harmless(i))
			results[i] = tries[i].fn();
}

struct trial {
	struct hp_job job;
	int *results;
};

static void trial_run(struct hp_job *job)
{
	try_all(((struct trial *)(void *)job)->results);
}

static void trial_done(struct hp_job *job)
{
	(void)job;
}

/* As the daemon does at the end of its start. */
static void limit(struct hp_jobs *jobs, bool log_only, struct results *r)
{
	const struct hp_place places[] = {
		{ inside, HP_PLACE_READ | HP_PLACE_WRITE },
		{ "/proc/self", HP_PLACE_READ },
		{ "/no/such/folder", HP_PLACE_READ },
	};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	r->files = hp_landlock_enter(places, sizeof(places) / sizeof(*places));
	hp_jobs_start(jobs);
	r->calls = hp_syscalls_limit(log_only);
}

static void be_daemon(bool log_only, struct results *r)
{
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_jobs *jobs;
	struct trial t = { { trial_run, trial_done, NULL }, r->worker };

	hp_timers_init(&timers, hp_clock_ms(&hp_clock_monotonic));
	loop = hp_loop_new(&timers, &hp_clock_monotonic);
	jobs = hp_jobs_new(loop, 1, 10);
	if (!jobs)
		_exit(1);
	limit(jobs, log_only, r);
	hp_jobs_put(jobs, &t.job);
	while (hp_jobs_pending(jobs))
		hp_loop_once(loop, 1000);
	try_all(r->first);
	r->done = true;
	_exit(0);
}

static struct results *run(bool log_only)
{
	struct results *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				 -1, 0);
	char path[96];
	pid_t pid;

	strcpy(inside, "/tmp/hp-sandbox-in.XXXXXX");
	strcpy(outside, "/tmp/hp-sandbox-out.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(inside));
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(outside));
	snprintf(path, sizeof(path), "%s/there", outside);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	fflush(NULL);
	all = !log_only;
	pid = fork();
	if (!pid)
		be_daemon(log_only, r);
	waitpid(pid, NULL, 0);
	CU_ASSERT(r->done);
	unlink(path);
	snprintf(path, sizeof(path), "%s/made", outside);
	unlink(path);
	rmdir(inside);
	rmdir(outside);
	return r;
}

/* The locks that this kernel and this build have. */
static unsigned locks(const struct results *r)
{
	unsigned have = (r->calls ? 0 : CALLS) | (r->files ? 0 : FILES);

#ifdef HAVE_SECCOMP
	CU_ASSERT_EQUAL(r->calls, 0);
#else
	CU_ASSERT_EQUAL(r->calls, -EOPNOTSUPP);
#endif
	CU_ASSERT_EQUAL(r->files, hp_landlock_version() < 0 ? hp_landlock_version() : 0);
	return have;
}

static void compare(const char *who, const int *results, unsigned have)
{
	for (size_t i = 0; i < N_TRIES; i++) {
		bool right = results[i] == tries[i].err;

		if (tries[i].by && !(tries[i].by & have))
			continue;
		if (!right)
			printf("%s: %s: %s, expected %s\n", who, tries[i].what, strerror(results[i]),
			       strerror(tries[i].err));
		CU_ASSERT(right);
	}
}

static void all_threads_are_limited(void)
{
	struct results *r = run(false);
	unsigned have = locks(r);

	compare("first thread", r->first, have);
	compare("worker", r->worker, have);
	munmap(r, sizeof(*r));
}

/* So what is refused above is refused by the filter. */
static void logging_refuses_nothing(void)
{
	struct results *r = run(true);

	locks(r);
	for (size_t i = 0; i < N_TRIES; i++)
		if (is_harmless(i))
			CU_ASSERT_EQUAL(r->worker[i], 0);
	munmap(r, sizeof(*r));
}

static const struct hp_test tests[] = {
	HP_TEST(all_threads_are_limited),
	HP_TEST(logging_refuses_nothing),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("io_sandbox", tests, argc, argv);
}
