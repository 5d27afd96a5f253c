/* SPDX-License-Identifier: MIT */
#include "http/limits.h"

#include "base/buf.h"
#include "base/cgroup.h"
#include "io/features.h"
#include "wire/parse.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_SHARE 4 /* one in so many bytes is for bodies that are collected */

static const struct {
    const char *name; /* in NNG_URING_LIMITS; `serve` has it as an option */
    uint64_t value, min, max;
} table[NU_LIMITS] = {
    [NNG_URING_HEAD_TIMEOUT] = { "head-timeout", 10000, 0, INT32_MAX },
    [NNG_URING_IDLE_TIMEOUT] = { "idle-timeout", 60000, 0, INT32_MAX },
    [NNG_URING_BODY_TIMEOUT] = { "body-timeout", 30000, 0, INT32_MAX },
    [NNG_URING_WRITE_TIMEOUT] = { "write-timeout", 60000, 0, INT32_MAX },
    [NNG_URING_HEAD_BYTES] = { "head-bytes", NU_MAX_HEAD, 64, UINT64_C(1) << 20 },
    [NNG_URING_HEAD_FIELDS] = { "head-fields", NU_MAX_FIELDS, 1, 4096 },
    [NNG_URING_DRAIN_BYTES] = { "drain-bytes", UINT64_C(1) << 18, 0, INT64_MAX },
    [NNG_URING_CONNECTIONS] = { "connections", 0, 0, UINT32_MAX },
    [NNG_URING_LINGER_TIMEOUT] = { "linger-timeout", 30000, 0, INT32_MAX },
    [NNG_URING_LINGER_BYTES] = { "linger-bytes", UINT64_C(16) << 20, 0, INT64_MAX },
    [NNG_URING_COLLECT_BYTES] = { "collect-bytes", 0, 0, INT64_MAX },
    [NNG_URING_BODY_TOTAL_TIMEOUT] = { "body-total-timeout", 3600000, 0, INT32_MAX },
    [NNG_URING_BODY_RATE] = { "body-rate", 500, 0, INT32_MAX },
    [NNG_URING_CLIENT_CONNECTIONS] = { "client-connections", 0, 0, UINT32_MAX },
    [NNG_URING_CLIENT_REQUESTS] = { "client-requests", 0, 0, 1000000 },
    [NNG_URING_WRITE_RATE] = { "write-rate", 500, 0, INT32_MAX },
};

static bool limits_allow(unsigned limit, uint64_t value)
{
    return limit < NU_LIMITS && value >= table[limit].min && value <= table[limit].max;
}

/* One "name=number" of the environment's list. */
static bool limits_take(uint64_t limits[NU_LIMITS], const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    unsigned i = 0;
    uint64_t value;
    if (equals == NULL) {
        return false;
    }
    size_t n = (size_t) (equals - text);
    while (i < NU_LIMITS && (strlen(table[i].name) != n || memcmp(table[i].name, text, n) != 0)) {
        i++;
    }
    char number[NU_DECIMAL_MAX + 1], *end;
    if (len - n - 1 >= sizeof number || equals[1] < '0' || equals[1] > '9') {
        return false;
    }
    memcpy(number, equals + 1, len - n - 1);
    number[len - n - 1] = '\0';
    errno = 0;
    value = strtoull(number, &end, 10);
    if (*end != '\0' || errno != 0 || !limits_allow(i, value)) {
        return false;
    }
    limits[i] = value;
    return true;
}

int nu_limits_init(uint64_t limits[NU_LIMITS])
{
    const char *list = getenv("NNG_URING_LIMITS");
    for (unsigned i = 0; i < NU_LIMITS; i++) {
        limits[i] = table[i].value;
    }
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ",");
        if (!limits_take(limits, list, len)) {
            nu_features_refuse(0, "NNG_URING_LIMITS is not a list of limits and their values",
                               "write it like idle-timeout=0,head-fields=512; the names are in "
                               "nng-uring-serve(1)");
            return NNG_EINVAL;
        }
        list += list[len] == ',' ? len + 1 : len;
    }
    return 0;
}

uint64_t nu_limit_collect_bytes(const uint64_t limits[NU_LIMITS])
{
    uint64_t limit = limits[NNG_URING_COLLECT_BYTES];
    return limit > 0 ? limit : nu_cgroup_memory() / MEMORY_SHARE;
}

int nu_limit_set(uint64_t limits[NU_LIMITS], enum nng_uring_limit limit, uint64_t value)
{
    if (!limits_allow((unsigned) limit, value)) {
        return NNG_EINVAL;
    }
    limits[limit] = value;
    return 0;
}
