/* SPDX-License-Identifier: MIT */
#include "sim/talkers.h"

#include "sim/faults.h"
#include "sim/pattern.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/udp.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <string.h>

#define TALKERS 6U
#define SENDS 3U
#define AIOS 5U
#define SAID 128U
#define LONGEST 1500U
#define PORT 700U
#define MS UINT64_C(1000000)
#define LATE (100 * MS)
#define ABORT_CODE NNG_ESTATE

/* What a datagram begins with, when it is long enough; then come bytes of the pattern. */
struct tag {
    uint16_t talker, number;
};

struct said {
    unsigned to, size, heard;
    int result;
};

struct use {
    struct talker *talker;
    nng_aio *aio;
    bool sends, busy, cancelled, aborted;
    unsigned number; /* of what it sends */
    size_t size;
    uint64_t begun, limit, unwanted; /* 0: no limit; not unwanted */
    nng_sockaddr addr;
    uint8_t bytes[LONGEST];
};

static struct talker {
    unsigned id, nsaid;
    nng_udp *udp;
    struct sim_sock *sock;
    struct sim_thread *thread;
    bool closed;
    struct use uses[AIOS];
    struct said said[SAID];
} talkers[TALKERS];

static unsigned ntalkers;

unsigned sim_talkers_count(void)
{
    return 0;
}

static nng_sockaddr talkers_address(unsigned id)
{
    nng_sockaddr sa = { .s_in = { .sa_family = NNG_AF_INET,
                                  .sa_port = htons((uint16_t) (PORT + id)),
                                  .sa_addr = htonl(INADDR_LOOPBACK) } };
    return sa;
}

/* ---- The end of an operation -------------------------------------------------------------- */

static const uint8_t *talkers_pattern(struct tag tag, size_t n)
{
    return sim_pattern(tag.talker * SAID + tag.number, 0, n);
}

/* It was sent, to whom has it. */
static struct said *talkers_find(const struct talker *t, const uint8_t *p, size_t n)
{
    struct tag tag;
    memcpy(&tag, p, sizeof tag);
    sim_check(tag.talker < ntalkers && tag.number < talkers[tag.talker].nsaid,
              "talker %u: a datagram that nobody has sent", t->id);
    sim_check(memcmp(p + sizeof tag, talkers_pattern(tag, n - sizeof tag), n - sizeof tag) == 0,
              "talker %u: datagram %u of %u has other bytes", t->id, tag.number, tag.talker);
    return &talkers[tag.talker].said[tag.number];
}

static void talkers_hear(struct talker *t, const struct use *use, int err)
{
    size_t n = nng_aio_count(use->aio);
    unsigned from = ntohs(use->addr.s_in.sa_port) - PORT;
    if (n < sizeof(struct tag)) {
        return; /* too short to tell */
    }
    struct said *said = talkers_find(t, use->bytes, n);
    sim_check(from < ntalkers && said >= talkers[from].said && said < talkers[from].said + SAID,
              "talker %u: from %u, it says", t->id, from);
    sim_check(said->to == t->id, "talker %u: what %u sent to %u", t->id, from, said->to);
    sim_check(err == 0 ? n == said->size : n == use->size && n < said->size,
              "talker %u: %zu bytes of %u, in %zu", t->id, n, said->size, use->size);
    sim_check(++said->heard <= 2, "talker %u: the same datagram again and again", t->id);
}

static bool talkers_explained(const struct use *use, int err)
{
    switch (err) {
    case 0:
        return true;
    case NNG_EMSGSIZE:
        return !use->sends;
    case NNG_ETIMEDOUT:
        return use->limit != 0 && sim_time >= use->begun + use->limit;
    case NNG_ECANCELED:
        return use->cancelled;
    case ABORT_CODE:
        return use->aborted;
    case NNG_ECLOSED:
        return use->talker->closed;
    default:
        return false;
    }
}

static void talkers_called(void *arg)
{
    struct use *use = arg;
    struct talker *t = use->talker;
    int err = nng_aio_result(use->aio);
    const char *what = use->sends ? "send" : "receive";
    sim_check(use->busy, "a callback of nothing, talker %u", t->id);
    sim_trace("talker %u: %s: %s, %zu", t->id, what, nng_strerror(err), nng_aio_count(use->aio));
    sim_check(talkers_explained(use, err), "talker %u: %s: %s, why?", t->id, what,
              nng_strerror(err));
    sim_check(use->limit == 0 || sim_time < use->begun + use->limit + LATE,
              "a limit of %u ms is kept after %u ms", (unsigned) (use->limit / MS),
              (unsigned) ((sim_time - use->begun) / MS));
    sim_check(use->unwanted == 0 || sim_time < use->unwanted + LATE,
              "talker %u: cancelled, and ended %u ms later", t->id,
              (unsigned) ((sim_time - use->unwanted) / MS));
    if (use->sends) {
        t->said[use->number].result = err;
        sim_check(nng_aio_count(use->aio) == (err == 0 ? use->size : 0), "counts %zu of %zu",
                  nng_aio_count(use->aio), use->size);
    } else if (err == 0 || err == NNG_EMSGSIZE) {
        talkers_hear(t, use, err);
    }
    memset(use->bytes, 0xee, use->size); /* it is ours again */
    use->busy = false;
}

/* ---- Talking ------------------------------------------------------------------------------ */

