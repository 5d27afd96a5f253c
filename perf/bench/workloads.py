# SPDX-License-Identifier: MIT
"""What is run: each workload with the servers that can do it."""

SMALL = ["ours", "ours_epoll", "ref_writev", "ref_direct", "ref_epoll", "nng", "nginx", "libh2o",
         "haproxy", "lighttpd"]
# lighttpd would need more than 20,000 descriptors for 10,064 connections.
IDLE = ["ours", "ours_epoll", "ref_writev", "nng", "nginx", "libh2o"]
TLS = ["ours_tls", "nginx_tls", "libh2o_tls"]
ECHO = ["ours", "ours_epoll", "ref_echo", "libwebsockets", "ws"]
# What a quick run leaves out where it is not asked for.
EXTRA = {"ref_direct", "ref_epoll", "ours_epoll"}


class Workload:
    """`about` says what is compared, `without` what a quick run leaves out; not `quick`: all."""

    def __init__(self, name, title, about, servers, kind="small", generator="load",
                 connections=64, depth=1, idle=0, quick=True, without=(), per_connection=0,
                 heads=False):
        self.name, self.title, self.about, self.servers = name, title, about, servers
        self.kind, self.generator, self.connections = kind, generator, connections
        self.depth, self.idle, self.quick, self.without = depth, idle, quick, without
        self.per_connection = per_connection  # requests before it is closed; 0: no end
        self.heads = heads  # those of browsers

    def servers_for(self, quick):
        return [s for s in self.servers if not (quick and s in self.without)]

    def describe(self):
        return {"name": self.name, "title": self.title, "about": self.about, "kind": self.kind,
                "generator": self.generator, "connections": self.connections,
                "depth": self.depth, "idle": self.idle}


