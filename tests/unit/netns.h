/* SPDX-License-Identifier: MIT
 *
 * Network namespaces for tests: nameless, gone when their descriptors are closed.
 */
#ifndef HP_TESTS_NETNS_H
#define HP_TESTS_NETNS_H

#include <stdbool.h>

/* May this process make namespaces, and are the programs it needs there?  Prints why not.
 */
bool netns_available(void);
/* A new namespace with lo up; this thread is in it afterwards.  Its descriptor. */
int netns_new(void);
void netns_enter(int fd);
/* Runs a shell command in the namespace this thread is in; true if it succeeded. */
bool netns_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Output of a shell command; the caller frees it. */
char *netns_output(const char *command);
/* A veth pair between two namespaces with an IPv4 and an IPv6 address ("10.1.0.1/24")
 * each. */
bool netns_link(int ns_a, const char *dev_a, const char *addr4_a, const char *addr6_a,
		int ns_b, const char *dev_b, const char *addr4_b, const char *addr6_b);

#endif
