# SPDX-License-Identifier: MIT
"""A relay that sorts its statistics into several broadcasts, and the agent that does so, too. A case is
a function of a World; its name is the function's."""

import json
import subprocess
import zlib

from agents import agent_of
from harness import Client, Relay, check, wait_until
from serving import FLUSHED, Follower, ask, port_of
from versions import DEPTH, FIRST_TRACKS, LABELS, LATER

# How long a group's broadcast outlives its last row, where the relay can be told so, seconds.
LINGER = 3


def path(group):
    return f".stats/{group}/node/n1" if group else ".stats/node/n1"


def begin(world, depth, *args):
    """A relay, the agent beside it, and a client. There is no session yet, so no broadcast."""
    linger = ("--stats-linger", f"{LINGER}s") if LATER else ()
    relay = Relay(world, args=("--stats-depth", str(depth), *linger))
    linger = ("--linger", str(LINGER)) if LATER else ()
    agent = agent_of(world, "--pid", str(relay.pid), "--node", "n1", "--depth", str(depth), *linger, *args)
    wait_until(lambda: agent.statuses, 60, lambda: f"the agent's status: {agent.errors()}")
    check(agent.statuses[0]["broadcast"] == path("") and agent.statuses[0]["depth"] == depth,
          f"the status tells how: {agent.statuses[0]}")
    return relay, agent, Client(world)


def watch(world, relay, group):
    one = world.watch(relay, name=f"watch-{group.replace('/', '-')}", group=group)
    check(LATER or all(json.loads(f) is not None for f in one.frames().values()), "frames")
    return one


def feed(client, publisher, groups, *broadcasts):
    """Of each broadcast so many groups of 3 frames of 5 bytes, to one subscriber."""
    for i, broadcast in enumerate(broadcasts):
        client(
            f"publish {publisher} {broadcast} tracks=1",
            f"subscribe S {broadcast} t0 as={broadcast}",
            f"write {publisher} {broadcast} t0 groups={groups + i} frames=3 size=5 lockstep={broadcast}",
        )


def bytes_of(shown):
    return {name: row["bytes"] for name, row in shown["publisher.json"].items()}


def same(world, agent, watches):
    """Each group's frames are the relay's; what they show, by group."""
    return {group: world.same(agent[path(group)], one) for group, one in watches.items()}


def last_rows(lines):
    """The last frame of each track that has a row. Between the last counts and the end there may be a
    tick that sees nothing open but the entry still there: it depends on when it is, what is shown of it."""
    return {track: frame for track, _, frame in lines if frame != b"{}"}


def ends(agent, watches, group):
    """The relay ends a group's broadcast, and so does the agent, after the same last rows."""
    ours, theirs = agent[path(group)], watches.pop(group)
    wait_until(lambda: ours.past, 20 + LINGER, lambda: f"the end of {path(group)}: {agent.errors()}")
    if LATER:
        theirs.stop = True
    else:
        # It says so one way or the other: that the tracks have ended, or that the broadcast has.
        check(theirs.wait(10) and theirs.relay.running(), "the relay's has ended")
        theirs.thread.join(5)
    one, other = last_rows(ours.past[-1]), last_rows(theirs.lines)
    check(one and one == other, f"its last rows: agent {one}, relay {other}")
    check(not ours.last, "nothing comes behind it")


def depth(world):
    """Broadcasts by the first segment: each equal to the relay's byte for byte, from the first frame to
    the last; one that ends, and comes back from the beginning, while the others go on."""
    relay, agent, client = begin(world, 1)
    client(f"connect PR {relay.url}", f"connect PB {relay.url}", f"connect S {relay.url}")
    feed(client, "PR", 7, "red/one", "red/two/x")
    feed(client, "PB", 5, "blue")
    watches = {group: watch(world, relay, group) for group in ("", "red", "blue")}
    shown = same(world, agent, watches)
    check(bytes_of(shown["red"]) == {"red/one": 105, "red/two/x": 120}, f"{shown['red']}")
    check(bytes_of(shown["blue"]) == {"blue": 75}, f"{shown['blue']}")
    check(bytes_of(shown[""]) == {} and shown[""]["sessions.json"][""]["sessions"] >= 3, f"{shown['']}")
    client("close PR")
    ends(agent, watches, "red")
    same(world, agent, watches)
    client(f"connect PR {relay.url}")
    feed(client, "PR", 2, "red/three")
    watches["red"] = watch(world, relay, "red")
    shown = same(world, agent, watches)
    check(bytes_of(shown["red"]) == {"red/three": 30}, f"{shown['red']}")
    for group in ("", "red", "blue"):
        one = agent[path(group)]
        for lines in (one.lines, *one.past):
            for track in FIRST_TRACKS:
                sequences = [s for t, s, _ in lines if t == track]
                check(sequences == list(range(len(sequences))), f"{group} {track}: {sequences}")
    agent.stop()
    command = [world.moqstat, "verify", "--pid", str(relay.pid), "--relay-url", f"http://127.0.0.1:{relay.http}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    check(done.returncode == 2 and "with --stats-depth, which isn't compared" in done.stderr,
          f"verify tells that it can't compare: {done.returncode}: {done.stderr}{done.stdout[:500]}")


