# SPDX-License-Identifier: MIT
"""What the agent answers over HTTP, beside what the relay answers to the same. A case is a function of
a World; its name is the function's."""

import concurrent.futures
import json
import re
import subprocess
import types
import urllib.parse
import zlib

from harness import FIRST_TRACKS, LABELS, SLOW, TRACKS, Client, Relay, check, wait_until
from proxy import Spoiler
from serving import FLUSHED, Connection, Follower, ask, served

FETCH = "/fetch/.stats/node/n1/"

# Headers that the relay has not: a frame's tag, and how its answer may be kept and read.
OURS_ALONE = {
    "etag": None,
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}

# (target, the headers of the request): as the relay answers, so must we.
SAME = [
    (target, {})
    for target in (
        "/announced", "/announced//", "/announced/.stats", "/announced/.stats/",
        "/announced/.stats//node", "/announced/%2estats", "/announced/%2Estats/%6eode",
        "/announced//.stats", "/announced/%2f.stats", "/announced/.stats%2fnode",
        "/announced/.stat", "/announced/.stats/nod", "/announced/.STATS",
        "/announced/.stats/node/n1", "/announced/.stats/node/n1/x", "/announced/none",
        "/announced/%", "/announced/%zz", "/announced/%e2%82%ac", "/announced/%22%0a%3c",
        "/announced/a+b", "/announced/..", "/announced/../.stats", "/announced/./.stats",
        "/announced?", "/announced?x=1", "/announced/.stats?%", "http://other/announced",
        "/announced/" + "a" * 8000, "/announced/" + "%61" * 4000,
        "/fetch/x", "/fetch/x?", "/fetch/a%", "/fetch/%e2%82%ac", "/fetch/" + "a" * 8000,
        "/fetch/x?group=0", "/fetch/x?group=y",
        FETCH + "other.json", FETCH + "publisher", FETCH + "Publisher.json", FETCH + "%22%3cb%3e",
        FETCH + "other.json?group=0", FETCH + "a" * 8000,
        "/fetch//.stats//node/n1/publisher.json", FETCH + "/publisher.json",
        "/fetch/.stats%2fnode/n1%2fpublisher.json", "/fetch/%2Estats/node/n1/publisher.json",
        "/fetch/%2f.stats/node/n1/publisher.json", "http://other" + FETCH + "publisher.json",
        *(FETCH + track for track in ("publisher.json", "subscriber.json", "sessions.json")),
        *(
            FETCH + "publisher.json?" + query
            for query in (
                "", "group=latest", "group=0", "group=00", "group=%30", "group=%2B0", "frame=0",
                "frame=00", "frame=chunked", "frame=1", "frame=18446744073709551615",
                "group=latest&frame=0", "group=0&frame=7", "x=1", "GROUP=x", "&&", "=", "group=",
                "group", "group=x", "group=-1", "group=+1", "group=1%20", "group=1.0",
                "group=0x1", "group=18446744073709551616", "group=LATEST",
                "group=%3Cscript%3E%22", "group=%e2%82%ac", "group=%zz", "group=%", "frame=",
                "frame=x", "frame=-1", "frame=latest", "group=chunked", "group=x&frame=y",
                "frame=y&group=x", "frame=0&group=x", "group=0&group=0", "group=latest&group=x",
                "frame=0&frame=1", "group=latest;frame=0", "g%72oup=x", "group=0&x=%zz",
            )
        ),
    )
] + [
    (target, headers)
    for target in ("/announced/.stats", FETCH + "publisher.json")
    for headers in (
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "x" * 500, "Access-Control-Request-Method": "POST"},
        {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-y"},
        {"Accept": "image/png", "Accept-Language": "tlh"},
        {"Range": "bytes=0-0"},
        {"Content-Length": "0"},
        {"Cookie": "a=b"},
    )
]

METHODS = ("HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")

