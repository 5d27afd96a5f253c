/* SPDX-License-Identifier: MIT */
#include "wire/chunk.h"

#include "wire/chars.h"

/* What the next byte is, or may be. */
enum {
    SIZE,      /* the first digit */
    SIZE_MORE, /* another one, or what ends the size */
    NAME,      /* the first byte of an extension's name, or white space before it */
    NAME_MORE,
    NAME_BLANK, /* white space behind a name */
    VALUE,      /* the first byte behind '=', or white space before it */
    TOKEN_MORE, /* of a value */
    QUOTED,     /* in a quoted value */
    ESCAPED,    /* behind its '\' */
    UNQUOTED,   /* behind the closing quote */
    BLANK,      /* white space behind a size or a value */
    LINE_LF,    /* the end of the chunk line */
    DATA,
    DATA_CR,
    DATA_LF,
    FIELD, /* the first byte of a trailer, or of the blank line */
    FIELD_NAME,
    FIELD_VALUE,
    FIELD_LF,
    FOLD,   /* like FIELD, or the white space that continues the field before */
    END_LF, /* of the blank line */
    DONE,
    BAD,
};

static bool chunk_is(char byte, enum nu_char class)
{
    return (nu_chars[(unsigned char) byte] & class) != 0;
}

/* The functions below take one byte each, and return NULL or why it is refused. */

static const char *chunk_size_digit(struct nu_chunked *chunked, char byte)
{
    uint64_t max = INT64_MAX - chunked->total;
    int digit = nu_chars_hex('0', byte);

    if (digit < 0) {
        return "malformed chunk size";
    }
    if (chunked->left > max / 16 || chunked->left * 16 + (uint64_t) digit > max) {
        return "chunk size too large";
    }
    chunked->left = chunked->left * 16 + (uint64_t) digit;
    chunked->state = SIZE_MORE;
    return NULL;
}

static bool chunk_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Where a size, a name or a value may end. Behind white space, only another extension makes it
 * BWS; old servers have it before the line end, too. */
static bool chunk_part_ends(struct nu_chunked *chunked, char byte)
{
    bool blank = chunked->state == BLANK || chunked->state == NAME_BLANK;

    if (chunk_is_blank(byte)) {
        bool name = chunked->state == NAME_MORE || chunked->state == NAME_BLANK;
        chunked->state = name ? NAME_BLANK : BLANK;
        return true;
    }
    if (byte != ';' && (byte != '\r' || (blank && !chunked->lenient))) {
        return false;
    }
    chunked->state = byte == '\r' ? LINE_LF : NAME;
    return true;
}

static const char *chunk_extension(struct nu_chunked *chunked, char byte)
{
    bool good;

    switch (chunked->state) {
    case NAME:
    case VALUE:
        if (chunk_is_blank(byte)) {
            return NULL;
        }
        good = (byte == '"' && chunked->state == VALUE) || chunk_is(byte, NU_CHAR_TOKEN);
        chunked->state = chunked->state == NAME ? NAME_MORE : byte == '"' ? QUOTED : TOKEN_MORE;
        break;
    case TOKEN_MORE:
        good = chunk_is(byte, NU_CHAR_TOKEN);
        break;
    case NAME_BLANK:
        good = byte == '=';
        chunked->state = VALUE;
        break;
    case NAME_MORE:
        good = byte == '=' || chunk_is(byte, NU_CHAR_TOKEN);
        chunked->state = byte == '=' ? VALUE : NAME_MORE;
        break;
    case QUOTED:
        good = chunk_is(byte, NU_CHAR_TEXT);
        chunked->state = byte == '"' ? UNQUOTED : byte == '\\' ? ESCAPED : QUOTED;
        break;
    case ESCAPED:
        good = chunk_is(byte, NU_CHAR_TEXT);
        chunked->state = QUOTED;
        break;
    default: /* UNQUOTED, BLANK */
        good = false;
        break;
    }
    return good ? NULL : "malformed chunk extension";
}

static const char *chunk_line(struct nu_chunked *chunked, char byte)
{
    const char *reason = NULL;

    chunked->line++;
    switch (chunked->state) {
    case SIZE:
        reason = chunk_size_digit(chunked, byte);
        break;
    case SIZE_MORE:
        reason = chunk_part_ends(chunked, byte) ? NULL : chunk_size_digit(chunked, byte);
        break;
    case NAME_MORE:
    case NAME_BLANK:
    case TOKEN_MORE:
    case UNQUOTED:
    case BLANK:
        reason = chunk_part_ends(chunked, byte) ? NULL : chunk_extension(chunked, byte);
        break;
    case LINE_LF:
        if (byte != '\n') {
            return "carriage return without line feed";
        }
        chunked->state = chunked->left > 0 ? DATA : FIELD;
        chunked->line = 0;
        return NULL;
    default:
        reason = chunk_extension(chunked, byte);
        break;
    }
    return reason == NULL && chunked->line == NU_MAX_CHUNK_LINE ? "chunk line too long" : reason;
}

