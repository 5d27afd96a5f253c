/* SPDX-License-Identifier: MIT */
#include "ws/ws_heads.h"

#include "wire/message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void ws_heads_end(struct nu_buf *buf)
{
    nu_buf_add(buf, "", 1);
}

struct nu_ws_heads *nu_ws_heads_new(nng_http_req *req, const nng_http_res *res)
{
    struct nu_buf text = { 0 };
    struct nu_ws_heads *heads = NULL;
    nu_buf_str(&text, nng_http_req_get_uri(req));
    ws_heads_end(&text);
    size_t request = text.len;
    nu_headers_print(&req->headers, &text);
    ws_heads_end(&text);
    size_t response = text.len;
    nu_headers_print(&res->headers, &text);
    ws_heads_end(&text);
    if (nu_buf_error(&text) == 0) {
        heads = malloc(sizeof *heads + text.len);
    }
    if (heads != NULL) {
        memcpy(heads->uri, text.data, text.len);
        heads->request = heads->uri + request;
        heads->response = heads->uri + response;
    }
    nu_buf_free(&text);
    return heads;
}

/* Fields of one name were joined before, but for Set-Cookie's. */
int nu_ws_heads_get(const char *fields, const char *name, union nu_option_value *value)
{
    struct nu_buf found = { 0 };
    size_t nname = strlen(name);
    bool there = false;
    const char *end;
    for (const char *line = fields; (end = strchr(line, '\r')) != NULL; line = end + 2) {
        if (strncasecmp(line, name, nname) == 0 && line[nname] == ':') {
            const char *text = line + nname + 2;
            nu_buf_add(&found, ", ", there ? 2 : 0);
            nu_buf_add(&found, text, (size_t) (end - text));
            there = true;
        }
    }
    ws_heads_end(&found);
    value->text = there && nu_buf_error(&found) == 0 ? nng_strdup(found.data) : NULL;
    nu_buf_free(&found);
    return !there ? NNG_ENOENT : value->text == NULL ? NNG_ENOMEM : 0;
}
