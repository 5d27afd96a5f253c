/* SPDX-License-Identifier: MIT */
/*
 * A request and its response on a connection that stays open, waited for by an application thread:
 * on what NNG and this library have in common, built against both, into exchange and exchange_nng.
 *
 * Both ask the same server: a process of its own, with a static handler of 13 bytes, which is
 * `exchange --serve` (this library's), or where PERF_URL says. That server has to keep a connection
 * open for any number of requests (nginx: keepalive_requests), and to send Content-Length.
 *   exchange  nng_http_conn_write_req(), nng_http_conn_read_res(), nng_http_conn_read_all()
 *   transact  nng_http_conn_transact()
 *   bare      a blocking socket, without a library and without parsing: the limit
 *   serve     the other side: bare, but the server is in this process, and all that is counted its
 */
#include "meter.h"
#include "peer.h"

#include <arpa/inet.h>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

static constexpr unsigned WARM_UP = 200;
static constexpr std::string_view HELLO = "Hello, world!";

/* ---- The server --------------------------------------------------------------------------- */

class Server
{
  public:
    Server();
    ~Server();
    uint16_t port();

  private:
    nng_http_server *server;
};

Server::Server()
{
    nng_url *url;
    nng_http_handler *handler;
    check(nng_url_parse(&url, "http://127.0.0.1:0"), "url");
    check(nng_http_server_hold(&server, url), "server");
    nng_url_free(url);
    check(nng_http_handler_alloc_static(&handler, "/", HELLO.data(), HELLO.size(), "text/plain"),
          "/");
    check(nng_http_server_add_handler(server, handler), "/");
    check(nng_http_server_start(server), "start");
}

Server::~Server()
{
    nng_http_server_stop(server);
    nng_http_server_release(server);
}

uint16_t Server::port()
{
    nng_sockaddr addr;
    check(nng_http_server_get_addr(server, &addr), "address");
    return ntohs(addr.s_in.sa_port);
}

/* Prints its port, and serves until it is killed. */
[[noreturn]] static void serve()
{
    Server server;
    printf("%u\n", static_cast<unsigned>(server.port()));
    fflush(stdout);
    for (;;) {
        pause();
    }
}

[[noreturn]] static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* The program `exchange` beside this one. */
static std::string server_path()
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    if (n < 0) {
        fail("/proc/self/exe");
    }
    std::string self(path, static_cast<size_t>(n));
    return self.substr(0, self.rfind('/')) + "/exchange";
}

/* Starts the server and returns its URL. */
static std::string start_server()
{
    std::string path = server_path();
    char line[16];
    int pipes[2];
    if (pipe(pipes) != 0) {
        fail("pipe");
    }
    pid_t child = fork();
    if (child < 0) {
        fail("fork");
    }
    if (child == 0) {
        peer_settle();
        dup2(pipes[1], STDOUT_FILENO);
        execl(path.c_str(), path.c_str(), "--serve", nullptr);
        fail(path.c_str());
    }
    close(pipes[1]);
    FILE *from = fdopen(pipes[0], "r");
    if (from == nullptr || fgets(line, sizeof line, from) == nullptr) {
        fprintf(stderr, "%s --serve did not start\n", path.c_str());
        exit(1);
    }
    fclose(from);
    return "http://127.0.0.1:" + std::to_string(atoi(line)) + "/";
}

/* ---- Clients ------------------------------------------------------------------------------ */

static uint16_t port_of(const std::string &where)
{
    nng_url *url;
    check(nng_url_parse(&url, where.c_str()), where.c_str());
    auto port = static_cast<uint16_t>(atoi(url->u_port));
    nng_url_free(url);
    return port;
}

class Client
{
  public:
    explicit Client(const std::string &where);
    ~Client();
    int exchange();
    int transact();

    uint64_t bytes = 0; /* of bodies */
    bool had_nodelay;

  private:
    int wait()
    {
        nng_aio_wait(aio);
        return nng_aio_result(aio);
    }
    int read_body();

    nng_url *url;
    nng_http_client *client;
    nng_http_conn *conn;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio;
    std::vector<char> body;
};

