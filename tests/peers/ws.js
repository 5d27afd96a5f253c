// SPDX-License-Identifier: MIT
// npm ws, for scripts/check-peers-ws:
//   ws.js serve PORT [CERT KEY]   each message comes back; at /close it closes with 4001, "bye"
//   ws.js call URL [CA]           an echo is put to the test; exits 0, or 1 and says why
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const { once } = require('events');
const WebSocket = require('ws');

const LARGE = 16 << 20;

function serve(port, cert, key) {
  const options = cert && { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
  const http = cert ? require('https').createServer(options) : require('http').createServer();
  const server = new WebSocket.Server({ server: http, maxPayload: 0, perMessageDeflate: true });
  server.on('connection', (socket, request) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    if (request.url === '/close') {
      socket.close(4001, 'bye');
    }
  });
  http.listen(port, '127.0.0.1');
}

async function open(url, ca, perMessageDeflate) {
  const socket = new WebSocket(url, { ca: ca && fs.readFileSync(ca), maxPayload: 0, perMessageDeflate });
  await once(socket, 'open');
  assert.strictEqual(socket.extensions.includes('permessage-deflate'), perMessageDeflate);
  return socket;
}

async function echo(socket, what, binary) {
  const [data, isBinary] = (socket.send(what, { binary }), await once(socket, 'message'));
  assert.strictEqual(isBinary, binary);
  assert(data.equals(Buffer.from(what)), `another message of ${data.length} bytes`);
}

async function messages(socket) {
  await echo(socket, '', false);
  await echo(socket, 'h\u00e4 \u20ac \u{1f600}', false);
  for (const size of [0, 1, 125, 126, 65535, 65536, LARGE]) {
    await echo(socket, crypto.randomBytes(size), true);
  }
  await echo(socket, 'line '.repeat(LARGE / 5), false);
}

async function pieces(socket) {
  const answer = once(socket, 'message');
  socket.send('a', { fin: false });
  socket.ping('between');
  socket.send('b', { fin: true });
  const [[data], [pong]] = await Promise.all([answer, once(socket, 'pong')]);
  assert.strictEqual(data.toString(), 'ab');
  assert.strictEqual(pong.toString(), 'between');
}

async function closes(socket, code, how) {
  const closed = once(socket, 'close');
  how();
  assert.strictEqual((await closed)[0], code);
}

async function call(url, ca) {
  for (const deflate of [false, true]) {
    const socket = await open(url, ca, deflate);
    await messages(socket);
    await pieces(socket);
    await closes(socket, 4001, () => socket.close(4001, 'bye'));
  }
  const wrong = await open(url, ca, false);
  await closes(wrong, 1007, () => wrong.send(Buffer.from([0xc0, 0xaf]), { binary: false }));
}

const [mode, ...args] = process.argv.slice(2);
if (mode === 'serve') {
  serve(Number(args[0]), args[1], args[2]);
} else {
  call(...args).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
}
