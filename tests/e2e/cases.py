# SPDX-License-Identifier: MIT
"""The loads whose frames must equal the relay's own. Counts are primes, so that a hit doubled or
dropped shows. A case is a function of a World; its name is the function's."""

import json
import os
import signal
import subprocess
import time

from harness import SLOW, UNTOLD, Client, Frames, Relay, check, wait_until
from versions import LABELS, LATER, LETS_GO, UNCONFIRMED, VERSIONS

OPENING = (
    "entry",
    "entry-new",
    "publisher.announced",
    "subscriber.announced",
    "publisher.subscriptions",
    "subscriber.subscriptions",
    "side.broadcasts",
)
PAYLOAD = tuple(
    f"{role}.{field}"
    for role in ("publisher", "subscriber")
    for field in ("bytes", "frames", "groups")
)
CLOSING = (
    "publisher.announced_closed",
    "subscriber.announced_closed",
    "publisher.subscriptions_closed",
    "subscriber.subscriptions_closed",
    "side.broadcasts_closed",
)
SESSIONS = ("session", "session-new", "sessions.sessions", "sessions.sessions_closed")
ALL = OPENING + PAYLOAD + CLOSING + SESSIONS


def expect_row(shown, track, path, **counts):
    row = shown[track].get(path)
    # From then on these are viewers, of which there are none on ingress.
    if LABELS and track.endswith("subscriber.json"):
        counts |= {name: 0 for name in counts if name.startswith("broadcasts")}
    check(row is not None, f"{track} has no row {path!r}")
    wrong = {name: (row[name], n) for name, n in counts.items() if row[name] != n}
    check(not wrong, f"{track} {path!r}: (is, must be) {wrong}")


def one_broadcast(world):
    """One broadcast, one track, one subscriber, by the numbers, from idle to idle."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P demo/one tracks=1",
        f"connect S {relay.url}",
        "subscribe S demo/one t0 as=s",
        "write P demo/one t0 groups=7 frames=23 size=101 lockstep=s",
    )
    frames = world.same(agent, watch)
    payload = {"groups": 7, "frames": 7 * 23, "bytes": 7 * 23 * 101}
    for track in ("publisher.json", "subscriber.json"):
        expect_row(
            frames,
            track,
            "demo/one",
            broadcasts=1,
            broadcasts_closed=0,
            subscriptions=1,
            subscriptions_closed=0,
            **payload,
        )
    expect_row(frames, "sessions.json", "", sessions=3, sessions_closed=0)
    check(not frames.get("internal/publisher.json"), "nothing is internal here")
    client("close S", "close P")
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, "the broadcast has gone")
    expect_row(frames, "sessions.json", "", sessions=3, sessions_closed=2)
    closed = [frame for frame in agent.history("publisher.json") if frame][-1]["demo/one"]
    check(closed["subscriptions_closed"] == 1 and closed["bytes"] == payload["bytes"],
          f"the final snapshot went out before the row did: {closed}")
    last = world.stop(agent, ALL)
    states = {f["state"] for t in last["tracks"].values() for f in t.values()}
    # Without a census nobody can tell that there was nothing before.
    whole = "since-attach" if LABELS and world.mode == "off" else "exact"
    check(states == {whole}, f"all of it was seen from its beginning: {states}")


def many(world):
    """7 broadcasts x 3 tracks x 5 sessions."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(f"connect P {relay.url}", *(f"publish P m/{b} tracks=3" for b in range(7)))
    for s in range(5):
        client(f"connect S{s} {relay.url}")
        for b in range(7):
            client(*(f"subscribe S{s} m/{b} t{t} as={s}.{b}.{t}" for t in range(3)))
    for b in range(7):
        for t in range(3):
            readers = ",".join(f"{s}.{b}.{t}" for s in range(5))
            client(
                f"write P m/{b} t{t} groups={2 + t} frames={3 + b} size={11 + b} lockstep={readers}"
            )
    frames = world.same(agent, watch)
    for b in range(7):
        sent = (2 + 3 + 4) * (3 + b)
        expect_row(
            frames,
            "publisher.json",
            f"m/{b}",
            broadcasts=5,
            subscriptions=15,
            groups=5 * 9,
            frames=5 * sent,
            bytes=5 * sent * (11 + b),
        )
        expect_row(
            frames, "subscriber.json", f"m/{b}", subscriptions=3, groups=9, bytes=sent * (11 + b)
        )
    client(*(f"close S{s}" for s in range(5)))
    world.same(agent, watch)
    client("close P")
    world.same(agent, watch)
    world.stop(agent, ALL)


