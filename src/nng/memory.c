/* SPDX-License-Identifier: MIT */
/*
 * What gives memory to its caller or takes it from him. NNG, opened as it is, allocates with the C
 * library even where the program has another malloc(): nothing that one of the two has allocated is
 * freed by the other.
 */
#include "nng/libnng.h"

#include <nng/nng.h>
#include <string.h>

int nng_send(nng_socket sock, void *data, size_t size, int flags)
{
    int (*send)(nng_socket, void *, size_t, int) = NU_NNG(nng_send);
    bool gives = ((unsigned) flags & NNG_FLAG_ALLOC) != 0;
    int err = send != NULL ? send(sock, data, size, (int) ((unsigned) flags & ~NNG_FLAG_ALLOC))
                           : NNG_ENOTSUP;
    if (err == 0 && gives) {
        nng_free(data, size);
    }
    return err;
}

int nng_recv(nng_socket sock, void *data, size_t *size, int flags)
{
    int (*recv)(nng_socket, void *, size_t *, int) = NU_NNG(nng_recv);
    nng_msg *msg;
    if (((unsigned) flags & NNG_FLAG_ALLOC) == 0) {
        return recv != NULL ? recv(sock, data, size, flags) : NNG_ENOTSUP;
    }
    int err = nng_recvmsg(sock, &msg, (int) ((unsigned) flags & ~NNG_FLAG_ALLOC));
    if (err != 0) {
        return err;
    }
    size_t len = nng_msg_len(msg);
    void *copy = len > 0 ? nng_alloc(len) : NULL;
    if (len > 0 && copy != NULL) {
        memcpy(copy, nng_msg_body(msg), len);
    }
    nng_msg_free(msg);
    if (len > 0 && copy == NULL) {
        return NNG_ENOMEM;
    }
    *(void **) data = copy;
    *size = len;
    return 0;
}

/* Puts a copy of ours in the place of a text of NNG's. */
static int memory_adopt(char **text)
{
    char *theirs = *text;
    char *ours = theirs != NULL ? nng_strdup(theirs) : NULL;
    bool failed = theirs != NULL && ours == NULL;
    if (theirs != NULL) {
        NU_NNG(nng_strfree)(theirs);
    }
    *text = ours;
    return failed ? NNG_ENOMEM : 0;
}

#define GET_STRING(name, type)                                                                     \
    int name(type of, const char *opt, char **value)                                               \
    {                                                                                              \
        int (*get)(type, const char *, char **) = NU_NNG(name);                                    \
        int err = get != NULL ? get(of, opt, value) : NNG_ENOTSUP;                                 \
        return err != 0 ? err : memory_adopt(value);                                               \
    }

GET_STRING(nng_socket_get_string, nng_socket)
GET_STRING(nng_ctx_get_string, nng_ctx)
GET_STRING(nng_dialer_get_string, nng_dialer)
GET_STRING(nng_listener_get_string, nng_listener)
GET_STRING(nng_pipe_get_string, nng_pipe)

int nng_getopt_string(nng_socket sock, const char *opt, char **value)
{
    return nng_socket_get_string(sock, opt, value);
}

int nng_dialer_getopt_string(nng_dialer dialer, const char *opt, char **value)
{
    return nng_dialer_get_string(dialer, opt, value);
}

int nng_listener_getopt_string(nng_listener listener, const char *opt, char **value)
{
    return nng_listener_get_string(listener, opt, value);
}

int nng_pipe_getopt_string(nng_pipe pipe, const char *opt, char **value)
{
    return nng_pipe_get_string(pipe, opt, value);
}
