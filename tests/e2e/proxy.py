# SPDX-License-Identifier: MIT
"""A stretch of network in front of a relay that can hold back what the relay says, so that a client
acts on what has been overtaken."""

import select
import socket
import threading
import time


class Proxy:
    """Forwards one client's connection to a port of this machine: UDP for QUIC, else TCP."""

    def __init__(self, port, udp):
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        self.udp = udp
        self.front = socket.socket(socket.AF_INET, kind)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.back = socket.socket(socket.AF_INET, kind)
        self.client = None
        self.flow = threading.Event()  # clear: the relay's words are kept
        self.flow.set()
        self.lock = threading.Lock()  # held while words pass
        self.done = False
        if udp:
            self.back.connect(("127.0.0.1", port))
        else:
            self.front.listen(1)
        self.relay_port = port
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def hold(self):
        """From the return on, nothing that the relay says gets through."""
        with self.lock:
            self.flow.clear()

    def release(self):
        self.flow.set()

    def close(self):
        self.done = True
        self.flow.set()
        self.thread.join(5)
        for end in (self.front, self.back):
            end.close()

    def _run(self):
        try:
            (self._datagrams if self.udp else self._stream)()
        except OSError:
            pass  # an end has gone: so has the connection

    def _ready(self, front):
        ends = [front] + ([self.back] if self.flow.is_set() else [])
        return [] if self.done else select.select(ends, [], [], 0.02)[0]

    def _datagrams(self):
        while not self.done:
            for end in self._ready(self.front):
                if end is self.front:
                    data, self.client = end.recvfrom(65536)
                    self.back.send(data)
                    continue
                with self.lock:
                    if self.flow.is_set():
                        self.front.sendto(end.recv(65536), self.client)

    def _stream(self):
        self.front.settimeout(30)
        connection, _ = self.front.accept()
        self.back.connect(("127.0.0.1", self.relay_port))
        with connection:
            while not self.done:
                for end in self._ready(connection):
                    with self.lock:
                        if end is self.back and not self.flow.is_set():
                            continue
                        data = end.recv(65536)
                        if not data:
                            return
                        (self.back if end is connection else connection).sendall(data)


class Spoiler(Proxy):
    """A stretch of network on which what a client says over a WebSocket is changed: bytes into as many
    others."""

    def __init__(self, port, before, after):
        self.before, self.after = before, after
        self.spoiled = 0
        super().__init__(port, False)

    def _stream(self):
        self.front.settimeout(30)
        connection, _ = self.front.accept()
        self.back.connect(("127.0.0.1", self.relay_port))
        data = b""
        with connection:
            head = False
            while not self.done:
                for end in self._ready(connection):
                    more = end.recv(65536)
                    if not more:
                        return
                    if end is self.back:
                        connection.sendall(more)
                        continue
                    data += more
                    if not head and b"\r\n\r\n" in data:
                        head = True
                        upgrade, _, data = data.partition(b"\r\n\r\n")
                        self.back.sendall(upgrade + b"\r\n\r\n")
                    while head and (size := self._size(data)):
                        self.back.sendall(self._spoil(data[:size]))
                        data = data[size:]

    @staticmethod
    def _head(data):
        """How long a WebSocket frame's head and body are, RFC 6455, 5.2."""
        short = data[1] & 127
        more = {126: 2, 127: 8}.get(short, 0)
        return 2 + more + 4, int.from_bytes(data[2 : 2 + more], "big") if more else short

    def _size(self, data):
        if len(data) < 14 and (len(data) < 2 or len(data) < self._head(data)[0]):
            return 0
        size = sum(self._head(data))
        return size if len(data) >= size else 0

    def _spoil(self, frame):
        at, _ = self._head(frame)
        mask, body = frame[at - 4 : at], frame[at:]
        clear = bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))
        self.spoiled += clear.count(self.before)
        clear = clear.replace(self.before, self.after)
        return frame[:at] + bytes(byte ^ mask[i % 4] for i, byte in enumerate(clear))


class Gate:
    """Forwards any number of TCP connections to a port of this machine, which may change between them."""

    def __init__(self, port):
        self.to = port
        self.front = socket.create_server(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.shut = threading.Event()  # nothing is read any more, from either side
        self.accepted = 0
        self.pairs = []
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self):
        """Every connection ends, without a word."""
        for end in self.pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
        self.pairs = []

    def close(self):
        self.front.close()
        self.shut.clear()
        self.cut()

    def _run(self):
        while True:
            try:
                one, _ = self.front.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                other = socket.create_connection(("127.0.0.1", self.to), timeout=5)
            except OSError:
                one.close()
                continue
            other.settimeout(None)
            self.pairs += [one, other]
            for a, b in ((one, other), (other, one)):
                threading.Thread(target=self._forward, args=(a, b), daemon=True).start()

    def _forward(self, a, b):
        try:
            while data := a.recv(65536):
                while self.shut.is_set():
                    time.sleep(0.02)
                b.sendall(data)
        except OSError:
            pass
        for end in (a, b):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
