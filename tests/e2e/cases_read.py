# SPDX-License-Identifier: MIT
"""Bytes, frames and groups read from the relay's own counters, without a probe at any of them: the
same loads as with probes, and what only reading could get wrong."""

import signal

import cases
import cases_ends
import cases_late
import cases_off
import cases_off_hard
from cases import expect_row
from harness import Client, Relay, check, wait_until

PAYLOAD = ("bytes", "frames", "groups")


def hot(agent):
    """How payload is counted, and hits at its sites, by the newest status."""
    with agent.lock:
        probes = agent.statuses[-1]["probes"]
    hits = {
        name: counter["hits"]
        for name, counter in probes["counters"].items()
        if name.split(".")[-1] in PAYLOAD
    }
    return probes["hot"], sum(hits.values())


def changes_over(world):
    """Whether the relay's statistics are on shows when something begins: from then on its own
    counters are read, and go on from what probes had counted."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P r/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S r/x t0 as=s",
        "write P r/x t0 groups=3 frames=5 size=7 lockstep=s",
    )
    wait_until(lambda: hot(agent)[0] == "read", 10, lambda: f"{hot(agent)}")
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "r/x", groups=3, frames=15, bytes=105)
    client("write P r/x t0 groups=100 frames=50 size=3 lockstep=s")
    frames = world.same(agent, watch)
    expect_row(frames, "subscriber.json", "r/x", groups=103, frames=5015, bytes=15105)
    client("close S", "close P")
    world.same(agent, watch)
    last = world.stop(agent)
    check(last["probes"]["hot"] == "read" and hot(agent)[1] < 1000, f"probes fired: {hot(agent)}")
    check(agent.totals()["publisher.json"]["r/x"]["bytes"] == 15105, "in the end, too")


def nothing_to_read(world):
    """Where the statistics are off there is nothing to read, and that is said."""
    relay = Relay(world, stats=False)
    agent = world.agent(relay, "--hot", "read")
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P r/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S r/x t0 as=s",
        "write P r/x t0 groups=3 frames=5 size=7 lockstep=s",
    )
    wait_until(lambda: (agent.row("publisher.json", "r/x") or {}).get("subscriptions") == 1, 10,
               lambda: f"the rest is counted: {agent.row('publisher.json', 'r/x')}")
    last = world.stop(agent, unavailable=PAYLOAD)
    check(last["probes"]["hot"] == "none", f"{last['probes']['hot']}")
    worth = last["tracks"]["publisher.json"]
    states = {worth[field]["state"] for field in PAYLOAD}
    check(states == {"unavailable"} and "--hot read" in worth["bytes"]["reason"], f"{worth}")


def ends_with_old_guards(world):
    """A relay is killed right after a write on what was open before the agent came."""
    relay = Relay(world)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P r/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S r/x t0 as=s",
        "write P r/x t0 groups=3 frames=5 size=7 lockstep=s",
    )
    agent = world.agent(relay, "--interval", "3")
    wait_until(lambda: (agent.row("publisher.json", "r/x") or {}).get("bytes") == 105, 10, "taken over")
    client("write P r/x t0 groups=2 frames=3 size=11 lockstep=s")
    relay.end(signal.SIGKILL)
    check(agent.wait() == 3, f"the relay's end: {agent.errors()}")
    agent.thread.join(5)
    row = agent.row("publisher.json", "r/x")
    check(row["bytes"] == 105 + 66 and row["groups"] == 5, f"all that was sent: {row}")
    check(hot(agent) == ("read", 0), f"{hot(agent)}")


LOADS = (
    cases.one_broadcast,
    cases.many,
    cases.flicker,
    cases.second_subscription,
    cases.publisher_killed,
    cases.slower_relay,
    cases.slower_agent,
    cases.transports,
    cases.two_tiers,
    cases.missing_track,
    cases.long_paths,
    cases_off.path_of_4k,
    cases.capacity,
    cases.capacity_comes_back,
    cases.never_closed_before_open,
    cases.two_relays,
    cases.attach_late,
    cases.attach_late_unseen,
    cases.record_replay,
    cases.relay_ends,
    cases_ends.middle_of_group,
    cases_ends.killed,
    cases_late.late_busy_on,
    cases_off_hard.short_subscriptions,
    cases_off_hard.fast_tick,
)

CASES = (
    (changes_over, "entry"),
    (nothing_to_read, "entry"),
    (ends_with_old_guards, "read"),
    *((case, "read") for case in LOADS),
)