def flicker(world):
    """A subscriber that comes and goes within a tick is seen complete."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(f"connect P {relay.url}", "publish P f/x tracks=5")
    world.same(agent, watch)
    # A track each: the relay sometimes leaves a subscriber waiting who comes back to a track that
    # is just being let go. And each let go before the next: or how often the relay subscribes to the
    # broadcast itself is a matter of chance.
    for i in range(5):
        client(
            f"connect S {relay.url}",
            f"subscribe S f/x t{i} as=s{i}",
            f"write P f/x t{i} groups=1 frames=3 size=5 lockstep=s{i}",
            "close S",
            f"wait-unused P f/x t{i}",
        )
    frames = world.same(agent, watch)
    expect_row(
        frames,
        "publisher.json",
        "f/x",
        broadcasts=5,
        broadcasts_closed=5,
        subscriptions=5,
        subscriptions_closed=5,
    )
    world.stop(agent, OPENING + CLOSING[2:])


def second_subscription(world):
    """Two subscriptions of one session to one broadcast are one viewer, until the last goes."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P d/x tracks=2",
        f"connect S {relay.url}",
        "subscribe S d/x t0 as=s0",
        "write P d/x t0 groups=2 frames=3 size=5 lockstep=s0",
        "subscribe S d/x t1 as=s1",
        "write P d/x t1 groups=3 frames=2 size=7 lockstep=s1",
    )
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "d/x", broadcasts=1, subscriptions=2)
    client("unsubscribe s0")
    frames = world.same(agent, watch)
    expect_row(
        frames, "publisher.json", "d/x", broadcasts=1, broadcasts_closed=0, subscriptions_closed=1
    )
    client("unsubscribe s1")
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "d/x", broadcasts=1, broadcasts_closed=1)
    world.stop(agent, ("side.broadcasts", "side.broadcasts_closed"))


def publisher_killed(world):
    """A publisher killed in the middle comes back under its path: first while the relay still
    holds the old one, then after that has been collected, counting from zero."""
    relay, agent, watch = world.pair()
    reader = Client(world, "reader")
    reader(f"connect S {relay.url}")
    first = Client(world, "first")
    first(f"connect P {relay.url}", "publish P k/x tracks=1")
    reader("subscribe S k/x t0 as=s")
    # One by one: the reader is another process, and a new subscription begins with the latest.
    for group in range(5):
        first("write P k/x t0 frames=7 size=11")
        reader(f"expect s groups={group + 1}")
    world.same(agent, watch)
    first.end(signal.SIGKILL)
    second = Client(world, "second")
    # Which of the two the relay announces is its draw: it may keep the second as a backup, and
    # announce nothing.
    second(f"connect P {relay.url}", "publish P k/x tracks=1 confirm=no")
    wait_until(
        lambda: (watch.row("subscriber.json", "k/x") or {}).get("announced") == 2,
        20,
        "the relay counts the second publisher",
    )
    world.same(agent, watch)
    second.end(signal.SIGKILL)
    reader.end(signal.SIGKILL)
    # The relay notices by its idle timeout; then all of it goes.
    wait_until(
        lambda: watch.row("subscriber.json", "k/x") is None
        and watch.row("publisher.json", "k/x") is None,
        60,
        "the relay collects the broadcast of a killed publisher",
    )
    world.same(agent, watch)
    third = Client(world, "third")
    third(
        f"connect P {relay.url}",
        "publish P k/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S k/x t0 as=s",
        "write P k/x t0 groups=2 frames=3 size=5 lockstep=s",
    )
    frames = world.same(agent, watch)
    expect_row(frames, "subscriber.json", "k/x", announced=1, subscriptions=1, groups=2, bytes=30)
    world.stop(agent, ALL)


def slower_relay(world):
    """The relay ticks every 3 s: what ends and comes back in between goes on counting, although the
    agent, which ticks every second, has shown its end."""
    relay = Relay(world, args=("--stats-interval", "3"))
    agent = world.agent(relay)
    watch = world.watch(relay)
    client = Client(world)
    for i in range(4):
        client(
            f"connect P{i} {relay.url}",
            f"publish P{i} i/x tracks=1",
            f"connect S{i} {relay.url}",
            f"subscribe S{i} i/x t0 as=s{i}",
            f"write P{i} i/x t0 groups={2 + i} frames=3 size=5 lockstep=s{i}",
            f"close S{i}",
            f"close P{i}",
        )
        time.sleep(1.3)
        if i % 2:
            world.same(agent, watch, hold=3.2, seconds=20)
    client(f"connect Q {relay.url}", "publish Q i/x tracks=1")
    world.same(agent, watch, hold=3.2, seconds=20)
    world.stop(agent, ALL)


