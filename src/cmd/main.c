/* SPDX-License-Identifier: MIT */
/* nng-uring: the program. Its commands show the library from outside: public headers alone. */
#include "cmd/check.h"
#include "cmd/output.h"
#include "cmd/probe.h"
#include "cmd/serve.h"
#include "cmd/ws.h"

#include <nng/nng.h>
#include <nss.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

static const char usage[] =
    "usage: nng-uring serve [DIR] [--listen [https://]ADDR:PORT | unix:PATH]...\n"
    "                 [--precompressed] [--autoindex] [--spa FILE]\n"
    "                 [--cache-control RULE]... [--cors ORIGIN]... [--error-pages DIR]\n"
    "                 [--socket-mode MODE] [--reuseport HOW] [--tls-cert FILE --tls-key FILE |\n"
    "                 --tls-self-signed] [--tls-ca FILE [--tls-verify]] [--loops N]\n"
    "                 [--drain-delay MS] [--drain-timeout MS] [--LIMIT N]...\n"
    "                 [--access-log FILE] [--log-format FORMAT] [--admin HOST:PORT]\n"
    "                 [--trusted LIST [--proxy-protocol]]\n"
    "                 [--ws-echo PATH] [--upgrade PATH] [--user USER] [--config FILE]\n"
    "                 [--check]\n"
    "       nng-uring ws URL [--binary] [--ping MS] [--header NAME:VALUE]...\n"
    "                 [--subprotocol NAME]... [--tls-ca FILE]\n"
    "       nng-uring probe [--json]\n"
    "       nng-uring check [--tap | --json | --junit FILE] [--list] [NAME]...\n"
    "       nng-uring --version | --help\n"
    "\n"
    "serve  serves the files below DIR (default: a small site about nng-uring) over HTTP/1.1.\n"
    "       --listen   where: 127.0.0.1:8080 by default; [::1]:8080; :8080 for every address;\n"
    "                  port 0 lets the system choose. Up to 16 times, with http:// or https://\n"
    "                  before it, or else https where there is a certificate. unix:PATH is a UNIX\n"
    "                  socket, which is there as long as it is served\n"
    "       --precompressed  send style.css.br, .zst or .gz in place of style.css to clients that\n"
    "                  take it\n"
    "       --autoindex  list directories without an index file\n"
    "       --spa      a file below DIR for all paths that lead to none: index.html\n"
    "       --cache-control  a pattern of names, or with a slash of paths, and what Cache-Control\n"
    "                  says of them: '*.css max-age=3600'; the first one that fits counts\n"
    "       --cors     an origin whose pages may read the files: https://example.org, or *\n"
    "       --error-pages  a directory of pages for errors: 404.html\n"
    "       --socket-mode  permissions of UNIX sockets: 660, or what the umask leaves by default\n"
    "       --reuseport  on: other servers of the same user may listen there, too; off: nobody, "
    "and\n"
    "                  all threads share one socket (by default each has one, and nobody else)\n"
    "       --tls-cert, --tls-key  the server's certificate, with its chain, and its key, in PEM;\n"
    "                  SIGHUP has them read again, for the connections that come then\n"
    "       --tls-self-signed  in place of these two, a certificate that is made at the start\n"
    "       --tls-ca   a file of CAs that may sign clients' certificates; then they are asked for\n"
    "       --tls-verify  let nobody in without such a certificate\n"
    "       --ws-echo  a WebSocket at this path, that sends back what it is sent\n"
    "       --loops    how many rings and threads: by default one for each CPU\n"
    "       --drain-delay    milliseconds in which it goes on when it is to end, each answer the "
    "last\n"
    "                  of its connection, until balancers have noticed (0)\n"
    "       --drain-timeout  milliseconds then for what is in hand; 0: as long as it takes "
    "(30000)\n"
    "       --access-log  a line for each request, in this file, or on standard output (-); "
    "SIGHUP\n"
    "                  has it opened anew\n"
    "       --log-format  its lines: common, combined or json (combined)\n"
    "       --admin    where this machine finds /metrics (OpenMetrics), /healthz, /readyz (503 "
    "once\n"
    "                  it is to end) and, at /, plots of what goes on\n"
    "       --trusted  balancers that are believed what they say of their clients in\n"
    "                  X-Forwarded-For or Forwarded, in the log and for --client-requests:\n"
    "                  10.0.0.0/8,::1; unix for UNIX sockets\n"
    "       --proxy-protocol  and their connections begin with a header of the PROXY protocol\n"
    "       --upgrade  a UNIX socket where the next process started so takes over, and this one\n"
    "                  goes: no connection is refused, and no request lost. SIGUSR2 starts it\n"
    "       --user     who it is from when it listens on: root starts it, and it has no\n"
    "                  privileges when it serves; its log becomes that user's. USER or\n"
    "                  USER:GROUP, names or numbers\n"
    "       --config   a file of more options, as lines: listen :8080; dir DIR for the directory;\n"
    "                  the command line counts more\n"
    "       --check    say whether it could start with these options, and end\n"
    "       Limits, times in milliseconds, with what they are by default; 0 is none:\n"
    "       --head-timeout    time for a whole request head, from its first byte (10000)\n"
    "       --idle-timeout    time of a connection between requests (60000)\n"
    "       --body-timeout    time without a byte of a request's body (30000)\n"
    "       --write-timeout   time without a byte of an answer being taken (60000)\n"
    "       --head-bytes      bytes of a request head, 64 to 1048576 (16384)\n"
    "       --head-fields     header fields of a request, 1 to 4096 (128)\n"
    "       --drain-bytes     bytes that are read of a body that nobody wants (262144)\n"
    "       --connections     connections at once (0: what the open files allow, ulimit -n)\n"
    "       --linger-timeout  time for what a client still sends after its last answer (30000)\n"
    "       --linger-bytes    bytes that are read of what it still sends (16777216)\n"
    "       --collect-bytes   bytes of all request bodies in memory (0: a quarter of it)\n"
    "       --body-total-timeout  time for a whole request body (3600000)\n"
    "       --body-rate       bytes a second of a body, once --body-timeout is over (500)\n"
    "       --write-rate      bytes a second of an answer, over each --write-timeout (500)\n"
    "       --client-connections  connections at once from one address, or /64 of IPv6 (0)\n"
    "       --client-requests  requests a second from one; more are answered with 429 (0)\n"
    "       SIGUSR1 has it print what the library has counted; SIGHUP has it reload.\n"
    "       SIGINT and SIGTERM end it when what is in hand is finished; a second one ends it at\n"
    "       once. SIGHUP is like them when its terminal is gone.\n"
    "       Exit status 0; 1: it cannot start; 2: wrong usage; 3: it cannot listen there; 4: the\n"
    "       time was over before what was in hand.\n"
    "ws     connects to a WebSocket: each line of standard input is sent as a message, and each\n"
    "       message that comes is printed as a line.\n"
    "       --binary   what is read is sent as it is, in binary messages, and printed so\n"
    "       --ping     milliseconds of silence after which a ping is sent; without an answer in\n"
    "                  10 s it ends\n"
    "       --header   a line that is added to the request\n"
    "       --subprotocol  one that the server may choose\n"
    "       --tls-ca   a file of CAs that are trusted with wss://, in place of the system's\n"
    "       At the end of standard input it closes, and ends when the server has, too.\n"
    "       Exit status 0; 1: it cannot connect, the connection was lost, or the server closed\n"
    "       it with an error; 2: wrong usage.\n"
    "probe  says what this kernel's io_uring offers.\n"
    "       --json     print it for machines\n"
    "       Exit status 0: the full path, which is what Linux 6.1 has (what came later may have a\n"
    "       fallback); 1: it works, but part of the full path has a fallback; 2: there is no\n"
    "       io_uring for this process; 3: wrong usage.\n"
    "check  tries out how this kernel's io_uring behaves, all of it or the checks named. Each has\n"
    "       a process of its own, a deadline, and one of these verdicts:\n"
    "       ok         as the library relies on it\n"
    "       fallback   not offered; the library has another way and takes it\n"
    "       absent     not offered, and nothing takes its place\n"
    "       broken     offered, and it misbehaves\n"
    "       untried    what else it takes is not to be had here (lo is down, too few processes)\n"
    "       --list     print the checks and what they are about, and run none\n"
    "       --tap, --json  print what came of them for machines, in place of the table\n"
    "       --junit    write it to FILE for CI, beside the table\n"
    "       Exit status 0: the library can rely on it; 1: something is broken, or absent that it\n"
    "       needs; 2: there is no io_uring for this process; 3: wrong usage; 4: nothing is known\n"
    "       to be wrong, but not all could be tried.\n";

