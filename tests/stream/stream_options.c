/* SPDX-License-Identifier: MIT */
/* What one kind of stream has alone: options, the files of UNIX sockets, sockets that are handed
 * over, certificates. */
#include "support/pki.h"
#include "support/stream_ends.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(stream_options, .timeout = 120);

/* ---- Options ------------------------------------------------------------------------------ */

Test(stream_options, options_have_types)
{
    struct t_ends pair;
    nng_sockaddr addr;
    bool on = true;
    int number;
    size_t size = sizeof on;
    char *text;
    t_ends_open(&pair, TCP);
    nng_stream *end = pair.ends[0];
    cr_assert_eq(nng_stream_get_bool(end, NNG_OPT_TCP_NODELAY, &on), 0);
    cr_assert_not(on); /* NNG's default */
    cr_assert_eq(nng_stream_set_bool(end, NNG_OPT_TCP_NODELAY, true), 0);
    cr_assert_eq(nng_stream_get(end, NNG_OPT_TCP_NODELAY, &on, &size), 0);
    cr_assert(on);
    size = 0;
    cr_assert_eq(nng_stream_get(end, NNG_OPT_TCP_NODELAY, &on, &size), NNG_EINVAL);
    cr_assert_eq(size, sizeof on);
    cr_assert_eq(nng_stream_set(end, NNG_OPT_TCP_NODELAY, &number, sizeof number), NNG_EINVAL);
    cr_assert_eq(nng_stream_get_int(end, NNG_OPT_TCP_NODELAY, &number), NNG_EBADTYPE);
    cr_assert_eq(nng_stream_get_bool(end, "no-such-option", &on), NNG_ENOTSUP);
    cr_assert_eq(nng_stream_get_string(end, NNG_OPT_TLS_PEER_CN, &text), NNG_ENOTSUP);
    cr_assert_eq(nng_stream_get_addr(end, NNG_OPT_REMADDR, &addr), 0);
    cr_assert_eq(nng_stream_set_addr(end, NNG_OPT_REMADDR, &addr), NNG_EREADONLY);
    cr_assert_eq(addr.s_family, NNG_AF_INET);
    nng_stream_close(end);
    cr_assert_eq(nng_stream_get_bool(end, NNG_OPT_TCP_NODELAY, &on), NNG_ECLOSED);
    t_ends_close(&pair);
}

Test(stream_options, a_dialers_options_are_its_streams)
{
    struct t_ends pair;
    bool on = false;
    nng_sockaddr local = { .s_in = { .sa_family = NNG_AF_INET, .sa_addr = htonl(0x7f000002) } };
    t_ends_listen(&pair, TCP);
    t_ends_make_dialer(&pair);
    cr_assert_eq(nng_stream_dialer_set_bool(pair.dialer, NNG_OPT_TCP_NODELAY, true), 0);
    cr_assert_eq(nng_stream_dialer_set_addr(pair.dialer, NNG_OPT_LOCADDR, &local), 0);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(t_ends_wait(&pair, 0), 0);
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    cr_assert_eq(nng_stream_get_bool(pair.ends[0], NNG_OPT_TCP_NODELAY, &on), 0);
    cr_assert(on);
    cr_assert_eq(nng_stream_get_addr(pair.ends[0], NNG_OPT_LOCADDR, &local), 0);
    cr_assert_eq(local.s_in.sa_addr, htonl(0x7f000002));
    local.s_in.sa_port = htons(1234);
    cr_assert_eq(nng_stream_dialer_set_addr(pair.dialer, NNG_OPT_LOCADDR, &local), NNG_EADDRINVAL);
    t_ends_close(&pair);
}

Test(stream_options, the_peer_of_a_unix_socket)
{
    struct t_ends pair;
    uint64_t id = 12345;
    nng_sockaddr addr;
    char path[64];
    t_ends_open(&pair, IPC);
    snprintf(path, sizeof path, "/tmp/nng-uring-ipc-%d", (int) getpid());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_stream_get_uint64(pair.ends[i], NNG_OPT_PEER_UID, &id), 0);
        cr_assert_eq(id, getuid());
        cr_assert_eq(nng_stream_get_uint64(pair.ends[i], NNG_OPT_PEER_PID, &id), 0);
        cr_assert_eq(id, (uint64_t) getpid());
        cr_assert_eq(nng_stream_get_addr(pair.ends[i], NNG_OPT_LOCADDR, &addr), 0);
        cr_assert_eq(addr.s_family, NNG_AF_IPC);
        cr_assert_str_eq(addr.s_ipc.sa_path, path);
    }
    t_ends_close(&pair);
}