def slower_agent(world):
    """The agent ticks every 4 s: what the relay has collected in between counts from zero, and every
    life of it is shown, in order."""
    relay = Relay(world)
    agent = world.agent(relay, "--interval", "4")
    watch = world.watch(relay)
    client = Client(world)

    def collected(before):
        """A row that isn't there yet is missing, too."""
        rows = ["j/x" in frame for frame in watch.history("subscriber.json")[before:]]
        return any(rows) and not rows[-1]

    for i in range(3):
        before = len(watch.history("subscriber.json"))
        client(f"connect P{i} {relay.url}", f"publish P{i} j/x tracks=1")
        time.sleep(0.2)
        client(f"close P{i}")
        wait_until(lambda n=before: collected(n), 10, "the relay shows and collects it")
    client(
        f"connect P {relay.url}",
        "publish P j/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S j/x t0 as=s",
        "write P j/x t0 groups=2 frames=3 size=5 lockstep=s",
    )
    frames = world.same(agent, watch, hold=4.2, seconds=30)
    expect_row(frames, "subscriber.json", "j/x", groups=2, bytes=30)
    lives = [frame["j/x"] for frame in agent.history("subscriber.json") if "j/x" in frame]
    ended = [row for row in lives[:-1] if row["announced"] == row["announced_closed"]]
    check(ended, f"the lives that ended between two ticks were shown: {lives}")
    world.stop(agent, OPENING + PAYLOAD)


def transports(world):
    """WebSocket, WebTransport and raw QUIC clients, each reading what another publishes."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(
        f"connect W {relay.ws}",
        f"connect Q {relay.url}",
        f"connect R moqt://localhost:{relay.port}/",
        "publish W w/ws tracks=1",
        "publish Q w/quic tracks=1",
        "subscribe Q w/ws t0 as=q",
        "subscribe R w/ws t0 as=r",
        "subscribe W w/quic t0 as=w",
        "write W w/ws t0 groups=3 frames=5 size=7 lockstep=q,r",
        "write Q w/quic t0 groups=5 frames=3 size=13 lockstep=w",
    )
    frames = world.same(agent, watch)
    expect_row(frames, "subscriber.json", "w/ws", groups=3, frames=15, bytes=105)
    expect_row(frames, "subscriber.json", "w/quic", groups=5, frames=15, bytes=195)
    expect_row(frames, "publisher.json", "w/ws", groups=6, broadcasts=2)
    client("close W", "close R")
    world.same(agent, watch)
    client("close Q")
    world.same(agent, watch)
    world.stop(agent, ALL)


def versions(world):
    """Every protocol version that the client and the relay share."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, version in enumerate(VERSIONS):
        path = f"v/{i}"
        client(
            f"connect P{i} {relay.url} version={version}",
            f"publish P{i} {path} tracks=1" + (" confirm=no" if version in UNCONFIRMED else ""),
            f"connect S{i} {relay.url} version={version}",
            f"subscribe S{i} {path} t0 as=s{i}",
            f"write P{i} {path} t0 groups=3 frames={2 + i} size=17 lockstep=s{i}",
        )
        wait_until(lambda p=path: (agent.row("subscriber.json", p) or {}).get("groups") == 3, 20,
                   lambda p=path: f"{p}: {agent.row('subscriber.json', p)}")
        frames = world.same(agent, watch, hold=1.2)
        expect_row(frames, "subscriber.json", path, groups=3, frames=3 * (2 + i))
    for i in range(len(VERSIONS)):
        client(f"close S{i}", f"close P{i}")
    world.same(agent, watch)
    world.stop(agent, ALL)


