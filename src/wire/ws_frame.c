/* SPDX-License-Identifier: MIT */
#include "wire/ws_frame.h"

#include "wire/utf8.h"

#include <stdlib.h>
#include <string.h>

#define FIN 0x80U
#define RSV1 0x40U
#define RSV 0x70U
#define OPCODE 0x0fU
#define MASK 0x80U
#define LENGTH 0x7fU

#define LENGTH_16 126U /* the length follows in two bytes */
#define LENGTH_64 127U /* in eight */

/* ---- Masking ------------------------------------------------------------------------------ */

void nu_ws_mask(void *dst, const void *src, size_t len, const uint8_t mask[4], uint64_t from)
{
    uint8_t *out = dst;
    const uint8_t *in = src;
    uint8_t turned[8];
    uint64_t key, a, b;
    for (unsigned i = 0; i < sizeof turned; i++) {
        turned[i] = mask[(from + i) & 3];
    }
    memcpy(&key, turned, sizeof key);
    for (; len >= 2 * sizeof key; len -= 2 * sizeof key) {
        memcpy(&a, in, sizeof a);
        memcpy(&b, in + sizeof a, sizeof b);
        a ^= key;
        b ^= key;
        memcpy(out, &a, sizeof a);
        memcpy(out + sizeof a, &b, sizeof b);
        in += 2 * sizeof key;
        out += 2 * sizeof key;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = in[i] ^ turned[i & 7];
    }
}

/* ---- Headers ------------------------------------------------------------------------------ */

static void ws_frame_put(uint8_t *p, unsigned bytes, uint64_t value)
{
    for (unsigned i = bytes; i > 0; i--) {
        p[i - 1] = (uint8_t) value;
        value >>= 8;
    }
}

