/* SPDX-License-Identifier: MIT */
/*
 * A client for scripts/check-peers:
 *   ask [-1 | -r] [-n TIMES] [-d FILE] [-c FILE] [-k FILE] METHOD URL BODY
 * Sends the request TIMES times (1) on one connection, or (-1) once with a connection of its own,
 * with the bytes of FILE as its body. Every response must be the same. Prints "STATUS LENGTH",
 * writes the body to the file BODY; exits 0, or 1 and says why. For https: -c are the CAs that it
 * trusts, -k is its own certificate with the key; -r sends each request on a connection of its own,
 * which must resume the session of one before.
 */
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 10000 /* milliseconds, for each request */

static void must(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

static int usage(void)
{
    fprintf(stderr,
            "usage: ask [-1 | -r] [-n TIMES] [-d FILE] [-c FILE] [-k FILE] METHOD URL BODY\n");
    return 2;
}

static void read_body(nng_http_req *req, const char *path)
{
    static char data[16 << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(data, 1, sizeof data, file);
    fclose(file);
    must(nng_http_req_set_data(req, data, n), "the request's body");
}

static nng_http_conn *connect_to(nng_http_client *client, nng_aio *aio)
{
    nng_http_client_connect(client, aio);
    nng_aio_wait(aio);
    must(nng_aio_result(aio), "connect");
    return nng_aio_get_output(aio, 0);
}

/* What came the first time. */
struct answer {
    unsigned status;
    void *data;
    size_t size;
};

static bool same(const struct answer *a, const struct answer *b)
{
    return a->status == b->status && a->size == b->size &&
           (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static void take(struct answer *first, nng_http_res *res, int i)
{
    struct answer got = { nng_http_res_get_status(res), NULL, 0 };
    nng_http_res_get_data(res, &got.data, &got.size);
    if (i > 0) {
        if (!same(first, &got)) {
            fprintf(stderr, "response %d is another: %u, %zu bytes\n", i, got.status, got.size);
            exit(1);
        }
        return;
    }
    *first = got;
    first->data = malloc(got.size + 1);
    if (first->data == NULL) {
        must(NNG_ENOMEM, "the body");
    }
    if (got.size > 0) {
        memcpy(first->data, got.data, got.size);
    }
}

static void assert_resumed(nng_http_conn *conn)
{
    nng_uring_tls_info *info;
    must(nng_uring_conn_tls_info(conn, &info), "what is known of TLS");
    if (!info->resumed) {
        fprintf(stderr, "a full handshake, %s\n", info->version);
        exit(1);
    }
    nng_uring_tls_info_free(info);
}

/* A connection for each request. */
static void ask_again(nng_http_client *client, nng_http_req *req, int times, struct answer *answer)
{
    nng_http_res *res;
    nng_aio *aio;
    must(nng_http_res_alloc(&res), "response");
    must(nng_aio_alloc(&aio, NULL, NULL), "aio");
    nng_aio_set_timeout(aio, PATIENCE);
    for (int i = 0; i < times; i++) {
        nng_http_conn *conn = connect_to(client, aio);
        nng_http_conn_transact(conn, req, res, aio);
        nng_aio_wait(aio);
        must(nng_aio_result(aio), "transact");
        take(answer, res, i);
        if (i > 0) {
            assert_resumed(conn);
        }
        nng_http_conn_close(conn);
    }
    nng_aio_free(aio);
    nng_http_res_free(res);
}

static void secure(nng_http_client *client, const char *ca, const char *own)
{
    nng_tls_config *config;
    must(nng_http_client_get_tls(client, &config), "TLS");
    if (ca != NULL) {
        must(nng_tls_config_ca_file(config, ca), ca);
    }
    if (own != NULL) {
        must(nng_tls_config_cert_key_file(config, own, NULL), own);
    }
    nng_tls_config_free(config);
}

static void ask(nng_http_client *client, nng_http_req *req, bool once, int times,
                struct answer *answer)
{
    nng_http_res *res;
    nng_aio *aio;
    nng_http_conn *conn = NULL;
    must(nng_http_res_alloc(&res), "response");
    must(nng_aio_alloc(&aio, NULL, NULL), "aio");
    nng_aio_set_timeout(aio, PATIENCE);
    if (!once) {
        conn = connect_to(client, aio);
    }
    for (int i = 0; i < times; i++) {
        if (once) {
            nng_http_client_transact(client, req, res, aio);
        } else {
            nng_http_conn_transact(conn, req, res, aio);
        }
        nng_aio_wait(aio);
        must(nng_aio_result(aio), "transact");
        take(answer, res, i);
    }
    nng_http_conn_close(conn);
    nng_aio_free(aio);
    nng_http_res_free(res);
}

int main(int argc, char **argv)
{
    bool once = false, resumes = false;
    int times = 1;
    const char *body = NULL, *ca = NULL, *own = NULL;
    nng_url *url;
    nng_http_client *client;
    nng_http_req *req;
    struct answer answer;
    for (int c; (c = getopt(argc, argv, "1rn:d:c:k:")) != -1;) {
        if (c == '?') {
            return usage();
        }
        once = once || c == '1';
        times = c == 'n' ? atoi(optarg) : times;
        resumes = resumes || c == 'r';
        body = c == 'd' ? optarg : body;
        ca = c == 'c' ? optarg : ca;
        own = c == 'k' ? optarg : own;
    }
    if (argc - optind != 3 || times < 1) {
        return usage();
    }
    must(nng_url_parse(&url, argv[optind + 1]), "URL");
    must(nng_http_client_alloc(&client, url), "client");
    if (ca != NULL || own != NULL) {
        secure(client, ca, own);
    }
    must(nng_http_req_alloc(&req, url), "request");
    must(nng_http_req_set_method(req, argv[optind]), "method");
    if (body != NULL) {
        read_body(req, body);
    }
    if (resumes) {
        ask_again(client, req, times, &answer);
    } else {
        ask(client, req, once, times, &answer);
    }
    FILE *file = fopen(argv[optind + 2], "wb");
    if (file == NULL || fwrite(answer.data, 1, answer.size, file) != answer.size ||
        fclose(file) != 0) {
        perror(argv[optind + 2]);
        return 1;
    }
    printf("%u %zu\n", answer.status, answer.size);
    free(answer.data);
    nng_http_req_free(req);
    nng_http_client_free(client);
    nng_url_free(url);
    nng_fini();
    return 0;
}
