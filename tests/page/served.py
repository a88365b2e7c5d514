# SPDX-License-Identifier: MIT
"""What the page is served by in these tests, and how its table is read."""

import contextlib
import http.server
import os
import re
import threading
import time

from server import TRACKS, Failure, Server, check, wait_until

FIELDS = ("announced", "broadcasts", "subscriptions", "bytes", "frames", "groups")
OPEN = FIELDS[:3]
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def row(**counts):
    """A row; fields that aren't given are 0."""
    full = {}
    for name in FIELDS:
        full[name] = counts.get(name, 0)
        if name in OPEN:
            full[name + "_closed"] = counts.get(name + "_closed", 0)
    return full


@contextlib.contextmanager
def served():
    server = Server(os.environ["MOQSTAT"])
    try:
        yield server
    finally:
        server.clean()


def url(server):
    return "http://{}:{}/".format(*server.address)


def show(browser, server, state="live"):
    """The page, anew, and in that state."""
    browser.open(url(server))
    await_state(browser, state)


def await_state(browser, state, seconds=15):
    wait_until(
        lambda: browser.run("return document.getElementById('state').dataset.state") == state,
        seconds,
        lambda: f"the page is {state}, not {browser.text('#state')}",
    )


def names(browser):
    """The names in the table, in order, as the eye sees them."""
    return browser.run(
        "return [...document.querySelectorAll('#broadcasts th.name bdi')].map(b => b.textContent)"
    )


def table(browser):
    """The rows of the broadcasts: name -> column -> text."""
    rows = browser.run(
        "return [...document.querySelectorAll('#broadcasts .grid > tbody > tr:not(.detail)')].map(tr =>"
        " [tr.querySelector('bdi').textContent,"
        " Object.fromEntries([...tr.cells].map(c => [c.className.split(' ')[0], c.textContent]))])"
    )
    return {name: cells for name, cells in rows}


def number(text):
    """The number that a text shows, with its unit; None where it shows none."""
    if text == "–":
        return None
    found = re.fullmatch(r"(-?[\d,.]+)(?: ([kMGTPE]?B)(?:/s)?)?", text)
    check(found, f"no number: {text!r}")
    return float(found.group(1).replace(",", "")) * 1000 ** UNITS.index(found.group(2) or "B")


def cell(browser, name, column):
    return number(table(browser)[name][column])


class Late(Failure):
    """Ticks were held up, so that rates aren't what they should be: the case may be tried again."""


class Ticker:
    """Ticks, as a run makes them: `tick(n)` feeds those of the n-th, once in each interval."""

    def __init__(self, tick, interval=1.0):
        self.tick, self.interval, self.over = tick, interval, threading.Event()
        self.at = None  # when the last tick was
        self.late = 0.0  # seconds, the latest of them
        self.thread = threading.Thread(target=self._run, daemon=True)

    def before_next(self, seconds):
        """Wait until the next tick is that far away."""
        last = self.at
        wait_until(lambda: self.at != last, 5, "a tick")
        time.sleep(self.interval - seconds)

    def _run(self):
        start, n = time.monotonic(), 0
        while not self.over.is_set():
            self.at = time.monotonic()
            self.late = max(self.late, self.at - start - n * self.interval)
            self.tick(n)
            n += 1
            self.over.wait(max(0, start + n * self.interval - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, why, _):
        self.over.set()
        self.thread.join(10)
        if kind and issubclass(kind, Failure) and self.late > 0.15:
            raise Late(f"{why}; but a tick came {self.late:.2f} s late")


class Stub:
    """In the server's place: the page as it was answered, and answers that a test sets."""

    def __init__(self, page):
        stub = self
        self.answers = {}  # path -> (status, type, text); a text of events stays open at its end
        self.asked = []
        self.over = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.split("?")[0]
                stub.asked.append((self.path, self.headers.get("Authorization")))
                status, kind, text = stub.answers.get(path, (404, "text/plain", ""))
                if path == "/":
                    status, kind, text = 200, "text/html", page.body.decode()
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", page.header("content-security-policy"))
                live = kind == "text/event-stream"
                self.send_header(*(("Connection", "close") if live else ("Content-Length", str(len(body)))))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()
                if live:
                    self.close_connection = True
                    stub.over.wait(60)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = self.http.server_address
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.http.shutdown()
        self.http.server_close()


def first_frames(events=""):
    """Six first frames of one relay as live events, and more of them."""
    text = "".join(
        f'event: .stats/node/n1/{track}\nid: 0,0,0,0,0,0\ndata: {{"full":{{}}}}\n\n' for track in TRACKS
    )
    return text + events
