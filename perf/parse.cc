/* SPDX-License-Identifier: MIT */
/* What HTTP costs as text: heads, chunks, targets, routes and responses. No ring is involved. */
#include "meter.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

extern "C" {
#include "http/router.h"
#include "wire/chunk.h"
#include "wire/message.h"
#include "wire/parse.h"
#include "wire/url.h"
}

/* ---- Request heads ------------------------------------------------------------------------ */

struct Head {
    std::string name;
    std::string text;
};

/* Lengthens the last field until the head has so many bytes. */
static std::string pad(const std::string &text, size_t bytes)
{
    return text + std::string(bytes - 4 - text.size(), 'x') + "\r\n\r\n";
}

static std::string hundred_fields()
{
    std::string text = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n";
    for (int i = 1; i < 100; i++) {
        text += "X-Field-" + std::to_string(i) + ": value " + std::to_string(i) + "\r\n";
    }
    return text + "\r\n";
}

static std::vector<Head> heads()
{
    const std::string browser =
        "GET /index.html?session=4711 HTTP/1.1\r\n"
        "Host: www.example.com:8080\r\n"
        "Connection: keep-alive\r\n"
        "sec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
        "sec-ch-ua-mobile: ?0\r\n"
        "sec-ch-ua-platform: \"Linux\"\r\n"
        "Upgrade-Insecure-Requests: 1\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/124.0.0.0\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
        "Sec-Fetch-Site: none\r\n"
        "Sec-Fetch-Mode: navigate\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n"
        "Accept-Language: en-US,en;q=0.9\r\n"
        "Cookie: id=";
    const std::string curl = "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                             "Accept: */*\r\nUser-Agent: curl/7.88.1 ";
    return {
        { "bytes:41", pad("GET / HTTP/1.1\r\nHost: 127.0.0.1", 41) },
        { "bytes:120", pad(curl, 120) },
        { "bytes:700", pad(browser, 700) },
        { "fields:100", hundred_fields() },
    };
}

static enum nu_parse parse(const std::string &text, nu_head *head, std::vector<nu_field> *fields)
{
    head->fields = fields->data();
    head->maxfields = static_cast<unsigned>(fields->size());
    return nu_parse_request(text.data(), text.size(), head);
}

static void parse_head(benchmark::State &state, const std::string &text)
{
    std::vector<nu_field> fields(NU_MAX_FIELDS);
    nu_head head = {};
    uint64_t good = 0;
    Meter meter;
    for (auto _ : state) {
        good += parse(text, &head, &fields) == NU_PARSE_DONE;
    }
    meter.report(state, text.size() * good);
    if (good != static_cast<uint64_t>(state.iterations())) {
        state.SkipWithError("the head was refused");
    }
}

/* From a parsed head to a request that a handler can read. */
static void load_head(benchmark::State &state, const std::string &text)
{
    std::vector<nu_field> fields(NU_MAX_FIELDS);
    nu_head head = {};
    nng_http_req *req;
    check(nng_http_req_alloc(&req, nullptr), "request");
    parse(text, &head, &fields);
    nu_req_load(req, &head);
    int err = 0;
    Meter meter;
    for (auto _ : state) {
        nng_http_req_reset(req);
        err |= nu_req_load(req, &head);
    }
    meter.report(state, text.size() * static_cast<uint64_t>(state.iterations()));
    check(err, "loading a head");
    nng_http_req_free(req);
}

/* ---- Chunks ------------------------------------------------------------------------------- */

static constexpr size_t BODY = 65536;

static std::string chunks_of(size_t size)
{
    std::string text;
    char line[32];
    for (size_t done = 0; done < BODY; done += size) {
        snprintf(line, sizeof line, "%zx\r\n", size);
        text += line + std::string(size, 'x') + "\r\n";
    }
    return text + "0\r\n\r\n";
}

/* A body of 64 KiB that arrives at once. */
static void decode_chunks(benchmark::State &state, size_t size)
{
    std::string text = chunks_of(size);
    uint64_t body = 0;
    Meter meter;
    for (auto _ : state) {
        nu_chunked chunked = {};
        const char *at = text.data();
        size_t left = text.size();
        enum nu_parse result;
        do {
            size_t used = 0;
            nu_slice data = {};
            result = nu_chunked_next(&chunked, at, left, &used, &data);
            at += used;
            left -= used;
            body += data.n;
        } while (result == NU_PARSE_MORE && left > 0);
    }
    meter.report(state, body);
    if (body != BODY * static_cast<uint64_t>(state.iterations())) {
        state.SkipWithError("the chunks came out wrong");
    }
}

/* ---- Targets ------------------------------------------------------------------------------ */

static void decode_target(benchmark::State &state, const std::string &target)
{
    std::vector<char> out(target.size() + 2);
    size_t len;
    nu_slice query;
    int err = 0;
    Meter meter;
    for (auto _ : state) {
        err |= nu_target_decode(target.data(), target.size(), out.data(), out.size(), &len, &query);
        benchmark::DoNotOptimize(out.data());
    }
    meter.report(state, target.size() * static_cast<uint64_t>(state.iterations()));
    check(err, target.c_str());
}

/* ---- Routes ------------------------------------------------------------------------------- */

static void unused_callback(nng_aio *)
{
}

static std::string uri(size_t i)
{
    return "/api/v1/items/" + std::to_string(i * 7919);
}

/* Each size is made once: adding a handler copies the router. */
static const nu_router *router_with(size_t n)
{
    static std::map<size_t, nu_router *> known;
    nu_router *&router = known[n];
    if (router == nullptr) {
        router = nu_router_new();
        for (size_t i = 0; i < n; i++) {
            nng_http_handler *handler;
            nu_router *larger;
            check(nng_http_handler_alloc(&handler, uri(i).c_str(), unused_callback), "handler");
            check(nu_router_with(router, handler, &larger), "router");
            nng_http_handler_free(handler);
            nu_router_free(router);
            router = larger;
        }
    }
    return router;
}

static nu_slice slice(const char *text)
{
    return { text, strlen(text) };
}

static void route(benchmark::State &state, size_t handlers, bool there)
{
    const nu_router *router = router_with(handlers);
    std::vector<std::string> paths(1024);
    for (size_t i = 0; i < paths.size(); i++) {
        paths[i] = there ? uri(i * 7 % handlers) : uri(handlers + i);
    }
    nu_slice method = slice("GET");
    nu_slice host = slice("127.0.0.1:8080");
    uint64_t found = 0;
    uint64_t i = 0;
    Meter meter;
    for (auto _ : state) {
        unsigned status;
        const char *path = paths[i++ % paths.size()].c_str();
        found += nu_router_find(router, method, host, path, &status) != nullptr;
    }
    meter.report(state);
    if (found != (there ? i : 0)) {
        state.SkipWithError("the wrong handler was found");
    }
}

/* ---- Responses ---------------------------------------------------------------------------- */

static nng_http_res *response()
{
    nng_http_res *res;
    check(nng_http_res_alloc(&res), "response");
    check(nng_http_res_set_header(res, "Content-Type", "text/plain"), "Content-Type");
    check(nng_http_res_set_header(res, "Date", "Sun, 22 Nov 2026 12:00:00 GMT"), "Date");
    check(nng_http_res_set_header(res, "Server", "nng-uring"), "Server");
    check(nng_http_res_copy_data(res, "Hello, world!", 13), "body");
    return res;
}

static void print_response(benchmark::State &state)
{
    nng_http_res *res = response();
    nu_buf buf = {};
    int err = nu_res_print(res, &buf);
    Meter meter;
    for (auto _ : state) {
        nu_buf_reset(&buf);
        err |= nu_res_print(res, &buf);
        benchmark::DoNotOptimize(buf.data);
    }
    meter.report(state, buf.len * static_cast<uint64_t>(state.iterations()));
    check(err, "printing");
    nu_buf_free(&buf);
    nng_http_res_free(res);
}

/* What a callback handler does for each request. */
static void build_response(benchmark::State &state)
{
    nu_buf buf = {};
    Meter meter;
    for (auto _ : state) {
        nng_http_res *res = response();
        nu_buf_reset(&buf);
        check(nu_res_print(res, &buf), "printing");
        nng_http_res_free(res);
    }
    meter.report(state, buf.len * static_cast<uint64_t>(state.iterations()));
    nu_buf_free(&buf);
}

/* ---- Benchmarks --------------------------------------------------------------------------- */

static void add_benchmarks()
{
    for (const Head &head : heads()) {
        const std::string text = head.text;
        add_benchmark("head/parse/" + head.name,
                      [=](benchmark::State &state) { parse_head(state, text); });
        add_benchmark("head/load/" + head.name,
                      [=](benchmark::State &state) { load_head(state, text); });
    }
    for (size_t size : { 16, 1024, 16384 }) {
        add_benchmark("chunks/size:" + std::to_string(size),
                      [=](benchmark::State &state) { decode_chunks(state, size); });
    }
    const std::map<std::string, std::string> targets = {
        { "root", "/" },
        { "plain", "/images/2026/11/logo.png?version=3" },
        { "escaped", "/a%20folder/../b%41c/./d%C3%A9?x=%20" },
        { "long", "/" + std::string(999, 'x') },
    };
    for (const auto &[name, text] : targets) {
        const std::string target = text;
        add_benchmark("target/" + name,
                      [=](benchmark::State &state) { decode_target(state, target); });
    }
    for (size_t handlers : { 1, 10, 1000, 10000 }) {
        for (bool there : { true, false }) {
            add_benchmark(std::string("route/") + (there ? "found" : "not_found") +
                              "/handlers:" + std::to_string(handlers),
                          [=](benchmark::State &state) { route(state, handlers, there); });
        }
    }
    add_benchmark("response/print", print_response);
    add_benchmark("response/build_print_free", build_response);
}

int main(int argc, char **argv)
{
    add_benchmarks();
    return run_benchmarks(argc, argv);
}
