# SPDX-License-Identifier: MIT
"""Many clients of live events, of crowd.c, and what they must have been sent."""

import json
import os
import subprocess

from server import Failure, check


class Crowd:
    """They follow all of these tracks: so many with delta=1, so many whole frames, and so many that
    never read. Each compares what it is sent with what the others are."""

    def __init__(self, program, port, tracks, delta, full, silent, directory):
        self.out = os.path.join(directory, "crowd.txt")
        self.child = subprocess.Popen(
            [program, "--port", str(port), "--delta", str(delta), "--full", str(full),
             "--silent", str(silent), "--out", self.out, *tracks],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        if self.child.stdout.readline() != "ready\n":
            self.close()
            raise Failure("the clients did not begin")

    def end(self):
        """Let them take in what still comes; what they have received."""
        out, _ = self.child.communicate()
        check(self.child.returncode == 0, f"the clients ended with {self.child.returncode}")
        return json.loads(out)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


def wrong(clients, newest):
    """What is wrong with what they report; `newest` is each track's newest sequence."""
    found = [f"{name}: {clients[name]}" for name in ("gaps", "lost", "lagging", "other", "unlike")
             if clients[name]]
    if clients["ready"] != clients["readers"] or clients["open"] != clients["readers"]:
        found.append(f"{clients['open']} of {clients['readers']} are still there")
    for track, (least, most) in clients["last"].items():
        if clients["readers"] and not least == most == newest[track]:
            found.append(f"{track} ends with {least} to {most}, not {newest[track]}")
    return found


def apply(frame, delta):
    for path in delta["gone"]:
        del frame[path]
    frame.update(delta["set"])
    return dict(sorted(frame.items(), key=lambda item: item[0].encode()))


def prove(path, frames):
    """What they were sent, as Crowd.out has it, makes these frames, text by text (track -> sequence ->
    bytes): how many it makes."""
    mine, at, proven = {}, {}, 0
    with open(path, encoding="utf-8") as f:
        for line in f:
            track, sequence, kind, text = line.rstrip("\n").split("\t", 3)
            sequence = int(sequence)
            theirs = frames[track][sequence].decode()
            if kind == "frame":
                made = text
            elif kind == "full":
                made = text[len('{"full":') : -1]
                if track not in mine:
                    mine[track], at[track] = json.loads(made), sequence
            elif sequence <= at.get(track, sequence):
                continue  # before that with which we began
            else:
                check(sequence == at[track] + 1, f"{track}: {at[track]} is followed by {sequence}")
                mine[track], at[track] = apply(mine[track], json.loads(text)), sequence
                made = json.dumps(mine[track], separators=(",", ":"), ensure_ascii=False)
            check(made == theirs, f"{track} {sequence}: what was sent ({kind}) makes another frame")
            proven += 1
    return proven
