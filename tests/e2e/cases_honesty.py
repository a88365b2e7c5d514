# SPDX-License-Identifier: MIT
"""Probes left out on purpose: what they count must turn unavailable, and nothing else."""

import itertools
import time

from harness import Client, Relay, check, wait_until

# Left out -> what is to be noticed; beside which relays (its statistics on, off); and whether that
# takes an incarnation of which nothing was open at attach, as only the relay's memory tells where
# its statistics are off.
LEFT_OUT = {
    "publisher.announced": (("publisher announced",), "on off", True),
    "publisher.announced_closed": (("publisher announced_closed",), "on", True),
    "publisher.subscriptions": (("publisher subscriptions",), "on off", False),
    "publisher.subscriptions_closed": (("publisher subscriptions_closed",), "on", True),
    "publisher.bytes": (("publisher bytes",), "on off", True),
    "publisher.frames": (("publisher frames",), "on off", False),
    "publisher.groups": (("publisher groups",), "on off", False),
    "subscriber.announced": (("subscriber announced",), "on off", True),
    "subscriber.announced_closed": (("subscriber announced_closed",), "on", True),
    "subscriber.subscriptions": (("subscriber subscriptions",), "on off", False),
    "subscriber.subscriptions_closed": (("subscriber subscriptions_closed",), "on", True),
    "subscriber.bytes": (("subscriber bytes",), "on off", True),
    "subscriber.frames": (("subscriber frames",), "on off", False),
    "subscriber.groups": (("subscriber groups",), "on off", False),
    # One function counts for both roles.
    "side.broadcasts": (("publisher broadcasts", "subscriber broadcasts"), "on off", True),
    "side.broadcasts_closed": (
        ("publisher broadcasts_closed", "subscriber broadcasts_closed"), "on", True,
    ),
    "sessions.sessions": (("sessions sessions",), "on", True),
    "sessions.sessions_closed": (("sessions sessions_closed",), "on", True),
}

# Beside a relay whose statistics are off a close that was missed shows when the relay gives the
# place of the guard to another. It isn't told of which role the first one was.
REUSED = {
    "publisher.subscriptions_closed": (
        "publisher subscriptions_closed", "subscriber subscriptions_closed",
    ),
    "subscriber.subscriptions_closed": (
        "publisher subscriptions_closed", "subscriber subscriptions_closed",
    ),
    "sessions.sessions_closed": ("sessions sessions_closed",),
}

# Agents at once: each has a program at every site.
AT_ONCE = 6

# The client never takes a name twice.
LOADS = itertools.count()


def states(agent):
    """"ROLE FIELD" -> state, in the newest status; both tiers must agree."""
    found = {}
    for track, fields in agent.statuses[-1]["tracks"].items():
        for field, worth in fields.items():
            name = f"{track.removeprefix('internal/').removesuffix('.json')} {field}"
            check(worth["reason"], f"{name}: a reason")
            check(found.setdefault(name, worth["state"]) == worth["state"], f"{name}: both tiers")
    return found


def unavailable(agent):
    return {name for name, state in states(agent).items() if state == "unavailable"}


def load(relay, client, i):
    """All that there is to count: opened, sent, closed."""
    once = next(LOADS)
    client(
        f"connect P{once} {relay.url}",
        f"publish P{once} h/{i} tracks=1",
        f"connect S{once} {relay.url}",
        f"subscribe S{once} h/{i} t0 as=s{once}",
        f"write P{once} h/{i} t0 groups=3 frames=7 size=5 lockstep=s{once}",
        "sleep 2500",
        f"close S{once}",
        f"close P{once}",
    )


