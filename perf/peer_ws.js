// SPDX-License-Identifier: MIT
// npm ws, which is in the folder of that name: each message comes back. peer_ws.js PORT FOLDER
const { WebSocketServer } = require(process.argv[3]);

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]) });
server.on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
process.on('SIGTERM', () => process.exit(0));