def certificates(world):
    """A directory with an authority's certificate, and a server's and a client's signed by it."""
    certs = os.path.join(world.dir, "certs")
    script = os.path.join(os.path.dirname(__file__), "..", "relay", "make-certs")
    subprocess.run([script, certs], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certs


def two_tiers(world):
    """Clients with a certificate of the relay's authority count as internal."""
    certs = certificates(world)
    relay = Relay(
        world,
        args=(
            "--tls-cert",
            f"{certs}/server.pem",
            "--tls-key",
            f"{certs}/server.key",
            "--server-tls-root",
            f"{certs}/ca.pem",
        ),
    )
    agent = world.agent(relay)
    watch = world.watch(relay)
    client = Client(world)
    peer = f"cert={certs}/client.pem key={certs}/client.key"
    client(
        f"connect I {relay.url} {peer}",
        f"connect E {relay.url}",
        "publish I t/in tracks=1",
        "publish E t/out tracks=1",
        "subscribe E t/in t0 as=e",
        "subscribe I t/out t0 as=i",
        "write I t/in t0 groups=3 frames=5 size=7 lockstep=e",
        "write E t/out t0 groups=5 frames=7 size=11 lockstep=i",
    )
    frames = world.same(agent, watch)
    expect_row(frames, "internal/subscriber.json", "t/in", groups=3, bytes=105)
    expect_row(frames, "publisher.json", "t/in", groups=3, bytes=105)
    expect_row(frames, "subscriber.json", "t/out", groups=5, bytes=385)
    expect_row(frames, "internal/publisher.json", "t/out", groups=5, bytes=385)
    expect_row(frames, "internal/sessions.json", "", sessions=1, sessions_closed=0)
    told = agent.statuses[-1]["tracks"]["publisher.json"]
    untold = {field for field, worth in told.items() if UNTOLD in worth["reason"]}
    check(untold == ({"bytes", "frames"} if LABELS and world.mode == "off" else set()), f"untold: {told}")
    client("close I")
    world.same(agent, watch)
    client("close E")
    world.same(agent, watch)
    world.stop(agent, ALL)


def cluster(world):
    """A second relay that dials the first is its internal peer, and the other way round."""
    certs = certificates(world)
    serve = ("--tls-cert", f"{certs}/server.pem", "--tls-key", f"{certs}/server.key")
    hub = Relay(world, name="hub", node="hub", args=(*serve, "--server-tls-root", f"{certs}/ca.pem"))
    hub_agent = world.agent(hub, name="hub-agent", node="hub")
    dial = ("--client-tls-cert", f"{certs}/client.pem", "--client-tls-key", f"{certs}/client.key")
    dial += ("--tls-root", f"{certs}/ca.pem", "--cluster-connect", f"127.0.0.1:{hub.port}")
    edge = Relay(world, name="edge", node="edge", args=(*serve, *dial))
    edge_agent = world.agent(edge, name="edge-agent", node="edge")
    hub_watch = world.watch(hub, name="hub-watch", node="hub")
    edge_watch = world.watch(edge, name="edge-watch", node="edge")
    client = Client(world)
    client(
        f"connect P {edge.url}",
        "publish P x/y tracks=1",
        f"connect S {hub.url}",
        "subscribe S x/y t0 as=s",
        "write P x/y t0 groups=5 frames=7 size=11 lockstep=s",
    )
    frames = world.same(hub_agent, hub_watch)
    expect_row(frames, "internal/subscriber.json", "x/y", groups=5, frames=35, bytes=385)
    expect_row(frames, "publisher.json", "x/y", groups=5, frames=35, bytes=385)
    frames = world.same(edge_agent, edge_watch)
    expect_row(frames, "subscriber.json", "x/y", groups=5, frames=35, bytes=385)
    expect_row(frames, "internal/publisher.json", "x/y", groups=5, frames=35, bytes=385)
    client("close S", "close P")
    world.same(hub_agent, hub_watch)
    world.same(edge_agent, edge_watch)
    world.stop(hub_agent, OPENING + PAYLOAD)
    # The edge may have dialled before its probes were there.
    world.stop(edge_agent, OPENING[2:] + PAYLOAD, lost=("entry_unknown",))


def roots(world):
    """Sessions are counted by auth root, and a root goes when its last session has."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(*(f"connect A{i} {relay.url}acme" for i in range(3)), f"connect B {relay.url}globex/eu")
    frames = world.same(agent, watch)
    expect_row(frames, "sessions.json", "acme", sessions=3, sessions_closed=0)
    expect_row(frames, "sessions.json", "globex/eu", sessions=1, sessions_closed=0)
    client("close A1", "close B")
    frames = world.same(agent, watch)
    check("globex/eu" not in frames["sessions.json"], "a root without sessions is gone")
    client(f"connect B {relay.url}globex/eu")
    frames = world.same(agent, watch)
    expect_row(frames, "sessions.json", "globex/eu", sessions=1, sessions_closed=0)
    world.stop(agent, SESSIONS)


def paused_load(world):
    """Load at speed, with pauses: whenever it holds still, every byte matches."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(f"connect P {relay.url}", "publish P p/x tracks=2", f"connect S {relay.url}")
    client("subscribe S p/x t0 as=a", "subscribe S p/x t1 as=b")
    for _ in range(3):
        client(
            "write P p/x t0 groups=53 frames=31 size=1201 lockstep=a",
            "write P p/x t1 groups=47 frames=1 size=65537 lockstep=b",
        )
        world.same(agent, watch)
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "p/x", bytes=3 * (53 * 31 * 1201 + 47 * 65537))
    world.stop(agent, OPENING + PAYLOAD)