def notice(world, stats):
    relay = Relay(world, stats=stats)
    client = Client(world)
    whole = stats
    if not stats:
        # Is it known that nothing was open?
        agent = world.agent(relay, name="plain")
        load(relay, client, "plain")
        whole = set(states(agent).values()) == {"exact"}
        world.stop(agent)
    names = [
        name for name, (_, beside, needs) in LEFT_OUT.items()
        if ("on" if stats else "off") in beside.split() and (whole or not needs)
    ]
    for first in range(0, len(names), AT_ONCE):
        agents = {
            name: world.agent(relay, "--leave-out", name, "--max-broadcasts", "64", name=name)
            for name in names[first : first + AT_ONCE]
        }
        load(relay, client, first)
        # Once more, when the relay has collected it: freed memory may look as if it had not.
        time.sleep(1.5)
        load(relay, client, first)
        for name, agent in agents.items():
            expected = set(LEFT_OUT[name][0])
            wait_until(
                lambda: unavailable(agent) >= expected,
                6,
                lambda: f"without {name}: {unavailable(agent)}, not {expected}; {agent.errors()}",
            )
        time.sleep(2)
        for name, agent in agents.items():
            expected = set(LEFT_OUT[name][0])
            found = states(agent)
            check(unavailable(agent) == expected, f"without {name}: {unavailable(agent)}")
            others = {state for field, state in found.items() if field not in expected}
            check(len(others) == 1, f"without {name}, the others: {found}")
            check("exact" in others or not stats, f"without {name}, the others: {others}")
            for field in expected:
                said = agent.errors().count(f"{field} is unavailable")
                shared = name.startswith("side.")
                check(said == 1 or shared and said <= 1, f"{field}: {said} warnings")
            agent.end()


def left_out(world):
    """Beside a relay whose statistics are on."""
    notice(world, True)


def left_out_off(world):
    """Beside one whose statistics are off."""
    notice(world, False)


def reused_off(world):
    """Closes left out, beside a relay whose statistics are off."""
    relay = Relay(world, stats=False)
    client = Client(world)
    agents = {
        name: world.agent(relay, "--leave-out", name, "--max-broadcasts", "64", name=name)
        for name in REUSED
    }
    agents["nothing"] = world.agent(relay, name="nothing")
    # Many at once and again, so that the allocator has little choice.
    for i in range(12):
        client(f"connect P{i} {relay.url}", f"publish P{i} h/x tracks=40")
        client(f"connect S{i} {relay.url}")
        client(*(f"subscribe S{i} h/x t{t} as={i}.{t}" for t in range(40)))
        client(f"write P{i} h/x t39 groups=1 frames=1 size=1 lockstep={i}.39")
        client(f"close S{i}", f"close P{i}", "sleep 1500")
        if all(unavailable(agents[name]) >= set(fields) for name, fields in REUSED.items()):
            break
    for name, agent in agents.items():
        expected = set(REUSED.get(name, ()))
        check(unavailable(agent) == expected, f"without {name}: {unavailable(agent)}")


def explained(world):
    """--explain tells people what each field is worth, at the start and when it changes."""
    relay = Relay(world, stats=False)
    agent = world.agent(relay, "--explain")
    wait_until(lambda: "not known yet" in agent.errors(), 5, "a table at the start")
    client = Client(world)
    load(relay, client, "e")
    wait_until(lambda: "statistics are off" in agent.errors(), 5, "another when that is known")
    for word in ("publisher.json, internal/publisher.json", "sessions.json", "path just named",
                 "place of the guard", "since-attach", "[1] "):
        wait_until(lambda w=word: w in agent.errors(), 5, lambda w=word: f"{w!r} is not in: {agent.errors()}")
    world.stop(agent)


def statistics_off(world):
    """Where the relay's own statistics are off, it says so, and what the counts are worth."""
    relay = Relay(world, stats=False)
    agent = world.agent(relay)
    check(set(states(agent).values()) <= {"since-attach", "exact"}, f"{states(agent)}")
    client = Client(world)
    load(relay, client, "o")
    wait_until(lambda: agent.statuses[-1]["relay"]["statistics"] == "off", 10, lambda: f"{agent.statuses[-1]}")
    check(set(states(agent).values()) <= {"since-attach", "exact"}, f"{states(agent)}")
    check("statistics off" in agent.errors(), f"a message: {agent.errors()}")
    wait_until(lambda: any(f.get("h/o", {}).get("bytes") == 105 for f in agent.history("publisher.json")), 10,
               lambda: f"it counts: {agent.history('publisher.json')}")
    world.stop(agent)


CASES = (left_out, left_out_off, reused_off, explained, statistics_off)
