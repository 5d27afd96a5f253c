/* SPDX-License-Identifier: MIT */
#include "meter.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nng/nng.h>
#include <sched.h>
#include <sys/utsname.h>

#if __has_include(<nng/uring.h>)
#include <cstring>
#include <nng/uring.h>
#endif

/* ---- Allocations -------------------------------------------------------------------------- */

static std::atomic<uint64_t> allocations;

extern "C" {

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

/* In place of glibc's, for the program and all of its libraries. */
void *malloc(size_t size) noexcept
{
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) noexcept
{
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size) noexcept
{
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_realloc(ptr, size);
}
}

/* ---- Counters ----------------------------------------------------------------------------- */

using Counts = std::array<uint64_t, Meter::COUNTS>;

#if __has_include(<nng/uring.h>)
static constexpr bool has_counters = true;

static Counts read_counts()
{
    nng_uring_counter list[32];
    Counts counts = { allocations };
    std::array<const char *, Meter::COUNTS> names = { "", "enters", "sqes", "wake_ups" };
    size_t n = nng_uring_counters(list, 32);
    for (size_t i = 0; i < n && i < 32; i++) {
        for (size_t j = Meter::ENTERS; j < names.size(); j++) {
            if (strcmp(list[i].name, names[j]) == 0) {
                counts[j] = list[i].value;
            }
        }
    }
    return counts;
}
#else
static constexpr bool has_counters = false;

static Counts read_counts()
{
    return { allocations };
}
#endif

/* These take minutes, and what was measured is shown at the end. */
static void show_progress()
{
    using Clock = std::chrono::steady_clock;
    static const auto begun = Clock::now();
    static auto shown = begun;
    static unsigned runs = 0;
    auto now = Clock::now();
    runs++;
    if (now - shown > std::chrono::seconds(10)) {
        shown = now;
        auto since = std::chrono::duration_cast<std::chrono::seconds>(now - begun).count();
        fprintf(stderr, "  %u runs in %lld s\n", runs, static_cast<long long>(since));
    }
}

Meter::Meter()
{
    show_progress();
    start = read_counts();
}

void report_each(benchmark::State &state, const char *name, uint64_t total)
{
    state.counters[name] =
        benchmark::Counter(static_cast<double>(total), benchmark::Counter::kAvgIterations);
}

void Meter::report(benchmark::State &state, uint64_t bytes) const
{
    static const char *const names[COUNTS] = { "allocations", "enters", "sqes", "wake_ups" };
    Counts end = read_counts();
    for (size_t i = 0; i < (has_counters ? COUNTS : ENTERS); i++) {
        report_each(state, names[i], end[i] - start[i]);
    }
    if (bytes > 0) {
        state.SetBytesProcessed(static_cast<int64_t>(bytes));
    }
}

/* ---- Running ------------------------------------------------------------------------------ */

void add_benchmark(const std::string &name, const Body &body)
{
    benchmark::RegisterBenchmark(name.c_str(), body)->MeasureProcessCPUTime()->UseRealTime();
}

void measure(benchmark::State &state, const std::function<uint64_t(uint64_t)> &run)
{
    Meter meter;
    uint64_t bytes = 0;
    while (state.KeepRunningBatch(state.max_iterations)) {
        bytes += run(static_cast<uint64_t>(state.max_iterations));
    }
    meter.report(state, bytes);
}

void check(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

static std::string first_line(const char *path)
{
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

static std::string cpus()
{
    cpu_set_t mask;
    std::string text;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
        for (int i = 0; i < CPU_SETSIZE; i++) {
            if (CPU_ISSET(i, &mask)) {
                text += (text.empty() ? "" : ",") + std::to_string(i);
            }
        }
    }
    return text;
}

int run_benchmarks(int argc, char **argv)
{
    struct utsname system;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    uname(&system);
    benchmark::AddCustomContext("kernel", system.release);
    benchmark::AddCustomContext("cpus", cpus());
    const char *congestion = getenv("PERF_CONGESTION");
    benchmark::AddCustomContext("congestion_control",
                                congestion != nullptr
                                    ? congestion
                                    : first_line("/proc/sys/net/ipv4/tcp_congestion_control"));
    benchmark::AddCustomContext("library", has_counters ? "nng-uring" : "NNG");
    benchmark::AddCustomContext("nng_version", nng_version());
    size_t n = benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return n > 0 ? 0 : 1;
}
