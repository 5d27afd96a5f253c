#!/bin/bash
# SPDX-License-Identifier: MIT
# curl: versions of HTTP, connections that are kept, ranges, conditions, uploads, redirects, limits.
source "$(dirname "$0")/lib.sh"
need curl

site=$work/site
mkdir -p "$site/sub"
head -c 1000000 /dev/urandom >"$site/data.bin"
echo '<!DOCTYPE html><title>site</title>' >"$site/index.html"
echo text >"$site/sub/text.txt"
ln -s /etc/passwd "$site/out"
touch -d '2024-02-29 12:00:00 UTC' "$site/data.bin"
head -c 3000000 /dev/urandom >"$work/upload"

# ---- Versions and connections --------------------------------------------------------------------

http10() {
    gives 200 "$site/data.bin" -0 "$url/data.bin" && same close "$(field Connection)"
}

head_only() {
    status 200 -I "$url/data.bin" && same 1000000 "$(field Content-Length)" &&
        same application/octet-stream "$(field Content-Type)" &&
        same 'Thu, 29 Feb 2024 12:00:00 GMT' "$(field Last-Modified)"
}

# connects WANTED ARGUMENTS...: how many connections each of the transfers has made.
connects() {
    local want=$1
    shift
    same "$want" "$(timeout 30 curl -sS -w '%{num_connects} ' "$@")"
}

in_parallel() {
    local many=()
    for i in {1..100}; do
        many+=(-o "$work/p$i" "$url/data.bin")
    done
    timeout 60 curl -sS --parallel --parallel-max 50 "${many[@]}" &&
        for i in {1..100}; do
            cmp "$site/data.bin" "$work/p$i" || return 1
        done
}

serve "$site"
three=(-o "$work/1" "$url/data.bin" -o "$work/2" "$url/" -o "$work/3" "$url/sub/text.txt")
check "curl: HTTP/1.1" gives 200 "$site/data.bin" "$url/data.bin"
check "curl: HTTP/1.0 closes" http10
check "curl: HTTP/1.0 with keep-alive" connects '1 0 0 ' -0 -H 'Connection: keep-alive' "${three[@]}"
check "curl: HTTP/1.1 keeps one connection for three" connects '1 0 0 ' "${three[@]}"
check "curl: Connection: close closes" connects '1 1 1 ' -H 'Connection: close' "${three[@]}"
check "curl: HEAD" head_only
check "curl: HEAD, then GET on one connection" connects '1 0 ' -I -o "$work/1" "$url/data.bin" \
    --next -sS -w '%{num_connects} ' -o "$work/2" "$url/data.bin"
check "curl: what is not there: 404" status 404 "$url/nothing"
check "curl: 100 downloads, 50 at a time" in_parallel

# ---- Ranges and conditions -----------------------------------------------------------------------

# range WANTED FIRST LENGTH: the range, and the bytes that it means.
range() {
    tail -c +$(($2 + 1)) "$site/data.bin" | head -c "$3" >"$work/part"
    gives 206 "$work/part" -r "$1" "$url/data.bin" &&
        same "bytes $2-$(($2 + $3 - 1))/1000000" "$(field Content-Range)"
}

beyond() {
    status 416 -r 1000000- "$url/data.bin" && same 'bytes */1000000' "$(field Content-Range)"
}

resume() {
    head -c 400000 "$site/data.bin" >"$work/cut"
    timeout 30 curl -sS -C - -o "$work/cut" "$url/data.bin" && cmp "$site/data.bin" "$work/cut"
}

etag() {
    status 200 --etag-save "$work/etag" "$url/data.bin" &&
        status 304 --etag-compare "$work/etag" "$url/data.bin" &&
        same 0 "$(wc -c <"$work/body")" &&
        echo '"another"' >"$work/etag" &&
        gives 200 "$site/data.bin" --etag-compare "$work/etag" "$url/data.bin"
}

since() {
    status 304 -z "$site/data.bin" "$url/data.bin" &&
        status 304 -z '29 Feb 2024 12:00:00 GMT' "$url/data.bin" &&
        gives 200 "$site/data.bin" -z '29 Feb 2024 11:59:59 GMT' "$url/data.bin"
}

if_range() {
    status 200 -I "$url/data.bin" || return 1
    local tag
    tag=$(field ETag)
    status 206 -r 0-9 -H "If-Range: $tag" "$url/data.bin" &&
        gives 200 "$site/data.bin" -r 0-9 -H 'If-Range: "another"' "$url/data.bin"
}

check "curl: range 0-99" range 0-99 0 100
check "curl: the last 100 bytes" range -100 999900 100
check "curl: range 100-" range 100- 100 999900
check "curl: a range beyond the end: 416" beyond
check "curl: -C - continues a download" resume
check "curl: If-Range" if_range
check "curl: If-None-Match" etag
check "curl: If-Modified-Since" since

# ---- What must not get out, and what is too long -------------------------------------------------

# hidden PATH: it is an error, and no line of /etc/passwd comes.
hidden() {
    local code
    code=$(fetch --path-as-is "$url$1")
    case $code in
    400 | 403 | 404) ;;
    *)
        echo "$1: $code"
        return 1
        ;;
    esac
    ! grep root: "$work/body"
}

