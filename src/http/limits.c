/* SPDX-License-Identifier: MIT */
#include "http/limits.h"

#include "http/server.h"
#include "io/runtime.h"

#include <string.h>
#include <sys/resource.h>

static const struct {
    uint64_t value, min, max;
} table[NU_LIMITS] = {
    [NNG_URING_HEAD_TIMEOUT] = { 10000, 0, INT32_MAX },
    [NNG_URING_IDLE_TIMEOUT] = { 60000, 0, INT32_MAX },
    [NNG_URING_BODY_TIMEOUT] = { 30000, 0, INT32_MAX },
    [NNG_URING_WRITE_TIMEOUT] = { 60000, 0, INT32_MAX },
    [NNG_URING_HEAD_BYTES] = { NU_MAX_HEAD, 64, UINT64_C(1) << 20 },
    [NNG_URING_HEAD_FIELDS] = { NU_MAX_FIELDS, 1, 4096 },
    [NNG_URING_DRAIN_BYTES] = { UINT64_C(1) << 18, 0, INT64_MAX },
    [NNG_URING_CONNECTIONS] = { 0, 0, UINT32_MAX },
};

void nu_limits_init(uint64_t limits[NU_LIMITS])
{
    for (unsigned i = 0; i < NU_LIMITS; i++) {
        limits[i] = table[i].value;
    }
}

/* An eighth is left for files, for the program's own needs and for the library's. */
uint64_t nu_limit_connections(const nng_http_server *server)
{
    struct rlimit files;
    uint64_t limit = server->limits[NNG_URING_CONNECTIONS];
    if (limit > 0) {
        return limit;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > UINT32_MAX) {
        return UINT32_MAX;
    }
    return files.rlim_cur > 8 ? files.rlim_cur - files.rlim_cur / 8 : 1;
}

int nng_uring_server_set_limit(nng_http_server *server, enum nng_uring_limit limit, uint64_t value)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if ((unsigned) limit >= NU_LIMITS || value < table[limit].min || value > table[limit].max) {
        return NNG_EINVAL;
    }
    pthread_mutex_lock(&server->lock);
    if (server->starts > 0) {
        err = NNG_EBUSY;
    } else {
        server->limits[limit] = value;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_get_limit(nng_http_server *server, enum nng_uring_limit limit, uint64_t *value)
{
    if ((unsigned) limit >= NU_LIMITS) {
        return NNG_EINVAL;
    }
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    *value = limit == NNG_URING_CONNECTIONS ? nu_limit_connections(server) : server->limits[limit];
    pthread_mutex_unlock(&server->lock);
    return 0;
}
