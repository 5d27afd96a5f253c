# SPDX-License-Identifier: MIT
"""The servers that are compared: how each is started, and what it serves where."""

import ctypes
import os
import signal
import socket
import subprocess
import time

# The kinds of responses: 13 bytes, 13 bytes that a callback builds, 1 MiB from memory, and the
# same from a file. Then what perf/arena.c answers by callbacks: "ok", the sums of the mix, the size
# of an upload.
# And the messages that a WebSocket echoes.
UPLOAD = 20_000_000
MESSAGES = {"ws_small": 16, "ws_large": 65536}
BODY = {"small": 13, "call": 13, "big": 1 << 20, "file": 1 << 20, "ok": 2, "sum": 2,
        "upload": len(str(UPLOAD)),
        # Over TLS, with an ECDSA certificate but for the last.
        "tls": 13, "tls_big": 1 << 20, "tls_file": 1 << 20, "tls_rsa": 13} | MESSAGES
ARENA = {"ok": "/pipeline", "sum": "/baseline11", "upload": "/upload"}


class Failed(Exception):
    """A server or a generator did not do what it should; the text says what."""


class Server:
    """One of the compared; `group` is ours, limit or peer, `paths` its URL for each kind, `backend`
    what one of ours is to have in the place of io_uring."""

    def __init__(self, name, title, group, command, paths, peer=None, config=None, backend=""):
        self.name, self.title, self.group, self.paths = name, title, group, paths
        self.command, self.config, self.peer = command, config, peer
        self.backend = backend
        self.process = self.log = None
        self.port = 0

    # ---- Starting and stopping ----

    def start(self, bench, kind, cpus=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        place = bench.scratch / self.name
        place.mkdir(parents=True, exist_ok=True)
        values = {"port": self.port, "dir": place, "files": bench.files, "build": bench.build,
                  "root": bench.root, "user": "root" if os.getuid() == 0 else "nobody",
                  "body": BODY[kind],
                  "cert": bench.files / ("rsa.pem" if kind == "tls_rsa" else "ecdsa.pem")}
        if self.config:
            (place / "config").write_text(self.config.format(**values))
        command = self.command(kind) if callable(self.command) else self.command
        env = dict(os.environ, NNG_URING_LOOPS="1", NNG_URING_BACKEND=self.backend,
                   LD_LIBRARY_PATH=bench.libraries)
        self.log = place / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", cpus or str(bench.server_cpu)] +
                [a.format(**values) for a in command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=place,
                start_new_session=True)
        self.await_port()

    def await_port(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        why = self.log.read_text(errors="replace").strip().splitlines()
        self.stop()
        raise Failed(f"{self.name} did not start: {why[-1] if why else 'it says nothing'}")

    def stop(self):
        if self.process is None:
            return
        for sig, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, sig)  # the session that start() made
            except ProcessLookupError:
                break
            try:
                self.process.wait(patience)
                if sig == signal.SIGTERM and self.gone():
                    break
            except subprocess.TimeoutExpired:
                pass
        self.process = None

    def gone(self):
        """Whether all of its processes end, within a second."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.01)
        return False

    # ---- Looking at it ----

    def pids(self):
        """The process and all its descendants."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                        parent = int(file.read().rpartition(")")[2].split()[1])
                except OSError:
                    continue
                children.setdefault(parent, []).append(int(entry))
        found, new = [], [self.process.pid]
        while new:
            found += new
            new = [child for pid in new for child in children.get(pid, [])]
        return found

    def cpu_ns(self):
        """User and system time of all its processes so far: their CPU clocks."""
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids())

    def socket_options(self, kind):
        """TCP_NODELAY and the congestion control of a connection, as the server has set them."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as mine:
            request = f"GET {self.paths[kind]} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            mine.sendall(request.encode())
            mine.recv(64)
            for theirs in self.sockets():
                with theirs:
                    try:
                        if theirs.getpeername() == mine.getsockname():
                            return options_of(theirs)
                    except OSError:
                        pass  # a listener
            for theirs in self.sockets():  # a direct descriptor, which inherits from its listener
                with theirs:
                    if theirs.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        return options_of(theirs)
        return {}

    def sockets(self):
        """Duplicates of its TCP sockets, if the kernel lets us have them."""
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in self.pids():
            pidfd = os.pidfd_open(pid)
            for entry in os.listdir(f"/proc/{pid}/fd"):
                try:
                    if not os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:"):
                        continue
                except OSError:
                    continue
                fd = libc.syscall(438, pidfd, int(entry), 0)  # pidfd_getfd
                if fd >= 0:
                    sock = socket.socket(fileno=fd)
                    if sock.family == socket.AF_INET and sock.type == socket.SOCK_STREAM:
                        yield sock
                    else:
                        sock.close()
            os.close(pidfd)


def options_of(sock):
    control = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return {"nodelay": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0,
            "congestion_control": control.rstrip(b"\0").decode()}


# ---- The compared --------------------------------------------------------------------------------

NGINX = """
worker_processes 1;
daemon off;
user {user};
pid {dir}/pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 300;
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{ default_type text/plain; return 200 "Hello, world!"; }}
        location = /pipeline {{ default_type text/plain; return 200 "ok"; }}
        location /files/ {{ alias {files}/; }}
    }}
}}
"""

# As ours: TLS 1.3, tickets without a cache, one for each handshake.
NGINX_TLS = NGINX.replace("listen 127.0.0.1:{port}", "listen 127.0.0.1:{port} ssl").replace(
    "    access_log off;", """    access_log off;
    ssl_certificate {cert};
    ssl_certificate_key {cert};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets on;
    ssl_conf_command NumTickets 1;""")

HAPROXY = """
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout client 300s
    timeout http-request 10s
    timeout http-keep-alive 300s
