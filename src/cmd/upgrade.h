/* SPDX-License-Identifier: MIT */
/*
 * How one nng-uring serve takes over from another one, without a moment in which nobody listens: at
 * a UNIX socket of messages (SOCK_SEQPACKET) it asks for the sockets, begins to serve, says so, and
 * has the other one go. It then waits there itself for the next one. Who asks has to be of the same
 * user, or root; and so has who is asked, but that root trusts others in a directory that is not
 * everybody's.
 *
 * A message is one byte that says what it is, a name for the first three, and (SCM_RIGHTS) sockets.
 */
#ifndef NU_CMD_UPGRADE_H
#define NU_CMD_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum upgrade_kind {
    UPGRADE_CUT = -1,     /* never sent: not all of a message came */
    UPGRADE_NONE,         /* never sent */
    UPGRADE_LISTEN = 'L', /* sockets of a --listen, which is the name */
    UPGRADE_PASSED = 'P', /* sockets that stand in place of every --listen (LISTEN_FDS) */
    UPGRADE_ADMIN = 'A',  /* sockets of --admin */
    UPGRADE_ALL = 'E',    /* those were all */
    UPGRADE_UNABLE = 'U', /* there will be no more: they cannot be sent */
    UPGRADE_READY = 'R',  /* from the new one: it serves */
    UPGRADE_BYE = 'B',    /* and the other one does not any more */
};

#define UPGRADE_NAME 512 /* bytes of the longest, with its NUL */
#define UPGRADE_FDS 64   /* sockets in a message */

/* Sends a message. False, with errno: it cannot be. */
bool upgrade_send(int to, enum upgrade_kind kind, const char *name, const int *fds, size_t n);

/* Called for a socket: it is the callee's, the name is not. UPGRADE_NONE: what came so far does not
 * count. False: it cannot be taken, and that has been said. */
typedef bool upgrade_take_fn(void *arg, enum upgrade_kind kind, const char *name, int fd);

/* Asks whoever serves now, if anybody does, for its sockets. An enum serve_status; what is wrong
 * has been said. */
int upgrade_take(const char *path, upgrade_take_fn *take, void *arg);

/* They are served: has the other one go, and waits until it does not accept any more. */
void upgrade_say_ready(void);

struct upgrade_actions {
    bool (*give)(int to);        /* sends the sockets, but no UPGRADE_ALL; false: it cannot, and has
                                  * said so */
    void (*hand_over)(pid_t to); /* that process serves now: returns when this one does not accept
                                  * any more, and is to go; once */
    void (*keep)(void);          /* nobody has taken over what was given */
};

/* Waits for the next one, on a thread which calls the actions. Likewise. */
int upgrade_start(const char *path, const struct upgrade_actions *actions);

/* Does so no more, and removes the socket, if it is still this process's. Who was asked, and has
 * not been told that this one serves, goes on. */
void upgrade_stop(void);

/* Starts the program anew, with the arguments it was started with: it is to ask this one. */
void upgrade_spawn(char **argv);

#endif