def missing_track(world):
    """Subscriptions that come to nothing count as the relay counts them."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(f"connect P {relay.url}", "publish P n/x tracks=1", f"connect S {relay.url}")
    client("subscribe S n/x nothing as=s", "ended s")
    world.same(agent, watch)
    client("close S", "close P")
    world.same(agent, watch)
    world.stop(agent)


def escapes(world):
    """Paths that JSON must escape, and others that it must not."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(f"connect P {relay.url}")
    for path in ('q"uote', "back\\slash", "ümläut/日本", "del\x7f", "😀", "a/b"):
        client(f"publish P {path} tracks=1")
    frames = world.same(agent, watch)
    check(len(frames["subscriber.json"]) == 6, f"six rows: {frames['subscriber.json']}")
    world.stop(agent)


def long_paths(world):
    """A path at the limit is told apart; one beyond is summed up, and said to be."""
    relay, agent, watch = world.pair()
    client = Client(world)
    limit = "x" * 1024
    client(f"connect P {relay.url}", f"publish P {limit} tracks=1")
    frames = world.same(agent, watch)
    expect_row(frames, "subscriber.json", limit, announced=1)
    client(f"publish P {limit}y tracks=1")
    wait_until(lambda: agent.row("subscriber.json", "__overflow__"), 10, "a row for overflow")
    check(agent.row("subscriber.json", limit)["announced"] == 1, "the known one goes on")
    wait_until(lambda: "path_too_long" in agent.errors(), 10,
               lambda: f"a warning names the reason: {agent.errors()}")
    world.stop(agent, lost=("path_too_long",))


def capacity(world):
    """Beyond --max-broadcasts, known broadcasts stay exact and the rest is summed up."""
    relay = Relay(world)
    agent = world.agent(relay, "--max-broadcasts", "3")
    watch = world.watch(relay)
    client = Client(world)
    client(f"connect P {relay.url}", f"connect S {relay.url}")
    for b in range(5):
        client(
            f"publish P c/{b} tracks=1",
            f"subscribe S c/{b} t0 as=s{b}",
            f"write P c/{b} t0 groups={2 + b} frames=3 size=5 lockstep=s{b}",
        )
    wait_until(
        lambda: (agent.row("publisher.json", "__overflow__") or {}).get("groups") == 5 + 6,
        10,
        lambda: f"overflow holds the last two: {agent.frames()}",
    )
    for b in range(3):
        # The relay may tick later than the agent.
        wait_until(
            lambda b=b: agent.row("publisher.json", f"c/{b}") == watch.row("publisher.json", f"c/{b}"),
            20,
            f"c/{b} is exact",
        )
        expect_row(
            {"publisher.json": {f"c/{b}": agent.row("publisher.json", f"c/{b}")}},
            "publisher.json", f"c/{b}",
            groups=2 + b, frames=3 * (2 + b), bytes=15 * (2 + b), broadcasts=1, subscriptions=1,
        )
    world.stop(agent, lost=("broadcasts_full",))


def capacity_comes_back(world):
    """Broadcasts that have ended make room: many more in turn than there is room for at once, each
    exact."""
    relay = Relay(world)
    agent = world.agent(relay, "--max-broadcasts", "3")
    watch = world.watch(relay)
    client = Client(world)
    for turn in range(7):
        client(f"connect P{turn} {relay.url}")
        client(*(f"publish P{turn} r/{turn}.{b} tracks=1" for b in range(3)))
        wait_until(lambda: watch.row("subscriber.json", f"r/{turn}.2"), 10, "the relay shows them")
        frames = world.same(agent, watch, hold=0.5)
        expect_row(frames, "subscriber.json", f"r/{turn}.2", announced=1)
        client(f"close P{turn}")
        wait_until(
            lambda: agent.frames()["subscriber.json"] == agent.frames()["publisher.json"] == b"{}", 10,
            "their rows have gone"
        )
    world.same(agent, watch)
    world.stop(agent, OPENING[:4])