static const char *chunk_data_end(struct nu_chunked *chunked, char byte)
{
    if (byte != (chunked->state == DATA_CR ? '\r' : '\n')) {
        return "chunk does not end where it should";
    }
    chunked->state = chunked->state == DATA_CR ? DATA_LF : SIZE;
    return NULL;
}

/* As strict as for a field of the head: a token, a colon right behind it, no control character; in
 * a response, the value may be folded. */
static const char *chunk_trailer(struct nu_chunked *chunked, char byte)
{
    bool good;

    chunked->line++;
    switch (chunked->state) {
    case FOLD:
        if (chunk_is_blank(byte)) {
            good = true;
            chunked->state = FIELD_VALUE;
            break;
        }
        /* fallthrough */
    case FIELD:
        good = byte == '\r' || chunk_is(byte, NU_CHAR_TOKEN);
        chunked->state = byte == '\r' ? END_LF : FIELD_NAME;
        break;
    case FIELD_NAME:
        good = byte == ':' || chunk_is(byte, NU_CHAR_TOKEN);
        chunked->state = byte == ':' ? FIELD_VALUE : FIELD_NAME;
        break;
    case FIELD_VALUE:
        good = byte == '\r' || chunk_is(byte, NU_CHAR_TEXT);
        chunked->state = byte == '\r' ? FIELD_LF : FIELD_VALUE;
        break;
    default: /* FIELD_LF, END_LF */
        good = byte == '\n';
        chunked->state = chunked->state == END_LF ? DONE : chunked->lenient ? FOLD : FIELD;
        break;
    }
    if (!good) {
        return "malformed trailer";
    }
    return chunked->state != DONE && chunked->line == NU_MAX_TRAILERS ? "trailers too large" : NULL;
}

static bool chunk_is_line_end(const char *p, size_t n)
{
    return n >= 2 && p[0] == '\r' && p[1] == '\n';
}

#define PLAIN_DIGITS 8

/* A chunk line that is a size and no more, as nearly all are. */
static size_t chunk_plain_line(struct nu_chunked *chunked, const char *p, size_t n)
{
    uint64_t size = 0;
    size_t i = 0;
    int digit;

    while (i < n && i < PLAIN_DIGITS && (digit = nu_chars_hex('0', p[i])) >= 0) {
        size = size * 16 + (uint64_t) digit;
        i++;
    }
    if (i == 0 || !chunk_is_line_end(p + i, n - i) || size > INT64_MAX - chunked->total) {
        return 0;
    }
    chunked->left = size;
    chunked->state = size > 0 ? DATA : FIELD;
    return i + 2;
}

/* What mostly comes next, if all of it is here: how many bytes that takes. 0: look at each. */
static size_t chunk_take_plain(struct nu_chunked *chunked, const char *p, size_t n)
{
    if (chunked->state == SIZE) {
        return chunk_plain_line(chunked, p, n);
    }
    bool ends = chunked->state == DATA_CR || (chunked->state == FIELD && chunked->line == 0);
    if (!ends || !chunk_is_line_end(p, n)) {
        return 0;
    }
    chunked->state = chunked->state == DATA_CR ? SIZE : DONE;
    return 2;
}

static enum nu_parse chunk_outcome(const struct nu_chunked *chunked)
{
    return chunked->state == DONE  ? NU_PARSE_DONE
           : chunked->state == BAD ? NU_PARSE_BAD
                                   : NU_PARSE_MORE;
}

uint64_t nu_chunked_data(const struct nu_chunked *chunked)
{
    return chunked->state == DATA ? chunked->left : 0;
}

void nu_chunked_skip(struct nu_chunked *chunked, uint64_t n)
{
    chunked->left -= n;
    chunked->total += n;
    chunked->state = chunked->left > 0 ? DATA : DATA_CR;
}

enum nu_parse nu_chunked_next(struct nu_chunked *chunked, const char *buf, size_t len, size_t *used,
                              struct nu_slice *data)
{
    size_t i = 0;

    *data = (struct nu_slice){ buf, 0 };
    while (i < len && chunked->state < DONE && data->n == 0) {
        const char *reason = NULL;
        size_t plain = chunk_take_plain(chunked, buf + i, len - i);
        if (plain > 0) {
            i += plain;
        } else if (chunked->state == DATA) {
            data->p = buf + i;
            data->n = chunked->left < len - i ? (size_t) chunked->left : len - i;
            i += data->n;
            nu_chunked_skip(chunked, data->n);
        } else if (chunked->state < DATA) {
            reason = chunk_line(chunked, buf[i++]);
        } else if (chunked->state < FIELD) {
            reason = chunk_data_end(chunked, buf[i++]);
        } else {
            reason = chunk_trailer(chunked, buf[i++]);
        }
        if (reason != NULL) {
            chunked->bad_reason = reason;
            chunked->state = BAD;
        }
    }
    *used = i;
    return chunk_outcome(chunked);
}
