/* SPDX-License-Identifier: MIT */
/* Options whose value is a pointer: for a TLS configuration of ours NNG is given one of its own
 * that was told the same. */
#include "nng/libnng.h"

#include "tls/copy.h"

#include <nng/nng.h>
#include <string.h>

static bool tls_config_is(const char *opt)
{
    return opt != NULL && strcmp(opt, NNG_OPT_TLS_CONFIG) == 0;
}

/* One of NNG's; *theirs is for nng_tls_config_free() of NNG's. */
static int tls_config_mirror(nng_tls_config *ours, nng_tls_config **theirs)
{
    struct nu_tls_setters set = {
        .server_name = NU_NNG(nng_tls_config_server_name),
        .ca_chain = NU_NNG(nng_tls_config_ca_chain),
        .own_cert = NU_NNG(nng_tls_config_own_cert),
        .auth_mode = NU_NNG(nng_tls_config_auth_mode),
        .version = NU_NNG(nng_tls_config_version),
        .psk = NU_NNG(nng_tls_config_psk),
    };
    if (ours == NULL) {
        return NNG_EINVAL;
    }
    if (set.server_name == NULL || set.ca_chain == NULL || set.own_cert == NULL ||
        set.auth_mode == NULL || set.version == NULL) {
        return NNG_ENOTSUP;
    }
    int err = NU_NNG(nng_tls_config_alloc)(theirs, nu_tls_config_mode(ours));
    if (err == 0 && (err = nu_tls_config_copy(ours, &set, *theirs)) != 0) {
        NU_NNG(nng_tls_config_free)(*theirs);
    }
    return err;
}

/* Whether an untyped value is a pointer. */
static int tls_config_value(const void *value, size_t size, void **ptr)
{
    if (value == NULL || size != sizeof *ptr) {
        return NNG_EINVAL;
    }
    memcpy(ptr, value, sizeof *ptr);
    return 0;
}

#define SET_PTR(type, set_ptr, old_set_ptr, set, old_set)                                          \
    int set_ptr(type of, const char *opt, void *value)                                             \
    {                                                                                              \
        int (*to)(type, const char *, void *) = NU_NNG(set_ptr);                                   \
        nng_tls_config *theirs;                                                                    \
        if (to == NULL) {                                                                          \
            return NNG_ENOTSUP;                                                                    \
        }                                                                                          \
        if (!tls_config_is(opt)) {                                                                 \
            return to(of, opt, value);                                                             \
        }                                                                                          \
        int err = tls_config_mirror(value, &theirs);                                               \
        if (err == 0) {                                                                            \
            err = to(of, opt, theirs);                                                             \
            NU_NNG(nng_tls_config_free)(theirs); /* the socket holds it, or none does */           \
        }                                                                                          \
        return err;                                                                                \
    }                                                                                              \
    int old_set_ptr(type of, const char *opt, void *value)                                         \
    {                                                                                              \
        return set_ptr(of, opt, value);                                                            \
    }                                                                                              \
    int set(type of, const char *opt, const void *value, size_t size)                              \
    {                                                                                              \
        int (*to)(type, const char *, const void *, size_t) = NU_NNG(set);                         \
        void *ptr;                                                                                 \
        if (to == NULL || !tls_config_is(opt)) {                                                   \
            return to != NULL ? to(of, opt, value, size) : NNG_ENOTSUP;                            \
        }                                                                                          \
        int err = tls_config_value(value, size, &ptr);                                             \
        return err != 0 ? err : set_ptr(of, opt, ptr);                                             \
    }                                                                                              \
    int old_set(type of, const char *opt, const void *value, size_t size)                          \
    {                                                                                              \
        return set(of, opt, value, size);                                                          \
    }

/* What NNG has is no configuration of ours. */
#define GET_PTR(type, get_ptr, old_get_ptr, get, old_get)                                          \
    int get_ptr(type of, const char *opt, void **value)                                            \
    {                                                                                              \
        int (*to)(type, const char *, void **) = NU_NNG(get_ptr);                                  \
        return to == NULL || tls_config_is(opt) ? NNG_ENOTSUP : to(of, opt, value);                \
    }                                                                                              \
    int old_get_ptr(type of, const char *opt, void **value)                                        \
    {                                                                                              \
        return get_ptr(of, opt, value);                                                            \
    }                                                                                              \
    int get(type of, const char *opt, void *value, size_t *size)                                   \
    {                                                                                              \
        int (*to)(type, const char *, void *, size_t *) = NU_NNG(get);                             \
        return to == NULL || tls_config_is(opt) ? NNG_ENOTSUP : to(of, opt, value, size);          \
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