frontend bench
    bind 127.0.0.1:{port} backlog 4096
    http-request return status 200 content-type "text/plain" string "Hello, world!"
"""

LIGHTTPD = """
server.document-root = "{files}"
server.bind = "127.0.0.1"
server.port = {port}
server.listen-backlog = 4096
server.max-fds = 16384
server.max-connections = 8192
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 300
mimetype.assign = ( ".txt" => "text/plain", ".bin" => "application/octet-stream" )
"""

H2O = """
listen:
  host: 127.0.0.1
  port: {port}
user: {user}
num-threads: 1
max-connections: 16384
http1-request-timeout: 300
pid-file: {dir}/pid
error-log: {dir}/error
hosts:
  default:
    paths:
      /files:
        file.dir: {files}
"""


def nng_server(program, arena):
    def command(kind):
        if kind in MESSAGES:
            return ["{build}/perf/ws_server", "{port}"]
        if kind in ARENA:
            return [f"{{build}}/perf/{arena}", "{port}", "{files}/dataset.json"]
        files = ["{files}"] if kind in ("big", "file") else []
        return [f"{{build}}/perf/{program}", "{port}"] + files
    return command


def ref_server(*options):
    def command(kind):
        mix = ["-x"] if kind == "sum" else []
        return ["{build}/perf/ref_uring", "-p", "{port}", "-b", "{body}", *mix, *options]
    return command


NNG_PATHS = {"small": "/", "call": "/call", "big": "/big", "file": "/files/big.bin"} | ARENA
ECHO = dict.fromkeys(MESSAGES, "/echo")


def all_servers():
    tls = {"tls": "/", "tls_rsa": "/"}
    memory = {"small": "/", "big": "/", "ok": "/", "sum": "/"}
    return [
        Server("ours", "nng-uring", "ours", nng_server("server", "arena"), NNG_PATHS | ECHO),
        Server("static", "nng-uring, static handler", "ours", nng_server("server", "arena"),
               {"call": "/"}),
        Server("ours_epoll", "nng-uring on epoll", "ours",
               nng_server("server", "arena"), NNG_PATHS | ECHO, backend="epoll"),
        Server("ref_writev", "io_uring WRITEV", "limit", ref_server(), memory),
        Server("ref_short", "io_uring WRITEV, closing", "limit", ref_server("-k", "10"), memory),
        Server("ref_direct", "io_uring SEND, direct", "limit",
               ref_server("-s", "-d"), memory),
        Server("ref_epoll", "epoll send", "limit",
               ["{build}/perf/ref_epoll", "-p", "{port}", "-b", "{body}"], memory),
        Server("ref_recv", "a bare receive loop", "limit",
               ["{build}/perf/ref_recv", "-p", "{port}", "-b", str(UPLOAD)], {"upload": "/"}),
        Server("ref_echo", "io_uring echo of bytes", "limit",
               ["{build}/perf/ref_echo", "-p", "{port}"], ECHO),
        Server("libwebsockets", "libwebsockets", "peer", ["{build}/perf/peer_lws", "{port}"], ECHO,
               "libwebsockets"),
        Server("ws", "npm ws", "peer",
               ["/usr/bin/node", "{build}/../perf/peer_ws.js", "{port}",
                "{root}/usr/share/nodejs/ws"], ECHO, "ws"),
        Server("nng", "NNG", "peer", nng_server("peer_nng", "peer_arena"), NNG_PATHS, "nng"),
        Server("nginx", "nginx", "peer",
               ["{root}/usr/sbin/nginx", "-e", "stderr", "-p", "{dir}", "-c", "{dir}/config"],
               {"small": "/", "file": "/files/big.bin", "ok": "/pipeline"}, "nginx", NGINX),
        Server("libh2o", "libh2o", "peer", ["{build}/perf/peer_h2o", "{port}"],
               {"small": "/", "big": "/big"} | ARENA, "libh2o"),
        Server("haproxy", "haproxy", "peer", ["{root}/usr/sbin/haproxy", "-f", "{dir}/config"],
               {"small": "/"}, "haproxy", HAPROXY),
        Server("lighttpd", "lighttpd", "peer",
               ["{root}/usr/sbin/lighttpd", "-D", "-f", "{dir}/config", "-m",
                "{root}/usr/lib/lighttpd"],
               {"small": "/hello.txt", "file": "/big.bin"}, "lighttpd", LIGHTTPD),
        Server("ours_tls", "nng-uring, TLS", "ours",
               ["{build}/perf/server", "{port}", "{files}", "{cert}"],
               tls | {"tls_big": "/big", "tls_file": "/files/big.bin"}),
        Server("nginx_tls", "nginx, TLS", "peer",
               ["{root}/usr/sbin/nginx", "-e", "stderr", "-p", "{dir}", "-c", "{dir}/config"],
               tls | {"tls_file": "/files/big.bin"}, "nginx", NGINX_TLS),
        Server("libh2o_tls", "libh2o, TLS", "peer", ["{build}/perf/peer_h2o", "{port}", "{cert}"],
               tls | {"tls_big": "/big"}, "libh2o"),
        Server("h2o", "h2o", "peer",
               ["{root}/usr/bin/h2o", "-m", "worker", "-c", "{dir}/config"],
               {"file": "/files/big.bin"}, "h2o", H2O),
    ]
