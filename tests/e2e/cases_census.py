# SPDX-License-Identifier: MIT
"""What `moqstat census` tells of a relay's memory, compared with the relay's own frames, and with
what the clients have open where the relay keeps no statistics."""

import signal
import subprocess
import time
from collections import Counter

from cases import certificates
from census import (PREFIX, census, census_errors, differences, in_frames, is_told, opened,
                    sessions, sessions_in_frames, told)
from harness import SLOW, Client, Failure, Process, Relay, check, wait_until
from versions import NEWEST


def same_as_frames(world, relay, watch, seconds=15):
    """Once nothing changes any more, the census equals the relay's frames, and all is told."""
    end = time.monotonic() + seconds * SLOW
    while True:
        before = watch.frames()
        seen = census(world, relay)
        time.sleep(1.2)
        after = watch.frames()
        wrong = differences(opened(seen), in_frames(after))
        wrong.update(differences(sessions(seen), sessions_in_frames(after)))
        if in_frames(before) == in_frames(after) and not wrong and is_told(seen):
            return seen
        if time.monotonic() > end:
            told(seen)
            raise Failure(f"census and frames differ: (is, must be) {wrong}")


def three_by_two(client, url, version="", root=""):
    """3 broadcasts of 2 tracks, 2 sessions that subscribe to all, and one more that has less."""
    client(*(f"connect {s} {url}{version}" for s in ("P", "A", "B", "C")))
    for name in "abc":
        client(f"publish P demo/{name} tracks=2")
        for session in "AB":
            for track in ("t0", "t1"):
                client(f"subscribe {session} demo/{name} {track} as={session}{name}{track}")
    client("subscribe C demo/b t1 as=Cbt1")


def three_by_two_open(root="", tier="external"):
    out = Counter()
    for name in "abc":
        path, more = f"{root}demo/{name}", name == "b"
        out["announce", path, tier, "publisher"] = 4
        out["announce", path, tier, "subscriber"] = 1
        out["track", path, tier, "publisher"] = 4 + more
        out["track", path, tier, "subscriber"] = 2
        out["broadcast", path, tier, "publisher"] = 2 + more
        out["broadcast", path, tier, "subscriber"] = 1
    return out


def same_as_opened(world, relay, must_be, what, seconds=10):
    """The census tells what the clients have open, once the relay has caught up with them."""
    end = time.monotonic() + seconds * SLOW
    while True:
        seen = census(world, relay)
        wrong = differences(opened(seen), must_be)
        if not wrong and is_told(seen):
            return seen
        if time.monotonic() > end:
            told(seen, f"{what} ({census_errors(world, relay)})")
            raise Failure(f"{what}: (is, must be) {wrong}")


def census_of_versions(world):
    """Statistics off: each family of protocols, over QUIC and WebSocket, under a root."""
    relay = Relay(world, stats=False)
    for version in ("moq-lite-01", "moq-lite-04", "moq-transport-14", "moq-transport-17",
                    NEWEST):
        for transport, url in (("quic", relay.url), ("ws", relay.ws.rstrip("/") + "/")):
            client = Client(world, name=f"{version}-{transport}")
            three_by_two(client, url + "acme", f" version={version}")
            what = f"{version} over {transport}"
            seen = same_as_opened(world, relay, three_by_two_open("acme/"), what)
            check(not any(i["entry"] for i in seen["open"]), f"{what}: no counters")
            roots = {("acme", "external"): 4} if transport == "quic" else {}
            check(dict(sessions(seen)) == roots, f"{what}: sessions {sessions(seen)}")
            guards = [i["guard"] for i in seen["open"] if i["kind"] != "broadcast"]
            check(all(guards) and len(set(guards)) == len(guards), f"{what}: each guard once")
            tracks = [i for i in seen["open"] if i["kind"] == "track"]
            check(all(i["shared"] for i in tracks), f"{what}: guards of tracks are in an Arc")
            keyed = [i for i in seen["open"] if i["kind"] == "announce"]
            check(all(i["key"] and i["table"] for i in keyed), f"{what}: announces have a key")
            client("close P", "close A", "close B", "close C")
            same_as_opened(world, relay, Counter(), f"{what}, all closed")
            wait_until(lambda: not sessions(census(world, relay)), 10, f"{what}: no session is left")


