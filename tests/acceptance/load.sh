#!/bin/bash
# SPDX-License-Identifier: MIT
# ab, wrk and h2load: not one request may fail.
source "$(dirname "$0")/lib.sh"
need ab wrk h2load

# bench N ARGUMENTS...: ab, with all N requests well answered.
bench() {
    local n=$1
    shift
    timeout 120 ab -q -n "$n" "$@" >"$work/ab" &&
        grep -Eq "^Complete requests: +$n$" "$work/ab" &&
        grep -Eq '^Failed requests: +0$' "$work/ab" &&
        ! grep -E 'Non-2xx|errors' "$work/ab"
}

bench_kept() {
    bench 20000 -k -c 50 "$url/" && grep -Eq '^Keep-Alive requests: +20000$' "$work/ab"
}

hammer() {
    timeout 60 wrk -t 1 -c 64 -d 3s "$1" >"$work/wrk" && no_errors
}

http1() {
    timeout 60 h2load --h1 -n 20000 -c 50 "$@" >"$work/h2load" &&
        grep -q ' 20000 succeeded, 0 failed, 0 errored, 0 timeout' "$work/h2load" &&
        grep -Eq '^status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx' "$work/h2load"
}

check_all() {
    check "load: ab -k, 50 connections, $1" bench_kept
    check "load: ab, a connection for each request, $1" bench 20000 -c 50 "$url/"
    check "load: wrk, 64 connections, $1" hammer "$url/"
    check "load: h2load --h1, 50 connections, $1" http1 "$url/"
    check "load: h2load --h1, 8 requests at a time, $1" http1 -m 8 "$url/"
}

mkdir "$work/site"
head -c 20000 /dev/urandom >"$work/site/index.html"
head -c 20000 /dev/urandom >"$work/post"
serve
check_all "the site"
check_stop "load: the site"
serve "$work/site"
check_all "a file"
check_stop "load: files"
start "$handlers" "$work/site"
check "load: ab -k, POST of 20 kB" bench 5000 -k -c 50 -p "$work/post" -T text/plain "$url/echo"
check "load: ab, POST that the handler reads" bench 5000 -c 50 -p "$work/post" -T text/plain \
    "$url/count"
check "load: h2load --h1, a slow handler" timeout 60 h2load --h1 -n 500 -c 50 "$url/slow"
check_stop "load: handlers"
