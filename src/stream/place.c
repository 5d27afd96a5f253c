/* SPDX-License-Identifier: MIT */
#include "stream/place.h"

#include "net/address.h"
#include "wire/chars.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NAME_OFFSET offsetof(struct sockaddr_un, sun_path)

static const struct {
    const char *scheme;
    enum nu_place_kind kind;
    int family;
    bool tls;
} place_schemes[] = {
    { "tcp", NU_PLACE_TCP, AF_UNSPEC, false },
    { "tcp4", NU_PLACE_TCP, AF_INET, false },
    { "tcp6", NU_PLACE_TCP, AF_INET6, false },
    { "tls+tcp", NU_PLACE_TCP, AF_UNSPEC, true },
    { "tls+tcp4", NU_PLACE_TCP, AF_INET, true },
    { "tls+tcp6", NU_PLACE_TCP, AF_INET6, true },
    { "ipc", NU_PLACE_PATH, AF_UNIX, false },
    { "unix", NU_PLACE_PATH, AF_UNIX, false },
    { "abstract", NU_PLACE_ABSTRACT, AF_UNIX, false },
    { "socket", NU_PLACE_HANDED, AF_UNSPEC, false },
};

static int place_set_host(struct nu_place *place, const nng_url *url)
{
    const char *port = url->u_port[0] != '\0' ? url->u_port : "0";
    place->host = strdup(url->u_hostname);
    place->port = strdup(port);
    return place->host != NULL && place->port != NULL ? 0 : NNG_ENOMEM;
}

/* A byte of a percent-encoded name; moves *p on. -1: malformed. */
static int place_byte(const char **p)
{
    int byte = (unsigned char) *(*p)++;
    if (byte != '%') {
        return byte;
    }
    if ((*p)[0] == '\0' || (*p)[1] == '\0') {
        return -1;
    }
    byte = nu_chars_hex((*p)[0], (*p)[1]);
    *p += 2;
    return byte;
}

static int place_set_name(struct nu_place *place, const char *name)
{
    size_t n = 0;
    place->un.sun_family = AF_UNIX;
    while (*name != '\0') {
        int byte = place_byte(&name);
        if (byte < 0 || n + 1 >= sizeof place->un.sun_path) {
            return NNG_EADDRINVAL;
        }
        place->un.sun_path[++n] =
            (char) byte; /* the first byte is the NUL that makes it abstract */
    }
    place->len = (socklen_t) (n > 0 ? NAME_OFFSET + 1 + n : NAME_OFFSET);
    return 0;
}

int nu_place_parse(struct nu_place *place, const nng_url *url)
{
    *place = (struct nu_place){ 0 };
    for (size_t i = 0; i < sizeof place_schemes / sizeof place_schemes[0]; i++) {
        if (strcmp(place_schemes[i].scheme, url->u_scheme) != 0) {
            continue;
        }
        place->kind = place_schemes[i].kind;
        place->family = place_schemes[i].family;
        place->tls = place_schemes[i].tls;
        /* The path of ipc:///tmp/x is "/tmp/x", that of ipc://x is "x". */
        int err = place->kind == NU_PLACE_TCP ? place_set_host(place, url)
                  : place->kind == NU_PLACE_PATH
                      ? nu_address_from_path(url->u_path, &place->un, &place->len)
                  : place->kind == NU_PLACE_ABSTRACT ? place_set_name(place, url->u_path)
                                                     : 0;
        if (err != 0) {
            nu_place_free(place);
        }
        return err;
    }
    return NNG_ENOTSUP;
}

void nu_place_free(struct nu_place *place)
{
    free(place->host);
    free(place->port);
    place->host = place->port = NULL;
}
