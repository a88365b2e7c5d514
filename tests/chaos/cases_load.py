# SPDX-License-Identifier: MIT
"""Loads that come and go at speed. A case is a function of a World; its name is the function's."""

import os
import random
import signal
import threading
import time

import ledger
from harness import TRACKS, Client, Relay, check, wait_until
from ledger import Ledger, row_of
from recording import Recording

SECONDS = float(os.environ.get("CHAOS_SECONDS", 12))
BROADCASTS = int(os.environ.get("CHAOS_BROADCASTS", 2000))


def seed_of(world):
    """The seed of a case's randomness, which a report names."""
    seed = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    world.remark += f" seed {seed}"
    return random.Random(seed)


def together(*functions):
    """Run functions beside each other; the first failure is that of all."""
    failures = []

    def guarded(function):
        try:
            function()
        except Exception as e:  # told by whoever waits
            failures.append(e)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def come_and_go(client, names, rng, book):
    """Broadcasts in crowds of 100: published, subscribed to, written to; and ended in any order, by
    their publisher or by their subscriber first."""
    for first in range(0, len(names), 100):
        crowd = names[first : first + 100]
        shapes = [(rng.randrange(1, 4), rng.randrange(1, 6), rng.randrange(60)) for _ in crowd]
        client.send(commands := [f"publish P {name} tracks=1" for name in crowd])
        client.receive(commands)
        client.send(commands := [f"subscribe S {name} t0 as={name}" for name in crowd])
        client.receive(commands)
        commands = [
            f"write P {name} t0 groups={groups} frames={frames} size={size} lockstep={name}"
            for name, (groups, frames, size) in zip(crowd, shapes)
        ]
        client.send(commands)
        client.receive(commands)
        for name, shape in zip(crowd, shapes):
            book.published(name)
            book.wrote(name, *shape)
        ends = [f"unpublish P {name}" for name in crowd] + [f"unsubscribe {name}" for name in crowd]
        rng.shuffle(ends)
        client.send(ends)
        for end, answer in zip(ends, client.receive(ends)):
            if end.startswith("unsubscribe"):
                book.received(end.split()[1], answer)


