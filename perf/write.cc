/* SPDX-License-Identifier: MIT */
/*
 * nng_http_conn_write() and nng_http_conn_write_all() on loopback TCP, on what NNG and this library
 * have in common: built against both, into write and write_nng. Beside them write has the bare
 * loops of write_bare.cc.
 *
 * Names: FUNCTION/WAY/size:BYTES/conns:N/timeout:0|1. With more than one connection each has one
 * write under way.
 *   chained    the callback starts the next write;
 *   waited     an application thread starts a write on every connection, then waits for each;
 *   submitted  an application thread starts each write as soon as the callback of the
 *              connection's last one has told it.
 */
#include "meter.h"
#include "peer.h"

#include <atomic>
#include <memory>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <semaphore.h>
#include <vector>

static constexpr nng_duration TIMEOUT_MS = 10000;
static constexpr uint64_t WARM_UP = 8 << 20;    /* bytes, over all connections */
static constexpr uint64_t WARM_UP_WRITES = 500; /* at most */

enum class Way { chained, waited, submitted };

struct Case {
    bool all;
    Way way;
    size_t size;
    unsigned conns;
    bool timeout;
};

class Semaphore
{
  public:
    explicit Semaphore(unsigned value)
    {
        sem_init(&sem, 0, value);
    }
    ~Semaphore()
    {
        sem_destroy(&sem);
    }
    void post()
    {
        sem_post(&sem);
    }
    void wait()
    {
        while (sem_wait(&sem) != 0) {
        }
    }

  private:
    sem_t sem;
};

/* ---- A connection ------------------------------------------------------------------------- */

struct Crew;

struct Writer {
    Crew *crew;
    nng_http_conn *conn = nullptr;
    nng_aio *aio = nullptr;
    uint64_t left = 0;  /* writes to be started */
    uint64_t bytes = 0; /* written; the writer's own, so that counting them costs nothing */
    Semaphore idle{ 1 };

    explicit Writer(Crew *of);
    ~Writer();
    void start();
    void ended();
};

struct Crew {
    const Case what;
    std::vector<char> data;
    std::vector<std::unique_ptr<Writer>> writers;
    std::atomic<int> error{ 0 };
    std::atomic<unsigned> chains{ 0 };
    Semaphore over{ 0 };
    bool had_nodelay;

    explicit Crew(const Case &case_);
    uint64_t run(uint64_t writes);

  private:
    void deal(uint64_t writes);
    void run_chains();
    void run_waited();
    void run_submitted();
};

static nng_http_conn *connect_to_sink()
{
    nng_url *url;
    nng_http_client *client;
    nng_aio *aio;
    std::string text = "http://127.0.0.1:" + std::to_string(sink_port());
    check(nng_url_parse(&url, text.c_str()), "url");
    check(nng_http_client_alloc(&client, url), "client");
    check(nng_aio_alloc(&aio, nullptr, nullptr), "aio");
    nng_http_client_connect(client, aio);
    nng_aio_wait(aio);
    check(nng_aio_result(aio), "connect");
    auto *conn = static_cast<nng_http_conn *>(nng_aio_get_output(aio, 0));
    nng_aio_free(aio);
    nng_http_client_free(client);
    nng_url_free(url);
    return conn;
}

static void chain_on(void *arg)
{
    auto *writer = static_cast<Writer *>(arg);
    writer->ended();
    if (writer->left > 0) {
        writer->start();
    } else if (writer->crew->chains.fetch_sub(1) == 1) {
        writer->crew->over.post();
    }
}

static void tell(void *arg)
{
    auto *writer = static_cast<Writer *>(arg);
    writer->ended();
    writer->idle.post();
}

Writer::Writer(Crew *of) : crew(of)
{
    void (*const callbacks[])(void *) = { chain_on, nullptr, tell };
    check(nng_aio_alloc(&aio, callbacks[static_cast<int>(crew->what.way)], this), "aio");
    nng_aio_set_timeout(aio, crew->what.timeout ? TIMEOUT_MS : NNG_DURATION_INFINITE);
    conn = connect_to_sink();
}

Writer::~Writer()
{
    nng_aio_free(aio);
    nng_http_conn_close(conn);
}