def depth_two(world):
    """By the first two segments: a path with fewer is a group of its own, beside those below it. Of a
    relay's end each broadcast's is told."""
    relay, agent, client = begin(world, 2)
    client(f"connect P {relay.url}", f"connect S {relay.url}")
    feed(client, "P", 3, "a", "a/b", "a/b/c", "a/bc/d/e")
    watches = {group: watch(world, relay, group) for group in ("", "a", "a/b", "a/bc")}
    shown = same(world, agent, watches)
    check(bytes_of(shown["a"]) == {"a": 45}, f"{shown['a']}")
    check(bytes_of(shown["a/b"]) == {"a/b": 60, "a/b/c": 75}, f"{shown['a/b']}")
    check(bytes_of(shown["a/bc"]) == {"a/bc/d/e": 90}, f"{shown['a/bc']}")
    relay.end()
    status = agent.wait()
    agent.thread.join(5)
    check(status == 3, f"the agent ends with its relay: {status}: {agent.errors()}")
    for group in ("", "a", "a/b", "a/bc"):
        check(len(agent[path(group)].past) == 1 and not agent[path(group)].last, f"{group} has ended")
    check(agent.statuses[-1]["ended"], "and so has the relay")


def depth_served(world):
    """Over HTTP: each broadcast as the relay itself gives it, as long as it is there; metrics and the status
    are of the relay."""
    args = ("--listen", "127.0.0.1:0", "--output", "jsonl")
    relay, agent, client = begin(world, 1, *args)
    port = port_of(agent)
    client(f"connect P {relay.url}", f"connect Q {relay.url}", f"connect S {relay.url}")
    feed(client, "P", 3, "red/one")
    feed(client, "Q", 5, "blue")

    def announced():
        return set(ask(port, "/announced/.stats").body.decode().split("\n"))

    def row(target, name):
        body = ask(port, target).body
        return json.loads(body).get(name, {})

    def labels(more=""):
        return f'{{node="{path("")}",{more}tier="external",role="publisher"}}'

    def lines():
        return [line for line in ask(port, "/metrics").body.decode().split("\n") if "publisher" in line]

    wait_until(lambda: announced() == {"node/n1", "red/node/n1", "blue/node/n1"}, 10, lambda: f"{announced()}")
    for group, name, n in (("red", "red/one", 45), ("blue", "blue", 75)):
        target = f"/fetch/{path(group)}/publisher.json"
        wait_until(lambda: row(target, name).get("bytes") == n, 10, lambda: f"{name}: {row(target, name)}")
        wait_until(lambda: ask(port, target).body == ask(relay.http, target).body, 10, "as the relay has it")
        packed, plain = ask(port, target + ".z"), ask(port, target)
        check((packed.status == 200) == LABELS, f"{target}.z: {packed.status}")
        check(not LABELS or zlib.decompressobj(-15).decompress(packed.body + FLUSHED) == plain.body, f"{target}.z")
        told = "moqstat_broadcast_bytes_total" + labels(f'broadcast="{name}",') + f" {n}"
        check(told in lines(), f"{told}: {lines()}")
    total = "moqstat_bytes_total" + labels() + " 120"
    check(total in lines(), f"{total}: {lines()}")
    ready = ask(port, "/readyz")
    check(LATER or ready.status == 200, f"{ready.body}")
    check(b"first tick" not in ready.body, f"a broadcast that isn't there isn't waited for: {ready.body}")
    relays = json.loads(ask(port, "/status").body)["relays"]
    check([(r["broadcast"], r["depth"]) for r in relays] == [(path(""), 1)], f"{relays}")
    follower = Follower(port, f"/events/{path('red')}/publisher.json")
    client("close P")
    wait_until(lambda: follower.of("ended"), 20 + LINGER, "who follows is told the end")
    follower.close()
    wait_until(lambda: announced() == {"node/n1", "blue/node/n1"}, 10, lambda: f"{announced()}")
    check(ask(port, f"/fetch/{path('red')}/publisher.json").status == 404, "it is no more")
    check(total in lines() and not any("red/one" in line for line in lines()), f"the total stays: {lines()}")
    agent.stop()


CASES = (depth, depth_two, depth_served) if DEPTH else ()
