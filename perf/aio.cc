/* SPDX-License-Identifier: MIT */
/*
 * What an operation costs that does nothing: beginning and finishing an aio as a provider does,
 * sleeping for no time, and the timers of a loop.
 *
 *   chained   the callback begins the next operation
 *   waited    an application thread begins one and waits for it
 *   batch:32  an application thread begins 32 and waits for each
 */
#include "meter.h"

#include <memory>
#include <nng/nng.h>
#include <random>
#include <semaphore.h>
#include <vector>

extern "C" {
#include "io/timer.h"
}

/* ---- Operations --------------------------------------------------------------------------- */

/* Begins an operation that ends soon, and by itself. */
using Start = void (*)(nng_aio *aio);

static void begin_finish(nng_aio *aio)
{
    if (nng_aio_begin(aio)) {
        nng_aio_finish(aio, 0);
    }
}

static void never(nng_aio *aio, void *, int err)
{
    nng_aio_finish(aio, err);
}

static void defer_finish(nng_aio *aio)
{
    if (nng_aio_begin(aio)) {
        nng_aio_defer(aio, never, nullptr);
        nng_aio_finish(aio, 0);
    }
}

static void sleep(nng_aio *aio)
{
    nng_sleep_aio(0, aio);
}

struct Chain {
    nng_aio *aio;
    Start start;
    uint64_t left;
    sem_t over;
};

static void next_in_chain(void *arg)
{
    auto *chain = static_cast<Chain *>(arg);
    if (--chain->left > 0) {
        chain->start(chain->aio);
    } else {
        sem_post(&chain->over);
    }
}

static void chained(benchmark::State &state, Start start)
{
    Chain chain = {};
    chain.start = start;
    sem_init(&chain.over, 0, 0);
    check(nng_aio_alloc(&chain.aio, next_in_chain, &chain), "aio");
    measure(state, [&](uint64_t operations) {
        chain.left = operations;
        start(chain.aio);
        while (sem_wait(&chain.over) != 0) {
        }
        return 0;
    });
    nng_aio_free(chain.aio);
    sem_destroy(&chain.over);
}

static void nothing(void *)
{
}

static void waited(benchmark::State &state, Start start, bool callback, size_t batch)
{
    std::vector<nng_aio *> aios(batch);
    for (nng_aio *&aio : aios) {
        check(nng_aio_alloc(&aio, callback ? nothing : nullptr, nullptr), "aio");
    }
    measure(state, [&](uint64_t operations) {
        for (uint64_t left = operations; left > 0;) {
            size_t n = std::min<uint64_t>(left, batch);
            for (size_t i = 0; i < n; i++) {
                start(aios[i]);
            }
            for (size_t i = 0; i < n; i++) {
                nng_aio_wait(aios[i]);
            }
            left -= n;
        }
        return 0;
    });
    for (nng_aio *aio : aios) {
        nng_aio_free(aio);
    }
}

static void add_operations(const std::string &name, Start start)
{
    auto add = [&](const char *way, bool callback, size_t batch) {
        add_benchmark(name + way,
                      [=](benchmark::State &state) { waited(state, start, callback, batch); });
    };
    add("/no_callback", false, 1);
    add("/callback/waited", true, 1);
    add("/callback/batch:32", true, 32);
    add_benchmark(name + "/callback/chained",
                  [=](benchmark::State &state) { chained(state, start); });
}

/* ---- Timers ------------------------------------------------------------------------------- */

static constexpr uint64_t HORIZON = 60000000000; /* deadlines are up to a minute ahead */

static std::vector<uint64_t> deadlines(size_t n)
{
    std::mt19937_64 random(1);
    std::uniform_int_distribution<uint64_t> ahead(1, HORIZON);
    std::vector<uint64_t> list(n);
    for (uint64_t &when : list) {
        when = ahead(random);
    }
    return list;
}

static void fired(struct nu_timer *)
{
}

static std::vector<nu_timer> new_timers(size_t n)
{
    std::vector<nu_timer> list(n);
    for (nu_timer &timer : list) {
        timer.fire = fired;
    }
    return list;
}

/* One is armed and disarmed while others wait. */
static void arm_disarm(benchmark::State &state, size_t others)
{
    std::vector<nu_timer> waiting = new_timers(others + 1);
    std::vector<uint64_t> when = deadlines(1024);
    nu_timers timers = {};
    for (size_t i = 0; i < others; i++) {
        nu_timer_arm(&timers, &waiting[i], when[i % when.size()] + i);
    }
    nu_timer *one = &waiting[others];
    uint64_t i = 0;
    Meter meter;
    for (auto _ : state) {
        nu_timer_arm(&timers, one, when[i++ % when.size()]);
        nu_timer_disarm(&timers, one);
    }
    meter.report(state);
}

/* Each in turn is disarmed and armed for later, as with connections that go on being used. */
static void rearm(benchmark::State &state, size_t n)
{
    std::vector<nu_timer> list = new_timers(n);
    std::vector<uint64_t> when = deadlines(n);
    nu_timers timers = {};
    for (size_t i = 0; i < n; i++) {
        nu_timer_arm(&timers, &list[i], when[i]);
    }
    uint64_t i = 0;
    Meter meter;
    for (auto _ : state) {
        nu_timer *timer = &list[i++ % n];
        nu_timer_disarm(&timers, timer);
        nu_timer_arm(&timers, timer, timer->when + HORIZON);
    }
    meter.report(state);
}

/* Armed in any order and fired in that of their deadlines; an iteration is one timer. */
static void expire(benchmark::State &state, size_t n)
{
    std::vector<nu_timer> list = new_timers(n);
    std::vector<uint64_t> when = deadlines(n);
    nu_timers timers = {};
    Meter meter;
    while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
        for (size_t i = 0; i < n; i++) {
            nu_timer_arm(&timers, &list[i], when[i]);
        }
        nu_timers_expire(&timers, HORIZON);
    }
    meter.report(state);
}

static void add_timers()
{
    for (size_t n : { 0, 1000, 100000 }) {
        add_benchmark("timer/arm_disarm/others:" + std::to_string(n),
                      [=](benchmark::State &state) { arm_disarm(state, n); });
    }
    for (size_t n : { 64, 1000, 100000 }) {
        add_benchmark("timer/rearm/armed:" + std::to_string(n),
                      [=](benchmark::State &state) { rearm(state, n); });
    }
    for (size_t n : { 64, 10000 }) {
        add_benchmark("timer/expire/armed:" + std::to_string(n),
                      [=](benchmark::State &state) { expire(state, n); });
    }
}

int main(int argc, char **argv)
{
    add_operations("aio/begin_finish", begin_finish);
    add_operations("aio/defer_finish", defer_finish);
    add_operations("aio/sleep", sleep);
    add_timers();
    int status = run_benchmarks(argc, argv);
    nng_fini();
    return status;
}
