# SPDX-License-Identifier: MIT
"""The clients' own totals, by broadcast, and what a relay must have counted for them."""

import json

from harness import check

PAYLOAD = ("groups", "frames", "bytes")
PAIRS = ("announced", "broadcasts", "subscriptions")


def amounts(answer):
    """The totals in a client's answer: groups=… frames=… bytes=…"""
    words = dict(word.split("=") for word in answer.split() if "=" in word)
    return {name: int(words[name]) for name in PAYLOAD}


def add(row, more):
    for name, n in more.items():
        row[name] = row.get(name, 0) + n


def differences(one, other, tracks):
    """Where two processes' sums over all lives differ, a line a row."""
    return [
        f"{track} {path!r}: {one[track].get(path)} and {other[track].get(path)}"
        for track in tracks
        for path in sorted(one[track].keys() | other[track].keys())
        if one[track].get(path) != other[track].get(path)
    ]


class Ledger:
    def __init__(self):
        self.sent = {}  # path -> what its publishers wrote, and how often it was published
        self.got = {}  # path -> what its subscribers received, and how many there were

    def wrote(self, path, groups, frames, size):
        add(
            self.sent.setdefault(path, {}),
            {"groups": groups, "frames": groups * frames, "bytes": groups * frames * size},
        )

    def published(self, path):
        add(self.sent.setdefault(path, {}), {"announced": 1})

    def received(self, path, answer, subscriptions=1):
        add(self.got.setdefault(path, {}), {"subscriptions": subscriptions, **amounts(answer)})

    def check_all_arrived(self):
        """Every subscriber has had all that was sent."""
        for path, counts in self.got.items():
            lost = {n: (counts[n], self.sent[path][n]) for n in PAYLOAD if counts[n] != self.sent[path][n]}
            check(not lost, f"{path!r}: (arrived, sent) {lost}")

    def check(self, sums):
        """The sums over all lives are the clients' own, name by name; and nothing is left open."""
        for track, mine in (("subscriber.json", self.sent), ("publisher.json", self.got)):
            rows = sums[track]
            strange = rows.keys() ^ mine.keys()
            check(not strange, f"{track}: missed, or made up: {len(strange)}: {sorted(strange)[:9]}")
            for path, counts in mine.items():
                wrong = {n: (rows[path][n], c) for n, c in counts.items() if rows[path][n] != c}
                check(not wrong, f"{track} {path!r}: (is, clients say) {wrong}")
        closed(sums)


def closed(sums, tracks=("publisher.json", "subscriber.json")):
    """As many closes as openings, in every row."""
    for track in tracks:
        for path, row in sums[track].items():
            for name in PAIRS:
                check(row[name] == row[f"{name}_closed"], f"{track} {path!r}: {name} stays: {row}")


def nothing_live(agent):
    frames = agent.frames()
    return frames["publisher.json"] == frames["subscriber.json"] == b"{}"


def events(sums):
    """How many openings, closings, groups and frames were counted in all."""
    return sum(
        n for rows in sums.values() for row in rows.values() for name, n in row.items() if name != "bytes"
    )


def row_of(agent, track, path):
    return json.loads(agent.frames()[track]).get(path, {})
