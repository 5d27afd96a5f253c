/* SPDX-License-Identifier: MIT */
/*
 * Byte streams beside plain sockets: a message goes to an echo, and is waited for by an application
 * thread, on what NNG and this library have in common: built against both, into stream and
 * stream_nng. The echo is a process of its own on blocking sockets, the same for all.
 *
 * Names: WHO/TRANSPORT/size:BYTES. TRANSPORT is tcp or ipc, WHO
 *   stream  nng_stream_send(), nng_stream_recv()
 *   bare    a blocking socket, without a library: the limit
 */
#include "meter.h"
#include "peer.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>
#include <nng/nng.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

static constexpr unsigned WARM_UP = 200;
static constexpr size_t ROOM = 65536;

static int check_errno(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(1);
    }
    return result;
}

/* ---- The echo ----------------------------------------------------------------------------- */

static void set_nodelay(int fd)
{
    int on = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a UNIX socket has none */
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        p += sent;
        n -= static_cast<size_t>(sent);
    }
    return true;
}

/* One connection after the other: no more are needed. */
[[noreturn]] static void echo(int listener)
{
    std::vector<char> room(ROOM);
    peer_settle();
    for (;;) {
        int fd = check_errno(accept(listener, nullptr, nullptr), "accept");
        ssize_t n;
        set_nodelay(fd);
        do {
            n = recv(fd, room.data(), room.size(), 0);
        } while (n > 0 && send_all(fd, room.data(), static_cast<size_t>(n)));
        close(fd);
    }
}

struct Place {
    std::string url;
    sockaddr_storage addr = {};
    socklen_t len = 0;
};

/* Forks it; to be called before there are other threads. */
static void start_echo(int family, Place *place)
{
    int fd = check_errno(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    auto *addr = reinterpret_cast<sockaddr *>(&place->addr);
    check_errno(bind(fd, addr, place->len), "bind");
    check_errno(listen(fd, SOMAXCONN), "listen");
    check_errno(getsockname(fd, addr, &place->len), "getsockname");
    if (check_errno(fork(), "fork") == 0) {
        echo(fd);
    }
    close(fd);
}

static Place tcp_echo()
{
    Place place;
    auto *in = reinterpret_cast<sockaddr_in *>(&place.addr);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    place.len = sizeof *in;
    start_echo(AF_INET, &place);
    place.url = "tcp://127.0.0.1:" + std::to_string(ntohs(in->sin_port));
    return place;
}

static Place ipc_echo(const std::string &path)
{
    Place place;
    auto *un = reinterpret_cast<sockaddr_un *>(&place.addr);
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof un->sun_path, "%s", path.c_str());
    place.len = sizeof *un;
    start_echo(AF_UNIX, &place);
    place.url = "ipc://" + path;
    return place;
}

/* ---- Who asks ----------------------------------------------------------------------------- */

class Stream
{
  public:
    explicit Stream(const Place &place);
    ~Stream();
    int exchange(char *data, size_t size);

  private:
    nng_stream *stream = nullptr;
    nng_aio *sending, *receiving;

    static int wait_for(nng_aio *aio, size_t *count);
};

Stream::Stream(const Place &place)
{
    nng_stream_dialer *dialer;
    check(nng_aio_alloc(&sending, nullptr, nullptr), "aio");
    check(nng_aio_alloc(&receiving, nullptr, nullptr), "aio");
    check(nng_stream_dialer_alloc(&dialer, place.url.c_str()), place.url.c_str());
    (void) nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true); /* ipc has none */
    nng_stream_dialer_dial(dialer, sending);
    nng_aio_wait(sending);
    check(nng_aio_result(sending), "dial");
    stream = static_cast<nng_stream *>(nng_aio_get_output(sending, 0));
    nng_stream_dialer_free(dialer);
}

Stream::~Stream()
{
    nng_stream_free(stream);
    nng_aio_free(sending);
    nng_aio_free(receiving);
}

int Stream::wait_for(nng_aio *aio, size_t *count)
{
    nng_aio_wait(aio);
    *count += nng_aio_count(aio);
    return nng_aio_result(aio);
}

int Stream::exchange(char *data, size_t size)
{
    size_t said = 0;
    size_t heard = 0;
    int err = 0;
    while (said < size && err == 0) {
        nng_iov iov = { data + said, size - said };
        nng_aio_set_iov(sending, 1, &iov);
        nng_stream_send(stream, sending);
        err = wait_for(sending, &said);
    }
    while (heard < size && err == 0) {
        nng_iov iov = { data + heard, size - heard };
        nng_aio_set_iov(receiving, 1, &iov);
        nng_stream_recv(stream, receiving);
        err = wait_for(receiving, &heard);
    }
    return err;
}

class Bare
{
  public:
    explicit Bare(const Place &place);
    ~Bare();
    int exchange(char *data, size_t size);

  private:
    int fd;
};

Bare::Bare(const Place &place)
    : fd(check_errno(socket(place.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"))
{
    check_errno(connect(fd, reinterpret_cast<const sockaddr *>(&place.addr), place.len), "connect");
    set_nodelay(fd);
}

Bare::~Bare()
{
    close(fd);
}

int Bare::exchange(char *data, size_t size)
{
    if (!send_all(fd, data, size)) {
        return NNG_ECLOSED;
    }
    for (size_t heard = 0; heard < size;) {
        ssize_t n = recv(fd, data + heard, size - heard, 0);
        if (n <= 0) {
            return NNG_ECLOSED;
        }
        heard += static_cast<size_t>(n);
    }
    return 0;
}

/* ---- Benchmarks --------------------------------------------------------------------------- */

template <class Any>
static void benchmark_echoes(benchmark::State &state, const Place &place, size_t size)
{
    Any one(place);
    std::vector<char> data(size, 'x');
    int err = 0;
    auto run = [&](uint64_t n) {
        for (uint64_t i = 0; i < n && err == 0; i++) {
            err = one.exchange(data.data(), size);
        }
        return n * size;
    };
    run(WARM_UP);
    measure(state, run);
    if (err != 0) {
        state.SkipWithError(nng_strerror(err));
    }
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/nu-perf-XXXXXX";
    if (mkdtemp(dir) == nullptr) {
        perror(dir);
        return 1;
    }
    const std::string path = std::string(dir) + "/echo";
    const Place places[] = { tcp_echo(), ipc_echo(path) };
    for (const Place &place : places) {
        for (size_t size : { size_t{ 64 }, size_t{ 4096 }, ROOM }) {
            std::string suffix = "/" + place.url.substr(0, 3) + "/size:" + std::to_string(size);
            add_benchmark("stream" + suffix,
                          [=](auto &state) { benchmark_echoes<Stream>(state, place, size); });
            add_benchmark("bare" + suffix,
                          [=](auto &state) { benchmark_echoes<Bare>(state, place, size); });
        }
    }
    int status = run_benchmarks(argc, argv);
    unlink(path.c_str());
    rmdir(dir);
    nng_fini();
    return status;
}
