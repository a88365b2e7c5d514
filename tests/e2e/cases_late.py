# SPDX-License-Identifier: MIT
"""Attached in the middle: what was open is there from the first frame, whatever the relay's own
statistics are, and nothing counts twice."""

import json
import random
import signal
import threading
import time

from cases import expect_row
from harness import Client, Relay, check, wait_until

LIVE = ("announced", "broadcasts", "subscriptions")


def live(frames):
    """(track, path) -> what is open, from six frames."""
    out = {}
    for track, frame in frames.items():
        for path, row in json.loads(frame).items():
            names = LIVE if "announced" in row else ("sessions",)
            n = tuple(row[name] - row[name + "_closed"] for name in names)
            if any(n):
                out[track, path] = n
    return out


def late_open(world):
    """With statistics off: what is open at attach is in the first frames; traffic and closes that
    come later find its name; payload begins at attach."""
    relay = Relay(world, stats=False)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P l/old tracks=2",
        "publish P l/idle tracks=1",
        f"connect S {relay.url}",
        f"connect R {relay.url}acme role=subscribe",
        "subscribe S l/old t0 as=o",
        "write P l/old t0 groups=2 frames=3 size=5 lockstep=o",
    )
    agent = world.agent(relay)
    first = {t: json.loads(f) for t, f in agent.frames().items()}
    expect_row(first, "publisher.json", "l/old", broadcasts=1, subscriptions=1, bytes=0)
    expect_row(first, "subscriber.json", "l/old", announced=1, broadcasts=1, subscriptions=1)
    expect_row(first, "subscriber.json", "l/idle", announced=1)
    expect_row(first, "sessions.json", "", sessions=2)
    expect_row(first, "sessions.json", "acme", sessions=1)
    client(
        "write P l/old t0 groups=5 frames=7 size=11 lockstep=o",
        f"connect T {relay.url}",
        "subscribe T l/old t1 as=n",
        "write P l/old t1 groups=3 frames=1 size=1 lockstep=n",
        "close S",
    )
    wait_until(
        lambda: (agent.row("publisher.json", "l/old") or {}).get("subscriptions_closed") == 1,
        10,
        lambda: f"the old viewer has left: {agent.frames()}",
    )
    row = agent.row("publisher.json", "l/old")
    check(row["subscriptions"] == 2 and row["broadcasts"] - row["broadcasts_closed"] == 1, f"{row}")
    payload = {"bytes": 5 * 77 + 3, "frames": 38, "groups": 8}
    check({k: row[k] for k in payload} == payload, f"payload from attach on: {row}")
    client("close T", "close R", "close P")
    wait_until(
        lambda: not any(json.loads(f) for f in agent.frames().values()),
        40,
        lambda: f"all has gone: {agent.frames()}",
    )
    world.stop(agent)


def late_equal(world):
    """With statistics on, identities by guard: what is open is what the relay says, for every
    protocol and role, at once and after closes."""
    relay = Relay(world)
    watch = world.watch(relay)
    clients = []
    for i, version in enumerate(("moq-lite-04", "moq-transport-16")):
        client = Client(world, f"client{i}")
        clients.append(client)
        client(
            f"connect P {relay.url} version={version}",
            f"publish P l{i}/a tracks=2",
            f"publish P l{i}/b tracks=1",
            f"connect S {relay.url} version={version}",
            f"subscribe S l{i}/a t0 as=o",
            f"write P l{i}/a t0 groups=2 frames=3 size=5 lockstep=o",
        )
    agent = world.agent(relay, "--identity", "guard")

    def same():
        a, b = live(agent.frames()), live(watch.frames())
        return a == b

    wait_until(same, 10, lambda: f"{live(agent.frames())} but {live(watch.frames())}")
    for i, client in enumerate(clients):
        client(f"connect T {relay.url}", f"subscribe T l{i}/a t1 as=n", "close S")
    wait_until(same, 40, lambda: f"{live(agent.frames())} but {live(watch.frames())}")
    for client in clients:
        client("close T", "close P")
    wait_until(same, 40, lambda: f"{live(agent.frames())} but {live(watch.frames())}")
    world.stop(agent)


def churn(relay, client, stop):
    """Sessions and subscriptions come and go until told to stop."""
    turn = 0
    while not stop.is_set():
        turn += 1
        client(
            f"connect C {relay.url}",
            f"subscribe C l/0 t{10 + turn % 40} as=x{turn}",
            f"publish C c/{turn} tracks=1",
            "close C",
        )