# For a broadcast or a group that may come the relay waits, 30 s; we say at once that there is none.
# To it `internal` is a part of the broadcast's name, so that it can't reach the internal tracks.
WAITS = (
    "/fetch//", "/fetch//x", "/fetch/x/", "/fetch/x/y", "/fetch/%2fx", "/fetch/%zz/x",
    "/fetch/.stats/publisher.json", "/fetch/.stats/node/publisher.json", "/fetch/a+b/c",
    "/fetch/.stats/node/n1x/publisher.json", "/fetch/.stats/node/N1/publisher.json",
    "/fetch/publisher.json/", "/fetch//publisher.json", "/fetch/internal/publisher.json",
    FETCH + "publisher.json/", FETCH + "x/y", "/fetch/../.stats/node/n1/publisher.json",
    FETCH + "publisher.json?group=18446744073709551615", FETCH + "sessions.json?group=9999",
)

# Where the answers differ: (target, headers, the relay's status, ours, why).
DIFFER = (
    ("/announced?jwt=x", {}, 401, 200, "who may read is told by --token-file, not the relay's JWT"),
    ("/announced?jwt=a&jwt=b", {}, 400, 200, "the same"),
    (FETCH + "publisher.json?jwt=x", {}, 401, 200, "the same"),
    ("/announced/%ff", {}, 400, 400, "the text names a variable of the relay's"),
    ("/fetch/%ff/x", {}, 400, 400, "the same"),
    ("/announced/%c3", {}, 400, 400, "the same"),
    ("/announced?%ff=1", {}, 200, 400, "text that is none is refused, not mended"),
    (FETCH + "publisher.json?group=%ff", {}, 400, 400, "the same"),
    (FETCH + "publisher.json%00", {}, 404, 400, "a path with a 0 in it is refused"),
    ("/fetch%2f.stats/node/n1/publisher.json", {}, 404, 200, "a slash is one, however it is written"),
    ("/announced/", {}, 404, 404, "the relay's page says that one is no MoQ client"),
    ("/fetch", {}, 404, 404, "the same"),
    ("/fetch/", {}, 404, 404, "the same"),
    ("/announcedx", {}, 404, 404, "the same"),
    ("/announced/" + "a" * 40000, {}, 200, 414, "a request's head must fit into 16 kB"),
    ("/announced/" + "a" * 70000, {}, 414, 414, "the relay has a limit, too: 64 kB"),
    (FETCH + "publisher.json", {"If-None-Match": "*"}, 200, 304, "tags are ours"),
)


def compare(ours, theirs, what, method="GET"):
    """Status, headers and body of two answers."""
    mine, other = list(ours.headers), list(theirs.headers)
    for name, value in OURS_ALONE.items():
        there = [v for n, v in mine if n == name]
        check(name == "etag" or there == [value], f"{what}: {name}: {there}")
        mine = [(n, v) for n, v in mine if n != name]
    # The relay compresses nothing; we do, from 1 kB on, if asked to.
    packed = ("vary", "accept-encoding")
    check((packed in mine) == (int(ours.header("content-length") or 0) >= 1024), f"{what}: {mine}")
    mine = [pair for pair in mine if pair != packed]
    # Frames are sent in pieces by the relay, which doesn't know how long they are.
    if not theirs.header("content-length"):
        length = int(ours.header("content-length") or 0)
        check(method == "HEAD" or length == len(ours.body), f"{what}: {length} bytes")
        check(method == "HEAD" or theirs.header("transfer-encoding") == "chunked", f"{what}")
        mine = [(n, v) for n, v in mine if n != "content-length"]
        other = [(n, v) for n, v in other if n != "transfer-encoding"]
    a, b = (ours.status, mine, ours.body), (theirs.status, other, theirs.body)
    check(a == b, f"{what}:\n    agent {str(a)[:900]}\n    relay {str(b)[:900]}")


def compare_all(pool, agent, relay):
    """Every request of the lists, to both."""
    asked = [("GET", target, headers) for target, headers in SAME]
    asked += [(m, t, {}) for m in METHODS for t in ("/announced/.stats", FETCH + "publisher.json")]
    asked += [
        ("OPTIONS", t, {"Origin": "http://x", "Access-Control-Request-Method": m, "A": "b"})
        for t in ("/announced", FETCH + "publisher.json", "/fetch/x/y")
        for m in ("GET", "POST")
    ]

    def both(one):
        method, target, headers = one
        return [ask(port, target, method, headers) for port in (agent.port, relay.http)]

    for (method, target, headers), (a, b) in zip(asked, pool.map(both, asked)):
        what = f"{method} {target[:120]} {headers}"
        check(a and b, f"{what}: an answer: agent {a}, relay {b}")
        compare(a, b, what, method)


