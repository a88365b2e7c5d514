# SPDX-License-Identifier: MIT
"""`moqstat serve`, fed with lines by the test, and clients of it that speak plain HTTP."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from checks import Failure, check, wait_until  # noqa: E402
from tracks import TRACKS  # noqa: E402


def frame_line(broadcast, track, sequence, frame):
    """A line as `moqstat run` writes it; `frame` is JSON text or an object."""
    if not isinstance(frame, str):
        frame = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
    head = json.dumps({"broadcast": broadcast, "track": track, "sequence": sequence})
    return f"{head[:-1].replace(', ', ',').replace(': ', ':')},\"frame\":{frame}}}\n".encode()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return ", ".join(v for n, v in self.headers if n == name.lower())


def certificate(directory):
    """A certificate for 127.0.0.1 that nobody knows, and its key; their paths."""
    cert, key = os.path.join(directory, "cert"), os.path.join(directory, "key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    return cert, key


class Connection:
    """One TCP connection to the server."""

    def __init__(self, server, rcvbuf=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(40)
        self.socket.connect(server.address)
        self.data = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def ask(self, target, method="GET", **headers):
        lines = [f"{method} {target} HTTP/1.1", "Host: x"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def more(self):
        """Read some more; False at the end."""
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        self.data += data
        return bool(data)

    def take(self, length):
        """So many bytes of what has come."""
        data = bytes(self.data[:length])
        del self.data[:length]
        return data

    def until(self, mark):
        seen = 0
        while (at := self.data.find(mark, seen)) < 0:
            seen = max(0, len(self.data) - len(mark) + 1)
            if not self.more():
                raise Failure(f"the connection ended before {mark!r}: {bytes(self.data[-500:])!r}")
        return self.take(at + len(mark))[:at]

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        return Answer(status, [(n.lower(), v) for n, v in headers], b"")

    def answer(self, method="GET"):
        answer = self.head()
        length = answer.header("content-length")
        if method != "HEAD" and length and answer.status != 304:
            while len(self.data) < int(length):
                check(self.more(), "the body is cut short")
            answer.body = self.take(int(length))
        return answer

    def get(self, target, method="GET", **headers):
        self.ask(target, method, **headers)
        return self.answer(method)

    def closed(self):
        """The other side has closed, whatever it had said before."""
        while self.more():
            pass
        return True


class Events(Connection):
    """A follower of live events."""

    def __init__(self, server, target, rcvbuf=None, **headers):
        super().__init__(server, rcvbuf)
        self.raw, self.chunked, self.body, self.over = bytearray(), False, False, False
        self.ask(target, Accept="text/event-stream", **headers)
        self.reply = self.head()
        self.chunked = self.reply.header("transfer-encoding") == "chunked"
        self.raw, self.data, self.body = self.data, bytearray(), True
        self._unpack()

    def _unpack(self):
        """What has come in chunks, taken out of them."""
        if not self.chunked:
            self.data += self.raw
            self.raw.clear()
            return
        while True:
            at = self.raw.find(b"\r\n")
            if at < 0:
                return
            size = int(self.raw[:at], 16)
            if len(self.raw) < at + 4 + size:
                return
            self.over = self.over or not size
            self.data += self.raw[at + 2 : at + 2 + size]
            del self.raw[: at + 4 + size]

    def more(self):
        if not self.body:
            return super().more()
        if self.over:
            return False
        data, self.data = self.data, self.raw
        try:
            alive = super().more()
        finally:
            self.data = data
        self._unpack()
        return alive

    def event(self):
        """The next event: (name, id, data); comments are left out."""
        while True:
            fields = {}
            for line in self.until(b"\n\n").decode().split("\n"):
                name, _, value = line.partition(":")
                fields[name] = value[1:] if value.startswith(" ") else value
            if "data" in fields:
                return fields.get("event", "message"), fields.get("id"), fields["data"]


class Server:
    """The server, and the run that it serves: what it is fed with."""

    def __init__(self, moqstat, *args, command=None):
        self.moqstat = moqstat
        self.err = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            command or [moqstat, "serve", "--listen", "127.0.0.1:0", *args],
            stdin=subprocess.PIPE,
            stderr=self.err,
        )
        found = wait_until(
            lambda: re.search(r"listening on https?://127.0.0.1:(\d+)/", self.errors())
            or self.child.poll() is not None,
            10,
            "the server listens",
        )
        check(self.child.poll() is None, f"the server ended: {self.errors()}")
        self.address = ("127.0.0.1", int(found.group(1)))
        self.sequence = {}

    def errors(self):
        # Not by seeking: the server writes where this descriptor stands.
        return os.pread(self.err.fileno(), 1 << 20, 0).decode(errors="replace")

    def feed(self, line):
        self.child.stdin.write(line)
        self.child.stdin.flush()

    def frame(self, track, frame, broadcast=".stats/node/n1", sequence=None):
        """The next frame of a track; its number."""
        key = broadcast, track
        if sequence is None:
            sequence = self.sequence.get(key, -1) + 1
        self.sequence[key] = sequence
        self.feed(frame_line(broadcast, track, sequence, frame))
        return sequence

    def frames(self, broadcast=".stats/node/n1"):
        """First frames of all tracks, as a run begins with."""
        for track in TRACKS:
            self.frame(track, "{}", broadcast)
        self.settle()

    def status(self, **status):
        self.feed(json.dumps({"moqstat": status}).replace('{"moqstat": ', '{"moqstat":').encode() + b"\n")

    def health(self, **health):
        self.feed(json.dumps({"health": health}).replace('{"health": ', '{"health":').encode() + b"\n")

    def settle(self):
        """Wait until all that was fed has been taken in."""
        self.mark = getattr(self, "mark", 0) + 1
        self.health(mark=self.mark)
        wait_until(
            lambda: (self.json("/status")["health"] or {}).get("mark") == self.mark,
            10,
            lambda: f"the server has taken all in: {self.errors()}",
        )

    def get(self, target, method="GET", **headers):
        with Connection(self) as c:
            return c.get(target, method, **headers)

    def json(self, target):
        return json.loads(self.get(target).body)

    def facts(self):
        return self.json("/status")["server"]

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.child.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def end(self):
        """Stop it as its service would; it must end well."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            status = self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Failure("the server did not end within 20 s") from None
        check(status == 0, f"the server ended with {status}: {self.errors()}")

    def clean(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        try:
            self.child.stdin.close()
        except OSError:
            pass
        self.err.close()
