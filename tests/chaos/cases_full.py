# SPDX-License-Identifier: MIT
"""Maps filled to the brim by a small capacity: what has no room is told, exactly. A case is a
function of a World; its name is the function's."""

import os
import time

from cases import certificates
from cases_load import come_and_go, live_again, merged, pairs, seed_of, together
from harness import FIELDS, Client, Relay, check, wait_until
from ledger import PAYLOAD, Ledger, add
from recording import Recording


def summed(rows):
    """All rows of a track as one."""
    total = dict.fromkeys(FIELDS, 0)
    for row in rows.values():
        add(total, row)
    return total


def accounted(recording, theirs, last, fields):
    """Nothing is untold: over all rows, with __overflow__, __unattributed__ and the closes that were
    held back, the agent has counted what the clients or the relay say."""
    held_back = 0
    for role in ("publisher", "subscriber"):
        ours = summed(recording.totals()[f"{role}.json"])
        wrong = {n: (ours[n], theirs[role][n]) for n in fields[role] if ours[n] != theirs[role][n]}
        check(not wrong, f"{role}, all rows together: (agent, all told) {wrong}; lost {lost(last)}")
    slots = [slot for counts in recording.lives().values() for tiers in counts.values()
             for slot in tiers.values()]
    for slot in slots + list(recording.sessions().values()):
        for name in ("announced", "broadcasts", "subscriptions", "sessions"):
            held_back += max(0, slot.get(f"{name}_closed", 0) - slot.get(name, 0))
    check(last["lost"]["close_unseen"] == held_back, f"{held_back} closes held back: {lost(last)}")


def lost(last):
    return {reason: n for reason, n in last["lost"].items() if n}


def wait_still(agent, seconds=1.5):
    """Until the agent has written nothing for a while."""
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - max(since, agent.times[-1]) > seconds, 30, "the agent's frames are still")


def brim(world):
    """Room for one broadcast, and many that come and go, several at a time, some again and again,
    under many roots."""
    rng = seed_of(world)
    relay = Relay(world)
    file = os.path.join(world.dir, "recording")
    # At such a pace a broadcast begins before the counters of the one before are deleted. Where even
    # pointers have no room payload can't be read; probes sum it up all the same.
    options = ("--max-broadcasts", "1", "--interval", "0.05", "--record", file, "--hot", "probe")
    agent = world.agent(relay, *options)
    watch = world.watch(relay) if relay.stats else None
    clients = pairs(world, relay, 2)
    books = [Ledger() for _ in clients]
    for wave in range(3):
        names = [[f"w{wave}/{i}/{n}" for n in range(30)] for i in range(2)]
        together(*(lambda i=i: come_and_go(clients[i], names[i], rng, books[i]) for i in range(2)))
        for n in range(20):
            # The relay's frames don't tell where one life of a path ends and the next begins.
            live_again(clients[0], f"again{wave}.{n}" if watch else "again", rng, books[0])
        time.sleep(1.1)
    roots = Client(world, "roots")
    for i in range(7):
        roots(f"connect R{i} {relay.url}root{i}")
    for client in clients:
        client("close S", "close P")
    for i in range(7):
        roots(f"close R{i}")
    wait_still(agent)
    last = world.stop(agent, lost=FULL)
    book = merged(books)
    told = {"subscriber": summed(book.sent), "publisher": summed(book.got)}
    fields = {"subscriber": ("announced", *PAYLOAD), "publisher": ("subscriptions", *PAYLOAD)}
    recording = Recording(file)
    accounted(recording, told, last, fields)
    if watch:
        theirs = watch.totals()
        told = {role: summed(theirs[f"{role}.json"]) for role in ("publisher", "subscriber")}
        accounted(recording, told, last, dict.fromkeys(told, FIELDS))
    check(last["lost"]["broadcasts_full"] > 100, f"it was full: {lost(last)}")
    # Of a root without an entry not even the tier is known: each event is lost, and told.
    counted = sum(n for row in recording.sessions().values() for n in row.values())
    counted += last["lost"]["entry_unknown"] if watch else 0
    check(counted == 2 * (4 + 7) + bool(watch), f"sessions: {recording.sessions()} {lost(last)}")
    world.remark += f": {len(book.sent)} broadcasts, room for 1; lost {lost(last)}"


FULL = (
    "broadcasts_full", "entries_full", "counters_full", "pending_full", "guards_full", "guard_unknown",
    "entry_unknown", "close_unseen",
)