Client::Client(const std::string &where)
{
    check(nng_url_parse(&url, where.c_str()), where.c_str());
    check(nng_http_client_alloc(&client, url), "client");
    check(nng_http_req_alloc(&req, url), "request");
    check(nng_http_res_alloc(&res), "response");
    check(nng_aio_alloc(&aio, nullptr, nullptr), "aio");
    nng_http_client_connect(client, aio);
    check(wait(), where.c_str());
    conn = static_cast<nng_http_conn *>(nng_aio_get_output(aio, 0));
    had_nodelay = equalize_connections(port_of(where));
}

Client::~Client()
{
    nng_http_conn_close(conn);
    nng_aio_free(aio);
    nng_http_res_free(res);
    nng_http_req_free(req);
    nng_http_client_free(client);
    nng_url_free(url);
}

int Client::read_body()
{
    const char *length = nng_http_res_get_header(res, "Content-Length");
    if (nng_http_res_get_status(res) != NNG_HTTP_STATUS_OK || length == nullptr) {
        return NNG_EPROTO;
    }
    body.resize(strtoul(length, nullptr, 10));
    nng_iov iov = { body.data(), body.size() };
    nng_aio_set_iov(aio, 1, &iov);
    nng_http_conn_read_all(conn, aio);
    int err = wait();
    bytes += nng_aio_count(aio);
    return err;
}

int Client::exchange()
{
    nng_http_res_reset(res);
    nng_http_conn_write_req(conn, req, aio);
    int err = wait();
    if (err == 0) {
        nng_http_conn_read_res(conn, res, aio);
        err = wait();
    }
    return err != 0 ? err : read_body();
}

int Client::transact()
{
    void *data;
    size_t size;
    nng_http_res_reset(res);
    nng_http_conn_transact(conn, req, res, aio);
    int err = wait();
    nng_http_res_get_data(res, &data, &size);
    bytes += size;
    return err != 0 || nng_http_res_get_status(res) == NNG_HTTP_STATUS_OK ? err : NNG_EPROTO;
}

class BareClient
{
  public:
    explicit BareClient(uint16_t port) : fd(peer_connect(port))
    {
    }
    ~BareClient()
    {
        close(fd);
    }
    int exchange();

    uint64_t bytes = 0;

  private:
    int fd;
    char buffer[4096];
};

int BareClient::exchange()
{
    static constexpr char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    size_t have = 0;
    if (send(fd, request, sizeof request - 1, 0) != sizeof request - 1) {
        return NNG_ECLOSED;
    }
    do {
        ssize_t n = recv(fd, buffer + have, sizeof buffer - have, 0);
        if (n <= 0) {
            return NNG_ECONNSHUT;
        }
        have += static_cast<size_t>(n);
    } while (have < HELLO.size() ||
             memcmp(buffer + have - HELLO.size(), HELLO.data(), HELLO.size()) != 0);
    bytes += HELLO.size();
    return 0;
}

/* ---- Benchmarks --------------------------------------------------------------------------- */

template <class Any>
static void benchmark_exchanges(benchmark::State &state, Any &client, int (Any::*one)())
{
    int err = 0;
    auto run = [&](uint64_t n) {
        client.bytes = 0;
        for (uint64_t i = 0; i < n && err == 0; i++) {
            err = (client.*one)();
        }
        return client.bytes;
    };
    run(WARM_UP);
    measure(state, run);
    if (err != 0) {
        state.SkipWithError(nng_strerror(err));
    }
}

static void benchmark_client(benchmark::State &state, const std::string &where,
                             int (Client::*one)())
{
    Client client(where);
    benchmark_exchanges(state, client, one);
    state.SetLabel(client.had_nodelay ? "TCP_NODELAY as it came" : "TCP_NODELAY set by descriptor");
}

static void benchmark_bare(benchmark::State &state, uint16_t port)
{
    BareClient client(port);
    benchmark_exchanges(state, client, &BareClient::exchange);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--serve") == 0) {
        serve();
    }
    const char *given = getenv("PERF_URL");
    const std::string where = given != nullptr ? given : start_server();
    add_benchmark("exchange", [=](benchmark::State &state) {
        benchmark_client(state, where, &Client::exchange);
    });
    add_benchmark("transact", [=](benchmark::State &state) {
        benchmark_client(state, where, &Client::transact);
    });
    add_benchmark("bare", [=](benchmark::State &state) { benchmark_bare(state, port_of(where)); });
    add_benchmark("serve", [](benchmark::State &state) {
        Server server;
        benchmark_bare(state, server.port());
    });
    int status = run_benchmarks(argc, argv);
    nng_fini();
    return status;
}
