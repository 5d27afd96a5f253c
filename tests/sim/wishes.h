/* SPDX-License-Identifier: MIT */
/* What the made-up server can be asked for, and how it answers. */
#ifndef NU_TESTS_SIM_WISHES_H
#define NU_TESTS_SIM_WISHES_H

#include "sim/pattern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_FIXED 3000U     /* bytes of /static */
#define SIM_BODY 3000U      /* bytes of a request's body, at most */
#define SIM_MOVING "moving" /* the file that changes while it is read */

enum sim_answer {
    SIM_SAYS_URI, /* the response is the request's URI */
    SIM_SAYS_FIXED,
    SIM_SAYS_FILE,
    SIM_SAYS_MOVING,
    SIM_REFUSED, /* 400, and the end */
    SIM_RAW,     /* bytes that are none of HTTP's, and the end */
};

/* A request's URI is the path, and "?", the client's number, its own, and its body's size, with
 * points between them. */
struct sim_wish {
    const char *path;
    enum sim_answer answer;
    const char *file;
    bool takes_body;
};

/* Those that are answered with 200. The last one is large, and the last but one moves. */
#define SIM_WISHES 13U
#define SIM_WISH_LARGE (SIM_WISHES - 1)
#define SIM_WISH_MOVING (SIM_WISHES - 2)
extern const struct sim_wish sim_wishes[SIM_WISHES];

#define SIM_BODIES 77777U /* the stream that the following are from */

/* The bytes of /static, and of a request's body. */
static inline const void *sim_body(size_t n)
{
    return sim_pattern(SIM_BODIES, 0, n);
}

static inline bool sim_is_body(const void *p, size_t n)
{
    return sim_pattern_same(p, n, SIM_BODIES, 0) == n;
}

/* How large a body a request has, in sockets of this size. */
size_t sim_some_body(void);

/* Fails the run unless this is what `who` is to be answered. */
void sim_check_answer(const struct sim_wish *wish, const char *uri, const char *body, size_t n,
                      unsigned who);

#endif
