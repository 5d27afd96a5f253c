/* SPDX-License-Identifier: MIT */
/*
 * TLS configurations given to sockets: certificate, key, CA, server name and what is demanded of
 * the peer get to where messages are sent, and a client that trusts another CA is refused.
 */
#include "check.h"

#include <nng/protocol/pair0/pair.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/supplemental/util/platform.h>

/* Of localhost, signed by itself, until 2126. */
static const char cert[] = "-----BEGIN CERTIFICATE-----\n"
                           "MIIBlTCCATugAwIBAgIURSUYa9TLiPKmWrfNAP4n+Fl/VeQwCgYIKoZIzj0EAwIw\n"
                           "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTE4MDc0OVoYDzIxMjYxMTA1\n"
                           "MTgwNzQ5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                           "PQMBBwNCAATEde3iJ6r3gRQtKWC2IdVFtg6dt5GbA185UrXqKR6uPdybyZiq9a6j\n"
                           "GLUt7AcVyjbzsXlgTRB+PSxeSWyMepwco2kwZzAdBgNVHQ4EFgQU8Xn7uy+WEEMa\n"
                           "UWBP75mdIstXQWIwHwYDVR0jBBgwFoAU8Xn7uy+WEEMaUWBP75mdIstXQWIwDwYD\n"
                           "VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID\n"
                           "SAAwRQIgTSvET2bPpCLGwUtk5Vi5hcC+ndP7/q0sd2DR7l5eHI8CIQCQqLJhzRnH\n"
                           "Ilk8OVNu5wRLGM51ZDTYAe/O/VBjfObm/A==\n"
                           "-----END CERTIFICATE-----\n";

static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/2ka1QRaBq5WIed9\n"
                          "RNqU5FpcR25C1rkNEe8i9btXC36hRANCAATEde3iJ6r3gRQtKWC2IdVFtg6dt5Gb\n"
                          "A185UrXqKR6uPdybyZiq9a6jGLUt7AcVyjbzsXlgTRB+PSxeSWyMepwc\n"
                          "-----END PRIVATE KEY-----\n";

static nng_tls_config *config(nng_tls_mode mode, const char *name)
{
    nng_tls_config *made;
    check_ok(nng_tls_config_alloc(&made, mode));
    if (mode == NNG_TLS_MODE_SERVER) {
        check_ok(nng_tls_config_own_cert(made, cert, key, NULL));
        return made;
    }
    check_ok(nng_tls_config_ca_chain(made, cert, NULL));
    check_ok(nng_tls_config_server_name(made, name));
    return made;
}

static nng_socket listening(char *url, size_t size)
{
    nng_socket sock;
    nng_listener listener;
    int port;
    nng_tls_config *server = config(NNG_TLS_MODE_SERVER, NULL);
    check_ok(nng_pair0_open(&sock));
    check_ok(nng_listener_create(&listener, sock, "tls+tcp://127.0.0.1:0"));
    check_ok(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, server));
    nng_tls_config_free(server);
    check_ok(nng_listener_start(listener, 0));
    check_ok(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
    snprintf(url, size, "tls+tcp://127.0.0.1:%d", port);
    return sock;
}

static nng_socket dialing(const char *url, const char *name, bool demanding)
{
    nng_socket sock;
    nng_dialer dialer;
    nng_tls_config *client = config(NNG_TLS_MODE_CLIENT, name);
    if (!demanding) {
        check_ok(nng_tls_config_auth_mode(client, NNG_TLS_AUTH_MODE_NONE));
    }
    check_ok(nng_pair0_open(&sock));
    check_ok(nng_dialer_create(&dialer, sock, url));
    check_ok(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, client));
    nng_tls_config_free(client);
    check_ok(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK));
    return sock;
}

/* Whether it arrives within that time. */
static bool talks(const char *name, bool demanding, nng_duration limit)
{
    char url[64], buf[8];
    size_t size = sizeof buf;
    nng_socket a = listening(url, sizeof url), b = dialing(url, name, demanding);
    check_ok(nng_socket_set_ms(a, NNG_OPT_RECVTIMEO, limit));
    check_ok(nng_socket_set_ms(b, NNG_OPT_SENDTIMEO, limit));
    int err = nng_send(b, "secret", 6, 0);
    if (err == 0) {
        err = nng_recv(a, buf, &size, 0);
    }
    check(err == 0 || err == NNG_ETIMEDOUT);
    check(err != 0 || (size == 6 && memcmp(buf, "secret", 6) == 0));
    nng_close(b);
    nng_close(a);
    return err == 0;
}

static void refused(void)
{
    nng_socket sock;
    nng_dialer dialer;
    nng_tls_config *server = config(NNG_TLS_MODE_SERVER, NULL);
    check_ok(nng_pair0_open(&sock));
    check_ok(nng_dialer_create(&dialer, sock, "tcp://127.0.0.1:1"));
    check_err(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, server), NNG_ENOTSUP);
    nng_tls_config_free(server);
    nng_close(sock);
    ok("a dialer without TLS refuses it");
}

int main(void)
{
    begin();
    check(talks("localhost", true, 30000));
    ok("who is trusted");
    check(!talks("elsewhere", true, 1000));
    ok("who is somebody else");
    check(talks("elsewhere", false, 30000));
    ok("who is not asked");
    refused();
    end();
    return 0;
}
