/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "meter.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <linux/tcp.h>
#include <map>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

static constexpr size_t READ_BYTES = 1 << 20;
static constexpr long PAUSE_NS = 20000;

static uint16_t the_port;

static int check_errno(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(1);
    }
    return result;
}

void peer_settle()
{
    cpu_set_t mine;
    cpu_set_t rest;
    CPU_ZERO(&rest);
    check_errno(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
    check_errno(sched_getaffinity(0, sizeof mine, &mine), "sched_getaffinity");
    for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++) {
        if (!CPU_ISSET(i, &mine)) {
            CPU_SET(i, &rest);
        }
    }
    if (CPU_COUNT(&rest) > 0) {
        check_errno(sched_setaffinity(0, sizeof rest, &rest), "sched_setaffinity");
    }
}

/* ---- The sink ----------------------------------------------------------------------------- */

static sockaddr_in address(uint16_t port)
{
    sockaddr_in addr = {};
    addr.sin_family = AF_INET;
    addr.sin_port = htons(port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

/* False: that was the end. */
static bool swallow_some(int fd, bool *any)
{
    ssize_t got = recv(fd, nullptr, READ_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    *any = *any || got > 0;
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Looks by itself, now and then, and never waits for data: the writers would pay for waking it, the
 * slower ones of them more often. */
[[noreturn]] static void swallow(int listener)
{
    std::vector<int> conns;
    peer_settle();
    check_errno(prctl(PR_SET_TIMERSLACK, 1), "PR_SET_TIMERSLACK");
    for (;;) {
        bool any = false;
        auto over = [&](int fd) { return !swallow_some(fd, &any) && close(fd) == 0; };
        conns.erase(std::remove_if(conns.begin(), conns.end(), over), conns.end());
        if (any) {
            continue;
        }
        pollfd what = { listener, POLLIN, 0 };
        poll(&what, 1, conns.empty() ? -1 : 0);
        if (what.revents != 0) {
            conns.push_back(check_errno(accept(listener, nullptr, nullptr), "accept"));
        } else {
            timespec pause = { 0, PAUSE_NS };
            nanosleep(&pause, nullptr);
        }
    }
}

uint16_t sink_start()
{
    sockaddr_in addr = address(0);
    socklen_t len = sizeof addr;
    linger hard = { 1, 0 }; /* inherited: leaves no TIME_WAIT behind */
    int fd = check_errno(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    check_errno(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), "SO_LINGER");
    check_errno(bind(fd, reinterpret_cast<sockaddr *>(&addr), len), "bind");
    check_errno(listen(fd, SOMAXCONN), "listen");
    check_errno(getsockname(fd, reinterpret_cast<sockaddr *>(&addr), &len), "getsockname");
    if (check_errno(fork(), "fork") == 0) {
        prctl(PR_SET_NAME, "sink"); /* profiles leave it out by this name */
        swallow(fd);
    }
    close(fd);
    the_port = ntohs(addr.sin_port);
    return the_port;
}

uint16_t sink_port()
{
    return the_port;
}

/* TCP_NODELAY and the congestion control. True: TCP_NODELAY was on already. */
static bool set_options(int fd)
{
    const char *congestion = getenv("PERF_CONGESTION");
    int on = 0;
    socklen_t len = sizeof on;
    check_errno(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), "TCP_NODELAY");
    bool was_on = on != 0;
    on = 1;
    check_errno(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    if (congestion != nullptr) {
        check_errno(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion)),
                    "PERF_CONGESTION");
    }
    return was_on;
}

int peer_connect(uint16_t port)
{
    sockaddr_in addr = address(port);
    int fd = check_errno(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    set_options(fd);
    check_errno(connect(fd, reinterpret_cast<sockaddr *>(&addr), sizeof addr), "connect");
    return fd;
}

/* ---- Connections of a library ------------------------------------------------------------- */

static bool leads_to(int fd, uint16_t port)
{
    sockaddr_in addr = {};
    socklen_t len = sizeof addr;
    return getpeername(fd, reinterpret_cast<sockaddr *>(&addr), &len) == 0 &&
           addr.sin_family == AF_INET && ntohs(addr.sin_port) == port;
}

/* Calls `visit` with each descriptor of a connection to the port. */
static void for_each_connection(uint16_t port, const std::function<void(int)> &visit)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == nullptr) {
        check_errno(-1, "/proc/self/fd");
    }
    while (dirent *entry = readdir(dir)) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && leads_to(fd, port)) {
            visit(fd);
        }
    }
    closedir(dir);
}

bool equalize_connections(uint16_t port)
{
    bool was_on = true;
    for_each_connection(port, [&](int fd) { was_on = set_options(fd) && was_on; });
    return was_on;
}

/* Segments with data, by connection. */
static std::map<int, uint64_t> segments_sent(uint16_t port)
{
    std::map<int, uint64_t> sent;
    for_each_connection(port, [&](int fd) {
        tcp_info info = {};
        socklen_t len = sizeof info;
        check_errno(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
        sent[fd] = info.tcpi_data_segs_out;
    });
    return sent;
}

void measure_writes(benchmark::State &state, const std::function<uint64_t(uint64_t)> &run)
{
    auto before = segments_sent(the_port);
    uint64_t sent = 0;
    measure(state, run);
    /* Those of an earlier benchmark may still have been closing. */
    for (const auto &[fd, segments] : segments_sent(the_port)) {
        sent += segments - before[fd];
    }
    report_each(state, "segments", sent);
}
