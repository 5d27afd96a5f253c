/* nng-uring: the program. Its commands show the library from outside: public headers alone. */
#include "cmd/probe.h"
#include "cmd/serve.h"

#include <nng/nng.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: nng-uring serve [DIR] [--listen ADDR:PORT] [--loops N]\n"
    "       nng-uring probe [--json]\n"
    "       nng-uring --version | --help\n"
    "\n"
    "serve  serves the files below DIR (default: a small site about nng-uring) over HTTP/1.1.\n"
    "       --listen   where: 127.0.0.1:8080 by default; [::1]:8080; :8080 for every address;\n"
    "                  port 0 lets the system choose\n"
    "       --loops    rings and threads: by default one for each CPU\n"
    "       SIGINT and SIGTERM finish what is in hand and end it.\n"
    "probe  says what this kernel's io_uring offers. Exit status 0: the full path; 1: it works, "
    "with\n"
    "       fallbacks; 2: there is no io_uring for this process.\n";

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "serve") == 0) {
        return cmd_serve(argc - 2, argv + 2);
    }
    if (strcmp(command, "probe") == 0) {
        return cmd_probe(argc - 2, argv + 2);
    }
    if (strcmp(command, "--version") == 0) {
        printf("nng-uring with the API of NNG %s\n", nng_version());
        return 0;
    }
    if (strcmp(command, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "nng-uring: there is no command '%s'\n", command);
    }
    fputs(usage, stderr);
    return 2;
}
