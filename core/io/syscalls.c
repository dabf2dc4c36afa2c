/* SPDX-License-Identifier: MIT
 *
 * The filter of system calls (see syscalls.h).
 *
 * Calls are named by text, so that an older libseccomp can do without those it does not know.
 * Numbers that it does not know at all are answered with ENOSYS: a C library that is newer then
 * does without them.  The calls of the data path are allowed whatever their arguments are, and
 * the kernel (from 5.11 on) looks these up in a bitmap without running the filter.
 */
#include "config.h"
#include "io/syscalls.h"

#include <errno.h>
#include <stddef.h>

#ifdef HAVE_SECCOMP
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef TUNSETVNETHDRSZ
#define TUNSETVNETHDRSZ _IOW('T', 216, int)
#endif

/* 32-bit kernels have several calls for one thing; names that an architecture lacks are passed over. */
static const char *const allowed[] = {
	/* packets */
	"recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "sendmmsg", "sendmsg", "sendto",
	"read", "readv", "recv", "send", "write", "writev",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select", "_newselect",
	/* sockets; which ones can be made: see sockets() */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt",
	"setsockopt", "shutdown",
	/* files */
	"access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2",
	"fallocate", "fchmod", "fchown", "fchown32", "fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fstat64",
	"fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "getcwd",
	"getdents", "getdents64", "_llseek", "lseek", "lstat", "lstat64", "mkdir", "mkdirat",
	"newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "pwrite64",
	"pwritev", "readlink", "readlinkat", "rename", "renameat", "renameat2", "stat", "stat64",
	"statfs", "statfs64", "statx", "umask", "unlink", "unlinkat",
	"inotify_add_watch", "inotify_init1", "inotify_rm_watch",
	/* memory; mmap and mprotect: see memory() */
	"brk", "madvise", "mincore", "mlock", "mlock2", "mremap", "msync", "munlock", "munmap",
	/* threads; clone: see threads() */
	"futex", "futex_time64", "get_robust_list", "membarrier", "rseq", "sched_getaffinity",
	"sched_yield", "set_robust_list", "set_tid_address", "set_tls", "cacheflush",
	"arm_fadvise64_64", "fadvise64", "fadvise64_64", "riscv_flush_icache", "exit", "exit_group",
	/* time */
	"clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64",
	"clock_nanosleep", "clock_nanosleep_time64", "gettimeofday", "nanosleep", "time", "times",
	"timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
	"timerfd_settime64",
	/* signals */
	"restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
	"rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaltstack", "signalfd4",
	"sigreturn",
	/* oneself and the machine */
	"capget", "eventfd2", "getcpu", "getegid", "getegid32", "geteuid", "geteuid32", "getgid",
	"getgid32", "getgroups", "getgroups32", "getpgrp", "getpid", "getppid", "getrandom",
	"getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage", "getsid",
	"gettid", "getuid", "getuid32", "sysinfo", "ugetrlimit", "uname",
#ifndef __GLIBC__
	"tkill", /* musl's raise */
#endif
};

/* C libraries try these, and do without if the kernel does not have them.  The arguments of clone3 are
 * in memory, where a filter can't see them. */
static const char *const unknown[] = { "clone3", "set_mempolicy_home_node", "map_shadow_stack" };

static const unsigned int ioctls[] = {
	FIONREAD, FIONBIO, TCGETS, SIOCGIFNAME, SIOCGIFINDEX, SIOCGIFFLAGS, SIOCGIFMTU, SIOCETHTOOL,
	TUNGETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ,
};

static const unsigned int prctls[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE,
				       PR_CAPBSET_READ };

/* As the kernel sees an int: whatever is in the upper half of the register. */
#define IS(arg, value) SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, 0xffffffffu, (scmp_datum_t)(value))
#define BITS(arg, mask, value) \
	SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value))

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int add(scmp_filter_ctx f, uint32_t action, const char *name, unsigned int n,
	       const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(f, action, nr, n, args);
}

static int allow(scmp_filter_ctx f, const char *name, unsigned int n,
		 const struct scmp_arg_cmp *args)
{
	return add(f, SCMP_ACT_ALLOW, name, n, args);
}

static int add_all(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = add(f, action, names[i], 0, NULL);
	return err;
}