def differ_all(pool, agent, relay):
    """Where we differ, it is as the list says."""

    def both(one):
        target, headers, theirs, ours, why = one
        got = [ask(p, target, headers=headers).status for p in (relay.http, agent.port)]
        check(got == [theirs, ours], f"{target[:120]}: {got}; {why}")

    list(pool.map(both, DIFFER))

    def waits(target):
        a = ask(agent.port, target, timeout=10)
        check(ask(relay.http, target, timeout=1) is None, f"{target}: the relay waits")
        check(a.status == 404 and not a.body, f"{target}: {a.status} {a.body}")
        check(a.header("access-control-allow-origin") == "*", f"{target}: any origin may read")

    list(pool.map(waits, WAITS))


def written(world, relay, agent, watch):
    """The frames, once a broadcast has been written to a subscriber."""
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P web/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S web/x t0 as=s",
        "write P web/x t0 groups=7 frames=23 size=5 lockstep=s",
    )
    frames = world.same(agent, watch)
    check(frames["publisher.json"]["web/x"]["bytes"] == 7 * 23 * 5, f"{frames}")
    return frames


def serve_beside_the_relay(world):
    """/fetch and /announced answer as the relay's own do: status, headers, body."""
    relay = Relay(world)
    agent = served(world, relay)
    watch = world.watch(relay)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        # Nobody publishes yet, so that all that is announced is what the agent announces, too.
        world.same(agent, watch)
        compare_all(pool, agent, relay)
        differ_all(pool, agent, relay)
    frames = written(world, relay, agent, watch)
    newest = {}
    for one in (agent, watch):
        for track, sequence, _ in list(one.lines):
            newest[one, track] = sequence
    for track in ("publisher.json", "subscriber.json", "sessions.json"):
        for method in ("GET", "HEAD"):
            a, b = (ask(port, FETCH + track, method) for port in (agent.port, relay.http))
            compare(a, b, f"{method} {track}", method)
            check(method == "HEAD" or a.body == agent.frames()[track], f"{track}: {a.body}")
        # Each at its own number: in between they need not have ticked together.
        a, b = (
            ask(port, f"{FETCH}{track}?group={newest[one, track]}&frame=0")
            for one, port in ((agent, agent.port), (watch, relay.http))
        )
        compare(a, b, f"the newest group of {track} by its number")
    for track in TRACKS:
        check(ask(agent.port, FETCH + track).body == agent.frames()[track], f"{track}")
    # Broadcasts that are no statistics are not the agent's to announce.
    theirs = ask(relay.http, "/announced").body.decode().split("\n")
    check(sorted(theirs) == [".stats/node/n1", "web/x"], f"{theirs}")
    check(ask(agent.port, "/announced").body == b".stats/node/n1", "only the statistics'")
    tag = ask(agent.port, FETCH + "publisher.json").header("etag")
    again = ask(agent.port, FETCH + "publisher.json", headers={"If-None-Match": tag})
    check((again.status, again.body, again.header("etag")) == (304, b"", tag), f"{again.status}")
    world.stop(agent)


NAMES = (
    'q"uote', "back\\slash\\n", "new\nline\r\ttab", "data: x\n\nevent: lost\n\n", "\x01\x1b[31m\x7f",
    "</script><img src=x onerror=alert(1)>", "&#x27;&amp;'", "😀/𝒳/日本", "\u202egnp.\u2066", "\u2028\ufeff",
    "e\u0301 \u00e9", "100%/%41/%zz", "two  spaces/ x ", "../..", ".hidden", "./.", "?a=b#c", "a{b=\"c\"} 1",
    "__proto__", "x" * 1024, "é" * 512,
)
NODE = 'n"1\n</script>😀%41\\'


LABEL = re.compile(r'(\w+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|\} \d+$)')


def labels_of(text, name):
    """The labels of a family's samples. Its escapes are three: of the quote, the backslash and the
    line's end."""
    lines = [line for line in text.split("\n") if line.startswith(name + "{")]
    found = []
    for line in lines:
        at, labels = len(name) + 1, {}
        while at < len(line):
            match = LABEL.match(line, at)
            check(match, f"no label at {at} of {line}")
            unescaped = re.sub(
                r"\\(.)", lambda m: {"n": "\n"}.get(m.group(1), m.group(1)), match.group(2)
            )
            labels[match.group(1)] = unescaped
            at = match.end()
        found.append(labels)
    return found