Test(stream_options, an_abstract_name_of_the_kernels_choice)
{
    nng_stream_listener *listener;
    nng_sockaddr addr;
    cr_assert_eq(nng_stream_listener_alloc(&listener, "abstract://"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_addr(listener, NNG_OPT_LOCADDR, &addr), 0);
    cr_assert_eq(addr.s_family, NNG_AF_ABSTRACT);
    cr_assert_eq(addr.s_abstract.sa_len, 5);
    nng_stream_listener_free(listener);
}

/* ---- The files of UNIX sockets ------------------------------------------------------------- */

Test(stream_options, permissions_and_the_end_of_a_file)
{
    nng_stream_listener *listener;
    struct stat st;
    char path[64], url[80];
    snprintf(path, sizeof path, "/tmp/nng-uring-mode-%d", (int) getpid());
    snprintf(url, sizeof url, "ipc://%s", path);
    cr_assert_eq(nng_stream_listener_alloc(&listener, url), 0);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 010000),
                 NNG_EINVAL);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0622), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600), NNG_EBUSY);
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0622);
    nng_stream_listener_free(listener);
    cr_assert_neq(lstat(path, &st), 0);
}

Test(stream_options, a_file_that_is_no_socket_stays)
{
    nng_stream_listener *listener;
    char path[64], url[80];
    struct stat st;
    snprintf(path, sizeof path, "/tmp/nng-uring-file-%d", (int) getpid());
    snprintf(url, sizeof url, "ipc://%s", path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("precious", file);
    fclose(file);
    cr_assert_eq(nng_stream_listener_alloc(&listener, url), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), NNG_EADDRINUSE);
    nng_stream_listener_free(listener);
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert_eq(st.st_size, 8);
    unlink(path);
}

Test(stream_options, a_socket_whose_server_is_gone_gives_way_and_a_live_one_does_not)
{
    nng_stream_listener *first, *second;
    char path[64], url[80];
    struct sockaddr_storage ss = { .ss_family = AF_UNIX };
    snprintf(path, sizeof path, "/tmp/nng-uring-stale-%d", (int) getpid());
    snprintf(url, sizeof url, "ipc://%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy((char *) &ss + sizeof(sa_family_t), path);
    cr_assert_eq(bind(fd, (struct sockaddr *) &ss, 110), 0);
    close(fd);
    cr_assert_eq(nng_stream_listener_alloc(&first, url), 0);
    cr_assert_eq(nng_stream_listener_alloc(&second, url), 0);
    cr_assert_eq(nng_stream_listener_listen(first), 0);
    cr_assert_eq(nng_stream_listener_listen(second), NNG_EADDRINUSE);
    nng_stream_listener_free(second);
    cr_assert_eq(access(path, F_OK), 0);
    nng_stream_listener_free(first);
    cr_assert_neq(access(path, F_OK), 0);
}

/* ---- Sockets that are handed over ---------------------------------------------------------- */

Test(stream_options, sockets_that_are_handed_over)
{
    struct t_ends pair = { .kind = UNIX };
    int fds[2], file = open("/dev/null", O_RDWR);
    cr_assert_eq(nng_stream_listener_alloc(&pair.listener, "socket://"), 0);
    cr_assert_eq(nng_stream_listener_listen(pair.listener), 0);
    cr_assert_eq(nng_stream_listener_set_int(pair.listener, NNG_OPT_SOCKET_FD, file), NNG_EINVAL);
    cr_assert_eq(nng_stream_listener_set_int(pair.listener, NNG_OPT_SOCKET_FD, -1), NNG_EINVAL);
    close(file);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        pair.aios[i] = t_ends_aio();
        cr_assert_eq(nng_stream_listener_set_int(pair.listener, NNG_OPT_SOCKET_FD, fds[i]), 0);
        nng_stream_listener_accept(pair.listener, pair.aios[i]);
        cr_assert_eq(t_ends_wait(&pair, i), 0);
        pair.ends[i] = nng_aio_get_output(pair.aios[i], 0);
    }
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_close(&pair);
}

Test(stream_options, no_more_than_sixteen_wait)
{
    nng_stream_listener *listener;
    int fds[17][2];
    cr_assert_eq(nng_stream_listener_alloc(&listener, "socket://"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    for (int i = 0; i < 17; i++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
        cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_SOCKET_FD, fds[i][0]),
                     i < 16 ? 0 : NNG_ENOSPC);
    }
    close(fds[16][0]);
    nng_stream_listener_free(listener);
    for (int i = 0; i < 17; i++) {
        char byte;
        cr_assert_eq(read(fds[i][1], &byte, 1), 0); /* they are closed with it */
        close(fds[i][1]);
    }
}