/* Numbers of which this libseccomp knows no name.  On MIPS they begin at a thousand. */
static int newer(scmp_filter_ctx f)
{
	int first = seccomp_syscall_resolve_name("getpid") / 1000 * 1000, err = 0;

	for (int nr = first; !err && nr < first + 600; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);

		if (!name)
			err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
		free(name);
	}
	return err;
}

/* UDP, the raw protocols, netlink of routing and packet filters, and local ones. */
static int sockets(scmp_filter_ctx f)
{
	static const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_DGRAM, SOCK_RAW },
			 netlinks[] = { NETLINK_ROUTE, NETLINK_NETFILTER };
	struct scmp_arg_cmp local = IS(0, AF_UNIX);
	int err = allow(f, "socket", 1, &local);

	for (size_t i = 0; !err && i < 4; i++) {
		struct scmp_arg_cmp a[] = { IS(0, families[i / 2]), BITS(1, 0xf, types[i % 2]) };

		err = allow(f, "socket", 2, a);
	}
	for (size_t i = 0; !err && i < N(netlinks); i++) {
		struct scmp_arg_cmp a[] = { IS(0, AF_NETLINK), IS(2, netlinks[i]) };

		err = allow(f, "socket", 2, a);
	}
	return err;
}

/* No memory is writable and executable, now or later: plugins are mapped, code is not made. */
static int memory(scmp_filter_ctx f)
{
	static const int protections[] = { 0, PROT_WRITE, PROT_EXEC };
	static const char *const maps[] = { "mmap", "mmap2" };
	struct scmp_arg_cmp a = BITS(2, PROT_EXEC, 0);
	int err = allow(f, "mprotect", 1, &a);

	for (size_t i = 0; !err && i < N(protections) * N(maps); i++) {
		a = (struct scmp_arg_cmp)BITS(2, PROT_WRITE | PROT_EXEC, protections[i / N(maps)]);
		err = allow(f, maps[i % N(maps)], 1, &a);
	}
	return err;
}

/* Threads, but no processes; s390 has the flags second.  Signals to this process alone: abort needs
 * that. */
static int threads(scmp_filter_ctx f)
{
	struct scmp_arg_cmp flags = BITS(0, CLONE_THREAD, CLONE_THREAD), self = IS(0, getpid());
	struct scmp_arg_cmp limits[] = { IS(0, 0), SCMP_CMP(2, SCMP_CMP_EQ, 0, 0) };
	int err;

	if (seccomp_arch_native() == SCMP_ARCH_S390X || seccomp_arch_native() == SCMP_ARCH_S390)
		flags.arg = 1;
	err = allow(f, "clone", 1, &flags);
	if (!err)
		err = allow(f, "tgkill", 1, &self);
	return err ? err : allow(f, "prlimit64", 2, limits);
}

static int requests(scmp_filter_ctx f)
{
	struct scmp_arg_cmp a;
	int err = 0;

	for (size_t i = 0; !err && i < N(ioctls); i++) {
		a = (struct scmp_arg_cmp)IS(1, ioctls[i]);
		err = allow(f, "ioctl", 1, &a);
	}
	for (size_t i = 0; !err && i < N(prctls); i++) {
		a = (struct scmp_arg_cmp)IS(0, prctls[i]);
		err = allow(f, "prctl", 1, &a);
	}
	return err;
}

static int attributes(scmp_filter_ctx f, uint32_t otherwise)
{
	int err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);

	/* Calls by the numbers of another architecture. */
	if (!err)
		err = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, otherwise);
	/* The kernel says what was refused, where it can (4.14); a tree instead of a list (2.5). */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return err;
}

static int fill(scmp_filter_ctx f, bool log_only)
{
	int err = add_all(f, SCMP_ACT_ALLOW, allowed, N(allowed));

	if (!err && !log_only)
		err = add_all(f, SCMP_ACT_ERRNO(ENOSYS), unknown, N(unknown));
	if (!err && !log_only)
		err = newer(f);
	if (!err)
		err = sockets(f);
	if (!err)
		err = threads(f);
	if (!err)
		err = memory(f);
	return err ? err : requests(f);
}

int hp_syscalls_limit(bool log_only)
{
	uint32_t otherwise = log_only ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx f = seccomp_init(otherwise);
	int err;

	if (!f)
		return -ENOMEM;
	err = attributes(f, otherwise);
	if (!err)
		err = fill(f, log_only);
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	return err;
}

#else

int hp_syscalls_limit(bool log_only)
{
	(void)log_only;
	return -EOPNOTSUPP;
}

#endif