def never_closed_before_open(world):
    """closed <= open in every frame, while sessions and subscriptions come and go at speed."""
    relay = Relay(world)
    agent = world.agent(relay, "--interval", "0.05")
    watch = world.watch(relay)
    churners = [Client(world, f"churn{i}") for i in range(3)]
    publisher = Client(world, "publisher")
    publisher(f"connect P {relay.url}", "publish P z/x tracks=1")
    end = time.monotonic() + 8
    turns = 0
    while time.monotonic() < end:
        for i, churner in enumerate(churners):
            churner(f"connect C {relay.url}", f"subscribe C z/x t0 as=c{turns}")
        publisher("write P z/x t0 groups=1 frames=2 size=3")
        for churner in churners:
            churner("close C")
        turns += 1
    check(turns >= 5, f"only {turns} turns")
    world.same(agent, watch)
    # Which looks at all frames.
    world.stop(agent, ("sessions.sessions_closed", "publisher.subscriptions_closed"))


def two_relays(world):
    """Two relays of one executable, an agent each: nothing mixes."""
    pairs = [Relay(world, name=f"relay{i}", node=f"n{i}") for i in range(2)]
    agents = [world.agent(r, name=f"agent{i}", node=f"n{i}") for i, r in enumerate(pairs)]
    watches = [world.watch(r, name=f"watch{i}", node=f"n{i}") for i, r in enumerate(pairs)]
    client = Client(world)
    for i, relay in enumerate(pairs):
        client(
            f"connect P{i} {relay.url}",
            f"publish P{i} same/path tracks=1",
            f"connect S{i} {relay.url}",
            f"subscribe S{i} same/path t0 as=s{i}",
            f"write P{i} same/path t0 groups={3 + 2 * i} frames=2 size=3 lockstep=s{i}",
        )
    for i in range(2):
        frames = world.same(agents[i], watches[i])
        expect_row(frames, "publisher.json", "same/path", groups=3 + 2 * i)
    for agent in agents:
        world.stop(agent, OPENING + PAYLOAD)


def attach_late(world):
    """Attached in the middle: what was open is taken over as soon as anything begins, then every
    frame is the relay's, and what was open before is closed right."""
    relay = Relay(world)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P l/old tracks=2",
        "publish P l/idle tracks=1",
        f"connect S {relay.url}",
        "subscribe S l/old t0 as=o",
        "write P l/old t0 groups=2 frames=3 size=5 lockstep=o",
    )
    agent = world.agent(relay)
    field = agent.statuses[0]["tracks"]["publisher.json"]["bytes"]
    check(field["state"] == "since-attach" and field["reason"], f"the status says so: {field}")
    client("write P l/old t0 groups=5 frames=7 size=11 lockstep=o")
    watch = world.watch(relay)
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "l/old", bytes=30 + 5 * 77, broadcasts=1)
    expect_row(frames, "subscriber.json", "l/idle", announced=1)
    client(
        f"connect T {relay.url}",
        "subscribe T l/old t1 as=n",
        "write P l/old t1 groups=3 frames=1 size=1 lockstep=n",
        "close S",
        "write P l/old t1 groups=3 frames=5 size=7 lockstep=n",
    )
    frames = world.same(agent, watch)
    # The viewer that came after is there, although one that was there before has gone.
    expect_row(frames, "publisher.json", "l/old", broadcasts=2, broadcasts_closed=1)
    expect_row(frames, "sessions.json", "", sessions=4, sessions_closed=1)
    client("close T", "close P")
    world.same(agent, watch)
    last = world.stop(agent)
    for name, track in last["tracks"].items():
        for field, worth in track.items():
            # What is read from the relay is its own count of all that there is.
            reads = last["probes"]["hot"] == "read" and field in ("bytes", "frames", "groups")
            state = "exact" if reads else "since-attach"
            check(worth["state"] == state, f"{name} {field}: {worth}")


def attach_late_unseen(world, program=()):
    """What was there before and isn't opened again is there at once; where the executable has no
    symbols, it is named from the relay's tables as soon as anything begins."""
    relay = Relay(world, program=program)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P u/stream tracks=1",
        f"connect S {relay.url}acme",
        f"connect R {relay.url}",
        "subscribe R u/stream t0 as=r",
        "write P u/stream t0 groups=2 frames=3 size=5 lockstep=r",
    )
    watch = world.watch(relay)
    agent = world.agent(relay)
    client("write P u/stream t0 groups=5 frames=7 size=11 lockstep=r")
    if program:
        check(agent.row("publisher.json", "u/stream") is None, "nobody has told its name yet")
        # A session that only publishes: the relay announces nothing to it, so it names nothing
        # else.
        client(f"connect X {relay.url} role=publish")
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "u/stream", bytes=30 + 5 * 77, broadcasts=1)
    if not LATER:
        expect_row(frames, "sessions.json", "acme", sessions=1, sessions_closed=0)
    client("close R", "close S", "close P")
    world.same(agent, watch)
    world.stop(agent, lost=("entry_unknown",) if program else ())