void Writer::start()
{
    nng_iov iov = { crew->data.data(), crew->data.size() };
    left--;
    nng_aio_set_iov(aio, 1, &iov);
    if (crew->what.all) {
        nng_http_conn_write_all(conn, aio);
    } else {
        nng_http_conn_write(conn, aio);
    }
}

/* Adds the write up; after a failure no other is started. */
void Writer::ended()
{
    int err = nng_aio_result(aio);
    size_t count = nng_aio_count(aio);
    bytes += count;
    if (err != 0 || (crew->what.all && count != crew->data.size())) {
        crew->error = err != 0 ? err : NNG_EINTERNAL;
        left = 0;
    }
}

/* ---- All of them -------------------------------------------------------------------------- */

Crew::Crew(const Case &case_) : what(case_), data(case_.size, 'x')
{
    for (unsigned i = 0; i < what.conns; i++) {
        writers.push_back(std::make_unique<Writer>(this));
    }
    had_nodelay = equalize_connections(sink_port());
}

void Crew::deal(uint64_t writes)
{
    for (unsigned i = 0; i < what.conns; i++) {
        writers[i]->left = writes / what.conns + (i < writes % what.conns ? 1 : 0);
        writers[i]->bytes = 0;
    }
}

void Crew::run_chains()
{
    unsigned busy = 0;
    while (busy < what.conns && writers[busy]->left > 0) {
        busy++;
    }
    chains = busy;
    for (unsigned i = 0; i < busy; i++) {
        writers[i]->start();
    }
    over.wait();
}

void Crew::run_waited()
{
    while (writers[0]->left > 0) {
        unsigned started = 0;
        while (started < what.conns && writers[started]->left > 0) {
            writers[started++]->start();
        }
        for (unsigned i = 0; i < started; i++) {
            nng_aio_wait(writers[i]->aio);
            writers[i]->ended();
        }
    }
}

void Crew::run_submitted()
{
    for (unsigned i = 0; error == 0; i = (i + 1) % what.conns) {
        writers[i]->idle.wait();
        if (writers[i]->left == 0) {
            writers[i]->idle.post();
            break;
        }
        writers[i]->start();
    }
    for (auto &writer : writers) {
        writer->idle.wait();
        writer->idle.post();
    }
}

uint64_t Crew::run(uint64_t writes)
{
    deal(writes);
    switch (what.way) {
    case Way::chained:
        run_chains();
        break;
    case Way::waited:
        run_waited();
        break;
    case Way::submitted:
        run_submitted();
        break;
    }
    uint64_t bytes = 0;
    for (auto &writer : writers) {
        bytes += writer->bytes;
    }
    return bytes;
}

/* ---- Benchmarks --------------------------------------------------------------------------- */

static void benchmark_writes(benchmark::State &state, const Case &what)
{
    Crew crew(what);
    crew.run(std::max<uint64_t>(what.conns, std::min(WARM_UP / what.size, WARM_UP_WRITES)));
    measure_writes(state, [&](uint64_t writes) { return crew.run(writes); });
    state.SetLabel(crew.had_nodelay ? "TCP_NODELAY as it came" : "TCP_NODELAY set by descriptor");
    if (crew.error != 0) {
        state.SkipWithError(nng_strerror(crew.error));
    }
}

static std::string name_of(const Case &what)
{
    static const char *const ways[] = { "chained", "waited", "submitted" };
    return std::string(what.all ? "write_all/" : "write/") + ways[static_cast<int>(what.way)] +
           "/size:" + std::to_string(what.size) + "/conns:" + std::to_string(what.conns) +
           "/timeout:" + (what.timeout ? "1" : "0");
}

static void add_benchmarks()
{
    for (bool all : { true, false }) {
        for (Way way : { Way::chained, Way::waited, Way::submitted }) {
            for (size_t size : { 64, 4096, 65536, 1048576 }) {
                for (unsigned conns : { 1, 32 }) {
                    for (bool timeout : { false, true }) {
                        Case what = { all, way, size, conns, timeout };
                        add_benchmark(name_of(what), [what](benchmark::State &state) {
                            benchmark_writes(state, what);
                        });
                    }
                }
            }
        }
    }
}

int main(int argc, char **argv)
{
    sink_start();
    add_benchmarks();
    int status = run_benchmarks(argc, argv);
    nng_fini();
    return status;
}
