/* SPDX-License-Identifier: MIT */
/* Options whose value is a pointer. A TLS configuration of ours is nothing that NNG can read. */
#include "nng/libnng.h"

#include <nng/nng.h>
#include <string.h>

#define TLS_CONFIG "tls-config"

static bool tls_option_refuses(const char *opt)
{
    return opt != NULL && strcmp(opt, TLS_CONFIG) == 0;
}

#define SET_PTR(type, set_ptr, old_set_ptr, set, old_set)                                          \
    int set_ptr(type of, const char *opt, void *value)                                             \
    {                                                                                              \
        int (*to)(type, const char *, void *) = NU_NNG(set_ptr);                                   \
        return to == NULL || tls_option_refuses(opt) ? NNG_ENOTSUP : to(of, opt, value);           \
    }                                                                                              \
    int old_set_ptr(type of, const char *opt, void *value)                                         \
    {                                                                                              \
        return set_ptr(of, opt, value);                                                            \
    }                                                                                              \
    int set(type of, const char *opt, const void *value, size_t size)                              \
    {                                                                                              \
        int (*to)(type, const char *, const void *, size_t) = NU_NNG(set);                         \
        return to == NULL || tls_option_refuses(opt) ? NNG_ENOTSUP : to(of, opt, value, size);     \
    }                                                                                              \
    int old_set(type of, const char *opt, const void *value, size_t size)                          \
    {                                                                                              \
        return set(of, opt, value, size);                                                          \
    }

#define GET_PTR(type, get_ptr, old_get_ptr, get, old_get)                                          \
    int get_ptr(type of, const char *opt, void **value)                                            \
    {                                                                                              \
        int (*to)(type, const char *, void **) = NU_NNG(get_ptr);                                  \
        return to == NULL || tls_option_refuses(opt) ? NNG_ENOTSUP : to(of, opt, value);           \
    }                                                                                              \
    int old_get_ptr(type of, const char *opt, void **value)                                        \
    {                                                                                              \
        return get_ptr(of, opt, value);                                                            \
    }                                                                                              \
    int get(type of, const char *opt, void *value, size_t *size)                                   \
    {                                                                                              \
        int (*to)(type, const char *, void *, size_t *) = NU_NNG(get);                             \
        return to == NULL || tls_option_refuses(opt) ? NNG_ENOTSUP : to(of, opt, value, size);     \
    }                                                                                              \
    int old_get(type of, const char *opt, void *value, size_t *size)                               \
    {                                                                                              \
        return get(of, opt, value, size);                                                          \
    }

SET_PTR(nng_socket, nng_socket_set_ptr, nng_setopt_ptr, nng_socket_set, nng_setopt)
SET_PTR(nng_dialer, nng_dialer_set_ptr, nng_dialer_setopt_ptr, nng_dialer_set, nng_dialer_setopt)
SET_PTR(nng_listener, nng_listener_set_ptr, nng_listener_setopt_ptr, nng_listener_set,
        nng_listener_setopt)
GET_PTR(nng_socket, nng_socket_get_ptr, nng_getopt_ptr, nng_socket_get, nng_getopt)
GET_PTR(nng_dialer, nng_dialer_get_ptr, nng_dialer_getopt_ptr, nng_dialer_get, nng_dialer_getopt)
GET_PTR(nng_listener, nng_listener_get_ptr, nng_listener_getopt_ptr, nng_listener_get,
        nng_listener_getopt)
