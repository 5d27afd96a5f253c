/* SPDX-License-Identifier: MIT */
/*
 * The options of nng-uring serve: one table, from which the command line and configuration files
 * are read. A file has "name value" lines, with the names of the command line, `dir` for the
 * directory, and comments from a '#' at the beginning of a line on; what the command line says
 * counts more.
 */
#ifndef NU_CMD_SERVE_OPTIONS_H
#define NU_CMD_SERVE_OPTIONS_H

#include "cmd/serve_tls.h"

#include <nng/uring.h>
#include <stdbool.h>
#include <stdint.h>

#define SERVE_MAX_LISTEN 16
#define SERVE_LIMITS (NNG_URING_WRITE_RATE + 1)
#define SERVE_MAX_PATH 107 /* of a UNIX socket */
#define SERVE_MAX_LIST 16

/* What may be given several times. The command line's replace those of the file. */
struct serve_list {
    const char *v[SERVE_MAX_LIST];
    unsigned n;
    bool of_file;
};

struct serve_options {
    const char *dir; /* NULL: the site */
    bool precompressed, autoindex;
    const char *spa;                 /* the file for paths that lead to none; NULL: 404 */
    struct serve_list cache_control; /* "PATTERN VALUE" */
    struct serve_list cors;          /* origins */
    const char *error_pages;         /* the directory of 404.html; NULL: none */
    const char *listen[SERVE_MAX_LISTEN];
    unsigned nlisten;
    bool passed;    /* those are of sockets that it was started with */
    unsigned loops; /* 0: as many as the library has without being asked */
    enum nng_uring_reuseport reuseport;
    int socket_mode; /* permissions of UNIX sockets; -1: as the umask has them */
    struct serve_tls tls;
    uint64_t limits[SERVE_LIMITS];
    bool limited[SERVE_LIMITS]; /* those that were given */
    nng_duration drain_delay;   /* ms in which it goes on, to be taken out of service */
    nng_duration drain_timeout; /* ms for what is in hand then; 0: no limit */
    const char *access_log;     /* a file, or "-"; NULL: none */
    const char *log_format;
    const char *admin;   /* where it tells of itself; NULL: nowhere */
    const char *trusted; /* balancers that are believed; NULL: none */
    bool proxy;          /* by the PROXY protocol */
    const char *upgrade; /* the socket where one takes over from the other; NULL: none */
    const char *user;    /* who it is once it listens, USER[:GROUP]; NULL: who it was */
    const char *ws_echo; /* path of the echo; NULL: none */
    const char *config;  /* the file; NULL: none */
    bool check;          /* say whether it could start, and end */

    /* while they are read */
    bool from_file;    /* it is the file that is */
    bool dir_of_file;  /* where the directory is from, */
    bool file_listens; /* and the addresses: then the command line's replace them */
};

/* An enum serve_status; what is wrong has been said. What is read from a file stays in memory. The
 * number of loops is put into the environment: before there is another thread. */
int serve_options_read(struct serve_options *options, int argc, char **argv);

/* Reads them again, while it runs, from the same arguments, and says which of those that cannot be
 * changed have, for that is in vain. What is read is valid until serve_options_settle(), which is
 * to follow unless there is an error. Any thread, one at a time. */
int serve_options_read_again(struct serve_options *fresh, const struct serve_options *old, int argc,
                             char **argv);

/* Whether what is served of files has changed. */
bool serve_options_files_differ(const struct serve_options *fresh, const struct serve_options *old);

/* Makes that the options', and keeps what they point to; or (`keep` false) forgets what was read.
 */
void serve_options_settle(struct serve_options *options, const struct serve_options *fresh,
                          bool keep);

/* Says that this one has changed, and that it takes a new process to change it. */
void serve_options_say_vain(const char *name);

/* The option that sets a limit. */
const char *serve_options_name(enum nng_uring_limit limit);

#endif
