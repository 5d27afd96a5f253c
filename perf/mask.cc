/* SPDX-License-Identifier: MIT */
/*
 * How fast WebSocket's bytes are masked: "bytes_per_second". No ring is involved.
 *   mask      the library's, in place, and begun anywhere within the mask
 *   bytewise  a loop over bytes, as the RFC writes it and the compiler translates it
 *   memcpy    what memory can do at all
 */
#include "meter.h"

#include <cstring>
#include <vector>

extern "C" {
#include "wire/ws_frame.h"
}

static constexpr uint8_t MASK[4] = { 0x37, 0xfa, 0x21, 0x3d };

struct Bytes {
    std::vector<uint8_t> from, to;
};

static void ours(Bytes *bytes, uint64_t i)
{
    nu_ws_mask(bytes->from.data(), bytes->from.data(), bytes->from.size(), MASK, i);
}

static void bytewise(Bytes *bytes, uint64_t i)
{
    uint8_t *p = bytes->from.data();
    for (size_t at = 0; at < bytes->from.size(); at++) {
        p[at] ^= MASK[(i + at) % 4];
    }
}

static void copy(Bytes *bytes, uint64_t)
{
    memcpy(bytes->to.data(), bytes->from.data(), bytes->from.size());
}

static void go_over(benchmark::State &state, size_t size, void (*once)(Bytes *bytes, uint64_t i))
{
    Bytes bytes{ std::vector<uint8_t>(size, 'x'), std::vector<uint8_t>(size) };
    uint64_t i = 0;
    Meter meter;
    for (auto _ : state) {
        once(&bytes, i++);
        benchmark::DoNotOptimize(bytes.from.data());
        benchmark::DoNotOptimize(bytes.to.data());
        benchmark::ClobberMemory();
    }
    meter.report(state, size * i);
}

int main(int argc, char **argv)
{
    for (size_t size : { size_t{ 16 }, size_t{ 1024 }, size_t{ 65536 }, size_t{ 1 } << 20 }) {
        std::string suffix = "/size:" + std::to_string(size);
        add_benchmark("mask" + suffix, [=](auto &state) { go_over(state, size, ours); });
        add_benchmark("bytewise" + suffix, [=](auto &state) { go_over(state, size, bytewise); });
        add_benchmark("memcpy" + suffix, [=](auto &state) { go_over(state, size, copy); });
    }
    return run_benchmarks(argc, argv);
}