def census_of_tiers(world):
    """mTLS peers are internal; the frames of a relay with statistics say the same, throughout."""
    certs = certificates(world)
    serve = ("--tls-cert", f"{certs}/server.pem", "--tls-key", f"{certs}/server.key")
    relay = Relay(world, args=(*serve, "--server-tls-root", f"{certs}/ca.pem"))
    watch = world.watch(relay)
    client = Client(world)
    peer = f" cert={certs}/client.pem key={certs}/client.key"
    three_by_two(client, relay.url, peer)
    client(
        f"connect E {relay.url}",
        "subscribe E demo/a t0 as=Eat0",
        f"connect I {relay.url} version=moq-transport-14{peer}",
        "subscribe I demo/c t1 as=Ict1",
        "write P demo/a t0 groups=3 frames=5 size=7 lockstep=Aat0,Bat0,Eat0",
    )
    seen = same_as_frames(world, relay, watch)
    must_be = three_by_two_open(tier="internal")
    for name in "abc":
        must_be["announce", f"demo/{name}", "internal", "publisher"] += 1
        must_be["announce", f"demo/{name}", "external", "publisher"] = 2  # E and the watcher
    must_be["track", "demo/a", "external", "publisher"] = 1
    must_be["broadcast", "demo/a", "external", "publisher"] = 1
    must_be["track", "demo/c", "internal", "publisher"] += 1
    must_be["broadcast", "demo/c", "internal", "publisher"] += 1
    wrong = differences(opened(seen), must_be)
    check(not wrong, f"(is, must be) {wrong}")
    entries = {i["path"]: i["entry"] for i in seen["open"] if i["kind"] == "announce"}
    check(
        all(i["entry"] == entries[i["path"]] for i in seen["open"] if i["kind"] == "track"
            and not i["path"].startswith(PREFIX)),
        "guards of one path have one entry, whatever way they were named",
    )
    client("unsubscribe Aat0", "unsubscribe Aat1", "close B")
    same_as_frames(world, relay, watch)
    client("abort I", "close A", "unpublish P demo/b")
    same_as_frames(world, relay, watch, seconds=45)
    client("close P", "close C", "close E")
    same_as_frames(world, relay, watch)


def census_of_a_cluster(world):
    """Both ends of a link between relays."""
    certs = certificates(world)
    serve = ("--tls-cert", f"{certs}/server.pem", "--tls-key", f"{certs}/server.key")
    hub = Relay(world, name="hub", node="hub", args=(*serve, "--server-tls-root", f"{certs}/ca.pem"))
    dial = ("--client-tls-cert", f"{certs}/client.pem", "--client-tls-key", f"{certs}/client.key")
    dial += ("--tls-root", f"{certs}/ca.pem", "--cluster-connect", f"127.0.0.1:{hub.port}")
    edge = Relay(world, name="edge", node="edge", args=(*serve, *dial))
    hub_watch = world.watch(hub, name="hub-watch", node="hub")
    edge_watch = world.watch(edge, name="edge-watch", node="edge")
    client = Client(world)
    client(
        f"connect P {edge.url}",
        "publish P x/y tracks=3",
        "publish P x/z tracks=1",
        f"connect S {hub.url}",
        *(f"subscribe S x/y t{i} as=s{i}" for i in range(3)),
        "write P x/y t0 groups=5 frames=7 size=11 lockstep=s0",
    )
    seen = opened(same_as_frames(world, hub, hub_watch))
    check(seen["track", "x/y", "internal", "subscriber"] == 3, f"the hub: {seen}")
    seen = opened(same_as_frames(world, edge, edge_watch))
    check(seen["track", "x/y", "internal", "publisher"] == 3, f"the edge: {seen}")


