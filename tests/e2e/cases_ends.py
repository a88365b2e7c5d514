# SPDX-License-Identifier: MIT
"""Abrupt ends of every kind: what ended isn't live any more, what lives on isn't collected."""


from cases import ALL, PAYLOAD, expect_row
from harness import Client, check, wait_until
from proxy import Proxy
from versions import LETS_GO, NEWEST


def stayed(agent, track, path):
    """Since its first frame, a row has been in every frame of its track."""
    frames = [path in frame for frame in agent.history(track)]
    check(True in frames, f"{track} never had {path!r}")
    check(all(frames[frames.index(True):]), f"{track}: {path!r} was gone for a while")


def live(row, name):
    return row[name] - row[f"{name}_closed"]


def killed(world):
    """Publishers and subscribers killed, over each transport and in both protocol families, one
    under a root, while others wait for them and go on: WebSocket ends at once, QUIC by the relay's
    idle timeout."""
    relay, agent, watch = world.pair()
    stay = Client(world, "stay")
    stay(
        f"connect P {relay.url}",
        "publish P k/live tracks=2",
        f"connect S {relay.url}",
        "subscribe S k/live t0 as=s",
        "write P k/live t0 groups=3 frames=5 size=7 lockstep=s",
    )
    kinds = (
        (relay.url, "moq-lite-03", "", True),
        (relay.url, "moq-transport-17", "", True),
        (f"{relay.url}acme", "moq-lite-04", "acme/", True),
        (relay.ws, "moq-lite-02", "", False),
        # Not 16, with which the relay keeps a subscription whose publisher has gone.
        (relay.ws, "moq-transport-17", "", False),
    )
    victims = []
    for i, (url, version, root, _) in enumerate(kinds):
        publisher, subscriber = Client(world, f"publisher{i}"), Client(world, f"subscriber{i}")
        publisher(f"connect P {url} version={version}", f"publish P v{i} tracks=2")
        stay(f"subscribe S {root}v{i} t0 as=v{i}")
        subscriber(f"connect S {url} version={version}", f"subscribe S v{i} t1 as=own")
        if not root:
            subscriber("subscribe S k/live t1 as=live")
        for group in range(3):
            publisher(f"write P v{i} t0 frames={2 + i} size=11", f"write P v{i} t1 frames=1 size=13")
            stay(f"expect v{i} groups={group + 1}")
            subscriber(f"expect own groups={group + 1}")
        victims += [publisher, subscriber]
    paths = [f"{root}v{i}" for i, (_, _, root, _) in enumerate(kinds)]
    frames = world.same(agent, watch)
    for i, path in enumerate(paths):
        expect_row(frames, "subscriber.json", path, groups=6, announced=1, announced_closed=0)
    for victim in victims:
        victim.child.kill()
        victim.child.wait()
    # QUIC ones live on for 30 s; that the others have gone is noticed soon.
    for (_, _, _, quic), path in zip(kinds, paths):
        if not quic:
            wait_until(
                lambda p=path: watch.row("subscriber.json", p) is None, 10, f"{path} has gone"
            )
    frames = world.same(agent, watch)
    for (_, _, _, quic), path in zip(kinds, paths):
        there = path in frames["subscriber.json"]
        check(there == quic, f"{path}: {'there' if there else 'gone'} at once")
    check(live(frames["publisher.json"]["k/live"], "broadcasts") == 1 + 2, "two of four are left")
    wait_until(
        lambda: not any(watch.row(f"{role}.json", path)
                        for role in ("publisher", "subscriber") for path in paths),
        60,
        "the relay notices the killed",
    )
    frames = world.same(agent, watch)
    row = frames["publisher.json"]["k/live"]
    check(live(row, "broadcasts") == 1 and live(row, "subscriptions") == 1, f"one reads on: {row}")
    check(not LETS_GO or "acme" not in frames["sessions.json"], "nobody is left under the root")
    stay("write P k/live t0 groups=2 frames=3 size=5 lockstep=s")
    frames = world.same(agent, watch)
    expect_row(frames, "subscriber.json", "k/live", groups=5)
    for role in ("publisher", "subscriber"):
        stayed(agent, f"{role}.json", "k/live")
    stay("close S", "close P")
    frames = world.same(agent, watch)
    check(frames["publisher.json"] == {} and frames["subscriber.json"] == {}, f"{frames}")
    world.stop(agent, ALL)


