# SPDX-License-Identifier: MIT
"""Agents that serve over HTTP, and what asks them: plain HTTP, and live events."""

import fcntl
import http.client
import json
import os
import re
import socket
import struct
import sys
import threading
import time
import types

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../serve"))

from harness import LATER, TRACKS, check, wait_until
from server import Connection, Events  # noqa: F401

# What is cut off behind a frame of a compressed track.
FLUSHED = b"\0\0\xff\xff"


class Reply:
    """An answer: its status, its headers but those that say when and over which connection, and its
    body."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = sorted(
            (name.lower(), value)
            for name, value in answer.getheaders()
            if name.lower() not in ("date", "connection")
        )
        self.body = answer.read()

    def header(self, name):
        return dict(self.headers).get(name)


def ask(port, target, method="GET", headers=(), host="127.0.0.1", timeout=10):
    """One request over a connection of its own; its Reply, or None where none comes in time."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in dict(headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        return Reply(connection.getresponse())
    except TimeoutError:
        return None
    finally:
        connection.close()


def port_of(agent):
    """Where an agent says that it listens."""
    found = wait_until(
        lambda: re.search(r"listening on https?://\S+:(\d+)/", agent.errors())
        or not agent.running(),
        10,
        lambda: f"the agent listens: {agent.errors()}",
    )
    check(agent.running(), f"the agent ended: {agent.errors()}")
    return int(found.group(1))


def ready(reply):
    """Is it, but for what can't be counted of a later relay?"""
    lacks = [] if reply.status == 200 else reply.body.decode().splitlines()[1:] or ["all"]
    return all(LATER and ": stale is unavailable: " in line for line in lacks)


def served(world, relay, *args, listen="127.0.0.1:0", **kwargs):
    """An agent that serves, and writes the same to its standard output; its port."""
    agent = world.agent(relay, "--listen", listen, "--output", "jsonl", *args, **kwargs)
    agent.port = port_of(agent)
    if "--tls-cert" not in args:
        host = listen.rpartition(":")[0]
        # The server takes in a frame later than it is written to standard output.
        wait_until(lambda: ready(ask(agent.port, "/readyz", host=host)), 10, "it is ready")
    return agent


def children_of(agent):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                parent = int(f.read().rpartition(") ")[2].split()[1])
        except OSError:
            continue
        if parent == agent.pid:
            found.append(int(pid))
    return found


def child_of(agent):
    """The process that serves. What opens files in a relay's namespace is one, too, for a moment."""
    found = []

    def one():
        found[:] = children_of(agent)
        return len(found) == 1

    wait_until(one, 5, lambda: f"one child of the agent: {found}")
    return found[0]


def gone(pid):
    """A process has ended, whether its parent has seen to that or not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(") ")[2].split()[0] in "ZX"
    except OSError:
        return True


class Follower:
    """Live events, gathered as they come: (name, id, data as bytes)."""

    def __init__(self, port, target, host="127.0.0.1", **headers):
        self.events = Events(types.SimpleNamespace(address=(host, port)), target, **headers)
        self.status = self.events.reply.status
        self.got, self.times = [], []
        self.over = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while True:
                name, id_, data = self.events.event()
                self.times.append(time.time())
                self.got.append((name, id_, data.encode()))
        except Exception:  # the connection is at its end, as it must be some time
            self.over = True

    def of(self, name):
        return [data for event, _, data in list(self.got) if event == name]

    def gone(self):
        """All rows that left, by its deltas."""
        changes = [json.loads(data) for _, _, data in list(self.got)]
        return {path for change in changes for path in change.get("gone", ())}

    def close(self):
        self.events.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.events.socket.close()


def all_tracks(delta=False, prefix=""):
    """The target of a stream of all six."""
    names = "&".join(f"track={prefix}{name}" for name in TRACKS)
    return f"/events?{names}{'&delta=1' if delta else ''}"


def whole(data, before):
    """The frame that an event with deltas stands for, after the one before."""
    event = json.loads(data)
    if "full" in event:
        return event["full"]
    frame = dict(before)
    for path in event["gone"]:
        del frame[path]
    frame.update(event["set"])
    return frame


class Address:
    """An address of this machine's own that is no loopback one, for as long as it is entered; on the
    loopback interface all the same, so that nobody else reaches it."""

    SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8914

    def __init__(self):
        pid = os.getpid()
        self.text = f"198.18.{pid >> 8 & 255}.{pid & 255 or 1}"
        self.name = f"lo:m{pid}".encode()

    def _set(self, request, address):
        value = struct.pack("<HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, request, struct.pack("16s16s", self.name, value))

    def __enter__(self):
        self._set(self.SIOCSIFADDR, self.text)
        self._set(self.SIOCSIFNETMASK, "255.255.255.255")
        return self.text

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, self.SIOCSIFFLAGS, struct.pack("16sH14x", self.name, 0))