chance = random.Random(1)


def stall(agent):
    """Hold an agent up for a moment, as a busy machine would."""
    agent.child.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0, 0.03))
    agent.child.send_signal(signal.SIGCONT)
    time.sleep(chance.uniform(0, 0.03))


def late_busy(world, stats=None, times=50):
    """Attached many times in a row while sessions come and go: what stays open is right each time,
    closed never exceeds open, and when all is still, what is open is the truth."""
    relay = Relay(world, stats=stats)
    client = Client(world)
    client(f"connect P {relay.url}", *(f"publish P l/{b} tracks=50" for b in range(3)))
    for s in range(2):
        client(f"connect S{s} {relay.url}")
        client(*(f"subscribe S{s} l/{b} t{b} as=o{s}{b}" for b in range(3)))
    stays = {"subscriptions": 2, "broadcasts": 2}
    stop = threading.Event()
    other = Client(world, "churn")
    thread = threading.Thread(target=churn, args=(relay, other, stop), daemon=True)
    thread.start()
    for turn in range(times):
        agent = world.agent(relay, "--interval", "0.05")
        for b in range(3):
            row = agent.row("publisher.json", f"l/{b}")
            for name, n in stays.items():
                is_open = row[name] - row[name + "_closed"] if row else 0
                most = n + (b == 0)
                check(n <= is_open <= most, f"turn {turn}: l/{b} {name}: {is_open} of {n}: {row}")
            row = agent.row("subscriber.json", f"l/{b}")
            check(row and row["announced"] - row["announced_closed"] == 1, f"turn {turn}: {row}")
        world.stop(agent, lost=("entry_unknown", "close_unseen"))
    stop.set()
    thread.join(60)
    agent = world.agent(relay)

    def only_what_stays():
        now = live(agent.frames())
        rows = [now.get(("publisher.json", f"l/{b}"), ())[1:] for b in range(3)]
        return (
            {p for _, p in now} <= {"l/0", "l/1", "l/2", ""}
            and rows == [(2, 2)] * 3
            and [now.get(("subscriber.json", f"l/{b}")) for b in range(3)] == [(1, 1, 1)] * 3
            and now.get(("sessions.json", "")) == (3,)
        )

    wait_until(only_what_stays, 40, lambda: f"what is open is what stays: {live(agent.frames())}")
    client("close S0", "close S1", "close P")
    wait_until(
        lambda: not live(agent.frames()), 40, lambda: f"all has gone: {live(agent.frames())}"
    )
    world.stop(agent, lost=("close_unseen",))


def late_busy_off(world):
    late_busy(world, stats=False)


def late_busy_on(world):
    late_busy(world, stats=True)


def late_stalled(world):
    """Attached while the agent is held up at any moment: between its census and what it tells the
    programs of it subscriptions end, whose places others get."""
    relay = Relay(world, stats=False)
    client = Client(world)
    tracks = range(40)
    client(
        f"connect P {relay.url}",
        "publish P l/0 tracks=40",
        f"connect S {relay.url}",
    )
    subscribe = [f"subscribe S l/0 t{t} as=x{t}" for t in tracks]
    leave = [f"unsubscribe x{t}" for t in tracks]
    # A publisher of this client's library ends its session at a stream that is over before it has
    # read what it is for: each subscription reaches it before it goes.
    used, unused = ([f"wait-{word} P l/0 t{t}" for t in tracks] for word in ("used", "unused"))

    def disturb(agent):
        for command in leave[1:]:
            client(command)
            stall(agent)

    for turn in range(6):
        client(*subscribe[bool(turn) :], *used)
        agent = world.agent(relay, "--interval", "0.05", meanwhile=disturb)
        for _ in range(15):
            client(*unused[1:], *subscribe[1:], *used[1:], *leave[1:])
        wait_until(
            lambda: live(agent.frames()).get(("publisher.json", "l/0"), ())[2:] == (1,),
            10,
            lambda: f"turn {turn}: the others have left: {agent.frames()}",
        )
        world.stop(agent)
        client(*unused[1:])


ALONE = (late_busy_off, late_busy_on, late_stalled)
CASES = (late_open, late_equal, late_busy_off, late_busy_on, late_stalled)
