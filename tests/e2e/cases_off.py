# SPDX-License-Identifier: MIT
"""What a relay counts with its statistics off, by every other sign than the entry pointers: the
loads of cases.py in two further modes, and loads of their own, for what those signs depend on."""

import base64
import hashlib
import hmac
import json
import os
import signal

import cases
import cases_off_hard
from cases import ALL, PAYLOAD, certificates, expect_row
from harness import Client, Relay, check, wait_until
from versions import IETF, LETS_GO, LITE, VERSIONS


def ietf(world):
    """Each IETF draft as publisher and as subscriber of two tracks, two sessions reading; what its
    sessions hold on to goes with them."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, version in enumerate(IETF):
        path = f"i/{version}"
        client(
            f"connect P{i} {relay.url} version={version}",
            f"publish P{i} {path} tracks=2",
            f"connect S{i} {relay.url} version={version}",
            f"connect R{i} {relay.url} version={version}",
            f"subscribe S{i} {path} t0 as=s{i}",
            f"subscribe R{i} {path} t0 as=r{i}",
            f"subscribe S{i} {path} t1 as=t{i}",
            f"write P{i} {path} t0 groups=3 frames={2 + i} size=17 lockstep=s{i},r{i}",
            f"write P{i} {path} t1 groups=5 frames={3 + i} size=19 lockstep=t{i}",
        )
    frames = world.same(agent, watch)
    for i, version in enumerate(IETF):
        expect_row(
            frames, "subscriber.json", f"i/{version}",
            groups=3 + 5, frames=3 * (2 + i) + 5 * (3 + i), subscriptions=2,
        )
    for i in range(len(IETF)):
        client(f"unsubscribe t{i}", f"close R{i}")
    world.same(agent, watch)
    for i in range(len(IETF)):
        client(f"close S{i}")
    world.same(agent, watch)
    for i in range(len(IETF)):
        client(f"close P{i}")
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames['publisher.json']}")
    world.stop(agent, ALL)


def mixed(world):
    """Publishers of one protocol family, subscribers of the other, over every transport, at once."""
    relay, agent, watch = world.pair()
    client = Client(world)
    raw = f"moqt://localhost:{relay.port}/"
    pairs = list(zip(LITE, IETF)) + list(zip(IETF[::-1], LITE)) + [(IETF[0], IETF[-1])]
    for i, (ours, theirs) in enumerate(pairs):
        # Each transport publishes to each other one.
        urls = (relay.url, relay.ws, raw)
        client(
            f"connect P{i} {urls[i % 3]} version={ours}",
            f"publish P{i} mix/{i} tracks=1",
            f"connect S{i} {urls[(i + i // 3) % 3]} version={theirs}",
            f"subscribe S{i} mix/{i} t0 as=s{i}",
            f"write P{i} mix/{i} t0 groups={2 + i} frames=3 size=5 lockstep=s{i}",
        )
    frames = world.same(agent, watch)
    for i in range(len(pairs)):
        counts = {"groups": 2 + i, "frames": 3 * (2 + i), "bytes": 15 * (2 + i)}
        expect_row(frames, "subscriber.json", f"mix/{i}", **counts)
        expect_row(frames, "publisher.json", f"mix/{i}", broadcasts=1, **counts)
    # Subscribers first in one half, publishers in the other.
    half = len(pairs) // 2
    client(*(f"close S{i}" for i in range(half)), *(f"close P{i}" for i in range(half, len(pairs))))
    world.same(agent, watch)
    client(*(f"close P{i}" for i in range(half)), *(f"close S{i}" for i in range(half, len(pairs))))
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames['publisher.json']}")
    world.stop(agent, ALL)


def websocket(world):
    """All versions over WebSocket, whose code is another copy."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, version in enumerate(LITE + IETF):
        client(
            f"connect P{i} {relay.ws} version={version}",
            f"publish P{i} ws/{i} tracks=2",
            f"connect S{i} {relay.ws} version={version}",
            f"subscribe S{i} ws/{i} t0 as=s{i}",
            f"write P{i} ws/{i} t0 groups=3 frames={2 + i} size=17 lockstep=s{i}",
            f"subscribe S{i} ws/{i} t1 as=t{i}",
            f"write P{i} ws/{i} t1 groups=2 frames=3 size=23 lockstep=t{i}",
        )
    frames = world.same(agent, watch)
    for i in range(len(VERSIONS)):
        expect_row(frames, "publisher.json", f"ws/{i}", groups=5, frames=3 * (2 + i) + 6)
    client(*(f"unsubscribe t{i}" for i in range(len(VERSIONS))))
    world.same(agent, watch)
    even, odd = range(0, len(VERSIONS), 2), range(1, len(VERSIONS), 2)
    client(*(f"close P{i}" for i in even), *(f"close S{i}" for i in odd))
    world.same(agent, watch)
    client(*(f"close S{i}" for i in even), *(f"close P{i}" for i in odd))
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames['publisher.json']}")
    world.stop(agent, PAYLOAD)