def record_replay(world):
    """A recording gives the frames of the run it was made in, without root."""
    relay = Relay(world)
    recording = os.path.join(world.dir, "recording")
    agent = world.agent(relay, "--record", recording)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P r/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S r/x t0 as=s",
        "write P r/x t0 groups=3 frames=5 size=7 lockstep=s",
        "close S",
        "close P",
    )
    time.sleep(3)
    world.stop(agent)
    os.chmod(world.dir, 0o755)
    os.chmod(recording, 0o644)
    replay = Frames(
        world,
        "replay",
        ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all",
         world.moqstat, "run", "--replay", recording, "--node", "n1"],
    )
    check(replay.wait() == 0, f"replay: {replay.errors()}")
    replay.thread.join(5)
    check(replay.lines == agent.lines, "the same frames in the same order")


def relay_ends(world):
    """The relay's end is the agent's: a last tick, and an exit status of its own."""
    relay, agent, watch = world.pair()
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P e/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S e/x t0 as=s",
    )
    world.same(agent, watch)
    client("write P e/x t0 groups=2 frames=3 size=5 lockstep=s")
    relay.end(signal.SIGKILL)
    status = agent.wait()
    check(status == 3, f"exit status {status}, 3 is the relay's end: {agent.errors()}")
    agent.thread.join(5)
    row = agent.row("publisher.json", "e/x")
    check(row and row["bytes"] == 30, f"the last tick has what came after the one before: {row}")


def agent_signals(world):
    """SIGINT and SIGTERM end with a last tick and 0; SIGKILL leaves the relay as it was."""
    relay = Relay(world)
    client = Client(world)
    client(f"connect P {relay.url}", "publish P g/x tracks=1", f"connect S {relay.url}")
    text = open(f"/proc/{relay.pid}/maps", encoding="utf-8").read()
    for i, how in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)):
        agent = world.agent(relay, "--interval", "60")
        client(
            f"publish P g/{i} tracks=1",
            f"subscribe S g/{i} t0 as=s{i}",
            f"write P g/{i} t0 groups=2 frames=3 size=5 lockstep=s{i}",
        )
        status = agent.end(how)
        agent.thread.join(5)
        if how == signal.SIGKILL:
            check(status == -signal.SIGKILL, f"{status}")
            continue
        check(status == 0, f"{how.name}: {status}")
        row = agent.row("publisher.json", f"g/{i}")
        check(row and row["bytes"] == 30, f"{how.name}: the last tick: {row}")
    # No breakpoint is left in the relay's code, and it still serves. The kernel takes them away when
    # the last one ends who holds them, in its own time if that one was killed.
    sites = json.loads(
        subprocess.run([world.moqstat, "sites", "--pid", str(relay.pid), "--json"],
                       check=True, capture_output=True).stdout
    )["sites"]
    base = min(int(line.split("-")[0], 16) for line in text.splitlines() if "moq-relay" in line)

    def left():
        with open(f"/proc/{relay.pid}/mem", "rb", buffering=0) as mem:
            addresses = [site["address"] for site in sites]
            return [hex(at) for at in addresses if os.pread(mem.fileno(), 1, base + at) == b"\xcc"]

    wait_until(lambda: not left(), 10, lambda: f"{len(left())} breakpoints stay")
    client(
        "publish P g/after tracks=1",
        "subscribe S g/after t0 as=after",
        "write P g/after t0 groups=2 frames=3 size=5 lockstep=after",
    )
    check(relay.running(), "the relay runs")


def refuse(world, *args, status=2, says=(), **kwargs):
    done = subprocess.run([world.moqstat, *args], capture_output=True, timeout=60 * SLOW, **kwargs)
    check(done.returncode == status, f"{args}: {done.returncode}, not {status}: {done.stderr}")
    text = done.stderr.decode()
    check(done.stdout == b"", f"{args}: nothing on stdout: {done.stdout[:200]}")
    for word in says:
        check(word in text, f"{args}: {word!r} is not in: {text}")


