# SPDX-License-Identifier: MIT
# What the parts of scripts/acceptance share: servers, and checks. A part sources it first; it ends
# in the top of the tree, with $work to put files in, and whatever was started is killed at the end.
# A check prints "ok NAME", or "FAIL NAME: why". PROGRAM, HANDLERS: other programs than build's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

program=${PROGRAM:-build/nng-uring}
handlers=${HANDLERS:-build/acceptance-server}
work=$(mktemp -d)
server=   # the server's process id, "" when none runs
guard=    # that of the timeout(1) that bounds its life
helpers=() # others that were started
exec 3>&1

end() {
    local pid
    for pid in $server $guard "${helpers[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true # quietly
    done
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

note() {
    printf '     %s\n' "$*" >&3
}

need() {
    local command
    for command; do
        command -v "$command" >/dev/null || {
            echo "FAIL $(basename "$0" .sh): $command is missing: scripts/install-deps acceptance"
            exit 1
        }
    done
}

# check NAME COMMAND...: what the command prints says why it failed.
check() {
    local name=$1
    shift
    if "$@" >"$work/why" 2>&1; then
        echo "ok $name"
    else
        echo "FAIL $name: $(tail -n 3 "$work/why" | tr '\n' ' ' | cut -c 1-300)"
    fi
}

same() {
    [ "$1" = "$2" ] || {
        echo "expected '$1', got '$2'"
        return 1
    }
}

# at_most LIMIT NUMBER
at_most() {
    [ "$2" -le "$1" ] || {
        echo "$2 is more than $1"
        return 1
    }
}

# await SECONDS COMMAND...: until the command succeeds.
await() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.05
    done
}

# ---- Servers -------------------------------------------------------------------------------------

# start COMMAND...: a server, and its address in $url.
start() {
    : >"$work/serve.out"
    timeout -s KILL 1800 "$@" >"$work/serve.out" 2>"$work/serve.err" &
    guard=$!
    if ! await 10 grep -q '^http://' "$work/serve.out"; then
        cat "$work/serve.out" "$work/serve.err" >&2
        exit 1
    fi
    server=$(cat "/proc/$guard/task/$guard/children")
    server=${server%% *}
    url=$(grep -m 1 -o '^http://[^ ]*[^/ ]' "$work/serve.out")
}

serve() {
    start "$program" serve "$@" --listen 127.0.0.1:0
}

# Ends it with SIGTERM; returns its exit status.
stop() {
    local status=0
    kill -TERM "$server"
    wait "$guard" || status=$?
    server= guard=
    [ $status = 0 ] || {
        echo "exit status $status"
        cat "$work/serve.err"
    }
    return $status
}

check_stop() {
    check "$1: SIGTERM ends the server with status 0" stop
    server= guard=
}

fds() {
    find "/proc/$server/fd" -mindepth 1 | wc -l
}

fds_back() {
    at_most "$1" "$(fds)"
}

# Resident memory in kB.
rss() {
    awk '$1 == "Rss:" { print $2 }' "/proc/$server/smaps_rollup"
}

# CPU time used so far, in ticks of 10 ms.
ticks() {
    sed 's/.*) //' "/proc/$server/stat" | awk '{ print $12 + $13 }'
}

# ---- Clients -------------------------------------------------------------------------------------

# fetch ARGUMENTS...: curl; prints the status, leaves head and body in $work/head and $work/body.
fetch() {
    : >"$work/body"
    timeout 60 curl -sS -g -o "$work/body" -D "$work/head" -w '%{http_code}' "$@"
}

# status WANTED ARGUMENTS...
status() {
    local want=$1
    shift
    same "$want" "$(fetch "$@")"
}

# gives WANTED FILE ARGUMENTS...: this status, and the file's bytes.
gives() {
    local want=$1 file=$2
    shift 2
    status "$want" "$@" && cmp "$file" "$work/body"
}

# The value of a field in the last response.
field() {
    tr -d '\r' <"$work/head" | awk -v name="${1,,}:" '
        /^HTTP\// { value = "" }
        tolower($1) == name { value = substr($0, length(name) + 2) }
        END { print value }'
}

# The idle and the slow clients of clients.js. ask COMMAND...: its answer.
start_clients() {
    coproc clients { exec timeout -s KILL 600 node tests/acceptance/clients.js "$url"; }
    helpers+=("$clients_PID")
}

ask() {
    local answer
    echo "$*" >&"${clients[1]}"
    read -r -t 120 -u "${clients[0]}" answer
    echo "$answer"
}

end_clients() {
    local pid=$clients_PID
    eval "exec ${clients[1]}>&-"
    wait "$pid" || true
}

# ---- Load ----------------------------------------------------------------------------------------

# What wrk's output in $work/wrk must not say.
no_errors() {
    ! grep -E 'Socket errors|Non-2xx' "$work/wrk"
}