WORKLOADS = [
    Workload("keep64", "Keep-alive, 13 bytes, 64 connections",
             "One request at a time on each connection. The generator never sleeps, so the "
             "server's core is the one that is full.", SMALL),
    Workload("keep1", "Keep-alive, 13 bytes, 1 connection",
             "One request at a time. The server sleeps between two requests, so each one has a "
             "wake-up in it.", SMALL, connections=1, without=EXTRA),
    Workload("keep512", "Keep-alive, 13 bytes, 512 connections",
             "As with 64 connections.", SMALL, connections=512, without=EXTRA),
    Workload("heads64", "Keep-alive, heads of browsers, 64 connections",
             "As the first one, but a request's head is one of 16 that four browsers send, 440 to "
             "780 bytes, with cookies and a referer.",
             ["ours", "ref_writev", "nginx", "libh2o"], heads=True),
    Workload("wrk64", "Keep-alive, 13 bytes, 64 connections, wrk",
             "wrk with one thread. It cannot fill the server's core, so CPU per request has the "
             "wake-ups of both sides in it. The server's CPU is that of the whole run of wrk.",
             SMALL, generator="wrk", without=EXTRA),
    Workload("h2load64", "Keep-alive, 13 bytes, 64 connections, h2load",
             "h2load --h1 with one thread. It reports no percentiles.",
             SMALL, generator="h2load", quick=False),
    Workload("call64", "Callback handler, 13 bytes, 64 connections",
             "The handler builds its response in a callback for each request. Beside it the static "
             "handler, with the same response.", ["ours", "static", "nng"], kind="call"),
    Workload("pipe16", "Pipelined 16 deep, 13 bytes, 64 connections",
             "Each connection sends 16 requests in one piece, and the next 16 when all are "
             "answered.", SMALL, depth=16),
    Workload("ok_pipe64", "Callbacks: pipelined 16 deep, 64 connections",
             "A callback builds the answer `ok` to each of 16 requests that come in one piece.",
             ["ours", "ref_writev", "nng", "nginx", "libh2o"], kind="ok", depth=16),
    Workload("ok_pipe512", "Callbacks: pipelined 16 deep, 512 connections",
             "As with 64 connections.", ["ours", "ref_writev", "nng", "nginx", "libh2o"], kind="ok",
             depth=16, connections=512, quick=False),
    Workload("mix64", "Callbacks: GET and POST mixed, 64 connections",
             "The sum of a query and a body: GET, POST by length, POST in chunks in turn. The "
             "minimal server counts blank lines and answers from memory.",
             ["ours", "ref_writev", "libh2o"], kind="sum"),
    Workload("mix512", "Callbacks: GET and POST mixed, 512 connections",
             "As with 64 connections.", ["ours", "ref_writev", "libh2o"], kind="sum",
             connections=512, quick=False),
    Workload("short512", "Callbacks: the mix, 10 requests a connection, 512 connections",
             "The tenth request says Connection: close; then there is a new connection.",
             ["ours", "ref_short", "libh2o"], kind="sum", connections=512, per_connection=10),
    Workload("ws64", "WebSocket: echo of 16 bytes, 64 connections",
             "A message at a time on each. The limit gives bytes back and looks at none.", ECHO,
             kind="ws_small", without=EXTRA),
    Workload("ws512", "WebSocket: echo of 16 bytes, 512 connections", "As with 64 connections.",
             ECHO, kind="ws_small", connections=512, quick=False),
    Workload("ws64_large", "WebSocket: echo of 64 KiB, 64 connections",
             "Each message is a frame, and comes back when all of it is there.", ECHO,
             kind="ws_large", without=EXTRA),
    Workload("ws512_large", "WebSocket: echo of 64 KiB, 512 connections",
             "As with 64 connections.", ECHO, kind="ws_large", connections=512, quick=False),
    Workload("ws_idle", "WebSocket: 64 connections beside 10,000 idle ones",
             "Each idle one has had one message; the page that it was in is the program's.",
             ["ours", "libwebsockets", "ws"], kind="ws_small", idle=10000, quick=False),
    Workload("upload", "Callbacks: uploads of 20 MB, 1 connection",
             "The handler counts what it reads. Beside it a loop of blocking recv().",
             ["ours", "ref_recv"], kind="upload", connections=1),
    Workload("big_memory", "1 MiB from memory, 16 connections",
             "The same bytes again and again, from the server's memory.",
             ["ours", "ref_writev", "ref_direct", "ref_epoll", "nng", "libh2o"], kind="big",
             connections=16, without=EXTRA),
    Workload("big_file", "1 MiB from a file, 16 connections",
             "From the page cache; nginx and lighttpd use sendfile.",
             ["ours", "ours_epoll", "nng", "nginx", "lighttpd", "h2o"], kind="file",
             connections=16),
    Workload("idle0", "13 bytes, 64 connections, none idle",
             "What the next one is compared with.", IDLE,
             without={"ref_writev", "nng", "ours_epoll"}),
    Workload("idle10k", "13 bytes, 64 connections beside 10,000 idle ones",
             "Each idle connection has done one request. Memory is the server's resident memory, "
             "without what the kernel keeps for its sockets.", IDLE, idle=10000,
             without={"ref_writev", "nng"}),
    Workload("tls_keep64", "TLS: keep-alive, 13 bytes, 64 connections",
             "wrk with one thread. TLS 1.3, AES-256-GCM.", TLS, kind="tls", generator="wrk"),
    Workload("tls_memory", "TLS: 1 MiB from memory, 16 connections",
             "As from memory without TLS, by wrk.", ["ours_tls", "libh2o_tls"], kind="tls_big",
             generator="wrk", connections=16),
    Workload("tls_file", "TLS: 1 MiB from a file, 16 connections",
             "From the page cache, by wrk.", ["ours_tls", "nginx_tls"], kind="tls_file",
             generator="wrk", connections=16),
    Workload("tls_ecdsa", "TLS: full handshakes, ECDSA P-256",
             "TLS 1.3, X25519; eight connections at a time, which end when they are established.",
             TLS, kind="tls", generator="handshakes", connections=8),
    Workload("tls_rsa", "TLS: full handshakes, RSA 2048", "The same.", TLS, kind="tls_rsa",
             generator="handshakes", connections=8),
    Workload("tls_resumed", "TLS: resumed handshakes",
             "By a ticket, with a new key exchange.", TLS, kind="tls", generator="resumptions",
             connections=8),
    Workload("tls_beside", "TLS: 64 connections while 500 new ones a second shake hands",
             "As the first one, by wrk; the handshakes are full ones, ECDSA P-256.", TLS,
             kind="tls", generator="wrk_beside"),
]