/* More than are kept ready: the kernel keeps the others. */
Test(stream_options, many_dial_before_anybody_accepts)
{
    enum { MANY = 300 };
    struct t_ends pair;
    nng_aio *dials[MANY];
    t_ends_listen(&pair, TCP);
    t_ends_make_dialer(&pair);
    for (int i = 0; i < MANY; i++) {
        dials[i] = t_ends_aio();
        nng_stream_dialer_dial(pair.dialer, dials[i]);
    }
    for (int i = 0; i < MANY; i++) {
        nng_aio_wait(dials[i]);
        cr_assert_eq(nng_aio_result(dials[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        char byte = 'x';
        pair.ends[0] = nng_aio_get_output(dials[i], 0);
        t_ends_start(&pair, 0, true, &byte, 1);
        cr_assert_eq(t_ends_wait(&pair, 0), 0);
        nng_stream_listener_accept(pair.listener, pair.aios[1]);
        cr_assert_eq(t_ends_wait(&pair, 1), 0);
        pair.ends[1] = nng_aio_get_output(pair.aios[1], 0);
        t_ends_start(&pair, 1, false, &byte, 1); /* each is a live one, whichever it is */
        nng_aio_set_timeout(pair.aios[1], T_STREAM_LIMIT);
        nng_stream_free(pair.ends[1]);
        pair.ends[1] = NULL;
        nng_aio_wait(pair.aios[1]);
        nng_stream_free(pair.ends[0]);
        pair.ends[0] = NULL;
        nng_aio_free(dials[i]);
    }
    t_ends_close(&pair);
}

/* ---- TLS ---------------------------------------------------------------------------------- */

Test(stream_options, a_certificate_that_nobody_vouches_for)
{
    struct t_ends pair;
    char text[8] = "hello";
    t_ends_listen(&pair, TLS);
    t_ends_make_dialer(&pair);
    cr_assert_eq(
        nng_stream_dialer_set_int(pair.dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_REQUIRED),
        0);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(t_ends_wait(&pair, 0), 0); /* the handshake's error is the first operation's */
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    t_ends_start(&pair, 0, true, text, 5);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_EPEERAUTH);
    t_ends_close(&pair);
}

/* A listener with a certificate for `san`, and a dialer that trusts its authority; how the first
 * send of a dial to 127.0.0.1 ends. */
static int dial_named(const char *san)
{
    struct t_ends pair;
    struct t_cert ca, cert;
    struct t_cert_params params = { .san = san };
    nng_tls_config *config;
    char text[8] = "hello", path[] = "/tmp/nng-uring-ca-XXXXXX";
    t_ca_make(&ca, "authority");
    t_cert_make(&cert, &ca, &params);
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, ca.cert_pem, strlen(ca.cert_pem)), (ssize_t) strlen(ca.cert_pem));
    close(fd);
    t_ends_listen(&pair, TLS);
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_tls_config_own_cert(config, cert.cert_pem, cert.key_pem, NULL), 0);
    cr_assert_eq(nng_stream_listener_set_ptr(pair.listener, NNG_OPT_TLS_CONFIG, config), 0);
    nng_tls_config_free(config);
    t_ends_make_dialer(&pair);
    nng_stream_dialer_set_int(pair.dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_REQUIRED);
    cr_assert_eq(nng_stream_dialer_set_string(pair.dialer, NNG_OPT_TLS_CA_FILE, path), 0);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(t_ends_wait(&pair, 0), 0);
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    t_ends_start(&pair, 0, true, text, 5);
    int err = t_ends_wait(&pair, 0);
    t_ends_close(&pair);
    unlink(path);
    t_cert_free(&cert);
    t_cert_free(&ca);
    return err;
}

/* The name is that of the URL, also where the authority is trusted. */
Test(stream_options, a_certificate_for_another_name)
{
    cr_assert_eq(dial_named("IP:127.0.0.1"), 0);
    cr_assert_eq(dial_named("IP:127.0.0.2"), NNG_EPEERAUTH);
    cr_assert_eq(dial_named("DNS:localhost"), NNG_EPEERAUTH);
}

Test(stream_options, what_is_known_of_the_peer)
{
    struct t_ends pair;
    bool verified = true;
    char *name;
    void *names;
    t_ends_open(&pair, TLS);
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_transfer(&pair, 1, "hello", 5);
    cr_assert_eq(nng_stream_get_bool(pair.ends[0], NNG_OPT_TLS_VERIFIED, &verified), 0);
    cr_assert_not(verified); /* nobody asked for it */
    cr_assert_eq(nng_stream_get_ptr(pair.ends[0], NNG_OPT_TLS_PEER_ALT_NAMES, &names), 0);
    cr_assert_str_eq(((char **) names)[0], "127.0.0.1");
    for (char **at = names; *at != NULL; at++) {
        free(*at);
    }
    free(names);
    /* The dialer has no certificate. */
    cr_assert_eq(nng_stream_get_string(pair.ends[1], NNG_OPT_TLS_PEER_CN, &name), NNG_ENOENT);
    t_ends_close(&pair);
}
