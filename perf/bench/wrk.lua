-- SPDX-License-Identifier: MIT
-- wrk's own figures as one line of JSON; times in microseconds.
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        'JSON {"requests": %d, "seconds": %.6f, "bytes": %d, "errors": %d, "p50_us": %.1f, '
            .. '"p90_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "max_us": %.1f}\n',
        summary.requests, summary.duration / 1e6, summary.bytes,
        e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50),
        latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max))
end