def serve_hostile_names(world):
    """Whatever broadcasts and nodes are called, it comes out whole, and as nothing but a name: in
    frames, in live events, in what is announced, in the status and in metrics."""
    relay = Relay(world, node=NODE)
    agent = served(world, relay, node=NODE)
    client = Client(world)
    client(f"connect P {relay.url}")
    for name in NAMES:
        client(f"publish P {urllib.parse.quote(name, safe='')} tracks=1")
    broadcast = f".stats/node/{NODE}"
    path = urllib.parse.quote(broadcast, safe="")
    target = f"/fetch/{path}/subscriber.json"

    def still():
        frames = [ask(port, target).body for port in (agent.port, relay.http)]
        return frames[0] == frames[1] and len(json.loads(frames[0])) == len(NAMES)

    wait_until(still, 10, lambda: f"{ask(agent.port, target).body} {ask(relay.http, target).body}")
    fetched = ask(agent.port, target)
    compare(fetched, ask(relay.http, target), "the frame")
    check(set(json.loads(fetched.body)) == set(NAMES), f"{fetched.body}")
    for target in ("/announced/.stats", "/announced/.stats/node", f"/announced/{path}"):
        compare(ask(agent.port, target), ask(relay.http, target), target)
    check(ask(agent.port, "/announced").body.decode() == broadcast, "announced")
    status = json.loads(ask(agent.port, "/status").body)
    check([one["broadcast"] for one in status["relays"]] == [broadcast], f"{status['relays']}")
    # A name with a line's end in it can be no event's name; the only relay's needs none.
    refused = ask(agent.port, f"/events/{path}/subscriber.json")
    check(refused.status == 400 and b"control characters" in refused.body, f"{refused.body}")
    streams = [Follower(agent.port, f"/events/subscriber.json?delta={delta}") for delta in (0, 1)]
    wait_until(lambda: all(stream.got for stream in streams), 5, "an event")
    check(streams[0].got[0][2] == fetched.body, f"{streams[0].got}")
    check(json.loads(streams[1].got[0][2])["full"] == json.loads(fetched.body), f"{streams[1].got}")
    for accept in ("text/plain", "application/openmetrics-text"):
        metrics = ask(agent.port, "/metrics", headers={"Accept": accept}).body
        if accept == "text/plain":
            done = subprocess.run(
                ["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False
            )
            check(done.returncode == 0, done.stderr.decode()[:2000])
        found = labels_of(metrics.decode(), "moqstat_broadcast_announced_total")
        check({one["broadcast"] for one in found} == set(NAMES), f"{accept}: {found}")
        check({one["node"] for one in found} == {broadcast}, f"{accept}: {found[:1]}")
    # Beyond the limit there is no name at all.
    client(f"publish P {'x' * 1025} tracks=1", f"publish P {'é' * 700} tracks=1")
    wait_until(
        lambda: json.loads(streams[1].got[-1][2]).get("set", {}).get("__overflow__", {}).get("announced") == 2,
        10, lambda: f"both are summed up: {streams[1].got[-1]}"
    )
    found = labels_of(ask(agent.port, "/metrics").body.decode(), "moqstat_broadcast_announced_total")
    check({one["broadcast"] for one in found} == {*NAMES, "__overflow__"}, f"{found}")
    client("close P")
    wait_until(lambda: streams[1].gone() >= {*NAMES, "__overflow__"}, 15, "all are gone")
    wait_until(lambda: not json.loads(streams[0].got[-1][2]), 15, lambda: f"{streams[0].got[-1]}")
    world.stop(agent, lost=("path_too_long",))


def serve_names_that_are_no_text(world):
    """A path is UTF-8 by protocol. What is none gets no further than the relay's reader, which ends that
    session; so nothing of it is counted, by the relay or by the agent."""
    relay = Relay(world)
    agent = served(world, relay)
    watch = world.watch(relay)
    client = Client(world)
    client(f"connect P {relay.url}", "publish P text/fine tracks=1")
    for bad in (b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0"):
        proxy = Spoiler(relay.http, b"~~", bad)
        other = Client(world, "other")
        other(f"connect B ws://127.0.0.1:{proxy.port}//", "wait-announced B text/fine")
        before = len(relay.text())
        other("publish B text/~~bad tracks=1 confirm=no")
        wait_until(
            lambda before=before: "connection closed: 5: invalid string" in relay.text()[before:],
            5,
            lambda: relay.text()[-2000:],
        )
        check(proxy.spoiled == 1, f"{proxy.spoiled} times")
        proxy.close()
    frames = world.same(agent, watch)
    check(list(frames["subscriber.json"]) == ["text/fine"], f"{frames['subscriber.json']}")
    # To each of those sessions the other broadcast was announced.
    row = frames["publisher.json"]["text/fine"]
    check(list(frames["publisher.json"]) == ["text/fine"], f"{frames['publisher.json']}")
    check(row["announced"] == 2 + 3 and row["announced_closed"] == 3, f"{row}")
    check(ask(agent.port, FETCH + "subscriber.json").body == agent.frames()["subscriber.json"], "")
    world.stop(agent)


def merged(value, patch):
    """A JSON value, changed by a merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    out = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            out.pop(name, None)
        else:
            out[name] = merged(out.get(name), change)
    return out


class Compressed:
    """The newest group of one of the relay's compressed tracks: one stream, whose frames come in a chunk
    each, as long as the group lasts. The first is the frame whole, the others change it."""

    def __init__(self, relay, target):
        self.connection = Connection(types.SimpleNamespace(address=("127.0.0.1", relay.http)))
        self.connection.socket.settimeout(10 * SLOW)
        self.connection.ask(target)
        self.reply = self.connection.head()
        check(self.reply.header("transfer-encoding") == "chunked", f"{target}: {self.reply.status}")
        self.stream = zlib.decompressobj(-15)
        self.first = self.value = None
        self.changes = 0

    def more(self):
        size = int(self.connection.until(b"\r\n"), 16)
        check(size, "the group has ended")
        while len(self.connection.data) < size + 2:
            check(self.connection.more(), "the connection ended")
        text = self.stream.decompress(self.connection.take(size + 2)[:size] + FLUSHED)
        if self.first is None:
            self.first, self.value = text, json.loads(text)
        else:
            self.changes += 1
            self.value = merged(self.value, json.loads(text))

    def close(self):
        self.connection.socket.close()


def compressed_tracks(world):
    """A relay's `.json.z` and ours stand for the same frame: that of the track beside it. Where the
    relay has none, nor have we."""
    relay = Relay(world)
    agent = served(world, relay)
    watch = world.watch(relay)
    world.same(agent, watch)
    frames = written(world, relay, agent, watch)
    check(agent.statuses[-1]["compressed"] == LABELS, f"{agent.statuses[-1]}")
    for track in FIRST_TRACKS:
        plain, packed = (ask(agent.port, FETCH + track + end) for end in ("", ".z"))
        events = ask(agent.port, f"/events/{track}.z")
        if not LABELS:
            check((packed.status, packed.body) == (404, b""), f"{track}.z: {packed.status}")
            check(events.status == 404, f"{track}.z: events: {events.status}")
            continue
        text = zlib.decompressobj(-15).decompress(packed.body + FLUSHED)
        check(text == plain.body == agent.frames()[track] == watch.frames()[track], f"{track}.z: {text}")
        check(packed.header("etag") == plain.header("etag"), f"{packed.headers}")
        check(len(packed.body) < len(plain.body), f"{track}.z: {len(packed.body)} bytes")
        check(events.status == 400 and b"without .z" in events.body, f"{events.status} {events.body}")
        their = Compressed(relay, f"{FETCH}{track}.z")
        check(their.reply.status == 200, f"{track}.z: the relay says {their.reply.status}")
        while their.value != frames[track]:
            their.more()
        # What a group begins with is the whole frame; if nothing came behind it, this one.
        check(their.changes or their.first == text, f"{track}.z begins with {their.first}")
        their.close()
    if not LABELS:
        check(ask(relay.http, FETCH + "publisher.json.z").status == 404, "nor has the relay")
    world.stop(agent)


CASES = (serve_beside_the_relay, serve_hostile_names, serve_names_that_are_no_text, compressed_tracks)
