# SPDX-License-Identifier: MIT
"""What `moqstat census` tells of a relay's memory, and the same from frames."""

import json
import subprocess
from collections import Counter

from checks import check

# A kind of guard and the counters of the relay's that tell how many are open.
KINDS = (("announce", "announced"), ("track", "subscriptions"), ("broadcast", "broadcasts"))
PREFIX = ".stats/"


def census(world, relay, *args):
    done = subprocess.run(
        [world.moqstat, "census", "--pid", str(relay.pid), "--json", *args],
        capture_output=True,
        timeout=60,
    )
    check(done.returncode == 0, f"census: {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def census_errors(world, relay):
    command = [world.moqstat, "census", "--pid", str(relay.pid), "--verbose"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stderr


def is_told(seen):
    return not seen["tasks_untold"] and not any(seen["untold"].values())


def told(seen, what=""):
    """All of it was told."""
    check(is_told(seen), f"{what}: not told: {seen['untold']}, {seen['tasks_untold']} tasks")


def opened(seen):
    """(kind, path, tier, role) -> how many; without what serves the relay's own statistics."""
    return Counter(
        (i["kind"], i["path"], i["tier"], i["role"])
        for i in seen["open"]
        if i["kind"] != "session" and not i["path"].startswith(PREFIX)
    )


def sessions(seen):
    return Counter((i["root"], i["tier"]) for i in seen["open"] if i["kind"] == "session")


def in_frames(frames):
    """The same, from the relay's frames."""
    out = Counter()
    for track, frame in frames.items():
        tier = "internal" if track.startswith("internal/") else "external"
        for path, row in json.loads(frame).items():
            if "sessions" in row:
                continue
            for kind, field in KINDS:
                n = row[field] - row[field + "_closed"]
                if n:
                    out[kind, path, tier, track.removeprefix("internal/").split(".")[0]] = n
    return out


def sessions_in_frames(frames):
    out = Counter()
    for track, tier in (("sessions.json", "external"), ("internal/sessions.json", "internal")):
        for root, row in json.loads(frames[track]).items():
            if row["sessions"] != row["sessions_closed"]:
                out[root, tier] = row["sessions"] - row["sessions_closed"]
    return out


def differences(is_, must_be):
    return {k: (is_.get(k, 0), must_be.get(k, 0)) for k in {*is_, *must_be} if is_[k] != must_be[k]}
