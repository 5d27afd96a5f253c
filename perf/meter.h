/* SPDX-License-Identifier: MIT */
/*
 * What the microbenchmarks share: what is reported beside the times, and main().
 *
 * All are registered with MeasureProcessCPUTime(), so "cpu_time" is that of the whole process, all
 * threads included and peers (which are processes of their own) not; and with UseRealTime(). One
 * iteration is one operation.
 */
#ifndef NU_PERF_METER_H
#define NU_PERF_METER_H

#include <array>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <functional>
#include <string>

/* Per iteration: allocations, and where the library counts them what the rings did. */
class Meter
{
  public:
    Meter(); /* counts from here on */
    void report(benchmark::State &state, uint64_t bytes = 0) const;

    enum { ALLOCATIONS, ENTERS, SQES, WAKE_UPS, COUNTS };

  private:
    std::array<uint64_t, COUNTS> start;
};

/* A counter that is given for each iteration. */
void report_each(benchmark::State &state, const char *name, uint64_t total);

using Body = std::function<void(benchmark::State &)>;

void add_benchmark(const std::string &name, const Body &body);

/*
 * For what does not happen in a loop of the benchmark's own: `run` is called once with the number
 * of operations, and returns the bytes they moved.
 */
void measure(benchmark::State &state, const std::function<uint64_t(uint64_t)> &run);

/* Ends the program when err is not 0. */
void check(int err, const char *what);

int run_benchmarks(int argc, char **argv);

#endif