def same_name_elsewhere(world):
    """Sessions under a root say "b" for a/b, others mean b by it: names are told apart by what the
    relay makes of them, in either protocol family."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, version in enumerate(("moq-lite-03", "moq-transport-14", "moq-transport-17")):
        b, n = f"b{i}", f"{2 + i}"
        client(
            f"connect P{i} {relay.url}a version={version}",
            f"connect Q{i} {relay.url} version={version}",
            f"connect R{i} {relay.url}a/a version={version}",
            f"publish P{i} {b} tracks=1",
            f"publish Q{i} {b} tracks=1",
            f"publish R{i} {b} tracks=1",
            f"connect S{i} {relay.url}a version={version}",
            f"connect T{i} {relay.url} version={version}",
            f"subscribe S{i} {b} t0 as=s{i}",
            f"subscribe S{i} a/{b} t0 as=sa{i}",
            f"subscribe T{i} {b} t0 as=t{i}",
            f"subscribe T{i} a/{b} t0 as=ta{i}",
            f"write P{i} {b} t0 groups={n} frames=3 size=5 lockstep=s{i},ta{i}",
            f"write Q{i} {b} t0 groups={n} frames=5 size=7 lockstep=t{i}",
            f"write R{i} {b} t0 groups={n} frames=7 size=11 lockstep=sa{i}",
        )
    frames = world.same(agent, watch)
    for i in range(3):
        n = 2 + i
        expect_row(frames, "subscriber.json", f"a/b{i}", groups=n, frames=3 * n, bytes=15 * n)
        expect_row(frames, "publisher.json", f"a/b{i}", groups=2 * n, broadcasts=2)
        expect_row(frames, "publisher.json", f"b{i}", groups=n, frames=5 * n, bytes=35 * n)
        expect_row(frames, "publisher.json", f"a/a/b{i}", groups=n, frames=7 * n, bytes=77 * n)
    for i in range(3):
        client(f"unsubscribe s{i}", f"close Q{i}")
    world.same(agent, watch)
    for i in range(3):
        client(f"close P{i}", f"close S{i}")
    world.same(agent, watch)
    for i in range(3):
        client(f"close R{i}", f"close T{i}")
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["subscriber.json"] == {}, f"all has gone: {frames['subscriber.json']}")
    world.stop(agent, ALL)


def token(secret, **claims):
    """A JSON web token that the relay accepts."""

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    text = head + b"." + encode(json.dumps(claims).encode())
    return (text + b"." + encode(hmac.digest(secret, text, hashlib.sha256))).decode()


def tokens(world):
    """Sessions whose token confines them to parts of a root: what they may publish and what they
    may see have other names on the wire than the relay's."""
    secret = bytes(range(32))
    key = os.path.join(world.dir, "key.jwk")
    with open(key, "w", encoding="utf-8") as f:
        encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
        json.dump({"kty": "oct", "alg": "HS256", "key_ops": ["sign", "verify"], "k": encoded}, f)
    relay, agent, watch = world.pair(args=("--auth-key", key))
    client = Client(world)
    one = token(secret, root="room", put=["alice"], get=["alice", "bob"])
    two = token(secret, root="room", put=["bob"], get=["alice"])
    for i, version in enumerate(("moq-lite-03", "moq-transport-16")):
        client(
            f"connect A{i} {relay.url}room?jwt={one} version={version}",
            # Deeper than the token's root: the rest of the path narrows it.
            f"connect B{i} {relay.url}room/bob?jwt={two} version={version} role=publish",
            f"connect C{i} {relay.url}room?jwt={two} version={version}",
            f"publish A{i} alice/{i} tracks=1",
            f"publish B{i} {i} tracks=1",
            f"publish C{i} bob/c{i} tracks=1 confirm=no",
            f"subscribe A{i} bob/{i} t0 as=a{i}",
            f"subscribe C{i} alice/{i} t0 as=c{i}",
            f"write A{i} alice/{i} t0 groups={2 + i} frames=3 size=5 lockstep=c{i}",
            f"write B{i} {i} t0 groups={3 + i} frames=5 size=7 lockstep=a{i}",
        )
    frames = world.same(agent, watch)
    for i in range(2):
        n = 2 + i
        expect_row(frames, "publisher.json", f"room/alice/{i}", groups=n, bytes=15 * n)
        expect_row(frames, "publisher.json", f"room/bob/{i}", groups=n + 1, bytes=35 * (n + 1))
        expect_row(frames, "subscriber.json", f"room/bob/c{i}", announced=1, groups=0)
    expect_row(frames, "sessions.json", "room", sessions=4, sessions_closed=0)
    expect_row(frames, "sessions.json", "room/bob", sessions=2, sessions_closed=0)
    client("close A0", "close C1")
    world.same(agent, watch)
    client("close B0", "close C0", "close A1", "close B1")
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["subscriber.json"] == {}, f"all has gone: {frames['subscriber.json']}")
    world.stop(agent, ALL)


