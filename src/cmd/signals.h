/* SPDX-License-Identifier: MIT */
/*
 * A server's signals: SIGUSR1 counts, SIGUSR2 has another one take over, SIGHUP reloads, SIGINT and
 * SIGTERM finish, and the second of those kills. A thread takes them, whatever the others are
 * doing. SIGHUP because the terminal went away is one to finish.
 */
#ifndef NU_CMD_SIGNALS_H
#define NU_CMD_SIGNALS_H

/* Called on the signals' thread. */
struct signals_actions {
    void (*count)(void);
    void (*upgrade)(void);
    void (*reload)(void);
    void (*finish)(void); /* once */
};

/* From here on; before there is another thread. SIGPIPE is ignored. 0, or -1 with errno. */
int signals_start(const struct signals_actions *what);

/* Waits until there is one to finish. */
void signals_await_end(void);

/* As if there were one, but no action is called. Any thread. */
void signals_end(void);

/* No action is called any more; SIGINT and SIGTERM kill, the others do nothing. */
void signals_stop(void);

#endif
