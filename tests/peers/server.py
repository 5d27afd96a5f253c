# SPDX-License-Identifier: MIT
"""A server with Python's http.server for scripts/check-peers: prints its port. Files of the
directory given, as HTTP/1.0 with a length as /NAME, and until the connection ends as /close/NAME;
/echo sends back what it is sent."""
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def answer(self, data, length=True):
        self.send_response(200)
        if length:
            self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)

    def do_GET(self):
        try:
            with open(os.path.join(sys.argv[1], os.path.basename(self.path)), 'rb') as file:
                data = file.read()
        except OSError:
            self.send_error(404)
            return
        self.answer(data, not self.path.startswith('/close/'))

    do_HEAD = do_GET

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers['Content-Length'])))

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
