# SPDX-License-Identifier: MIT
"""Hostile loads: crowds of short lives, names and addresses that come and go, an agent that dies."""

import json
import random
import signal
import time

import cases
from cases import PAYLOAD, expect_row
from harness import TRACKS, Client, Relay, check, closed_within_open, differences, wait_until
from versions import LABELS, LETS_GO


def on_and_off(world):
    """Two relays of one executable under the same load, one with statistics on and one off, an agent
    each, side by side: the one's own frames are what the other's agent shows."""
    on = Relay(world, name="on", stats=True, node="on")
    off = Relay(world, name="off", stats=False, node="off")
    on_agent = world.agent(on, name="on-agent", node="on")
    off_agent = world.agent(off, name="off-agent", node="off")
    watch = world.watch(on, node="on")
    Client(world, "idle")(f"connect W {off.url} role=subscribe")
    client = Client(world)

    def both(*commands):
        for name, relay in (("on", on), ("off", off)):
            client(*(c.format(n=name, url=relay.url, ws=relay.ws) for c in commands))

    def same():
        world.same(on_agent, watch)
        world.same(off_agent, watch)

    both(
        "connect P{n} {url}",
        "publish P{n} same/path tracks=2",
        "connect S{n} {ws}",
        "subscribe S{n} same/path t0 as=s{n}",
        "connect R{n} {url} version=moq-transport-17",
        "subscribe R{n} same/path t1 as=r{n}",
        "write P{n} same/path t0 groups=5 frames=7 size=11 lockstep=s{n}",
        "write P{n} same/path t1 groups=3 frames=2 size=13 lockstep=r{n}",
    )
    same()
    # One at a time: nothing of it shows at the other.
    before = off_agent.frames()
    client("write Pon same/path t0 groups=2 frames=3 size=5 lockstep=son")
    world.same(on_agent, watch)
    check(off_agent.frames() == before, "the other relay's load isn't this one's")
    client("write Poff same/path t0 groups=2 frames=3 size=5 lockstep=soff")
    same()
    both("close S{n}")
    same()
    both("close P{n}", "close R{n}")
    same()
    check(watch.totals() == off_agent.totals(), differences_of(off_agent, watch))
    world.stop(on_agent)
    world.stop(off_agent, PAYLOAD)


def differences_of(agent, watch):
    """As differences(), of sums over all lives."""
    one, other = (
        {t: json.dumps(frame).encode() for t, frame in who.totals().items()} for who in (agent, watch)
    )
    return "sums over all lives differ:\n" + differences(one, other)


def short_subscriptions(world):
    """As many subscriptions as there is time for, 600 under way at most, each over as soon as the
    relay has answered it: all of them counted, all of them closed."""
    relay, agent, watch = world.pair()
    publisher = Client(world, "publisher")
    publisher(f"connect P {relay.url} role=publish", "publish P h/x tracks=1")
    urls = (relay.url, relay.ws, relay.url)
    clients = [Client(world, f"client{i}") for i in range(len(urls))]
    for client, url in zip(clients, urls):
        client(f"connect S {url}", "wait-announced S h/x")
    start = time.monotonic()
    seconds = 40 if world.mode == "off" else 15
    turns, batch = 0, 200
    commands = [
        # A track that isn't there: the relay asks the publisher, and ends the subscription.
        *(f"subscribe S h/x no{i} as=s{i}" for i in range(batch)),
        *(f"ended s{i}" for i in range(batch)),
        *(f"unsubscribe s{i}" for i in range(batch)),
    ]
    while time.monotonic() < start + seconds and turns * batch * len(clients) < 100_000:
        for client in clients:
            client.send(commands)
        for client in clients:
            client.receive(commands)
        turns += 1
    wanted = turns * batch * len(clients)

    def all_closed():
        row = agent.row("publisher.json", "h/x")
        return row and row["subscriptions"] == row["subscriptions_closed"] == wanted

    wait_until(all_closed, 10, lambda: f"{wanted}: {agent.row('publisher.json', 'h/x')}")
    world.remark = f": {wanted} subscriptions in {time.monotonic() - start:.0f} s"
    check(wanted >= 1000, f"only {wanted} subscriptions: the machine is too slow to tell")
    row = agent.row("publisher.json", "h/x")
    check(row["broadcasts"] == row["broadcasts_closed"], f"no viewer is left: {row}")
    if world.mode == "guard":
        world.same(agent, watch)
    for client in clients:
        client("close S")
    publisher("close P")
    wait_until(lambda: agent.frames()["subscriber.json"] == b"{}", 10, "all of it goes")
    world.stop(agent, ("publisher.subscriptions", "publisher.subscriptions_closed"))


