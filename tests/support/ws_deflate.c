/* SPDX-License-Identifier: MIT */
#include "support/ws_deflate.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct t_ws_deflate {
    z_stream out, in;
    bool out_fresh, in_fresh; /* each message begins with an empty window */
};

static int bits_of(const char *extensions, const char *name)
{
    const char *at = strstr(extensions, name);
    return at != NULL ? atoi(at + strlen(name)) : 15;
}

struct t_ws_deflate *t_ws_deflate_new(const char *extensions, bool client)
{
    if (extensions == NULL || strstr(extensions, "permessage-deflate") == NULL) {
        return NULL;
    }
    struct t_ws_deflate *d = calloc(1, sizeof *d);
    bool fresh[2] = { strstr(extensions, "server_no_context_takeover") != NULL,
                      strstr(extensions, "client_no_context_takeover") != NULL };
    int bits[2] = { bits_of(extensions, "server_max_window_bits="),
                    bits_of(extensions, "client_max_window_bits=") };
    d->out_fresh = fresh[client];
    d->in_fresh = fresh[!client];
    cr_assert_eq(deflateInit2(&d->out, 6, Z_DEFLATED, -bits[client], 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(inflateInit2(&d->in, -bits[!client]), Z_OK);
    return d;
}

void t_ws_deflate_free(struct t_ws_deflate *d)
{
    if (d != NULL) {
        deflateEnd(&d->out);
        inflateEnd(&d->in);
        free(d);
    }
}

void t_ws_deflate_pack(struct t_ws_deflate *d, struct nu_buf *payload)
{
    size_t room = deflateBound(&d->out, payload->len) + 64;
    char *packed = malloc(room);
    d->out.next_in = (Bytef *) payload->data;
    d->out.avail_in = (uInt) payload->len;
    d->out.next_out = (Bytef *) packed;
    d->out.avail_out = (uInt) room;
    cr_assert_eq(deflate(&d->out, Z_SYNC_FLUSH), Z_OK);
    cr_assert_gt(d->out.avail_out, 0);
    nu_buf_reset(payload);
    nu_buf_add(payload, packed, room - d->out.avail_out - 4);
    free(packed);
    if (d->out_fresh) {
        deflateReset(&d->out);
    }
}

/* Little comes out at a time, so that what lies outside the window is not there any more. */
void t_ws_deflate_unpack(struct t_ws_deflate *d, struct nu_buf *payload)
{
    struct nu_buf plain = { 0 };
    nu_buf_add(payload, "\x00\x00\xff\xff", 4);
    d->in.next_in = (Bytef *) payload->data;
    d->in.avail_in = (uInt) payload->len;
    do {
        char piece[64];
        d->in.next_out = (Bytef *) piece;
        d->in.avail_out = sizeof piece;
        int found = inflate(&d->in, Z_SYNC_FLUSH);
        cr_assert(found == Z_OK || found == Z_BUF_ERROR, "%s", d->in.msg);
        nu_buf_add(&plain, piece, sizeof piece - d->in.avail_out);
    } while (d->in.avail_out == 0);
    cr_assert_eq(d->in.avail_in, 0);
    nu_buf_free(payload);
    *payload = plain;
    if (d->in_fresh) {
        inflateReset(&d->in);
    }
}
