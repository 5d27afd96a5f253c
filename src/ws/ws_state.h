/* SPDX-License-Identifier: MIT */
/*
 * One WebSocket: an nng_stream on the stream of an HTTP connection that was upgraded.
 *
 * It lives on the loop of its connection, whose owner alone reads, writes and closes that; other
 * threads put their operations into its lists, and post `work`. `lock` guards what is marked with
 * it, and is never held while the connection's stream is called, but for its addresses.
 *
 *   ws_state   the type, its states           ws_read    frames to messages to receives
 *   ws_write   sends to frames                ws_put     frames to bytes
 *   ws_close   how it comes to its end        ws         what happens to it
 *   ws_calls   <nng/uring.h>
 */
#ifndef NU_WS_WS_STATE_H
#define NU_WS_WS_STATE_H

#include "base/buf.h"
#include "http/conn.h"
#include "io/aio.h"
#include "stream/stream.h"
#include "wire/utf8.h"
#include "wire/ws_deflate.h"
#include "wire/ws_frame.h"
#include "ws/ws_endpoint.h"
#include "ws/ws_heads.h"

enum nu_ws_state {
    NU_WS_OPEN,    /* messages go both ways */
    NU_WS_CLOSING, /* our close frame is on its way, the peer's is awaited */
    NU_WS_ENDING,  /* no more frames will come or be looked at; what we owe still goes out */
    NU_WS_GONE,    /* the connection is not ours any more */
    NU_WS_STATES,
};

/* What a receive wants. */
enum nu_ws_recv {
    NU_WS_RECV_SOME,    /* at least one byte */
    NU_WS_RECV_MESSAGE, /* a message's end, or its vector full */
};

#define NU_WS_MORE_TO_COME 0x80 /* in a send's kind, beside its opcode: it is no message's end */

/* Bytes that were received and wait for somebody to ask for them: of one message. */
struct nu_ws_piece {
    struct nu_ws_piece *next;
    enum nu_ws_opcode type;
    bool end; /* of the message */
    size_t off, len, cap;
    uint8_t data[];
};

/* Where in what is written a frame, or a part of one, ends. */
struct nu_ws_mark {
    uint64_t end;
    size_t payload; /* bytes of the message in it */
    bool exact;     /* a part of it counts as well; else all or nothing */
    bool last;      /* of the send */
    nng_aio *aio;   /* NULL: it has ended already */
};

/* A write, in memory that an idle WebSocket does without. */
struct nu_ws_flight {
    nng_aio aio;
    struct nu_buf frames;
    struct iovec
        payload;   /* that is written from where it lies, `before` bytes of the frames being */
    size_t before; /* before it, */
    nng_aio *lent; /* by this send, whose memory is the kernel's meanwhile; NULL: none is */
    int lent_err;  /* what that one then ends with, under lock; 0: as with any other */
    bool recalled; /* the write was told to end for that */
    struct iovec iov[3]; /* all of this: `niov` of them, */
    unsigned niov;
    size_t total; /* so many bytes */
};

struct nu_ws {
    nng_stream base;

    /* constant */
    struct nu_loop *loop;
    void (*wrote)(void *ws); /* what `flight` ends with */
    struct nu_ws_settings settings;
    struct nu_ws_deflate deflate; /* agreed upon */
    struct nu_ws_heads *heads;    /* of what has opened it */
    bool client;

    struct nu_mutex lock;
    struct nu_list link; /* its listener's, until it is accepted */

    /* under lock */
    nng_http_conn *conn;  /* NULL once it is GONE */
    bool closed;          /* by its user: nothing is begun on it any more */
    bool finished;        /* likewise, but for receives */
    bool freed;           /* likewise, and it goes with the last that happens to it */
    bool stopped;         /* its loop has stopped, or is about to */
    bool posted;          /* `work` is */
    bool unasked;         /* a receive has ended, and its user has not begun another */
    bool working;         /* the owner is at work on it, without the lock */
    uint16_t close_code;  /* what our user wants it closed with; 0: nothing yet */
    uint16_t peer_code;   /* of its close frame, or NU_WS_NO_CODE; NU_WS_ABNORMAL; 0: none yet */
    char *close_reason;   /* NULL: none */
    char *peer_reason;    /* NULL: none */
    int recv_end;         /* what receives end with when nothing is queued; 0: they wait */
    int send_end;         /* what sends end with; 0: they go on */
    struct nu_list recvs; /* in the order they are served */
    struct nu_list sends; /* the first may be framed in part */
    struct nu_list sent;  /* framed, and not yet written */
    enum nu_ws_state state;