def bad_input(world):
    """Bad input gets a clear error and a status, and nothing attached."""
    relay = Relay(world)
    pid = str(relay.pid)
    refuse(world, "run", "--pid", "4194303", says=("4194303", "no such process"))
    refuse(world, "run", "--pid", str(os.getpid()), says=("error",))
    refuse(world, "run", "--pid", "2", says=("process 2",))
    refuse(world, "run", "--pid", pid, "--interval", "0", says=("--interval 0",))
    refuse(world, "run", "--pid", pid, "--interval", "nan", says=("--interval nan",))
    refuse(world, "run", "--pid", "x", says=("--pid x",))
    refuse(world, "run", says=("--pid PID",))
    refuse(world, "run", "--pid", pid, "--output", "xml", says=("jsonl",))
    refuse(world, "run", "--replay", "/nonexistent", says=("/nonexistent",))
    refuse(world, "sites", "--binary", "/nonexistent", says=("/nonexistent",))
    refuse(world, "frobnicate", says=("frobnicate",))
    nobody = ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all",
              world.moqstat, "run", "--pid", pid]
    done = subprocess.run(nobody, capture_output=True, timeout=60)
    check(done.returncode in (1, 2) and b"root" in done.stderr, f"no root: {done}")
    lacking = ["setpriv", "--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-all",
               world.moqstat, "run", "--pid", pid]
    done = subprocess.run(lacking, capture_output=True, timeout=60)
    check(done.returncode == 1 and b"CAP_BPF" in done.stderr, f"no CAP_BPF: {done}")
    # In a mount namespace of its own; what is mounted there must not get out.
    apart = ["unshare", "-m", "--propagation", "unchanged"]
    inside = [*apart, "-p", "-f", "bash", "-c",
              "mount --make-rprivate /proc && mount -t proc proc /proc || exit 9;"
              ' "$1" --server-bind [::]:0 --tls-generate localhost --auth-public "" >&2 & relay=$!;'
              ' until [[ $(readlink /proc/$relay/exe) != *bash* ]]; do sleep 0.1; done;'
              ' "$0" run --pid $relay; status=$?; kill -9 $relay; exit $status',
              world.moqstat, world.relay]
    done = subprocess.run(inside, capture_output=True, timeout=60)
    check(done.returncode == 1 and b"PID namespace" in done.stderr, f"own PID namespace: {done}")
    closed = ["bash", "-c", 'exec "$0" run --pid "$1" >&-', world.moqstat, pid]
    done = subprocess.run(closed, capture_output=True, timeout=60)
    check(done.returncode == 2 and b"standard output" in done.stderr, f"stdout closed: {done}")


def output_fails(world):
    """A full disk is an error; a closed pipe is an end."""
    relay = Relay(world)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [world.moqstat, "run", "--pid", str(relay.pid)],
            stdout=full, stderr=subprocess.PIPE, timeout=60,
        )
    check(done.returncode == 1, f"full: {done}")
    check(b"No space left" in done.stderr, f"the error says so: {done.stderr}")
    done = subprocess.run(
        ["bash", "-c", '"$0" run --pid "$1" --interval 0.05 | head -n 3; exit ${PIPESTATUS[0]}',
         world.moqstat, str(relay.pid)],
        capture_output=True, timeout=60,
    )
    # The pipe only breaks when something is written: the first tick's frames do.
    check(done.returncode == 0, f"closed pipe: {done.returncode} {done.stderr}")


def relay_ends_during_attach(world):
    """Whenever the relay ends while the agent attaches, the agent ends too, and says why."""
    for i in range(6):
        relay = Relay(world, name=f"relay{i}")
        agent = Frames(
            world, f"agent{i}",
            [world.moqstat, "run", "--pid", str(relay.pid), "--no-cache"] if i % 2 else
            [world.moqstat, "run", "--pid", str(relay.pid)],
        )
        time.sleep(0.02 + 0.12 * i)
        relay.end(signal.SIGKILL)
        status = agent.wait(20)
        check(status in (1, 2, 3), f"try {i}: status {status}: {agent.errors()}")
        check("moqstat:" in agent.errors(), f"try {i}: it says why")


CASES = (
    bad_input,
    output_fails,
    one_broadcast,
    many,
    flicker,
    second_subscription,
    slower_relay,
    slower_agent,
    transports,
    versions,
    two_tiers,
    cluster,
    roots,
    paused_load,
    missing_track,
    escapes,
    long_paths,
    capacity,
    capacity_comes_back,
    never_closed_before_open,
    two_relays,
    attach_late,
    attach_late_unseen,
    record_replay,
    relay_ends,
    agent_signals,
    relay_ends_during_attach,
    publisher_killed,
)