# Transports and versions that the next cases go through at once.
KINDS = (
    ("url", "moq-lite-03"),
    ("ws", "moq-lite-04"),
    ("url", "moq-transport-16"),
    ("ws", "moq-transport-17"),
    ("url", NEWEST),
)


def publisher_gone(world):
    """A publisher that closes or aborts while subscribers wait for a first group, or for the next."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, (url, version) in enumerate(KINDS):
        url = getattr(relay, url)
        client(
            f"connect P{i} {url} version={version}",
            f"publish P{i} g/{i} tracks=2",
            f"connect S{i} {url} version={version}",
            f"subscribe S{i} g/{i} t0 as=a{i}",
            f"write P{i} g/{i} t0 groups=2 frames=3 size=5 lockstep=a{i}",
            f"subscribe S{i} g/{i} t1 as=b{i}",
            f"wait-used P{i} g/{i} t1",
        )
    frames = world.same(agent, watch)
    for i in range(len(KINDS)):
        expect_row(frames, "publisher.json", f"g/{i}", subscriptions=2, subscriptions_closed=0)
        expect_row(frames, "subscriber.json", f"g/{i}", subscriptions=2, groups=2)
    # The relay notices an abort over WebSocket at once.
    client(*(f"{'abort' if url == 'ws' else 'close'} P{i}" for i, (url, _) in enumerate(KINDS)))
    frames = world.same(agent, watch)
    for i, (_, version) in enumerate(KINDS):
        row = frames["subscriber.json"].get(f"g/{i}")
        # With drafts up to 16 the relay keeps subscriptions until the subscriber's session ends.
        kept = version == "moq-transport-16"
        check((row is not None) == kept, f"g/{i}, its publisher having gone: {row}")
        check(not row or not LETS_GO or live(row, "announced") == 0, f"g/{i} has gone: {row}")
    client(*(f"close S{i}" for i in range(len(KINDS))))
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"the subscribers have gone, too: {frames}")
    world.stop(agent, ALL)


def unannounced(world):
    """A broadcast is unannounced under its subscribers, and announced again; a track is ended, and
    a subscription is given up, each before the session is."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, (url, version) in enumerate(KINDS):
        url = getattr(relay, url)
        client(
            f"connect P{i} {url} version={version}",
            f"publish P{i} u/{i} tracks=3",
            f"connect S{i} {url} version={version}",
            f"subscribe S{i} u/{i} t0 as=a{i}",
            f"subscribe S{i} u/{i} t1 as=b{i}",
            f"subscribe S{i} u/{i} t2 as=c{i}",
            f"write P{i} u/{i} t0 groups=2 frames=3 size=5 lockstep=a{i}",
            f"write P{i} u/{i} t1 groups=3 frames=2 size=7 lockstep=b{i}",
            f"wait-used P{i} u/{i} t2",
        )
    world.same(agent, watch)
    client(*(f"finish P{i} u/{i} t0" for i in range(len(KINDS))))
    world.same(agent, watch)
    client(*(f"unsubscribe b{i}" for i in range(len(KINDS))))
    world.same(agent, watch)
    client(*(f"unpublish P{i} u/{i}" for i in range(len(KINDS))))
    world.same(agent, watch)
    # With the drafts a path stays announced until its publisher's session ends.
    client(
        "publish P0 u/0 tracks=1",
        f"connect T0 {relay.url} version={KINDS[0][1]}",
        "subscribe T0 u/0 t0 as=d0",
        "write P0 u/0 t0 groups=5 frames=2 size=3 lockstep=d0",
    )
    world.same(agent, watch)
    client(*(f"close P{i}" for i in range(len(KINDS))))
    world.same(agent, watch)
    client(*(f"close S{i}" for i in range(len(KINDS))))
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames['publisher.json']}")
    world.stop(agent, ALL)