def guards_full(world):
    """More subscriptions open at once than guards can be remembered: what has no place is told in
    __unattributed__, and the sums are exact."""
    relay = Relay(world)
    file = os.path.join(world.dir, "recording")
    options = ("--identity", "guard") if relay.stats else ()
    agent = world.agent(relay, "--max-broadcasts", "1", "--record", file, *options)
    watch = world.watch(relay) if relay.stats else None
    room, tracks, sessions, written = 8 + 16384, 900, 20, 100
    clients = [Client(world, f"client{i}") for i in range(2)]
    clients[0](f"connect P {relay.url} role=publish", f"publish P g tracks={tracks}")
    commands = [[], []]
    for s in range(sessions):
        clients[s % 2](f"connect S{s} {relay.url} role=subscribe")
        commands[s % 2] += [f"subscribe S{s} g t{t} as={s}.{t}" for t in range(tracks)]
    together(*(lambda c=c, m=m: (c.send(m), c.receive(m)) for c, m in zip(clients, commands)))
    wait_still(agent)
    shapes = [f"write P g t{t} frames=2 size=3" for t in range(written)]
    clients[0].send(shapes)
    clients[0].receive(shapes)
    for s in range(sessions):
        expect = [f"expect {s}.{t} groups=1 frames=2 bytes=6" for t in range(written)]
        clients[s % 2].send(expect)
        clients[s % 2].receive(expect)
    for s in range(sessions):
        clients[s % 2](f"close S{s}")
    clients[0]("close P")
    wait_still(agent)
    last = world.stop(agent, lost=("guards_full", "guard_unknown", "close_unseen"))
    n, sent = tracks * sessions, written * sessions
    told = {
        "publisher": {"subscriptions": n, "subscriptions_closed": n, "groups": sent,
                      "frames": 2 * sent, "bytes": 6 * sent},
        "subscriber": {"subscriptions": tracks, "subscriptions_closed": tracks, "groups": written,
                       "frames": 2 * written, "bytes": 6 * written, "announced": 1,
                       "announced_closed": 1},
    }
    recording = Recording(file)
    accounted(recording, told, last, told)
    if watch:
        theirs = watch.totals()
        told = {role: summed(theirs[f"{role}.json"]) for role in ("publisher", "subscriber")}
        accounted(recording, told, last, dict.fromkeys(told, FIELDS))
    # Subscriptions have a place each, as have sessions, with the watcher's.
    beyond = n + tracks + sessions + 1 + bool(watch) - room
    check(last["lost"]["guards_full"] == beyond, f"{beyond} beyond the room: {lost(last)}")
    world.remark += f": {n + tracks} subscriptions, lost {lost(last)}"


def counters_full(world):
    """Room for the counters of one broadcast in one tier, and it is in use in both."""
    certs = certificates(world)
    serve = ("--tls-cert", f"{certs}/server.pem", "--tls-key", f"{certs}/server.key")
    relay = Relay(world, args=(*serve, "--server-tls-root", f"{certs}/ca.pem"))
    file = os.path.join(world.dir, "recording")
    agent = world.agent(relay, "--max-broadcasts", "1", "--record", file, "--hot", "probe")
    watch = world.watch(relay) if relay.stats else None
    client = Client(world)
    client(
        f"connect P {relay.url} role=publish",
        f"connect S {relay.url} role=subscribe",
        f"connect I {relay.url} role=subscribe cert={certs}/client.pem key={certs}/client.key",
    )
    sent = 0
    for n, groups in enumerate((5, 7, 11)):
        client(
            f"publish P c/{n} tracks=1",
            f"subscribe S c/{n} t0 as=s{n}",
            f"subscribe I c/{n} t0 as=i{n}",
            f"write P c/{n} t0 groups={groups} frames=3 size=13 lockstep=s{n},i{n}",
        )
        sent += groups
    client("close I", "close S", "close P")
    wait_still(agent)
    last = world.stop(agent, lost=FULL)
    told = {
        role: {"groups": n, "frames": 3 * n, "bytes": 39 * n, "subscriptions": subscriptions,
               "subscriptions_closed": subscriptions, "broadcasts": subscriptions}
        for role, n, subscriptions in (("publisher", 2 * sent, 6), ("subscriber", sent, 3))
    }
    recording = Recording(file)
    accounted(recording, told, last, told)
    if watch:
        theirs = watch.totals()
        for role, total in told.items():
            total.update(summed(theirs[f"{role}.json"]))
            add(total, summed(theirs[f"internal/{role}.json"]))
        accounted(recording, told, last, dict.fromkeys(told, FIELDS))
    check(last["lost"]["counters_full"], f"counters were full: {lost(last)}")
    world.remark += f": lost {lost(last)}"


CASES = (brim, guards_full, counters_full)
