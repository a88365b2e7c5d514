# SPDX-License-Identifier: MIT
"""A stretch of network in front of a relay that can hold back what the relay says, so that a client
acts on what has been overtaken."""

import select
import socket
import threading


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