def middle_of_group(world):
    """Sessions end while a group is under way: first the subscriber's, then the publisher's."""
    relay, agent, watch = world.pair()
    client = Client(world)
    for i, (url, version) in enumerate(KINDS):
        url = getattr(relay, url)
        client(
            f"connect P{i} {url} version={version}",
            f"publish P{i} o/{i} tracks=1",
            f"connect S{i} {url} version={version}",
            f"connect R{i} {url} version={version}",
            f"subscribe S{i} o/{i} t0 as=s{i}",
            f"subscribe R{i} o/{i} t0 as=r{i}",
            f"write P{i} o/{i} t0 groups=2 frames=3 size=5 lockstep=s{i},r{i}",
            f"open P{i} o/{i} t0 frames={5 + i} size=7",
        )
    frames = world.same(agent, watch)
    for i in range(len(KINDS)):
        counts = {"groups": 3, "frames": 6 + 5 + i, "bytes": 30 + 7 * (5 + i)}
        expect_row(frames, "subscriber.json", f"o/{i}", subscriptions_closed=0, **counts)
    client(*(f"close S{i}" for i in range(len(KINDS))))
    frames = world.same(agent, watch)
    for i in range(len(KINDS)):
        row = frames["publisher.json"][f"o/{i}"]
        check(live(row, "subscriptions") == 1, f"one reads on: {row}")
    client(*(f"close P{i}" for i in range(len(KINDS))))
    world.same(agent, watch)
    client(*(f"close R{i}" for i in range(len(KINDS))))
    frames = world.same(agent, watch)
    check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames['publisher.json']}")
    world.stop(agent, PAYLOAD)


def nothing_there(world):
    """Subscriptions to broadcasts and tracks that don't exist. A client asks for a broadcast only
    while it takes it for announced, so the word that it has ended is held back on the way."""
    relay, agent, watch = world.pair()
    client = Client(world)
    http = relay.http
    kinds = (("moq-lite-03", True), ("moq-lite-04", False), ("moq-transport-16", True))
    proxies = []
    try:
        for i, (version, udp) in enumerate(kinds):
            proxy = Proxy(relay.port if udp else http, udp)
            proxies.append(proxy)
            url = f"https://127.0.0.1:{proxy.port}/" if udp else f"ws://127.0.0.1:{proxy.port}//"
            client(
                f"connect P{i} {relay.url} version={version}",
                f"publish P{i} q/{i} tracks=1",
                f"connect S{i} {url} version={version}",
                f"subscribe S{i} q/{i} nothing as=n{i}",
                f"wait-announced S{i} q/{i}",
            )
        world.same(agent, watch)
        for i, proxy in enumerate(proxies):
            proxy.hold()
            client(f"close P{i}")
        frames = world.same(agent, watch)
        check(not LETS_GO or frames["subscriber.json"] == {}, f"the publishers have gone: {frames}")
        before = watch.totals()["publisher.json"]
        for i in range(len(kinds)):
            client(f"subscribe S{i} q/{i} t0 as=s{i}")

        def arrived():
            after = watch.totals()["publisher.json"]
            return all(
                after[path]["subscriptions"] == before[path]["subscriptions"] + 1
                for path in (f"q/{i}" for i, (version, _) in enumerate(kinds) if "lite" in version)
            )

        wait_until(arrived, 10, lambda: f"late subscriptions arrive: {before} {watch.totals()}")
        frames = world.same(agent, watch)
        for proxy in proxies:
            proxy.release()
        frames = world.same(agent, watch)
        client(*(f"close S{i}" for i in range(len(kinds))))
        frames = world.same(agent, watch)
        check(not LETS_GO or frames["publisher.json"] == {}, f"all has gone: {frames['publisher.json']}")
    finally:
        for proxy in proxies:
            proxy.close()
    world.stop(agent)


LOADS = (publisher_gone, unannounced, middle_of_group, nothing_there, killed)
CASES = tuple((case, mode) for case in LOADS for mode in ("guard", "off"))