static void talkers_fill(struct talker *t, struct use *use)
{
    struct tag tag = { (uint16_t) t->id, (uint16_t) t->nsaid };
    unsigned to = sim_pick(ntalkers + 1); /* the last one is nobody */
    use->number = t->nsaid++;
    use->addr = talkers_address(to);
    t->said[use->number] = (struct said){ .to = to, .size = (unsigned) use->size };
    memcpy(use->bytes, &tag, use->size < sizeof tag ? use->size : sizeof tag);
    if (use->size > sizeof tag) {
        size_t n = use->size - sizeof tag;
        memcpy(use->bytes + sizeof tag, talkers_pattern(tag, n), n);
    }
}

static void talkers_begin(struct talker *t, struct use *use)
{
    static const nng_duration limits[] = { NNG_DURATION_INFINITE, NNG_DURATION_INFINITE, 1, 20 };
    nng_duration limit = limits[sim_pick(4)];
    if (use->sends && t->nsaid == SAID) {
        return;
    }
    use->size = sim_chance(16) ? 0 : 1 + sim_pick(sim_chance(4) ? LONGEST : 100);
    if (use->sends) {
        talkers_fill(t, use);
    }
    size_t first = sim_pick((unsigned) use->size + 1);
    nng_iov iov[2] = { { use->bytes, first }, { use->bytes + first, use->size - first } };
    sim_check(nng_aio_set_iov(use->aio, 2, iov) == 0, "nng_aio_set_iov()");
    nng_aio_set_input(use->aio, 0, &use->addr);
    nng_aio_set_timeout(use->aio, limit);
    use->limit = limit < 0 ? 0 : (uint64_t) limit * MS;
    use->begun = sim_time;
    use->unwanted = 0;
    use->cancelled = use->aborted = false;
    use->busy = true;
    sim_trace("talker %u: %s of %zu begins", t->id, use->sends ? "send" : "receive", use->size);
    (use->sends ? nng_udp_send : nng_udp_recv)(t->udp, use->aio);
}

static void talkers_unwanted(struct use *use, bool abort)
{
    if (use->busy) {
        use->aborted = use->aborted || abort;
        use->cancelled = use->cancelled || !abort;
        use->unwanted = use->unwanted != 0 ? use->unwanted : sim_time;
    }
    if (abort) {
        nng_aio_abort(use->aio, ABORT_CODE);
    } else {
        nng_aio_cancel(use->aio);
    }
}

static void talkers_step(struct talker *t)
{
    struct use *use = &t->uses[sim_pick(AIOS)];
    switch (sim_pick(12)) {
    case 0:
        talkers_unwanted(use, sim_chance(2));
        break;
    case 1:
    case 2:
        sim_dawdle(sim_chance(8) ? 20000 : 500);
        break;
    default:
        if (!use->busy && !nng_aio_busy(use->aio)) {
            talkers_begin(t, use);
        }
        break;
    }
}

static void *talkers_live(void *arg)
{
    struct talker *t = arg;
    for (unsigned i = 0; i < AIOS; i++) {
        t->uses[i].talker = t;
        t->uses[i].sends = i < SENDS;
        sim_check(nng_aio_alloc(&t->uses[i].aio, talkers_called, &t->uses[i]) == 0,
                  "nng_aio_alloc()");
    }
    for (unsigned steps = sim_steps(sim_pick(sim_chance(4) ? 200 : 40)); steps > 0; steps--) {
        talkers_step(t);
    }
    sim_trace("talker %u leaves", t->id);
    t->closed = true;
    nng_udp_close(t->udp);
    for (unsigned i = 0; i < AIOS; i++) {
        nng_aio_wait(t->uses[i].aio);
        sim_check(!t->uses[i].busy, "nng_aio_wait() has not waited for the callback");
        nng_aio_free(t->uses[i].aio);
    }
    return NULL;
}

static void talkers_open(struct talker *t, unsigned id)
{
    nng_sockaddr sa = talkers_address(id), own;
    *t = (struct talker){ .id = id };
    int err = nng_udp_open(&t->udp, &sa);
    err = err == 0 ? nng_udp_sockname(t->udp, &own) : err;
    sim_check(err == 0 && own.s_in.sa_port == sa.s_in.sa_port, "nng_udp_open(): %s",
              nng_strerror(err));
    t->sock = sim_udp_bound(PORT + id);
}

void sim_talkers(void)
{
    ntalkers = sim_actors(1 + sim_pick(TALKERS));
    for (unsigned i = 0; i < ntalkers; i++) {
        talkers_open(&talkers[i], i);
    }
    for (unsigned i = 0; i < ntalkers; i++) {
        talkers[i].thread = sim_spawn("a talker", talkers_live, &talkers[i]);
    }
    for (unsigned i = 0; i < ntalkers; i++) {
        (void) sim_join(talkers[i].thread);
    }
}

/* What has left, against what was told of it. */
static void talkers_check_sent(const struct talker *t)
{
    const struct sim_bytes *sent = &t->sock->sent;
    size_t at = 0;
    for (unsigned i = 0; i < t->nsaid; i++) {
        struct sim_datagram head;
        if (t->said[i].result != 0) {
            continue;
        }
        sim_check(at + sizeof head <= sent->len, "talker %u: datagram %u has not left", t->id, i);
        memcpy(&head, sent->p + at, sizeof head);
        at += sizeof head;
        sim_check(head.size == t->said[i].size, "talker %u: datagram %u is not the next", t->id, i);
        if (head.size >= sizeof(struct tag)) {
            struct said *said = talkers_find(t, sent->p + at, head.size);
            sim_check(said == &t->said[i], "talker %u: datagram %u is not the next", t->id, i);
        }
        at += head.size;
    }
    sim_check(at == sent->len, "talker %u: more has left than was sent", t->id);
}

void sim_talkers_check(void)
{
    for (unsigned i = 0; i < ntalkers; i++) {
        talkers_check_sent(&talkers[i]);
    }
}