def ever_new_names(world):
    """Broadcasts with ever new names come and go, so that addresses come back as other guards: what
    each name has counted is what was done to it, and no name is left."""
    relay, agent, watch = world.pair()
    rng = random.Random(4)
    kinds = (
        (relay.url, "moq-lite-03"),
        (relay.ws, "moq-lite-04"),
        (relay.url, "moq-transport-16"),
        # Not 16, whose answers get mixed up more often over WebSocket.
        (relay.ws, "moq-transport-17"),
    )
    clients = [Client(world, f"client{i}") for i in range(len(kinds))]
    truth = {}
    end = time.monotonic() + 20
    turn = 0
    while time.monotonic() < end:
        for (url, version), client in zip(kinds, clients):
            turn += 1
            path = f"n{turn:x}/" + "x" * rng.randrange(40)
            groups, frames, size = rng.randrange(1, 5), rng.randrange(1, 6), rng.randrange(1, 60)
            client(
                f"connect P {url} version={version}",
                f"publish P {path} tracks=1",
                f"connect S {url} version={version}",
                f"subscribe S {path} t0 as=s{turn}",
                f"wait-used P {path} t0",
                f"write P {path} t0 groups={groups} frames={frames} size={size} lockstep=s{turn}",
                *rng.sample(("close P", "close S"), 2),
            )
            truth[path] = {
                "groups": groups, "frames": groups * frames, "bytes": groups * frames * size,
                "subscriptions": 1, "subscriptions_closed": 1,
                "broadcasts": 1, "broadcasts_closed": 1,
            }
    check(turn >= 20, f"only {turn} names: the machine is too slow to tell")
    wait_until(
        lambda: agent.frames()["publisher.json"] == agent.frames()["subscriber.json"] == b"{}",
        10,
        lambda: f"all have gone: {agent.frames()}",
    )
    time.sleep(1.2)
    sums = agent.totals()
    for track in ("publisher.json", "subscriber.json"):
        strange = sums[track].keys() ^ truth.keys()
        check(not strange, f"{track}: names that were missed, or made up: {sorted(strange)[:9]}")
        for path, counts in truth.items():
            expect_row(sums, track, path, **counts)
            row = sums[track][path]
            check(row["announced"] == row["announced_closed"] > 0, f"{track} {path}: {row}")
    world.remark = f": {turn} names"
    if world.mode == "guard":
        world.same(agent, watch)
    world.stop(agent, PAYLOAD)


def fast_tick(world):
    """An agent that ticks every 50 ms while sessions come and go, some in the middle of all: no
    frame ever shows more closed than opened, and none stays open."""
    relay = Relay(world)
    agent = world.agent(relay, "--interval", "0.05")
    publisher = Client(world, "publisher")
    publisher(f"connect P {relay.url}", "publish P z/x tracks=1")
    kinds = ((relay.url, "moq-lite-03"), (relay.ws, "moq-lite-04"), (relay.url, "moq-transport-17"))
    churners = [Client(world, f"churn{i}") for i in range(len(kinds))]
    end = time.monotonic() + 10
    turns = 0
    while time.monotonic() < end:
        for churner, (url, version) in zip(churners, kinds):
            churner(f"connect C {url} version={version}", f"subscribe C z/x t0 as=c{turns}")
        publisher("write P z/x t0 groups=1 frames=2 size=3")
        for churner in churners:
            churner("close C")
        turns += 1
    check(turns >= 5, f"only {turns} turns")

    def settled():
        row = agent.row("publisher.json", "z/x")
        pairs = (("broadcasts", 0), ("subscriptions", 0), ("announced", 1))
        return row and all(row[name] - row[f"{name}_closed"] == n for name, n in pairs)

    wait_until(settled, 10, lambda: f"z/x: {agent.row('publisher.json', 'z/x')}")
    for track in TRACKS:
        bad = [frame for frame in agent.history(track) if not closed_within_open(frame)]
        check(not bad, f"{track}: closed > open: {bad[:1]}")
    # WebSocket sessions are counted only from 0.14 on.
    counted = 3 if LABELS else 2
    counts = {"sessions": 1 + counted * turns, "sessions_closed": counted * turns}
    wait_until(lambda: agent.row("sessions.json", "") == counts, 10,
               lambda: f"{agent.row('sessions.json', '')}, not {counts}")
    world.stop(agent, ("sessions.sessions_closed", "publisher.subscriptions_closed"))


