# SPDX-License-Identifier: MIT
# Python's websockets, for scripts/check-peers-ws:
#   ws.py serve PORT [CERT KEY]   each message comes back; at /close it closes with 4001, "bye"
#   ws.py call URL [CA]           an echo is put to the test; exits 0, or 1 with a traceback
import asyncio
import os
import ssl
import sys

import websockets

LARGE = 16 << 20


async def answer(socket):
    if socket.path == "/close":
        await socket.close(4001, "bye")
    async for message in socket:
        await socket.send(message)


async def serve(port, cert=None, key=None):
    context = None
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
    async with websockets.serve(answer, "127.0.0.1", int(port), ssl=context, max_size=None):
        await asyncio.Future()


def connect(url, ca, compression):
    context = ssl.create_default_context(cafile=ca) if ca else None
    return websockets.connect(url, ssl=context, max_size=None, compression=compression)


async def echo(socket, what, whole=None):
    await socket.send(what)
    assert await socket.recv() == (what if whole is None else whole)


async def messages(socket):
    await echo(socket, "")
    await echo(socket, "h\u00e4 \u20ac \U0001f600")
    for size in (0, 1, 125, 126, 65535, 65536, LARGE):
        await echo(socket, os.urandom(size))
    await echo(socket, "line " * (LARGE // 5))
    await echo(socket, ["a", "", "b"], "ab")
    await asyncio.wait_for(await socket.ping(b"between"), 20)


async def call(url, ca=None):
    for compression in (None, "deflate"):
        async with connect(url, ca, compression) as socket:
            assert bool(socket.extensions) == (compression is not None)
            await messages(socket)
            await socket.close(4001, "bye")
            assert socket.close_code == 4001, socket.close_code


modes = {"serve": serve, "call": call}
asyncio.run(modes[sys.argv[1]](*sys.argv[2:]))