traversal() {
    local path
    for path in /../../../../../etc/passwd /sub/../../../../../etc/passwd \
        /%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd /..%2f..%2f..%2f..%2fetc/passwd \
        /sub/..%2f..%2f..%2f..%2fetc%2fpasswd '/..\..\..\etc\passwd' //etc/passwd \
        /out /%00/etc/passwd /data.bin%00.html; do
        hidden "$path" || return 1
    done
}

# letters N
letters() {
    head -c "$1" /dev/zero | tr '\0' x
}

long_header() {
    printf 'X-Long: %s\n' "$(letters "$1")" >"$work/long"
    status "$2" -H @"$work/long" "$url/sub/text.txt"
}

check "curl: nothing outside the directory" traversal
check "curl: a header of 8 KiB" long_header 8000 200
check "curl: a header of 100 KiB: 431" long_header 100000 431
check "curl: a URL of 8,000 bytes: 404" status 404 "$url/$(letters 8000 | fold -w 200 | tr '\n' /)"
check "curl: a URL of 9,000 bytes: 414" status 414 "$url/$(letters 9000)"
check "curl: a URL of 100 KiB: 414" status 414 "$url/$(letters 100000)"
check_stop curl

# ---- Uploads -------------------------------------------------------------------------------------

start "$handlers" "$site"

# Whether the server has said 100 (Continue), yes or no.
continued() {
    local got=no
    ! grep -q '^HTTP/1.1 100' "$work/head" || got=yes
    same "$1" "$got"
}

upload_expect() {
    gives 200 "$work/upload" -T "$work/upload" "$url/echo" && continued yes
}

upload_no_expect() {
    gives 200 "$work/upload" -T "$work/upload" -H 'Expect:' "$url/echo" && continued no
}

small_expect() {
    gives 200 "$work/small" --data-binary @"$work/small" -H 'Expect: 100-continue' "$url/echo" &&
        continued yes
}

refused_expect() {
    status 405 -T "$work/upload" -H 'Expect: 100-continue' "$url/static" && continued no
}

limit() {
    truncate -s "$1" "$work/limit"
    status "$2" -T "$work/limit" "$url/echo" && { [ "$2" != 200 ] || cmp "$work/limit" "$work/body"; }
}

# length PATH ARGUMENTS...: /count counts all 3,000,000 bytes.
counted() {
    status 200 "$@" "$url/count" && same 3000000 "$(cat "$work/body")"
}

echo small >"$work/small"
chunked=(-H 'Transfer-Encoding: chunked')
check "curl: an upload that expects 100 (Continue)" upload_expect
check "curl: an upload that does not" upload_no_expect
check "curl: a small one that expects it" small_expect
check "curl: one that is refused is not asked for" refused_expect
check "curl: an empty one" gives 200 /dev/null -X POST -d '' "$url/echo"
check "curl: chunked, from a pipe" gives 200 "$work/upload" -T - "$url/echo" <"$work/upload"
check "curl: chunked, with POST" gives 200 "$work/upload" "${chunked[@]}" \
    --data-binary @"$work/upload" "$url/echo"
check "curl: 64 MiB" limit 64M 200
check "curl: a byte more: 413" limit 67108865 413
check "curl: HTTP/1.0 upload" gives 200 "$work/upload" -0 -T "$work/upload" "$url/echo"
check "curl: the handler reads the body" counted -T "$work/upload"
check "curl: the handler reads a chunked body" counted -T - <"$work/upload"
check "curl: streamed, chunk by chunk" gives 200 "$work/upload" -T - "$url/stream" <"$work/upload"
check "curl: streamed, of known length" gives 200 "$work/upload" -T "$work/upload" "$url/stream"
check "curl: two uploads on one connection" connects '1 0 ' -T "$work/upload" -o "$work/1" \
    "$url/echo" --next -sS -w '%{num_connects} ' -T "$work/small" -o "$work/2" "$url/stream"

# ---- The other handlers --------------------------------------------------------------------------

method() {
    status 405 -X PATCH -d x "$url/echo" && same 'POST, PUT, OPTIONS' "$(field Allow)"
}

error_page() {
    echo '<h1>nothing here</h1>' >"$work/page"
    gives 404 "$work/page" "$url/nowhere"
}

teapot() {
    status 418 "$url/teapot" && grep -qi teapot "$work/body" && same 'text/html; charset=utf-8' \
        "$(field Content-Type)"
}

impatient() {
    ! timeout 5 curl -sS -m 0.1 "$url/slow" && status 200 "$url/slow" && same slow "$(cat "$work/body")"
}

echo static >"$work/static"
check "curl: a static handler" gives 200 "$work/static" "$url/static"
check "curl: a redirect is followed" gives 200 "$site/sub/text.txt" -L "$url/old/sub/text.txt"
check "curl: a redirect of an upload (307)" gives 200 "$work/small" -L \
    --data-binary @"$work/small" "$url/moved"
check "curl: a big upload redirected" gives 200 "$work/upload" -L -T "$work/upload" "$url/moved"
check "curl: an error page" error_page
check "curl: a handler's error" teapot
check "curl: another method: 405 and Allow" method
check "curl: a slow handler, and a client that does not wait" impatient
check_stop "curl"
