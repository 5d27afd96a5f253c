/* SPDX-License-Identifier: MIT */
/*
 * What write.cc is compared with: the same writes to the same sink without a library, by one
 * thread. Each socket has TCP_NODELAY, and each write_all is carried on until all is written.
 *
 *   bare_ring    io_uring WRITEV, DEFER_TASKRUN, a registered ring; all connections that have
 *                something to write share a submit; with a timeout each WRITEV is linked to a
 *                LINK_TIMEOUT with an absolute deadline
 *   bare_writev  blocking writev()
 */
#include "meter.h"
#include "peer.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <liburing.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

static constexpr unsigned ENTRIES = 128;
static constexpr uint64_t DISREGARD = UINT64_MAX; /* user_data of a timeout */
static constexpr time_t TIMEOUT_S = 10;
static constexpr uint64_t WARM_UP = 8 << 20;
static constexpr uint64_t WARM_UP_WRITES = 500;

struct Line {
    int fd;
    uint64_t left; /* writes that are not over */
    size_t done;   /* bytes of the one under way */
    iovec iov;
    __kernel_timespec deadline;
};

struct Lines {
    std::vector<char> data;
    std::vector<Line> each;

    Lines(size_t size, unsigned conns) : data(size, 'x'), each(conns)
    {
        for (Line &line : each) {
            line.fd = peer_connect(sink_port());
        }
    }
    ~Lines()
    {
        for (Line &line : each) {
            close(line.fd);
        }
    }
    void deal(uint64_t writes)
    {
        for (size_t i = 0; i < each.size(); i++) {
            each[i].left = writes / each.size() + (i < writes % each.size() ? 1 : 0);
            each[i].done = 0;
        }
    }
    uint64_t warm_up() const
    {
        return std::max<uint64_t>(each.size(), std::min(WARM_UP / data.size(), WARM_UP_WRITES));
    }
};

/* ---- io_uring ----------------------------------------------------------------------------- */

class Ring
{
  public:
    Ring(Lines &of, bool with_timeout) : lines(of), timeout(with_timeout)
    {
        unsigned flags =
            IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
        error = -io_uring_queue_init(ENTRIES, &ring, flags);
        if (error == 0) {
            io_uring_register_ring_fd(&ring);
        }
        opened = error == 0;
    }
    ~Ring()
    {
        if (opened) {
            io_uring_queue_exit(&ring);
        }
    }
    uint64_t run(uint64_t writes);

    int error;
    uint64_t enters = 0;
    uint64_t sqes = 0;

  private:
    void prepare(size_t index);
    bool complete(size_t index, int res);

    Lines &lines;
    bool timeout;
    bool opened;
    io_uring ring;
};

void Ring::prepare(size_t index)
{
    Line &line = lines.each[index];
    io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    line.iov = { lines.data.data() + line.done, lines.data.size() - line.done };
    io_uring_prep_writev(sqe, line.fd, &line.iov, 1, 0);
    sqe->user_data = index;
    sqes++;
    if (timeout) {
        sqe->flags |= IOSQE_IO_LINK;
        sqe = io_uring_get_sqe(&ring);
        io_uring_prep_link_timeout(sqe, &line.deadline, IORING_TIMEOUT_ABS);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = DISREGARD;
        sqes++;
    }
}

static __kernel_timespec deadline()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return { now.tv_sec + TIMEOUT_S, now.tv_nsec };
}

/* False: nothing more is to be written on this connection. */
bool Ring::complete(size_t index, int res)
{
    Line &line = lines.each[index];
    if (res <= 0) {
        error = res < 0 ? -res : EPIPE;
        return false;
    }
    line.done += static_cast<size_t>(res);
    if (line.done == lines.data.size()) {
        line.done = 0;
        if (--line.left == 0) {
            return false;
        }
        if (timeout) {
            line.deadline = deadline();
        }
    }
    prepare(index);
    return true;
}

uint64_t Ring::run(uint64_t writes)
{
    size_t busy = 0;
    lines.deal(writes);
    for (; busy < lines.each.size() && lines.each[busy].left > 0; busy++) {
        lines.each[busy].deadline = deadline();
        prepare(busy);
    }
    while (busy > 0) {
        unsigned head;
        unsigned n = 0;
        io_uring_cqe *cqe;
        io_uring_submit_and_wait(&ring, 1);
        enters++;
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            n++;
            if (cqe->user_data != DISREGARD && !complete(cqe->user_data, cqe->res)) {
                busy--;
            }
        }
        io_uring_cq_advance(&ring, n);
    }
    return writes * lines.data.size();
}

static void bare_ring(benchmark::State &state, size_t size, unsigned conns, bool timeout)
{
    Lines lines(size, conns);
    Ring ring(lines, timeout);
    if (ring.error == 0) {
        ring.run(lines.warm_up());
        ring.enters = ring.sqes = 0;
        measure_writes(state, [&](uint64_t writes) { return ring.run(writes); });
        report_each(state, "enters", ring.enters);
        report_each(state, "sqes", ring.sqes);
    }
    if (ring.error != 0) {
        state.SkipWithError(strerror(ring.error));
    }
}

/* ---- writev() ----------------------------------------------------------------------------- */

static int write_all(int fd, const std::vector<char> &data)
{
    for (size_t done = 0; done < data.size();) {
        iovec iov = { const_cast<char *>(data.data()) + done, data.size() - done };
        ssize_t n = writev(fd, &iov, 1);
        if (n <= 0) {
            return n < 0 ? errno : EPIPE;
        }
        done += static_cast<size_t>(n);
    }
    return 0;
}

static void bare_writev(benchmark::State &state, size_t size, unsigned conns)
{
    Lines lines(size, conns);
    int error = 0;
    auto run = [&](uint64_t writes) {
        for (uint64_t i = 0; i < writes && error == 0; i++) {
            error = write_all(lines.each[i % conns].fd, lines.data);
        }
        return writes * size;
    };
    run(lines.warm_up());
    measure_writes(state, run);
    if (error != 0) {
        state.SkipWithError(strerror(error));
    }
}

/* ---- Benchmarks --------------------------------------------------------------------------- */

static bool add_benchmarks()
{
    for (size_t size : { 64, 4096, 65536, 1048576 }) {
        for (unsigned conns : { 1, 32 }) {
            std::string rest = "/size:" + std::to_string(size) + "/conns:" + std::to_string(conns);
            for (bool timeout : { false, true }) {
                add_benchmark(
                    "bare_ring" + rest + "/timeout:" + (timeout ? "1" : "0"),
                    [=](benchmark::State &state) { bare_ring(state, size, conns, timeout); });
            }
            add_benchmark("bare_writev" + rest,
                          [=](benchmark::State &state) { bare_writev(state, size, conns); });
        }
    }
    return true;
}

[[maybe_unused]] static const bool added = add_benchmarks();