def cluster_from_start(world):
    """Two relays in a cluster, both seen from their first session on: both tiers, to the end."""
    certs = certificates(world)
    serve = ("--tls-cert", f"{certs}/server.pem", "--tls-key", f"{certs}/server.key")
    hub = Relay(world, name="hub", node="hub", args=(*serve, "--server-tls-root", f"{certs}/ca.pem"))
    hub_agent = world.agent(hub, name="hub-agent", node="hub")
    # The hub answers nobody until the edge's agent is there.
    hub.child.send_signal(signal.SIGSTOP)
    dial = ("--client-tls-cert", f"{certs}/client.pem", "--client-tls-key", f"{certs}/client.key")
    dial += ("--tls-root", f"{certs}/ca.pem", "--cluster-connect", f"127.0.0.1:{hub.port}")
    try:
        edge = Relay(world, name="edge", node="edge", args=(*serve, *dial))
        edge_agent = world.agent(edge, name="edge-agent", node="edge")
    finally:
        hub.child.send_signal(signal.SIGCONT)
    wait_until(lambda: hub_agent.row("internal/sessions.json", ""), 20, "the edge has reached the hub")
    hub_watch = world.watch(hub, name="hub-watch", node="hub")
    edge_watch = world.watch(edge, name="edge-watch", node="edge")
    client = Client(world)
    client(
        f"connect P {edge.url}",
        "publish P x/y tracks=1",
        f"connect Q {hub.url}",
        "publish Q x/z tracks=1",
        f"connect S {hub.url}",
        "subscribe S x/y t0 as=s",
        f"connect T {edge.url}",
        "subscribe T x/z t0 as=t",
        "write P x/y t0 groups=5 frames=7 size=11 lockstep=s",
        "write Q x/z t0 groups=3 frames=5 size=13 lockstep=t",
    )
    frames = world.same(hub_agent, hub_watch)
    expect_row(frames, "internal/subscriber.json", "x/y", groups=5, frames=35, bytes=385)
    expect_row(frames, "publisher.json", "x/y", groups=5, frames=35, bytes=385)
    expect_row(frames, "internal/publisher.json", "x/z", groups=3, frames=15, bytes=195)
    frames = world.same(edge_agent, edge_watch)
    expect_row(frames, "subscriber.json", "x/y", groups=5, frames=35, bytes=385)
    expect_row(frames, "internal/publisher.json", "x/y", groups=5, frames=35, bytes=385)
    expect_row(frames, "internal/subscriber.json", "x/z", groups=3, frames=15, bytes=195)
    client("close S", "close Q")
    world.same(hub_agent, hub_watch)
    world.same(edge_agent, edge_watch)
    client("close T", "close P")
    world.same(hub_agent, hub_watch)
    frames = world.same(edge_agent, edge_watch)
    check(not LETS_GO or frames["internal/publisher.json"] == {}, f"all has gone: {frames}")
    world.stop(hub_agent, ALL)
    world.stop(edge_agent, PAYLOAD)