    /* the owner's alone: what comes in */
    bool reading;            /* `rd` is under way */
    bool recalled;           /* likewise, and it was told to end */
    int carrier_end;         /* what the stream's reads have ended with; 0: they go on */
    nng_aio *direct;         /* whose vector `rd` reads into, which is the kernel's until that has
                              * ended; NULL: nobody's */
    struct iovec direct_iov; /* there */
    int direct_err;          /* and what it then ends with, under lock; 0: with what has come */
    struct nu_ws_reader reader;
    struct nu_utf8 utf8;               /* of the text message in hand */
    uint64_t message;                  /* bytes of the message in hand */
    struct nu_ws_piece *first, **last; /* queued, oldest first */
    size_t queued;                     /* bytes of memory for them */
    size_t thrown;                     /* bytes thrown away while ENDING */
    struct nu_ws_inflater *inflater;   /* NULL: nothing compressed has come, or needs it yet */
    size_t packed;                     /* bytes, the next that the stream has, unmasked, of */
    bool unpacking;                    /* the part of a compressed message that is in hand, */
    bool packed_end;                   /* which is its last */

    /* what goes out */
    bool writing;                    /* `flight` is under way */
    bool torn;                       /* a frame was not completed: nothing can follow */
    struct nu_ws_flight *flight;     /* NULL: there is nothing to write */
    struct nu_buf next;              /* frames */
    uint64_t framed, written;        /* bytes ever put into next, and taken by the stream */
    struct nu_buf marks;             /* nu_ws_mark, in order */
    size_t frame_left;               /* of the frame in hand: payload that is still to be put in */
    uint64_t frame_at;               /* payload that is */
    uint8_t mask[4];                 /* its mask */
    bool in_message;                 /* its first frame is in, its last is not */
    enum nu_ws_opcode message_type;  /* of that one */
    struct nu_utf8 send_utf8;        /* likewise */
    bool compressing;                /* likewise */
    struct nu_ws_deflater *deflater; /* as with the inflater */
    uint8_t *pong;                   /* one that found no place; NULL: none */
    size_t pong_length;

    /* the end, and time */
    bool verdict;              /* the peer has closed it, or is refused: once all before is over */
    enum nu_ws_code refuse;    /* with that code; 0: the peer has closed it */
    const char *refuse_reason; /* likewise; static */
    int refuse_err;            /* likewise: what receives end with */
    bool lost;                 /* ENDING: the stream is of no use any more */
    bool linger;               /* ENDING: the peer's end is awaited */
    bool half_close;           /* and is told of ours */
    bool half_closed;
    struct nu_timer timer; /* OPEN: the next look at pings and idleness; then the last deadline */
    uint64_t heard;        /* when something was last received */
    uint64_t used;         /* when a message was last received or sent */
    uint64_t pinged;       /* when a ping was sent that nothing has come after; 0: none */

    nng_aio rd; /* that reads; its memory is the WebSocket's */
    struct nu_task work;
    struct nu_loop_hook hook;
};

/* The one place where the state changes. Owner, with the lock held. */
void nu_ws_set_state(struct nu_ws *ws, enum nu_ws_state state);

/* Whether its user takes what comes. */
static inline bool nu_ws_listens(const struct nu_ws *ws)
{
    return ws->state == NU_WS_OPEN || (ws->state == NU_WS_CLOSING && !ws->closed);
}

static inline struct nu_stream *nu_ws_carrier(const struct nu_ws *ws)
{
    return ws->conn->stream;
}

/* Whether something has come that was not looked at: it is our user who does not listen. Owner. */
static inline bool nu_ws_is_behind(const struct nu_ws *ws)
{
    return nu_rx_len(&nu_ws_carrier(ws)->rx) > 0 || ws->unpacking;
}

#endif
