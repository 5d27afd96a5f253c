// SPDX-License-Identifier: MIT
// Idle and slow clients: node clients.js URL. Commands come on standard input, one a line, and each
// is answered with one line; the end of the input ends it.
//   open N      N connections with a request each; how many are answered, after 10 s at the latest
//   count       how many of them have been answered
//   drop N      closes N that were answered
//   trickle N   N connections that send a byte of a head each second
//   trickling   how many of those are open, and how many were told 408
'use strict';
const net = require('net');
const readline = require('readline');

const url = new URL(process.argv[2]);
const sleep = ms => new Promise(done => setTimeout(done, ms));
const opened = new Set();
const trickling = new Set();
let address = 0;
let told = 0;

// Spread over 127.0.0.x, so that ports do not run out.
function connect(onConnect) {
    const localAddress = `127.0.0.${2 + address++ % 8}`;
    const socket = net.connect({ host: url.hostname, port: url.port, localAddress }, onConnect);
    socket.on('error', () => socket.destroy());
    return socket;
}

function open() {
    const socket = connect(() => socket.write(`GET / HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`));
    socket.on('data', () => { socket.answered = true; });
    socket.on('close', () => opened.delete(socket));
    opened.add(socket);
}

function trickle() {
    const text = `GET / HTTP/1.1\r\nHost: ${url.host}\r\nX-Slow: ${'x'.repeat(1000)}`;
    let at = 0;
    const socket = connect(() => {
        socket.write(text[at++]);
        socket.timer = setInterval(() => socket.write(text[at++]), 1000);
    });
    socket.on('data', data => { told += data.toString().startsWith('HTTP/1.1 408 '); });
    socket.on('close', () => { clearInterval(socket.timer); trickling.delete(socket); });
    trickling.add(socket);
}

async function until(ms, done) {
    for (const end = Date.now() + ms; !done() && Date.now() < end;) await sleep(2);
}

const answered = () => [...opened].filter(socket => socket.answered);

const commands = {
    // By hundreds, lest the server's buffers for many answers at once be taken for the connections'.
    async open(n) {
        const want = answered().length + n;
        for (let i = 0; i < n; i += 100) {
            for (let j = i; j < n && j < i + 100; j++) open();
            await until(1000, () => [...opened].slice(-100).every(socket => socket.answered));
        }
        await until(10000, () => answered().length >= want);
        return answered().length;
    },
    count: () => answered().length,
    drop(n) {
        const some = answered().slice(0, n);
        some.forEach(socket => { socket.answered = false; socket.destroy(); });
        return some.length;
    },
    trickle(n) {
        for (let i = 0; i < n; i++) trickle();
        return n;
    },
    trickling: () => `${trickling.size} ${told}`,
};

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const [name, n] = line.split(' ');
        console.log(await commands[name](Number(n)));
    }
    process.exit();
}

main();
