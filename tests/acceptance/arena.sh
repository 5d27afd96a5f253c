#!/bin/bash
# SPDX-License-Identifier: MIT
# perf/arena.c, a server such as users write, does what its contract says before it is measured.
source "$(dirname "$0")/lib.sh"
need curl python3

python3 - >"$work/dataset.json" <<'END'
import json
print(json.dumps([{"id": i, "name": f"item {i}, \"{i}\"", "price": 10 + i, "quantity": 1 + i % 7,
                   "tags": ["a", "}"], "rating": {"score": i, "count": 2 * i}}
                  for i in range(1, 51)], separators=(",", ":")))
END
mkdir "$work/site"
head -c 300000 /dev/urandom >"$work/site/vendor.js"
head -c 3000 /dev/urandom >"$work/site/style.css"
head -c 2000000 /dev/urandom >"$work/upload"

# says TEXT ARGUMENTS...: a 200 with this body.
says() {
    local text=$1
    shift
    status 200 "$@" && same "$text" "$(cat "$work/body")"
}

json() {
    status 200 "$url/json/$1?m=$2" && same application/json "$(field Content-Type)" &&
        python3 - "$work/dataset.json" "$work/body" "$1" "$2" <<'END'
import json, sys
items, got = (json.load(open(name)) for name in sys.argv[1:3])
n, m = map(int, sys.argv[3:5])
want = [dict(item, total=item["price"] * item["quantity"] * m) for item in items[:n]]
assert got == {"items": want, "count": n}, got
END
}

# Sends a request in pieces with 30 ms in between, and has the connection closed after it.
torn() {
    python3 - "$url" <<'END'
import socket, sys, time
host, port = sys.argv[1].split("/")[2].split(":")
with socket.create_connection((host, int(port)), timeout=10) as sock:
    text = (b"POST /baseline11?a=13&b=42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Length: 2\r\n\r\n20")
    for at in range(0, len(text), 20):
        sock.sendall(text[at:at + 20])
        time.sleep(0.03)
    answer = b""
    while piece := sock.recv(4096):
        answer += piece
assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n75"), answer
END
}

a=$RANDOM b=$RANDOM c=$RANDOM
start build/perf/arena 0 "$work/dataset.json" "$work/site"
check "arena: pipeline" says ok "$url/pipeline"
check "arena: the sum of a query" says $((a + b)) "$url/baseline11?a=$a&b=$b"
check "arena: the sum with a body" says $((a + b + c)) -d "$c" "$url/baseline11?a=$a&b=$b"
check "arena: the sum with a body in chunks" says $((a - b + c)) -d "$c" \
    -H 'Transfer-Encoding: chunked' "$url/baseline11?a=$a&b=-$b"
check "arena: a request torn into pieces, Connection: close" torn
check "arena: JSON, 1 item" json 1 3
check "arena: JSON, 50 items" json 50 7
check "arena: JSON, 51 items" status 404 "$url/json/51?m=1"
check "arena: upload of 2 MB" says 2000000 -H Expect: --data-binary "@$work/upload" "$url/upload"
check "arena: upload in chunks" says 2000000 -H 'Transfer-Encoding: chunked' \
    --data-binary "@$work/upload" "$url/upload"
check "arena: files" gives 200 "$work/site/vendor.js" "$url/static/vendor.js"
check "arena: no such file" status 404 "$url/static/none.js"
check_stop "arena"
