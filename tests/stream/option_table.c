/* SPDX-License-Identifier: MIT */
/* Every option of NNG's streams: who has it, of which type, to be read or to be set. */
#include "support/stream_ends.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <string.h>

TestSuite(option_table, .timeout = 120);

enum type { BOOL, INT, MS, SIZE, UINT64, STRING, PTR, ADDR, TYPES };
enum who { DIALER, LISTENER, STREAM, WHOS };

/* Kinds of streams: those over TCP, over TLS, over UNIX sockets, WebSockets. */
enum { ANY, NET, SECURE, LOCAL, WEB };

static const struct row {
    const char *name;
    enum type type;
    int kinds;
    const char *access[WHOS]; /* "r", "w", "rw", or "": it has none */
} table[] = {
    { NNG_OPT_LOCADDR, ADDR, NET, { "rw", "r", "r" } },
    { NNG_OPT_LOCADDR, ADDR, LOCAL, { "", "r", "r" } },
    { NNG_OPT_REMADDR, ADDR, ANY, { "", "", "r" } },
    { NNG_OPT_TCP_NODELAY, BOOL, NET, { "rw", "rw", "rw" } },
    { NNG_OPT_TCP_KEEPALIVE, BOOL, NET, { "rw", "rw", "rw" } },
    { NNG_OPT_TCP_BOUND_PORT, INT, NET, { "", "r", "" } },
    { NNG_OPT_IPC_PERMISSIONS, INT, LOCAL, { "", "w", "" } },
    { NNG_OPT_PEER_UID, UINT64, LOCAL, { "", "", "r" } },
    { NNG_OPT_PEER_GID, UINT64, LOCAL, { "", "", "r" } },
    { NNG_OPT_PEER_PID, UINT64, LOCAL, { "", "", "r" } },
    { "ipc:peer-zoneid", UINT64, ANY, { "", "", "" } }, /* there are none on Linux */
    { NNG_OPT_SOCKET_FD, INT, ANY, { "", "", "" } },    /* but for socket:// */
    { NNG_OPT_TLS_CONFIG, PTR, SECURE, { "rw", "rw", "" } },
    { NNG_OPT_TLS_AUTH_MODE, INT, SECURE, { "w", "w", "" } },
    { NNG_OPT_TLS_CA_FILE, STRING, SECURE, { "w", "w", "" } },
    { NNG_OPT_TLS_CERT_KEY_FILE, STRING, SECURE, { "w", "w", "" } },
    { NNG_OPT_TLS_SERVER_NAME, STRING, SECURE, { "w", "", "" } },
    { NNG_OPT_TLS_VERIFIED, BOOL, SECURE, { "", "", "r" } },
    { NNG_OPT_TLS_PEER_CN, STRING, SECURE, { "", "", "r" } },
    { NNG_OPT_TLS_PEER_ALT_NAMES, PTR, SECURE, { "", "", "r" } },
    { NNG_OPT_WS_REQUEST_HEADERS, STRING, WEB, { "w", "", "r" } },
    { NNG_OPT_WS_RESPONSE_HEADERS, STRING, WEB, { "", "w", "r" } },
    { NNG_OPT_WS_REQUEST_HEADER "Host", STRING, WEB, { "w", "", "r" } },
    { NNG_OPT_WS_REQUEST_HEADER "X-None", STRING, WEB, { "w", "", "r" } },
    { NNG_OPT_WS_RESPONSE_HEADER "Upgrade", STRING, WEB, { "", "w", "r" } },
    { NNG_OPT_WS_REQUEST_URI, STRING, WEB, { "", "", "r" } },
    { NNG_OPT_WS_PROTOCOL, STRING, WEB, { "rw", "rw", "r" } },
    { NNG_OPT_WS_SENDMAXFRAME, SIZE, WEB, { "rw", "rw", "" } },
    { NNG_OPT_WS_RECVMAXFRAME, SIZE, WEB, { "rw", "rw", "" } },
    { NNG_OPT_RECVMAXSZ, SIZE, WEB, { "rw", "rw", "" } },
    { NNG_OPT_WS_SEND_TEXT, BOOL, WEB, { "rw", "rw", "r" } },
    { NNG_OPT_WS_RECV_TEXT, BOOL, WEB, { "rw", "rw", "r" } },
    { NNG_OPT_URL, STRING, WEB, { "", "r", "" } },
};

static bool t_is_of(enum t_stream_kind kind, int kinds)
{
    const struct t_stream_kind_facts *facts = &t_stream_kinds[kind];
    return kinds == ANY || (kinds == NET && facts->host) || (kinds == SECURE && facts->tls) ||
           (kinds == LOCAL && !facts->host) || (kinds == WEB && facts->ws);
}

/* ---- Typed calls --------------------------------------------------------------------------- */

union value {
    bool b;
    int i;
    nng_duration ms;
    size_t z;
    uint64_t u64;
    char *s;
    void *p;
    nng_sockaddr a;
};