def census_of_what_waits(world):
    """A publisher that doesn't answer: subscriptions that the relay asks of it are open, though not
    confirmed, and have their path all the same. A track that doesn't exist ends by itself."""
    relay = Relay(world)
    watch = world.watch(relay)
    for version in ("moq-lite-03", "moq-lite-04", "moq-transport-14", NEWEST):
        # The relay holds on to a killed client's broadcasts for a while.
        x, y = f"demo/x-{version}", f"demo/y-{version}"
        source, sink = Client(world, name=f"source-{version}"), Client(world, name="sink")
        source(f"connect P {relay.url}acme version={version}",
               f"publish P {x} tracks=3", f"publish P {y} tracks=1")
        sink(f"connect S {relay.url}acme", f"subscribe S {y} t0 as=y", f"subscribe S {y} t9 as=n")
        seen = same_as_frames(world, relay, watch)
        check(opened(seen)["broadcast", f"acme/{y}", "external", "subscriber"] == 1, f"{version}")
        source.child.send_signal(signal.SIGSTOP)
        sink(*(f"subscribe S {x} t{i} as=x{i}" for i in range(3)))
        seen = opened(same_as_frames(world, relay, watch))
        check(seen["track", f"acme/{x}", "external", "subscriber"] == 3, f"{version}: {seen}")
        check(not seen["broadcast", f"acme/{x}", "external", "subscriber"], f"{version}: {seen}")
        source.child.send_signal(signal.SIGCONT)
        waited = ("broadcast", f"acme/{x}", "external", "subscriber")
        wait_until(
            lambda key=waited: opened(census(world, relay))[key],
            10, f"{version}: the publisher answers",
        )
        same_as_frames(world, relay, watch)
        source.end(signal.SIGKILL)  # subscribers wait on
        same_as_frames(world, relay, watch)
        sink.end(signal.SIGKILL)
        same_as_frames(world, relay, watch)


def load(world, relay, *args):
    command = [world.load, "load", "--url", relay.url, *args]
    return Process(world, "load", command, stdout=subprocess.DEVNULL)


def census_of_a_busy_relay(world):
    """Groups in full flow open and close no guard: a hundred times in a row all is told, exactly."""
    for version in ("moq-lite-04", NEWEST):
        relay = Relay(world, name=version)
        watch = world.watch(relay, name=f"watch-{version}")
        busy = load(world, relay, "--broadcasts", "3", "--tracks", "2", "--sessions", "5",
                    "--groups", "0", "--rate", "29", "--frames", "13", "--size", "211",
                    "--client-version", version)
        wait_until(
            lambda: in_frames(watch.frames())["track", "demo/2", "external", "publisher"] == 10,
            20, lambda: f"all are subscribed: {busy.errors()}",
        )
        seen = same_as_frames(world, relay, watch)
        must_be, roots = opened(seen), sessions(seen)
        for i in range(50):
            seen = census(world, relay)
            told(seen)
            wrong = differences(opened(seen), must_be)
            check(not wrong and sessions(seen) == roots, f"try {i}: (is, must be) {wrong}")
        check(in_frames(watch.frames()) == must_be, "nothing was opened or closed meanwhile")
        busy.end()
        relay.end()


