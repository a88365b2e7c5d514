# SPDX-License-Identifier: MIT
"""An agent of several relays, each with a broadcast of its own."""

import json
import os
import subprocess
import signal

from harness import Frames, check, wait_until


class Broadcast:
    """One relay's part of an agent's output, with the reading half of Frames."""

    def __init__(self, agent, path):
        self.agent, self.path = agent, path
        self.lines, self.last, self.statuses = [], {}, []
        self.past = []  # of each life that has ended: its lines

    def end(self):
        self.past.append(self.lines)
        self.lines, self.last = [], {}

    frames = Frames.frames
    history = Frames.history
    row = Frames.row
    lock = property(lambda self: self.agent.lock)


class Agents(Frames):
    """An agent of several relays: what it writes, apart by broadcast."""

    def __init__(self, world, name, command):
        self.broadcasts = {}
        super().__init__(world, name, command)

    def _read(self):
        for line in self.child.stdout:
            line = line.rstrip(b"\n")
            head = json.loads(line)
            with self.lock:
                if "moqstat" in head:
                    status = head["moqstat"]
                    self.statuses.append(status)
                    self[status["broadcast"]].statuses.append(status)
                    continue
                if "ended" in head:
                    self[head["ended"]["broadcast"]].end()
                    continue
                frame = line[line.index(b'"frame":') + 8 : -1]
                one = self[head["broadcast"]]
                one.lines.append((head["track"], head["sequence"], frame))
                one.last[head["track"]] = frame

    def __getitem__(self, path):
        return self.broadcasts.setdefault(path, Broadcast(self, path))

    def of(self, relay, seconds=15):
        """The broadcast of a relay: its newest status says which; its six frames are out."""

        def found():
            with self.lock:
                for status in reversed(self.statuses):
                    if status["relay"]["pid"] == relay.pid and not status["ended"]:
                        return self[status["broadcast"]]
            return None

        def what():
            return f"the agent finds {relay.name} ({relay.pid}): {self.errors()}"

        one = wait_until(lambda: (one := found()) and len(one.last) == 6 and one, seconds, what)
        check(self.running(), f"the agent ended: {self.errors()}")
        return one

    def knows(self, pid):
        with self.lock:
            return any(s["relay"]["pid"] == pid for s in self.statuses)

    def ended(self, relay, seconds=10):
        """The last status of a relay that has ended."""

        def found():
            with self.lock:
                return [s for s in self.statuses if s["ended"] and s["relay"]["pid"] == relay.pid]

        return wait_until(found, seconds, f"the end of {relay.name}: {self.errors()}")[-1]

    def stop(self, how=signal.SIGTERM):
        status = self.end(how)
        self.thread.join(5)
        check(status == 0, f"the agent ended with {status}: {self.errors()}")


def agent_of(world, *args, name="agent"):
    return Agents(world, name, [world.moqstat, "run", *args])


def copy_of(world, name="moq-relay", program=None):
    """The relay's executable, or another, under a path of this case's own. By a process of its own: a
    child that another thread starts meanwhile would hold the copy open for writing, and it could not be
    run then."""
    path = os.path.join(world.dir, name)
    subprocess.run(["cp", program or world.relay, path], check=True)
    return path


def all_closed(one):
    """Whatever a broadcast's last frames show is closed."""
    for track, frame in one.frames().items():
        for path, row in json.loads(frame).items():
            for field in row:
                closed = row.get(f"{field}_closed")
                check(closed in (None, row[field]), f"{one.path} {track} {path}: open: {row}")