def path_of_4k(world):
    """A path far beyond the limit is summed up as a whole, on both sides, and does no harm to what
    is known."""
    relay, agent, _ = world.pair()
    client = Client(world)
    # Two that are the same for as long as any limit could be.
    long = ["z" * 4095 + end for end in "xy"]
    client(f"connect P {relay.url}", "publish P short tracks=1", f"connect S {relay.url}")
    for path in (*long, "short"):
        if path != "short":
            client(f"publish P {path} tracks=1")
        client(
            f"subscribe S {path} t0 as={path[-1]}",
            f"write P {path} t0 groups=3 frames=5 size=7 lockstep={path[-1]}",
        )

    def shows(path, **counts):
        def holds():
            row = agent.row("publisher.json", path)
            return row and all(row[name] == n for name, n in counts.items())

        wait_until(holds, 10, lambda: f"{path}: {counts}, not {agent.row('publisher.json', path)}")

    payload = {"groups": 3, "frames": 15, "bytes": 105}
    shows("short", subscriptions=1, broadcasts=1, announced=3, **payload)
    doubled = {name: 2 * n for name, n in payload.items()}
    shows("__overflow__", subscriptions=2, broadcasts=2, announced=6, **doubled)
    client("unsubscribe x", "unsubscribe y")
    shows("__overflow__", subscriptions_closed=2, broadcasts_closed=2, announced_closed=0, **doubled)
    client("close S", "write P short t0 frames=1 size=1")
    shows("short", subscriptions_closed=1, broadcasts_closed=1, announced_closed=1)
    client("close P")
    wait_until(lambda: agent.row("publisher.json", "short") is None, 10, "the known one goes")
    world.stop(agent, lost=("path_too_long",))


# Loads that go through still moments, in any mode.
LOADS = (
    cases.one_broadcast,
    cases.many,
    cases.flicker,
    cases.second_subscription,
    cases.transports,
    cases.versions,
    ietf,
    mixed,
    websocket,
    cases.two_tiers,
    cluster_from_start,
    cases.roots,
    same_name_elsewhere,
    tokens,
    cases.paused_load,
    cases.missing_track,
    cases.escapes,
    cases.long_paths,
    path_of_4k,
    cases.capacity,
    cases.capacity_comes_back,
    cases.two_relays,
)

# These need no other run to go by in off mode.
BY_NUMBERS = {
    path_of_4k,
    cases.capacity,
    cases.agent_signals,
    cases_off_hard.short_subscriptions,
    cases_off_hard.ever_new_names,
    cases_off_hard.fast_tick,
    cases_off_hard.attach_late_unnamed,
}

CASES = tuple((case, mode) for case in LOADS for mode in ("guard", "off"))
