/* SPDX-License-Identifier: MIT */
/* Dialers and listeners are made here, where all transports are known. */
#include "stream/stream_dialer.h"
#include "stream/stream_listener.h"
#include "ws/ws_dialer.h"
#include "ws/ws_listener.h"

#include <string.h>

/* ws, ws4, ws6, wss, wss4, wss6. */
static bool alloc_is_ws(const nng_url *url)
{
    return strncmp(url->u_scheme, "ws", 2) == 0;
}

int nng_stream_dialer_alloc_url(nng_stream_dialer **dialerp, const nng_url *url)
{
    return alloc_is_ws(url) ? nu_ws_dialer_new(dialerp, url)
                            : nu_stream_dialer_new(dialerp, url, NULL);
}

int nng_stream_dialer_alloc(nng_stream_dialer **dialerp, const char *text)
{
    nng_url *url;
    int err = nng_url_parse(&url, text);
    if (err == 0) {
        err = nng_stream_dialer_alloc_url(dialerp, url);
        nng_url_free(url);
    }
    return err;
}

int nng_stream_listener_alloc_url(nng_stream_listener **listenerp, const nng_url *url)
{
    return alloc_is_ws(url) ? nu_ws_listener_new(listenerp, url)
                            : nu_stream_listener_new(listenerp, url);
}

int nng_stream_listener_alloc(nng_stream_listener **listenerp, const char *text)
{
    nng_url *url;
    int err = nng_url_parse(&url, text);
    if (err == 0) {
        err = nng_stream_listener_alloc_url(listenerp, url);
        nng_url_free(url);
    }
    return err;
}