static uint64_t ws_frame_get(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

size_t nu_ws_frame_head(uint8_t head[NU_WS_HEAD_MAX], enum nu_ws_opcode opcode, bool final,
                        bool compressed, uint64_t len, const uint8_t mask[4])
{
    size_t n = 2;
    unsigned bit = mask != NULL ? MASK : 0;
    head[0] = (uint8_t) ((final ? FIN : 0) | (compressed ? RSV1 : 0) | (unsigned) opcode);
    if (len < LENGTH_16) {
        head[1] = (uint8_t) (bit | len);
    } else if (len <= UINT16_MAX) {
        head[1] = (uint8_t) (bit | LENGTH_16);
        ws_frame_put(head + 2, 2, len);
        n += 2;
    } else {
        head[1] = (uint8_t) (bit | LENGTH_64);
        ws_frame_put(head + 2, 8, len);
        n += 8;
    }
    if (mask != NULL) {
        memcpy(head + n, mask, 4);
        n += 4;
    }
    return n;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static enum nu_ws_found ws_frame_bad(struct nu_ws_reader *r, enum nu_ws_code code,
                                     const char *reason)
{
    r->bad_code = code;
    r->bad_reason = reason;
    return NU_WS_BAD;
}

static bool ws_frame_is_control(const struct nu_ws_reader *r)
{
    return (r->opcode & 0x8U) != 0;
}

/* Bytes of the header, as far as those that are here tell. */
static unsigned ws_frame_head_length(const struct nu_ws_reader *r)
{
    if (r->nhead < 2) {
        return 2;
    }
    unsigned length = r->head[1] & LENGTH;
    return 2 +
           (length == LENGTH_16   ? 2U
            : length == LENGTH_64 ? 8U
                                  : 0U) +
           ((r->head[1] & MASK) != 0 ? 4U : 0U);
}

static const char *ws_frame_check_opcode(const struct nu_ws_reader *r)
{
    switch (r->opcode) {
    case NU_WS_CONTINUATION:
        return r->in_message ? NULL : "a continuation of nothing";
    case NU_WS_TEXT:
    case NU_WS_BINARY:
        return r->in_message ? "a new message within a message" : NULL;
    case NU_WS_CLOSE:
    case NU_WS_PING:
    case NU_WS_PONG:
        return r->final ? NULL : "a control frame in fragments";
    default:
        return "a reserved opcode";
    }
}

/* The first byte of a header. NULL, or why the frame is refused. */
static const char *ws_frame_first(struct nu_ws_reader *r)
{
    unsigned rsv = r->head[0] & RSV;
    r->opcode = (enum nu_ws_opcode)(r->head[0] & OPCODE);
    r->final = (r->head[0] & FIN) != 0;
    bool opens = r->opcode == NU_WS_TEXT || r->opcode == NU_WS_BINARY;
    if (rsv != 0 && (rsv != RSV1 || !r->deflate || !opens)) {
        return "a reserved bit is set";
    }
    return ws_frame_check_opcode(r);
}

/* The second one. */
static const char *ws_frame_second(const struct nu_ws_reader *r)
{
    bool masked = (r->head[1] & MASK) != 0;
    if (masked != r->masked) {
        return masked ? "a server's frame is masked" : "a client's frame is not masked";
    }
    if (ws_frame_is_control(r) && (r->head[1] & LENGTH) > NU_WS_CONTROL_MAX) {
        return "a control frame is too long";
    }
    return NULL;
}

static const char *ws_frame_length(struct nu_ws_reader *r)
{
    unsigned length = r->head[1] & LENGTH;
    r->left = length;
    if (length == LENGTH_16) {
        r->left = ws_frame_get(r->head + 2, 2);
        return r->left < LENGTH_16 ? "a length that is not minimal" : NULL;
    }
    if (length == LENGTH_64) {
        r->left = ws_frame_get(r->head + 2, 8);
        return r->left <= UINT16_MAX ? "a length that is not minimal"
               : r->left > INT64_MAX ? "a length with the top bit set"
                                     : NULL;
    }
    return NULL;
}

/* The header is complete. */
static enum nu_ws_found ws_frame_begin(struct nu_ws_reader *r)
{
    const char *reason = ws_frame_length(r);
    if (reason != NULL) {
        return ws_frame_bad(r, NU_WS_PROTOCOL_ERROR, reason);
    }
    if (r->max_frame > 0 && r->left > r->max_frame) {
        return ws_frame_bad(r, NU_WS_TOO_BIG, "a frame is too long");
    }
    if (r->masked) {
        memcpy(r->mask, r->head + r->nhead - 4, 4);
    }
    r->payload = true;
    r->masked_bytes = 0;
    r->ncontrol = 0;
    if (ws_frame_is_control(r)) {
        return NU_WS_MORE;
    }
    if (r->opcode != NU_WS_CONTINUATION) {
        r->message = r->opcode;
        r->compressed = (r->head[0] & RSV1) != 0;
        r->frames = 0;
    }
    r->frames++;
    r->in_message = true;
    return NU_WS_MORE;
}

/* One of the first two bytes, looked at as it comes: what is wrong is said at once. */
static const char *ws_frame_take_first(struct nu_ws_reader *r, uint8_t byte)
{
    r->head[r->nhead++] = byte;
    return r->nhead == 1 ? ws_frame_first(r) : ws_frame_second(r);
}

static enum nu_ws_found ws_frame_take_head(struct nu_ws_reader *r, const uint8_t *buf, size_t len,
                                           size_t *used)
{
    while (r->nhead < 2 && *used < len) {
        const char *reason = ws_frame_take_first(r, buf[(*used)++]);
        if (reason != NULL) {
            return ws_frame_bad(r, NU_WS_PROTOCOL_ERROR, reason);
        }
    }
    size_t need = ws_frame_head_length(r) - r->nhead, have = len - *used;
    size_t n = need < have ? need : have;
    if (r->nhead >= 2) {
        memcpy(r->head + r->nhead, buf + *used, n);
        r->nhead = (uint8_t) (r->nhead + n);
        *used += n;
    }
    return r->nhead >= 2 && n == need ? ws_frame_begin(r) : NU_WS_MORE;
}

static void ws_frame_end(struct nu_ws_reader *r)
{
    r->payload = false;
    r->nhead = 0;
    if (!ws_frame_is_control(r) && r->final) {
        r->in_message = false;
    }
}

/* One that has come whole is found where it lies. */
static enum nu_ws_found ws_frame_take_control(struct nu_ws_reader *r, uint8_t *buf, size_t n,
                                              struct nu_slice *data)
{
    bool whole = r->ncontrol == 0 && r->left == 0;
    if (!whole && r->control == NULL && (r->control = malloc(NU_WS_CONTROL_MAX)) == NULL) {
        return ws_frame_bad(r, NU_WS_INTERNAL_ERROR, "no memory");
    }
    if (!whole) {
        memcpy(r->control + r->ncontrol, buf, n);
        r->ncontrol = (uint8_t) (r->ncontrol + n);
    }
    if (r->left > 0) {
        return NU_WS_MORE;
    }
    *data = whole ? (struct nu_slice){ (const char *) buf, n }
                  : (struct nu_slice){ (const char *) r->control, r->ncontrol };
    ws_frame_end(r);
    return NU_WS_CONTROL;
}

static enum nu_ws_found ws_frame_take_payload(struct nu_ws_reader *r, uint8_t *buf, size_t len,
                                              size_t *used, struct nu_slice *data,
                                              bool *message_end)
{
    size_t n = r->left < len ? (size_t) r->left : len;
    if (r->masked) {
        nu_ws_mask(buf, buf, n, r->mask, r->masked_bytes);
        r->masked_bytes = (uint8_t) ((r->masked_bytes + n) & 3);
    }
    r->left -= n;
    *used += n;
    if (ws_frame_is_control(r)) {
        return ws_frame_take_control(r, buf, n, data);
    }
    *data = (struct nu_slice){ (const char *) buf, n };
    if (r->left == 0) {
        ws_frame_end(r);
        *message_end = r->final;
    }
    return n > 0 || *message_end ? NU_WS_DATA : NU_WS_MORE;
}

enum nu_ws_found nu_ws_reader_next(struct nu_ws_reader *r, void *buf, size_t len, size_t *used,
                                   struct nu_slice *data, bool *message_end)
{
    uint8_t *p = buf;
    *used = 0;
    *data = (struct nu_slice){ buf, 0 };
    *message_end = false;
    if (r->bad_code != 0) {
        return NU_WS_BAD;
    }
    if (!r->payload) {
        nu_ws_reader_fini(r); /* what was found before */
    }
    while (*used < len || (r->payload && r->left == 0)) {
        enum nu_ws_found found =
            r->payload ? ws_frame_take_payload(r, p + *used, len - *used, used, data, message_end)
                       : ws_frame_take_head(r, p, len, used);
        if (found != NU_WS_MORE) {
            return found;
        }
    }
    return NU_WS_MORE;
}

void nu_ws_reader_fini(struct nu_ws_reader *r)
{
    free(r->control);
    r->control = NULL;
}

/* ---- Close frames ------------------------------------------------------------------------- */

bool nu_ws_code_valid(unsigned code)
{
    if (code >= 3000 && code <= 4999) {
        return true; /* registered, and private */
    }
    /* 1012 to 1014 were registered with IANA after the RFC. */
    return code >= 1000 && code <= 1014 && code != 1004 && code != NU_WS_NO_CODE &&
           code != NU_WS_ABNORMAL;
}

int nu_ws_close_parse(const void *payload, size_t len, uint16_t *code, struct nu_slice *reason)
{
    struct nu_utf8 utf8 = { 0 };
    const uint8_t *p = payload;
    *code = NU_WS_NO_CODE;
    *reason = (struct nu_slice){ payload, 0 };
    if (len == 0) {
        return 0;
    }
    if (len == 1 || !nu_ws_code_valid((unsigned) ws_frame_get(p, 2))) {
        return NU_WS_PROTOCOL_ERROR;
    }
    *code = (uint16_t) ws_frame_get(p, 2);
    *reason = (struct nu_slice){ (const char *) payload + 2, len - 2 };
    if (!nu_utf8_next(&utf8, reason->p, reason->n) || !nu_utf8_complete(&utf8)) {
        return NU_WS_INVALID_DATA;
    }
    return 0;
}
