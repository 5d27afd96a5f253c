// SPDX-License-Identifier: MIT
// What Node.js does with the handlers of server.c: node node.js URL FILE, where FILE is
// /files/data.bin of the server. Prints "ok NAME" or "FAIL NAME: why" for each check.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const net = require('net');

const url = new URL(process.argv[2]);
const file = fs.readFileSync(process.argv[3]);
const text = Buffer.from('some text\n');

async function check(name, run) {
    let timer;
    const late = new Promise((_, fail) => {
        timer = setTimeout(() => fail(new Error('takes longer than 20 s')), 20000);
    });
    try {
        await Promise.race([run(), late]);
        console.log(`ok node: ${name}`);
    } catch (error) {
        console.log(`FAIL node: ${name}: ${String(error.message).slice(0, 300).replace(/\n/g, ' ')}`);
    }
    clearTimeout(timer);
}

// The response to a request, with its body; `send` writes the request's.
function request(path, options, send) {
    return new Promise((done, fail) => {
        const req = http.request(new URL(path, url), options, res => {
            const parts = [];
            res.on('data', part => parts.push(part));
            res.on('end', () => {
                res.body = Buffer.concat(parts);
                res.reused = req.reusedSocket;
                done(res);
            });
            res.on('error', fail);
        });
        req.on('error', fail);
        if (send) send(req); else req.end();
    });
}

function ensure(res, status, body) {
    assert.strictEqual(res.statusCode ?? res.status, status);
    assert.ok(body.equals(res.body), `${res.body.length} bytes, not the ${body.length} expected`);
}

async function keepAlive() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 50; i++) {
        const res = await request(i % 2 ? '/static' : '/files/data.bin', { agent });
        ensure(res, 200, i % 2 ? Buffer.from('static\n') : file);
        assert.strictEqual(res.reused, i > 0, `request ${i}`);
    }
    agent.destroy();
}

async function manySockets() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    const all = Array.from({ length: 200 }, () => request('/files/data.bin', { agent }));
    for (const res of await Promise.all(all)) ensure(res, 200, file);
    agent.destroy();
}

// In pieces of odd sizes, with a rest now and then.
function inPieces(req) {
    let at = 0;
    let size = 1;
    (function next() {
        while (at < file.length) {
            const more = req.write(file.subarray(at, at + size));
            at += size;
            size = (size * 3) % 65521 + 1;
            if (!more) return void req.once('drain', next);
        }
        req.end();
    })();
}

async function expectContinue() {
    let asked = 0;
    const headers = { Expect: '100-continue', 'Content-Length': file.length };
    const res = await request('/echo', { method: 'POST', headers }, req => {
        req.on('continue', () => { asked++; req.end(file); });
        req.flushHeaders();
    });
    ensure(res, 200, file);
    assert.strictEqual(asked, 1);
}

async function* pieces() {
    for (let at = 0; at < file.length; at += 10007) yield file.subarray(at, at + 10007);
}

async function upload(path) {
    const res = await fetch(new URL(path, url),
        { method: 'POST', body: ReadableStream.from(pieces()), duplex: 'half' });
    return { status: res.status, body: Buffer.from(await res.arrayBuffer()) };
}

async function download() {
    const hash = crypto.createHash('sha256');
    const res = await fetch(new URL('/files/data.bin', url));
    for await (const part of res.body) hash.update(part);
    assert.strictEqual(hash.digest('hex'), crypto.createHash('sha256').update(file).digest('hex'));
}

async function abandoned() {
    const control = new AbortController();
    const res = await fetch(new URL('/files/data.bin', url), { signal: control.signal });
    await res.body.getReader().read();
    control.abort();
    const slow = AbortSignal.timeout(50);
    await assert.rejects(fetch(new URL('/slow', url), { signal: slow }));
    ensure(await request('/static', {}), 200, Buffer.from('static\n'));
}

// Sends all of it at once, and gives all that comes until the server closes.
function raw(sent) {
    return new Promise((done, fail) => {
        const socket = net.connect(url.port, url.hostname, () => socket.write(sent));
        const parts = [];
        socket.on('data', part => parts.push(part));
        socket.on('end', () => done(Buffer.concat(parts).toString('latin1')));
        socket.on('error', fail);
    });
}

async function pipelined() {
    const host = `Host: ${url.host}\r\n`;
    const kinds = [
        [`GET /static HTTP/1.1\r\n${host}\r\n`, 'static\n'],
        [`POST /echo HTTP/1.1\r\n${host}Content-Length: ${text.length}\r\n\r\n${text}`, `${text}`],
        [`POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n`,
            'some'],
        [`GET /slow HTTP/1.1\r\n${host}\r\n`, 'slow\n'],
        [`POST /count HTTP/1.1\r\n${host}Content-Length: ${text.length}\r\n\r\n${text}`, '10\n'],
        [`GET /static HTTP/1.1\r\n${host}\r\n`, 'static\n'],
    ];
    const last = `GET /static HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    const got = await raw(kinds.map(kind => kind[0]).join('').repeat(4) + last);
    const bodies = got.split(/HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n/).slice(1);
    const want = Array(4).fill(kinds.map(kind => kind[1])).flat().concat('static\n');
    assert.deepStrictEqual(bodies, want);
}

async function main() {
    await check('http.get with a keep-alive agent: 50 requests on one connection', keepAlive);
    await check('200 downloads on 20 connections', manySockets);
    await check('http.request, chunked upload, collected', async () =>
        ensure(await request('/echo', { method: 'POST' }, inPieces), 200, file));
    await check('http.request, chunked upload, streamed back', async () =>
        ensure(await request('/stream', { method: 'PUT' }, inPieces), 200, file));
    await check('http.request, Expect: 100-continue', expectContinue);
    await check('fetch, streamed upload, collected', async () =>
        ensure(await upload('/echo'), 200, file));
    await check('fetch, streamed upload, streamed back', async () =>
        ensure(await upload('/stream'), 200, file));
    await check('fetch, streamed upload, counted', async () =>
        ensure(await upload('/count'), 200, Buffer.from(`${file.length}\n`)));
    await check('fetch, streamed download', download);
    await check('fetch, a redirect', async () => {
        const res = await fetch(new URL('/old/data.bin', url));
        ensure({ status: res.status, body: Buffer.from(await res.arrayBuffer()) }, 200, file);
        assert.ok(res.redirected);
    });
    await check('fetch, abandoned half-way', abandoned);
    await check('pipelined requests of every kind on one connection', pipelined);
    process.exit();
}

main();
