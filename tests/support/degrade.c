/* SPDX-License-Identifier: MIT */
/*
 * NU_TESTS_WITHOUT=nowait,nosignal,... runs the tests as an older kernel would: what is named is
 * taken from the probe's findings before anything uses them. Linux 6.1 has none of "nowait",
 * "nosignal", "msg_ring" and "cachestat".
 */
#include "io/features.h"

#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum nu_feature feature;
} names[] = {
    { "nowait", NU_HAS_NOWAIT },           { "nosignal", NU_HAS_NOSIGNAL },
    { "msg_ring", NU_HAS_MSG_RING },       { "dontwait", NU_HAS_SEND_DONTWAIT },
    { "buffer_ring", NU_HAS_BUFFER_RING }, { "cachestat", NU_HAS_CACHESTAT },
};

__attribute__((constructor)) static void degrade(void)
{
    const char *without = getenv("NU_TESTS_WITHOUT");
    const nng_uring_feature *list;
    size_t count;
    if (without == NULL || nng_uring_probe(&list, &count) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strstr(without, names[i].name) != NULL) {
            ((nng_uring_feature *) list)[names[i].feature].present = false;
        }
    }
}
