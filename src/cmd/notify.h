/* SPDX-License-Identifier: MIT */
/* What systemd starts and is told: sockets (LISTEN_FDS), and how it goes (NOTIFY_SOCKET), as in
 * sd_listen_fds(3) and sd_notify(3). Without systemd all of this does nothing. */
#ifndef NU_CMD_NOTIFY_H
#define NU_CMD_NOTIFY_H

#define NOTIFY_FIRST_SOCKET 3 /* SD_LISTEN_FDS_START */

/* How many sockets it was started with, `most` at most, from NOTIFY_FIRST_SOCKET on; they are
 * closed in children. To be called once, before there is another thread. */
unsigned notify_sockets(unsigned most);

/* The name of one of them; "": none. Valid until the next call. */
const char *notify_socket_name(unsigned index);

/* Connects to who is told how it goes, if anybody is. Once, before the functions below. */
void notify_open(void);

/* It serves, from now on or again. */
void notify_ready(const char *status);

/* It reads again what it was told to; notify_ready() is to follow. */
void notify_reloading(void);

/* It is about to end, which may take so many milliseconds. */
void notify_stopping(long ms);

/* Another process serves from now on. */
void notify_main(int pid);

/* The watchdog is told that it lives, as long as a timer of the library's fires, which is one
 * loop's: until the end, which is before nng_fini(). */
void notify_start_watchdog(void);
void notify_end_watchdog(void);

#endif
