#!/usr/bin/env python3
"""A small HTTP server for load_url and the demo: generated pages, no network.

    serve.py [--demo] COMMAND [ARGUMENT ...]

runs the command with the addresses of its pages as further arguments, and ends with the command's
exit status; without a command it prints its port and serves until it is interrupted. The pages are
the five of Python's load_url example, sizes and refusals as in the output that is known of it, or
with --demo twelve others, one of them refused. Each comes after a small delay of its own. It binds
127.0.0.1 and a port that is free. Python's standard library only.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# path: (status, bytes, delay in seconds)
SEED_PAGES = {
    "/www.foxnews.com/": (200, 282703, 0.06),
    "/www.cnn.com/": (200, 1145339, 0.08),
    "/europe.wsj.com/": (403, 0, 0.02),
    "/www.bbc.co.uk/": (200, 457219, 0.04),
    "/some-made-up-domain.com/": (403, 0, 0.10),
}
DEMO_PAGES = {
    "/atlas": (200, 182400, 0.15),
    "/birds": (200, 20416, 0.06),
    "/clouds": (200, 65536, 0.11),
    "/deltas": (200, 431072, 0.18),
    "/estuaries": (200, 9081, 0.09),
    "/forbidden": (403, 0, 0.10),
    "/glaciers": (200, 1048576, 0.20),
    "/harbours": (200, 52310, 0.13),
    "/islands": (200, 240017, 0.08),
    "/jungles": (200, 3999, 0.16),
    "/knolls": (200, 77777, 0.12),
    "/lagoons": (200, 512000, 0.14),
}
PAGES = {**SEED_PAGES, **DEMO_PAGES}


class Handler(BaseHTTPRequestHandler):
    """Answers GET from the table above."""

    def do_GET(self):
        status, size, delay = PAGES.get(self.path, (404, 0, 0.0))
        time.sleep(delay)
        if status != 200:
            self.send_error(status)
            return
        line = b"A page of %s, made for this test.\n" % self.path.encode()
        body = (line * (size // len(line) + 1))[:size]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Says nothing: the output is the command's."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def run(command, urls):
    """Runs the command and returns the exit status that a shell would show."""
    # The pages are on this machine: a proxy must not be asked for them.
    environment = dict(os.environ, no_proxy="127.0.0.1", NO_PROXY="127.0.0.1")
    code = subprocess.run(command + urls, env=environment, check=False).returncode
    return code if code >= 0 else 128 - code


def main():
    parser = argparse.ArgumentParser(description="Serves a few pages on 127.0.0.1.")
    parser.add_argument("--demo", action="store_true", help="the pages of the demo")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run with the addresses")
    options = parser.parse_args()

    server = Server(("127.0.0.1", 0), Handler)
    port = server.server_address[1]
    if not options.command:
        print(port, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pages = DEMO_PAGES if options.demo else SEED_PAGES
    return run(options.command, [f"http://127.0.0.1:{port}{path}" for path in pages])


if __name__ == "__main__":
    sys.exit(main())