def agent_killed(world):
    """An agent killed with SIGKILL in the middle of a load does the relay no harm, and leaves nothing
    behind that the next one would trip over."""
    relay = Relay(world)
    first = world.agent(relay, name="first")
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P g/x tracks=2",
        f"connect S {relay.url}",
        "subscribe S g/x t0 as=s",
        "write P g/x t0 groups=3 frames=5 size=7 lockstep=s",
    )
    wait_until(lambda: (first.row("publisher.json", "g/x") or {}).get("groups") == 3, 10, "counted")
    first.end(signal.SIGKILL)
    client("write P g/x t0 groups=3 frames=5 size=7 lockstep=s", "close S", "close P")
    check(relay.running(), "the relay runs")
    # Idle again, and the relay's tick has collected all: the next agent sees a beginning.
    time.sleep(2.5)
    second = world.agent(relay, name="second")
    watch = world.watch(relay)
    client(
        f"connect P {relay.url}",
        "publish P g/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S g/x t0 as=again",
        "write P g/x t0 groups=2 frames=3 size=5 lockstep=again",
    )
    frames = world.same(second, watch)
    expect_row(frames, "publisher.json", "g/x", subscriptions=1, groups=2, frames=6, bytes=30)
    client("close S", "close P")
    frames = world.same(second, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames}")
    world.stop(second, PAYLOAD)


def attach_late_unnamed(world):
    """Attached late, beside a relay of which nobody tells what is open: what happens on that is in a row
    of its own, and what begins is counted whole."""
    relay = Relay(world)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P early tracks=1",
        f"connect S {relay.url}",
        "subscribe S early t0 as=e",
    )
    agent = world.agent(relay)
    # The first session tells that the statistics are off; what there was before that is passed by.
    client(f"connect Q {relay.url} role=publish")
    wait_until(lambda: agent.row("sessions.json", ""), 10, "the session is there")
    client("write P early t0 groups=2 frames=5 size=3 lockstep=e")
    payload = {"bytes": 30, "frames": 10, "groups": 2}
    for track in ("publisher.json", "subscriber.json"):
        wait_until(
            lambda track=track: payload.items() <= (agent.row(track, "__unattributed__") or {}).items(),
            10,
            lambda track=track: f"{track}: {agent.row(track, '__unattributed__')}",
        )
    client(
        "publish Q late tracks=1",
        f"connect T {relay.url}",
        "subscribe T late t0 as=l",
        "write Q late t0 groups=3 frames=4 size=7 lockstep=l",
    )
    whole = {"subscriptions": 1, "bytes": 84, "frames": 12, "groups": 3}
    for track in ("publisher.json", "subscriber.json"):
        wait_until(
            lambda track=track: whole.items() <= (agent.row(track, "late") or {}).items(),
            10,
            lambda track=track: f"{track}: {agent.row(track, 'late')}",
        )
    client("unsubscribe e")
    client("close T", "close Q")
    wait_until(lambda: not agent.row("publisher.json", "late"), 10, "what is over goes")
    client("close S", "close P")
    last = world.stop(agent, lost=("guard_unknown", "close_unseen"))
    check(last["lost"]["guard_unknown"], f"{last['lost']}")
    states = {worth["state"] for fields in last["tracks"].values() for worth in fields.values()}
    check(states == {"since-attach"}, f"{states}")


CASES = (
    (on_and_off, "entry"),
    *(((attach_late_unnamed, "off"),) if LABELS else ()),
    *(
        (case, mode)
        for case in (short_subscriptions, ever_new_names, fast_tick, agent_killed)
        for mode in ("guard", "off")
    ),
    (cases.agent_signals, "off"),
    (cases.never_closed_before_open, "guard"),
)
