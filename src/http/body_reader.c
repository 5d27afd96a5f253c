/* SPDX-License-Identifier: MIT */
#include "http/body_reader.h"

#include <string.h>

void nu_body_reader_begin(struct nu_body_reader *intake, const struct nu_head *head)
{
    intake->chunked = head->chunked;
    intake->left = head->chunked ? 1 : head->has_length ? head->content_length : 0;
    if (head->chunked) {
        memset(&intake->chunks, 0, sizeof intake->chunks);
    }
}

enum nu_parse nu_body_reader_next(struct nu_body_reader *intake, const char *buf, size_t len,
                                  size_t *used, struct nu_slice *data)
{
    if (intake->chunked) {
        enum nu_parse result = nu_chunked_next(&intake->chunks, buf, len, used, data);
        intake->left = result == NU_PARSE_MORE;
        return result;
    }
    size_t n = intake->left < len ? (size_t) intake->left : len;
    *used = n;
    *data = (struct nu_slice){ buf, n };
    intake->left -= n;
    return intake->left > 0 ? NU_PARSE_MORE : NU_PARSE_DONE;
}