def census_while_all_changes(world):
    """A hundred times beside sessions that come, subscribe and go: what stays is told exactly, what
    comes and goes never more than can be; and once it holds still, exactly."""
    relay = Relay(world, stats=False)
    still, restless = Client(world, name="still"), Client(world, name="restless")
    still(f"connect P {relay.url} role=publish", f"connect S {relay.url} role=subscribe",
          f"connect I {relay.url} role=subscribe version=moq-transport-17")
    for name in "abc":
        still(f"publish P demo/{name} tracks=2 confirm=no")
        for track in ("t0", "t1"):
            still(f"subscribe S demo/{name} {track} as=S{name}{track}",
                  f"subscribe I demo/{name} {track} as=I{name}{track}")
    must_be = Counter()
    for name in "abc":
        path = f"demo/{name}"
        must_be["announce", path, "external", "publisher"] = 2
        must_be["announce", path, "external", "subscriber"] = 1
        must_be["track", path, "external", "publisher"] = 4
        must_be["track", path, "external", "subscriber"] = 2
        must_be["broadcast", path, "external", "publisher"] = 2
        must_be["broadcast", path, "external", "subscriber"] = 1
    same_as_opened(world, relay, must_be, "before")

    def round_trip(i):
        version = ("moq-lite-04", "moq-lite-02", "moq-transport-14", NEWEST)[i % 4]
        url = relay.ws if i % 3 == 0 else relay.url
        restless(f"connect R {url} version={version}")
        yield
        restless("publish R demo/r tracks=1 confirm=no", "wait-announced R demo/r")
        yield
        restless(f"subscribe R demo/a t0 as=a{i}", f"subscribe R demo/r t0 as=r{i}")
        yield
        restless(f"unsubscribe a{i}")
        yield
        restless("close R")
        yield

    # What one more session can add: it is announced all, publishes one, subscribes to two.
    most = Counter(must_be)
    for name in "abcr":
        most["announce", f"demo/{name}", "external", "publisher"] += 1
    most["announce", "demo/r", "external", "publisher"] += 2
    most["announce", "demo/r", "external", "subscriber"] = 1
    for path in ("demo/a", "demo/r"):
        most["track", path, "external", "publisher"] += 1
        most["broadcast", path, "external", "publisher"] += 1
    most["track", "demo/r", "external", "subscriber"] = 1
    most["broadcast", "demo/r", "external", "subscriber"] = 1
    taken = untold = 0
    for i in range(20):
        for _ in round_trip(i):
            seen = census(world, relay)
            taken += 1
            untold += not is_told(seen)
            is_ = opened(seen)
            lost = {k: (is_[k], n) for k, n in must_be.items() if is_[k] < n}
            more = {k: (is_[k], most[k]) for k in is_ if is_[k] > most[k] * 2 - must_be[k]}
            check(not lost or not is_told(seen), f"take {taken}: less than there is: {lost}")
            check(not more, f"take {taken}: more than there can be: {more}")
            check(sum(sessions(seen).values()) <= 3 + 2, f"take {taken}: {sessions(seen)}")
    check(taken == 100, f"{taken} taken")
    check(untold <= taken // 4, f"{untold} of {taken} not wholly told")
    same_as_opened(world, relay, must_be, "after")


def census_refuses(world):
    """What it can't tell, it says, with the status for bad input."""
    relay = Relay(world, stats=False)
    same_as_opened(world, relay, Counter(), "idle")
    seen = census(world, relay)
    check(not seen["open"], f"an idle relay has nothing open: {seen}")
    for args, says in (
        (["--pid", "1"], "moqstat:"),
        ([], "give --pid"),
        (["--pid", "4194304"], "no such process"),
        (["--pid", str(relay.pid), "--binary", "x"], "--binary belongs to sites"),
    ):
        done = subprocess.run(
            [world.moqstat, "census", *args], capture_output=True, text=True, timeout=60
        )
        check(done.returncode == 2, f"{args}: {done.returncode} {done.stderr}")
        check(says in done.stderr, f"{args}: {done.stderr}")
        check(not done.stdout, f"{args}: {done.stdout}")


CASES = (
    census_refuses,
    census_of_versions,
    census_of_tiers,
    census_of_a_cluster,
    census_of_what_waits,
    census_of_a_busy_relay,
    census_while_all_changes,
)
