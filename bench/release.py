#!/usr/bin/env python3
"""Stands between a verifier and a transparency log, and writes one byte into COUNT for each request. Prints its own URL.

    release.py URL COUNT
"""
import http.client, http.server, sys, urllib.parse

log = urllib.parse.urlsplit(sys.argv[1])
count = open(sys.argv[2], "wb", buffering=0)


class Between(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        count.write(b".")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(log.hostname, log.port, timeout=30)
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        connection.close()

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Between)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
