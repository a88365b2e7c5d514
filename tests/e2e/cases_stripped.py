# SPDX-License-Identifier: MIT
"""Relays without symbols: `strip` of the release build, whole and in part."""

import json
import os
import subprocess

from cases import attach_late_unseen, one_broadcast, transports
from harness import Client, Relay, check, wait_until


# What the off mode knows of announces by the names of functions: which of them are of IETF
# moq-transport, and which calls change its tables.
BY_NAME = ("insert", "remove", "table", "peek", "place")


def sites(world, executable):
    """What a scan finds, names left aside: sites as text, and which function of the layout is where."""
    command = [world.moqstat, "sites", "--binary", executable, "--json", "--no-cache"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    check(done.returncode == 0, f"{command}: {done.stderr.decode()}")
    found = json.loads(done.stdout)
    check(not found["unprobed"], f"{executable}: {found['unprobed']} can't be probed")
    for site in found["sites"]:
        del site["function"]  # an index
    functions = [(f["address"], f["which"]) for f in found["functions"] if f["which"] >= 0]
    return found["sites"], sorted(functions)


def texts(found, named):
    """The same as a set; if not `named`, without what only names can tell."""
    kept = [dict(site) for site in found if named or site["event"] not in BY_NAME]
    for site in kept:
        if not named and site.get("field") == "announced_closed":
            site.pop("handles", None)
            site.pop("path", None)
    return {json.dumps(site, sort_keys=True) for site in kept}


def strip(world, *how):
    """A copy of the relay without symbols."""
    path = os.path.join(world.dir, "moq-relay" + "".join(how))
    subprocess.run(["strip", *how, "-o", path, world.relay], check=True, timeout=60)
    return path


def stripped_sites(world):
    """Structure tells the same functions and sites as names do, to the operand. What it can't tell, whose
    a closed announce was while the relay's statistics are off, it doesn't."""
    all_sites, functions = sites(world, world.relay)
    check(len(all_sites) > 300 and {which for _, which in functions} == {0, 1, 2, 3},
          "the relay has its symbols")
    for how, named in (((), False), (("--discard-all",), False), (("--strip-debug",), True)):
        path = strip(world, *how)
        found, found_functions = sites(world, path)
        os.unlink(path)
        check(found_functions == functions, f"strip {how}: {found_functions}, not {functions}")
        differ = texts(found, named) ^ texts(all_sites, named)
        check(not differ, f"strip {how}: {len(differ)} sites differ: {sorted(differ)[:4]}")
        more = texts(found, True) - texts(all_sites, True)
        told = [site for site in map(json.loads, more) if site.get("handles") or site.get("path")]
        check(not told, f"strip {how}: guessed: {told[:2]}")


def stripped(world):
    """Its frames equal the relay's own."""
    world.relay = strip(world)
    one_broadcast(world)
    transports(world)


def stripped_late(world):
    """Without symbols there is no census: what was open is named from the relay's tables."""
    attach_late_unseen(world, program=[strip(world)])


def stripped_off(world):
    """Its statistics off: all but announced_closed is counted, and that one said to be unavailable."""
    relay = Relay(world, stats=False, program=[strip(world)])
    agent = world.agent(relay)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P s/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S s/x t0 as=a",
        "write P s/x t0 groups=7 frames=23 size=5 lockstep=a",
        "close S",
    )
    wait_until(
        lambda: (agent.row("publisher.json", "s/x") or {}).get("subscriptions_closed"),
        10,
        lambda: f"the subscription has ended: {agent.frames()}",
    )
    expected = {"broadcasts": 1, "subscriptions": 1, "bytes": 805, "frames": 161, "groups": 7}
    for track in ("publisher.json", "subscriber.json"):
        wait_until(
            lambda t=track: (row := agent.row(t, "s/x")) and {k: row[k] for k in expected} == expected,
            10,
            lambda t=track: f"{t}: {agent.row(t, 's/x')}",
        )

    def state(field):
        return agent.statuses[-1]["tracks"]["publisher.json"][field]["state"]

    # A tick's status is behind its frames.
    wait_until(lambda: state("announced_closed") == "unavailable", 10, lambda: f"{agent.statuses[-1]}")
    check(state("bytes") != "unavailable", f"{agent.statuses[-1]}")
    world.stop(agent, lost=("guard_unknown", "close_unseen"), unavailable=("announced_closed",))


def stripped_off_late(world):
    """Attached in the middle then: what can't be named is one row, unless it is not wanted."""
    relay = Relay(world, stats=False, program=[strip(world)])
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P s/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S s/x t0 as=a",
    )
    agent = world.agent(relay)
    quiet = world.agent(relay, "--no-unattributed", name="quiet")
    # That the statistics are off is known as soon as anything begins.
    client(f"connect T {relay.url} role=publish")
    client("write P s/x t0 groups=7 frames=23 size=5 lockstep=a")
    payload = {"bytes": 805, "frames": 161, "groups": 7}
    for track in ("publisher.json", "subscriber.json"):
        wait_until(
            lambda t=track: (agent.row(t, "__unattributed__") or {}).get("bytes") == 805,
            10,
            lambda: f"the bytes of nobody: {agent.frames()}",
        )
        row = agent.row(track, "__unattributed__")
        check({k: row[k] for k in payload} == payload, f"{track}: {row}")
        check(quiet.frames()[track] == b"{}", f"{track}: {quiet.frames()}")
    for one in (agent, quiet):
        last = world.stop(one, lost=("guard_unknown",), unavailable=("announced_closed",))
        check(last["lost"]["guard_unknown"] >= 7 * 24, f"{last['lost']}")


CASES = (stripped_sites, stripped, stripped_late, stripped_off, stripped_off_late)
