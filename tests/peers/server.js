// SPDX-License-Identifier: MIT
// A Node server for scripts/check-peers: prints its port. Files of the directory given, a body of
// known length as /NAME, in chunks as /chunked/NAME, after interim responses as /hints/NAME; /echo
// sends back what it is sent, in chunks.
const fs = require('fs');
const http = require('http');
const path = require('path');
const dir = process.argv[2];

const server = http.createServer((req, res) => {
    const parts = req.url.split('/').filter((part) => part !== '');
    if (parts[0] === 'echo') {
        req.pipe(res);
        return;
    }
    if (parts[0] === 'hints') {
        res.writeProcessing();
        res.writeEarlyHints({ link: '</style.css>; rel=preload' });
    }
    fs.readFile(path.join(dir, path.basename(req.url)), (err, data) => {
        if (err) {
            res.statusCode = 404;
            res.end('nothing there\n');
        } else if (parts[0] === 'chunked') {
            for (let at = 0, n = 1; at < data.length; at += n, n = n * 3 % 70001) {
                res.write(data.subarray(at, at + n));
            }
            res.end();
        } else {
            res.setHeader('Content-Length', data.length);
            res.end(data);
        }
    });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
