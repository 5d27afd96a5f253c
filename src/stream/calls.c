/* SPDX-License-Identifier: MIT */
/* The public functions of streams that are one call of the transport's table, or of its options. */
#include "stream/option.h"
#include "stream/stream.h"

void nng_stream_send(nng_stream *stream, nng_aio *aio)
{
    stream->kind->send(stream, aio);
}

void nng_stream_recv(nng_stream *stream, nng_aio *aio)
{
    stream->kind->recv(stream, aio);
}

void nng_stream_close(nng_stream *stream)
{
    if (stream != NULL) {
        stream->kind->close(stream);
    }
}

void nng_stream_free(nng_stream *stream)
{
    if (stream != NULL) {
        stream->kind->free(stream);
    }
}

void nng_stream_dialer_dial(nng_stream_dialer *dialer, nng_aio *aio)
{
    dialer->kind->dial(dialer, aio);
}

void nng_stream_dialer_close(nng_stream_dialer *dialer)
{
    if (dialer != NULL) {
        dialer->kind->close(dialer);
    }
}

void nng_stream_dialer_free(nng_stream_dialer *dialer)
{
    if (dialer != NULL) {
        dialer->kind->free(dialer);
    }
}

int nng_stream_listener_listen(nng_stream_listener *listener)
{
    return listener->kind->listen(listener);
}

void nng_stream_listener_accept(nng_stream_listener *listener, nng_aio *aio)
{
    listener->kind->accept(listener, aio);
}

void nng_stream_listener_close(nng_stream_listener *listener)
{
    if (listener != NULL) {
        listener->kind->close(listener);
    }
}

void nng_stream_listener_free(nng_stream_listener *listener)
{
    if (listener != NULL) {
        listener->kind->free(listener);
    }
}

/* ---- Options ------------------------------------------------------------------------------ */

/* Each object has the same functions. A getter leaves *value alone when it fails. */

#define CALLS_GET(object, function, ctype, option_type, member)                                    \
    int object##_##function(object *self, const char *name, ctype *value)                          \
    {                                                                                              \
        union nu_option_value got;                                                                 \
        int err = nu_option_get(self->kind->options, self, name, option_type, &got);               \
        if (err == 0) {                                                                            \
            *value = got.member;                                                                   \
        }                                                                                          \
        return err;                                                                                \
    }

#define CALLS_SET(object, function, ctype, option_type, member)                                    \
    int object##_##function(object *self, const char *name, ctype value)                           \
    {                                                                                              \
        union nu_option_value given = { .member = value };                                         \
        return nu_option_set(self->kind->options, self, name, option_type, &given);                \
    }

#define CALLS_OF(object)                                                                           \
    int object##_get(object *self, const char *name, void *value, size_t *size)                    \
    {                                                                                              \
        return nu_option_get_bytes(self->kind->options, self, name, value, size);                  \
    }                                                                                              \
    int object##_set(object *self, const char *name, const void *value, size_t size)               \
    {                                                                                              \
        return nu_option_set_bytes(self->kind->options, self, name, value, size);                  \
    }                                                                                              \
    int object##_set_string(object *self, const char *name, const char *value)                     \
    {                                                                                              \
        union nu_option_value given = { .text = (char *) (uintptr_t) value };                      \
        return value == NULL                                                                       \
                   ? NNG_EINVAL                                                                    \
                   : nu_option_set(self->kind->options, self, name, NU_OPTION_STRING, &given);     \
    }                                                                                              \
    int object##_set_addr(object *self, const char *name, const nng_sockaddr *value)               \
    {                                                                                              \
        union nu_option_value given = { .addr = *value };                                          \
        return nu_option_set(self->kind->options, self, name, NU_OPTION_ADDR, &given);             \
    }                                                                                              \
    CALLS_GET(object, get_bool, bool, NU_OPTION_BOOL, b)                                           \
    CALLS_SET(object, set_bool, bool, NU_OPTION_BOOL, b)                                           \
    CALLS_GET(object, get_int, int, NU_OPTION_INT, i)                                              \
    CALLS_SET(object, set_int, int, NU_OPTION_INT, i)                                              \
    CALLS_GET(object, get_ms, nng_duration, NU_OPTION_MS, ms)                                      \
    CALLS_SET(object, set_ms, nng_duration, NU_OPTION_MS, ms)                                      \
    CALLS_GET(object, get_size, size_t, NU_OPTION_SIZE, size)                                      \
    CALLS_SET(object, set_size, size_t, NU_OPTION_SIZE, size)                                      \
    CALLS_GET(object, get_uint64, uint64_t, NU_OPTION_UINT64, u64)                                 \
    CALLS_SET(object, set_uint64, uint64_t, NU_OPTION_UINT64, u64)                                 \
    CALLS_GET(object, get_ptr, void *, NU_OPTION_PTR, ptr)                                         \
    CALLS_SET(object, set_ptr, void *, NU_OPTION_PTR, ptr)                                         \
    CALLS_GET(object, get_string, char *, NU_OPTION_STRING, text)                                  \
    CALLS_GET(object, get_addr, nng_sockaddr, NU_OPTION_ADDR, addr)

CALLS_OF(nng_stream)
CALLS_OF(nng_stream_dialer)
CALLS_OF(nng_stream_listener)
