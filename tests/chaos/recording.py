# SPDX-License-Identifier: MIT
"""What the agent read at each tick (--record), before frames were made of it."""

import json

from harness import FIELDS, check

ROLES = ("publisher", "subscriber")


class Recording:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.ticks = [json.loads(line) for line in f]
        check(self.ticks, f"{path} is empty")

    def closed_within_open(self):
        """closed <= open in all that was read, also where a frame would hold an excess back."""
        for tick in self.ticks:
            for row in tick["broadcasts"] + tick["sessions"]:
                counts = row["counts"]
                slots = [s for role in ROLES for s in counts.get(role, {}).values()]
                for slot in slots or [counts]:
                    for name, n in slot.items():
                        if name.endswith("_closed"):
                            check(slot.get(name[: -len("_closed")], 0) >= n, f"closed > open: {row}")
        return len(self.ticks)

    def lives(self):
        """The last reading of each incarnation: (path, incarnation) -> its counts, by role."""
        last = {}
        for tick in self.ticks:
            for row in tick["broadcasts"]:
                last[row["path"], row["incarnation"]] = row["counts"]
        return last

    def sessions(self):
        """The last reading of each root's counts."""
        return {
            (row["root"], row["tier"], row["incarnation"]): row["counts"]
            for tick in self.ticks for row in tick["sessions"]
        }

    def totals(self):
        """The sums over all lives, as Frames.totals() has them, of broadcasts in both tiers. Frames
        alone don't always tell one life from the next."""
        sums = {f"{role}.json": {} for role in ROLES}
        for (path, _), counts in self.lives().items():
            for role in ROLES:
                if role in counts:
                    row = sums[f"{role}.json"].setdefault(path, dict.fromkeys(FIELDS, 0))
                    for name, n in (one for tier in counts[role].values() for one in tier.items()):
                        row[name] += n
        return sums

    def unseen(self, frames):
        """Of which lives the last counts were in no published frame, the agent's or the relay's."""
        found = []
        for role in ROLES:
            shown = set()
            for frame in frames.history(f"{role}.json"):
                shown |= {(path, *row.values()) for path, row in frame.items()}
            for (path, incarnation), counts in self.lives().items():
                if role in counts:
                    row = [counts[role].get("external", {}).get(name, 0) for name in FIELDS]
                    if (path, *row) not in shown:
                        found.append(f"{role}.json: {path} {incarnation}: {row}")
        return found

    def check_shown(self, agent, watch):
        """Each life's last counts were shown by the agent, and by the relay, but for a few: between its
        last look at an entry and the moment when it lets it go (stats.rs, run_publisher) what ends or
        even begins is in none of its frames."""
        missing = self.unseen(agent)
        check(not missing, f"never shown: {missing[:3]}")
        missing = self.unseen(watch) if watch else []
        check(len(missing) <= 2 + len(self.lives()) // 50, f"the relay never showed: {missing[:3]}")

    def gaps(self):
        """Seconds between one tick and the next."""
        times = [tick["time_ms"] / 1000 for tick in self.ticks]
        return [b - a for a, b in zip(times, times[1:])]