static int main_run(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
    }
    if (strcmp(command, "serve") == 0) {
        return cmd_serve(argc, argv);
    }
    if (strcmp(command, "ws") == 0) {
        return cmd_ws(argc - 1, argv + 1);
    }
    if (strcmp(command, "probe") == 0) {
        return cmd_probe(argc - 1, argv + 1);
    }
    if (strcmp(command, "check") == 0) {
        return cmd_check(argc - 1, argv + 1);
    }
    if (strcmp(command, "--version") == 0) {
        printf("nng-uring " NU_VERSION ", with the API of NNG %s\n", nng_version());
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "nng-uring: there is no %s '%s'\n",
                command[0] == '-' ? "option" : "command", command);
    }
    fputs(usage, stderr);
    return 2;
}

/* Where names come from is configured for the C library of the system; another one that loads its
 * modules may crash. */
static void main_load_no_modules(void)
{
    bool linked_statically = getauxval(AT_BASE) == 0; /* no interpreter */
    if (linked_statically) {
        __nss_configure_lookup("hosts", "files dns");
        __nss_configure_lookup("passwd", "files");
        __nss_configure_lookup("group", "files");
    }
}

int main(int argc, char **argv)
{
    output_hold_streams();
    main_load_no_modules();
    int status = main_run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("nng-uring: standard output");
        return status != 0 ? status : 1;
    }
    return status;
}