def two_thousand(world):
    """2,000 broadcasts that come and go: the counts of each are its clients'."""
    rng = seed_of(world)
    relay = Relay(world)
    agent = world.agent(relay)
    watch = world.watch(relay) if relay.stats else None
    clients = pairs(world, relay, 2)
    start = time.monotonic()
    names = [f"b{i:x}/{'x' * rng.randrange(1, 40)}" for i in range(BROADCASTS)]
    books = [Ledger() for _ in clients]
    together(
        *(
            lambda i=i, c=client: come_and_go(c, names[i::2], random.Random(rng.random()), books[i])
            for i, client in enumerate(clients)
        )
    )
    book = merged(books)
    wait_until(lambda: ledger.nothing_live(agent), 15, lambda: f"all have gone: {agent.frames()}")
    seconds = time.monotonic() - start
    for client in clients:
        client("close S", "close P")
    if watch:
        world.same(agent, watch)
    else:
        # Its line is behind those of the broadcasts.
        wait_until(lambda: ledger.nothing_live(agent) and agent.frames()["sessions.json"] == b"{}", 15,
                   lambda: f"{agent.frames()}")
    time.sleep(1.2)
    sums = agent.totals()
    book.check(sums)
    if watch:
        theirs = watch.totals()
        unlike = ledger.differences(sums, theirs, ("publisher.json", "subscriber.json"))
        # What ends while the relay lets go of it is in none of its frames: Recording.check_shown.
        check(len(unlike) <= 2 + len(names) // 50, f"the agent's sums, the relay's: {unlike[:3]}")
    world.remark += f": {len(names)} broadcasts, {ledger.events(sums)} events in {seconds:.0f} s"
    world.stop(agent, ledger_fires())


def ledger_fires():
    return (
        "publisher.groups", "subscriber.groups", "publisher.bytes", "subscriber.bytes",
        "publisher.subscriptions_closed", "subscriber.announced_closed", "side.broadcasts_closed",
    )


def live_again(client, path, rng, book):
    """One more life of a path, or more of the one that it has."""
    shape = rng.randrange(1, 4), rng.randrange(1, 4), rng.randrange(2000)
    ends = rng.sample((f"unpublish P {path}", "unsubscribe s"), 2)
    commands = [
        f"publish P {path} tracks=1",
        f"subscribe S {path} t0 as=s",
        f"write P {path} t0 groups={shape[0]} frames={shape[1]} size={shape[2]} lockstep=s",
        *ends,
        f"wait-unannounced S {path}",
    ]
    client.send(commands)
    answers = client.receive(commands)
    book.published(path)
    book.wrote(path, *shape)
    book.received(path, answers[commands.index("unsubscribe s")])


def pairs(world, relay, n, patient=True):
    """Clients with a publishing and a subscribing session each, some of them over raw QUIC. Not over
    WebSocket, where moq-lite loses groups that are under way together. Those that take back at once
    what they ask for use WebTransport: over raw QUIC the relay ends a session one of whose streams is
    reset before its first byte."""
    clients = [Client(world, f"client{i}") for i in range(n)]
    for i, client in enumerate(clients):
        url = f"moqt://localhost:{relay.port}/" if patient and i % 2 else relay.url
        version = ("moq-lite-03", "moq-lite-04", "moq-lite-02")[i % 3]
        client(
            f"connect P {url} version={version} role=publish",
            f"connect S {url} version={version} role=subscribe",
        )
    return clients


def merged(books):
    """What several clients did on paths of their own, as one."""
    book = Ledger()
    for one in books:
        book.sent.update(one.sent)
        book.got.update(one.got)
    return book


def collection_races(world):
    """Broadcasts end and come back as fast as they can while the agent ticks every 20 ms, so that it
    deletes counters at the moment of a bump: none is lost, none counts twice."""
    rng = seed_of(world)
    relay = Relay(world)
    file = os.path.join(world.dir, "recording")
    agent = world.agent(relay, "--interval", "0.02", "--record", file)
    watch = world.watch(relay) if relay.stats else None
    clients = pairs(world, relay, 3)
    books = [Ledger() for _ in clients]
    end = time.monotonic() + SECONDS

    def race(i):
        mine, turn = random.Random(rng.random()), 0
        while time.monotonic() < end:
            live_again(clients[i], f"r{i}/{turn % 3}", mine, books[i])
            turn += 1

    together(*(lambda i=i: race(i) for i in range(len(clients))))
    wait_until(lambda: ledger.nothing_live(agent), 15, lambda: f"all have gone: {agent.frames()}")
    for client in clients:
        client("close S", "close P")
    if watch:
        world.same(agent, watch)
    world.stop(agent, ledger_fires())
    recording = Recording(file)
    ticks = recording.closed_within_open()
    book = merged(books)
    book.check(recording.totals())
    recording.check_shown(agent, watch)
    lives = sum(counts["announced"] for counts in book.sent.values())
    shown = len(recording.lives())
    check(shown >= 10, f"only {shown} incarnations: nothing was deleted in between")
    events = ledger.events(recording.totals())
    world.remark += f": {lives} lives, {shown} incarnations, {events} events, {ticks} ticks"


def same_broadcast(world):
    """Two sessions announce and end the same broadcast at full speed, two more subscribe to another
    one and leave it: closed <= open in every frame, and in all that was read."""
    relay = Relay(world)
    file = os.path.join(world.dir, "recording")
    agent = world.agent(relay, "--interval", "0.02", "--record", file)
    watch = world.watch(relay) if relay.stats else None
    anchor = Client(world, "anchor")
    anchor(f"connect A {relay.url} role=publish", "publish A one tracks=1", "publish A two tracks=1")
    clients = pairs(world, relay, 2, patient=False)
    end = time.monotonic() + SECONDS
    turns, ended = [0, 0], []

    def flap(i):
        commands = []
        for n in range(20):
            commands += ["publish P one tracks=1", f"subscribe S two t0 as=s{n} timeout=1"]
            # Streams that are reset before their first byte end sessions, sooner or later.
            commands += ["unpublish P one", "sleep 2", f"unsubscribe s{n}"]
        while time.monotonic() < end:
            clients[i].send(commands)
            answers = [clients[i].answers.get(timeout=60) for _ in commands]
            failed = [f"{c}: {a}" for c, a in zip(commands, answers) if not a.startswith("ok")]
            check(not any("publish P" in f for f in failed), f"{failed[:2]}")
            turns[i] += 20
            if failed:
                # It has come to that all the same.
                ended.append(failed[0])
                clients[i]("close S", f"connect S {relay.url} role=subscribe")

    together(lambda: flap(0), lambda: flap(1))

    def settled():
        one, two = row_of(agent, "subscriber.json", "one"), row_of(agent, "publisher.json", "two")
        pairs_open = (one, "announced", 1), (two, "subscriptions", 0)
        return all(row and row[n] == row[f"{n}_closed"] + left for row, n, left in pairs_open)

    wait_until(settled, 15, lambda: f"all but the anchor has ended: {agent.frames()}")
    if watch:
        world.same(agent, watch)
    announced = row_of(agent, "subscriber.json", "one")["announced"]
    subscribed = row_of(agent, "publisher.json", "two")["subscriptions"]
    # What is taken back at once the library may never have sent.
    for n, most in ((announced, sum(turns) + 1), (subscribed, sum(turns))):
        check(50 < n <= most, f"{n} of {most}")
    anchor("close A")
    for client in clients:
        client("close S", "close P")
    wait_until(lambda: ledger.nothing_live(agent), 15, lambda: f"all has gone: {agent.frames()}")
    ledger.closed(agent.totals())
    world.stop(agent, ("publisher.subscriptions_closed", "subscriber.announced_closed"))
    readings = Recording(file).closed_within_open()
    world.remark += f": {announced} announced, {subscribed} subscribed, of {sum(turns)} each"
    world.remark += f"; {len(agent.lines)} frames, {readings} readings, {len(ended)} new sessions"


def stalled(world):
    """The agent stands still for 5 s while broadcasts come and go, some of them several times: it
    catches up with one tick, and has missed nothing."""
    rng = seed_of(world)
    relay = Relay(world)
    file = os.path.join(world.dir, "recording")
    agent = world.agent(relay, "--interval", "0.05", "--record", file)
    watch = world.watch(relay) if relay.stats else None
    clients = pairs(world, relay, 2)
    books = [Ledger() for _ in clients]

    def load(seconds):
        end = time.monotonic() + seconds

        def again():
            while time.monotonic() < end:
                live_again(clients[0], "again", rng, books[0])

        def fresh():
            while time.monotonic() < end:
                n = len(books[1].sent)
                come_and_go(clients[1], [f"f{n + i}" for i in range(10)], rng, books[1])

        together(again, fresh)

    load(1)
    os.kill(agent.pid, signal.SIGSTOP)
    load(0.5)  # what it had written has been read
    frozen = len(agent.lines)
    load(5)
    check(len(agent.lines) == frozen, "it stood still")
    woken = time.monotonic()
    os.kill(agent.pid, signal.SIGCONT)
    load(2)
    wait_until(lambda: ledger.nothing_live(agent), 15, lambda: f"all have gone: {agent.frames()}")
    for client in clients:
        client("close S", "close P")
    if watch:
        world.same(agent, watch)
    world.stop(agent, ledger_fires())
    sequences(agent.lines)
    recording = Recording(file)
    recording.closed_within_open()
    book, sums = merged(books), recording.totals()
    book.check(sums)
    recording.check_shown(agent, watch)
    gaps = recording.gaps()
    check(max(gaps) > 4.5, f"it stood still for {max(gaps)} s")
    # Rounds of one tick lie close together; ticks don't.
    ticks = [gap for gap in gaps[gaps.index(max(gaps)) + 1 :] if gap > 0.015][:20]
    check(sum(ticks) > 0.7, f"20 ticks of 50 ms after it: {ticks}")
    check(min(gaps) >= 0, "time goes on")
    late = next(t for t in agent.times if t > woken) - woken
    check(late < 5, f"the next frame came {late} s after the end of the stall")
    world.remark += f": {sum(c['announced'] for c in book.sent.values())} lives, {ledger.events(sums)} events"


def sequences(lines):
    """Each track's sequences are 0, 1, 2 and so on."""
    for track in TRACKS:
        numbers = [n for name, n, _ in lines if name == track]
        check(numbers == list(range(len(numbers))), f"{track}: {numbers}")


CASES = (two_thousand, collection_races, same_broadcast, stalled)