#define GET(who, what)                                                                             \
    static int t_get_##what(void *o, const char *name, enum type type, union value *v)             \
    {                                                                                              \
        return type == BOOL     ? nng_stream_##who##get_bool(o, name, &v->b)                       \
               : type == INT    ? nng_stream_##who##get_int(o, name, &v->i)                        \
               : type == MS     ? nng_stream_##who##get_ms(o, name, &v->ms)                        \
               : type == SIZE   ? nng_stream_##who##get_size(o, name, &v->z)                       \
               : type == UINT64 ? nng_stream_##who##get_uint64(o, name, &v->u64)                   \
               : type == STRING ? nng_stream_##who##get_string(o, name, &v->s)                     \
               : type == PTR    ? nng_stream_##who##get_ptr(o, name, &v->p)                        \
                                : nng_stream_##who##get_addr(o, name, &v->a);                         \
    }

#define SET(who, what)                                                                             \
    static int t_set_##what(void *o, const char *name, enum type type)                             \
    {                                                                                              \
        static const nng_sockaddr addr = { .s_in = { .sa_family = NNG_AF_INET } };                 \
        return type == BOOL     ? nng_stream_##who##set_bool(o, name, true)                        \
               : type == INT    ? nng_stream_##who##set_int(o, name, 1)                            \
               : type == MS     ? nng_stream_##who##set_ms(o, name, 1)                             \
               : type == SIZE   ? nng_stream_##who##set_size(o, name, 4096)                        \
               : type == UINT64 ? nng_stream_##who##set_uint64(o, name, 1)                         \
               : type == STRING ? nng_stream_##who##set_string(o, name, "x")                       \
               : type == PTR    ? nng_stream_##who##set_ptr(o, name, NULL)                         \
                                : nng_stream_##who##set_addr(o, name, &addr);                         \
    }

GET(dialer_, dialer)
GET(listener_, listener)
GET(, stream)
SET(dialer_, dialer)
SET(listener_, listener)
SET(, stream)

static int (*const gets[WHOS])(void *o, const char *name, enum type type,
                               union value *v) = { t_get_dialer, t_get_listener, t_get_stream };
static int (*const sets[WHOS])(void *o, const char *name,
                               enum type type) = { t_set_dialer, t_set_listener, t_set_stream };

/* What it was given is ours. */
static void t_free(const char *name, enum type type, const union value *v)
{
    if (type == STRING) {
        nng_strfree(v->s);
    } else if (type == PTR && strcmp(name, NNG_OPT_TLS_CONFIG) == 0) {
        nng_tls_config_free(v->p);
    } else if (type == PTR && v->p != NULL) {
        for (char **names = v->p; *names != NULL; names++) {
            free(*names);
        }
        free(v->p);
    }
}

/* ---- The table ----------------------------------------------------------------------------- */

static bool t_is_refusal(int err)
{
    return err == NNG_ENOTSUP || err == NNG_EBADTYPE || err == NNG_EREADONLY ||
           err == NNG_EWRITEONLY;
}

/* Its row for this kind, or else any: there the option is unknown. */
static const struct row *t_row(const char *name, enum t_stream_kind kind)
{
    const struct row *found = NULL;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool same = strcmp(table[i].name, name) == 0;
        found = same && (found == NULL || t_is_of(kind, table[i].kinds)) ? &table[i] : found;
    }
    return found;
}

static void t_check(const struct row *row, enum t_stream_kind kind, enum who who, void *object)
{
    const char *access = t_is_of(kind, row->kinds) ? row->access[who] : "";
    for (enum type type = BOOL; type < TYPES; type++) {
        union value v = { .p = NULL };
        int got = gets[who](object, row->name, type, &v), set = sets[who](object, row->name, type);
        int refusal = *access == '\0' ? NNG_ENOTSUP : type != row->type ? NNG_EBADTYPE : 0;
        int get_refusal = refusal == 0 && *access != 'r' ? NNG_EWRITEONLY : refusal;
        int set_refusal = refusal == 0 && strchr(access, 'w') == NULL ? NNG_EREADONLY : refusal;
        cr_expect((get_refusal == 0 && !t_is_refusal(got)) || got == get_refusal,
                  "%s, %d: get %s as type %d: %s", t_stream_kinds[kind].name, who, row->name, type,
                  nng_strerror(got));
        cr_expect((set_refusal == 0 && !t_is_refusal(set)) || set == set_refusal,
                  "%s, %d: set %s as type %d: %s", t_stream_kinds[kind].name, who, row->name, type,
                  nng_strerror(set));
        if (got == 0) {
            t_free(row->name, type, &v);
        }
    }
}

ParameterizedTestParameters(option_table, who_has_what)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, option_table, who_has_what)
{
    struct t_ends pair;
    t_ends_open(&pair, *kind);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct row *row = t_row(table[i].name, *kind);
        if (t_stream_kinds[*kind].ws && row->kinds == SECURE && !t_stream_kinds[*kind].tls) {
            continue; /* known to every WebSocket, and not supported */
        }
        t_check(row, *kind, DIALER, pair.dialer);
        t_check(row, *kind, LISTENER, pair.listener);
        for (int end = 0; end < 2; end++) {
            t_check(row, *kind, STREAM, pair.ends[end]);
        }
    }
    t_ends_close(&pair);
}
