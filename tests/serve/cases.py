# SPDX-License-Identifier: MIT
"""What is answered, and what is sent live."""

import concurrent.futures
import gzip
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
import zlib

from ports import free_port
from server import TRACKS, Connection, Events, Server, certificate, check, wait_until


def rows(n, value=0):
    return {f"room/{i:05}": {"announced": 1, "bytes": value, "frames": i} for i in range(n)}


def answers(server):
    """Each path has its answer; a connection serves for many."""
    check(server.get("/readyz").status == 503, "not ready before the first frame")
    check(server.get("/healthz").body == b"alive\n", "alive from the start")
    check(server.get("/announced").body == b"", "nothing is announced")
    check(server.get("/fetch/.stats/node/n1/publisher.json").status == 404, "nothing to fetch")
    check(server.get("/events/publisher.json").status == 404, "nothing to follow")
    server.frames()
    server.frame("sessions.json", {"": {"sessions": 3, "sessions_closed": 0}})
    server.settle()
    with Connection(server) as c:
        for target, status, body in (
            ("/readyz", 200, b"ready\n"),
            ("/announced", 200, b".stats/node/n1"),
            ("/announced/", 404, None),
            ("/announced/.stats/node", 200, b"n1"),
            ("/announced/.stats/node/", 200, b"n1"),
            ("/announced/.stats/nod", 200, b""),
            ("/fetch/.stats/node/n1/publisher.json", 200, b"{}"),
            ("/fetch/.stats/node/n1/internal/sessions.json", 200, b"{}"),
            ("/fetch/.stats/node/n1/sessions.json?group=0", 200, b"{}"),
            ("/fetch/.stats/node/n1/sessions.json?group=1&frame=0", 200, None),
            ("/fetch/.stats/node/n1/sessions.json?group=latest&frame=chunked", 200, None),
            ("/fetch/.stats/node/n1/sessions.json?group=2", 404, b""),
            ("/fetch/.stats/node/n1/sessions.json?frame=1", 404, b""),
            ("/fetch/.stats/node/n1/sessions.json?group=-1", 400, None),
            ("/fetch/.stats/node/n1/other.json", 404, b""),
            ("/fetch/publisher.json", 400, b""),
            ("/nope", 404, None),
            ("/%ff", 400, None),
        ):
            answer = c.get(target)
            check(
                answer.status == status and body in (None, answer.body),
                f"{target}: {answer.status} {answer.body[:200]!r}",
            )
            check(answer.header("access-control-allow-origin") == "*", "any origin may read")
        head = c.get("/fetch/.stats/node/n1/sessions.json", "HEAD")
        full = c.get("/fetch/.stats/node/n1/sessions.json")
        check(dict(head.headers) == dict(full.headers), f"{head.headers} {full.headers}")
        tag = full.header("etag")
        same = c.get("/fetch/.stats/node/n1/sessions.json", If_None_Match=tag)
        check((same.status, same.body, same.header("etag")) == (304, b"", tag), f"{same.headers}")
        server.frame("sessions.json", "{}")
        server.settle()
        other = c.get("/fetch/.stats/node/n1/sessions.json", If_None_Match=tag)
        check(other.status == 200 and other.header("etag") != tag, "a new frame has a new tag")
        check(c.get("/", "POST").status == 405, "nothing may be posted")
    page = server.get("/")
    check(page.header("content-security-policy").startswith("default-src 'none'"), "a policy")
    check(server.get("/", If_None_Match=page.header("etag")).status == 304, "the page's tag")


def compressed(server):
    """Long bodies come compressed to who asks for it, and are the same then."""
    server.frames()
    server.frame("publisher.json", rows(500))
    server.settle()
    target = "/fetch/.stats/node/n1/publisher.json"
    plain = server.get(target)
    packed = server.get(target, Accept_Encoding="br, gzip")
    check(packed.header("content-encoding") == "gzip", f"{packed.headers}")
    check(not plain.header("content-encoding"), f"{plain.headers}")
    check(gzip.decompress(packed.body) == plain.body, "the same bytes")
    check(len(packed.body) * 5 < len(plain.body), f"{len(packed.body)} of {len(plain.body)}")
    check("accept-encoding" in plain.header("vary"), "caches are told")
    refused = server.get(target, Accept_Encoding="gzip;q=0")
    check(not refused.header("content-encoding"), "not where it is refused")
    short = server.get("/fetch/.stats/node/n1/sessions.json", Accept_Encoding="gzip")
    check(not short.header("content-encoding"), "not where it doesn't pay")


def inflated(body):
    """What one frame of a compressed track stands for."""
    stream = zlib.decompressobj(-15)
    text = stream.decompress(body + b"\0\0\xff\xff")
    check(not stream.eof and not stream.unused_data, "a flushed stream, not a finished one")
    return text


def compressed_tracks(server):
    """Beside each track of a relay that has them is one of its frames compressed, told by its status."""
    fetch = "/fetch/.stats/node/n1/"
    server.frames()
    server.frame("publisher.json", rows(500))
    server.frame("region/sjc/sessions.json", {"": {"sessions": 3, "sessions_closed": 0}})
    server.settle()
    names = ("publisher.json", "subscriber.json", "sessions.json", "region/sjc/sessions.json")
    for name in names:
        answer = server.get(f"{fetch}{name}.z")
        check((answer.status, answer.body) == (404, b""), f"{name}.z of an older relay: {answer.status}")
    check(server.get("/events/publisher.json.z").status == 404, "nor is there anything to follow")
    server.status(broadcast=".stats/node/n1", compressed=True)
    server.settle()
    with Connection(server) as c:
        for name in names:
            plain, packed = c.get(fetch + name), c.get(f"{fetch}{name}.z", Accept_Encoding="gzip")
            check(packed.status == 200, f"{name}.z: {packed.status}")
            check(inflated(packed.body) == plain.body, f"{name}.z: {packed.body[:200]}")
            check(packed.header("content-type") == "application/octet-stream", f"{packed.headers}")
            check(not packed.header("content-encoding"), "it isn't compressed twice")
            check("accept-encoding" not in packed.header("vary"), f"{packed.headers}")
            check(packed.header("etag") == plain.header("etag"), "the tag of the same group")
            head = c.get(f"{fetch}{name}.z", "HEAD", Accept_Encoding="gzip")
            check(dict(head.headers) == dict(packed.headers), f"{head.headers} {packed.headers}")
        check(c.get(fetch + "subscriber.json.z").body == b"\xaa\xae\x05\0", "as a relay sends it")
        long = c.get(fetch + "publisher.json.z")
        check(len(long.body) * 8 < len(c.get(fetch + "publisher.json").body), f"{len(long.body)}")
        tag = long.header("etag")
        for target, status in (
            ("publisher.json.z?group=latest&frame=chunked", 200),
            ("publisher.json.z?group=1", 200),
            ("publisher.json.z?group=0&frame=0", 200),
            ("publisher%2ejson%2ez", 200),
            ("publisher.json.z?group=2", 404),
            ("publisher.json.z?frame=1", 404),
            ("publisher.json.z?group=x", 400),
            ("publisher.json.z.z", 404),
            ("publisher.jsonz", 404),
            ("publisher.json.", 404),
            ("publisher.json.z/", 404),
            ("other.json.z", 404),
            (".z", 404),
            ("region/publisher.json.z", 404),
        ):
            answer = c.get(fetch + target)
            check(answer.status == status, f"{target}: {answer.status} {answer.body[:200]}")
        old = c.get(fetch + "publisher.json.z?group=0")
        check(inflated(old.body) == b"{}" and old.header("etag") != tag, "a group that is kept")
        same = c.get(fetch + "publisher.json.z", If_None_Match=tag)
        check((same.status, same.body, same.header("etag")) == (304, b"", tag), f"{same.headers}")
        server.frame("publisher.json", rows(500, 1))
        server.settle()
        other = c.get(fetch + "publisher.json.z", If_None_Match=tag)
        check(other.status == 200 and other.header("etag") != tag, "a new frame has a new tag")
        check(json.loads(inflated(other.body)) == rows(500, 1), "the new frame")
        for target in (
            "/events/publisher.json.z",
            "/events/.stats/node/n1/region/sjc/sessions.json.z",
            "/events?track=publisher.json&track=sessions.json.z",
        ):
            refused = c.get(target)
            check(refused.status == 400 and b"without .z" in refused.body, f"{target}: {refused.body}")
        check(c.get("/events/other.json.z").status == 404, "what isn't there at all")
    server.status(broadcast=".stats/node/n1")
    server.settle()
    check(server.get(fetch + "publisher.json.z").status == 404, "an older one in its place")


def several_relays(server):
    """A track's name alone means the only relay's; else the broadcast has to be said."""
    server.status(broadcast="a/b", version="1")
    server.frames("a/b")
    check(server.get("/events/publisher.json", "HEAD").status == 200, "the only one's")
    server.frames("a/c")
    check(server.get("/announced").body == b"a/b\na/c", "both are announced")
    check(server.get("/events/publisher.json").status == 400, "which one?")
    check(server.get("/events/a/c/publisher.json", "HEAD").status == 200, "that one")
    server.status(broadcast="a/b", ended=True)
    server.settle()
    check(server.get("/announced").body == b"a/c", "what has ended is no longer announced")
    check(server.get("/events/publisher.json", "HEAD").status == 200, "the one that lives")
    status = server.json("/status")
    check(status["relays"] == [{"broadcast": "a/b", "ended": True}], f"{status}")


def ready(server):
    """What keeps it from being ready is named; what has ended stays for a while."""

    def lines():
        answer = server.get("/readyz")
        check(answer.status == 503, f"{answer.status} {answer.body}")
        return answer.body.decode().splitlines()

    check(lines() == ["not ready", "no relay is attached to"], f"{lines()}")
    server.status(broadcast="a", probes={"refused": [
        {"address": 0x4711, "counter": "publisher.groups", "reason": "no probe goes there"}]})
    server.settle()
    check(lines()[1:] == ["a: its first tick is yet to come",
                          "a: no probe at site 0x4711 of publisher.groups: no probe goes there"], f"{lines()}")
    server.frames("a")
    server.status(broadcast="a", tracks={"publisher.json": {
        "groups": {"state": "unavailable", "reason": "it has a site without a probe"},
        "bytes": {"state": "since-attach", "reason": "late"}}})
    server.settle()
    check(lines()[1:] == ["a: publisher.json: groups is unavailable: it has a site without a probe"],
          f"{lines()}")
    server.status(broadcast="a", tracks={"publisher.json": {"groups": {"state": "exact", "reason": ""}}})
    server.settle()
    check(server.get("/readyz").status == 200, "ready")
    check(server.get("/metrics").body.count(b'\nmoqstat_relay_up{node="a"} 1\n') == 1, "and up")
    # Restarts, each under a name of its own.
    for n in range(300):
        server.frame("publisher.json", {"x": row(bytes=n)}, f"n/{n}", 0)
        server.status(broadcast=f"n/{n}", ended=True)
    server.settle()
    kept = [one["broadcast"] for one in server.json("/status")["relays"]]
    check(kept == sorted(["a", *(f"n/{n}" for n in range(284, 300))]), f"{kept}")
    check("left out" not in server.errors(), server.errors())
    check(server.get("/announced").body == b"a", "one is there")
    check(server.get("/fetch/n/299/publisher.json").status == 200, "its last frame stays")
    check(server.get("/fetch/n/283/publisher.json").status == 404, "until others have ended")
    check(server.get("/readyz").status == 200, "the one that lives is ready")
    server.child.stdin.close()
    wait_until(lambda: server.get("/readyz").status == 503, 5, "at the end of the input")
    check(lines()[1:] == ["what is served has come to its end: no tick will follow"], f"{lines()}")
    check(server.get("/healthz").status == 200, "the server lives")


def live(server):
    """The newest frame at once, then each; ids are numbers, and lead back to where one was."""
    server.frames()
    server.frame("publisher.json", {"a": {"n": 1}})
    server.settle()
    with Events(server, "/events/publisher.json") as e:
        check(e.reply.header("content-type") == "text/event-stream", f"{e.reply.headers}")
        check(e.event() == ("message", "1", '{"a":{"n":1}}'), "the newest first")
        for n in range(2, 12):
            server.frame("publisher.json", {"a": {"n": n}})
            check(e.event() == ("message", str(n), '{"a":{"n":%d}}' % n), f"each new one: {n}")
    with Events(server, "/events/publisher.json", Last_Event_ID="8") as e:
        check([e.event()[1] for _ in range(3)] == ["9", "10", "11"], "what was missed")
    with Events(server, "/events/publisher.json", Last_Event_ID="11") as e:
        check(e.event()[1] == "11", "the newest at least: its number may be of another life")
        server.frame("publisher.json", "{}")
        check(e.event() == ("message", "12", "{}"), "and then what is new")
    with Events(server, "/events/publisher.json", Last_Event_ID="99") as e:
        check(e.event()[1] == "12", "an id of another life is nothing to go by")
    for n in range(13, 80):
        server.frame("publisher.json", {"a": {"n": n}})
    server.settle()
    with Events(server, "/events/publisher.json", Last_Event_ID="12") as e:
        name, _, data = e.event()
        lost = json.loads(data)
        check(name == "lost" and lost["track"] == "publisher.json", f"{name} {data}")
        check(int(e.event()[1]) == 13 + lost["lost"], "and goes on behind that")


def live_several(server):
    """Several tracks on one connection, with names; their ids say where each is."""
    server.frames()
    target = "/events?track=publisher.json&track=internal/sessions.json"
    with Events(server, target) as e:
        got = sorted([e.event(), e.event()])
        check(got[0] == ("internal/sessions.json", "0,0", "{}"), f"{got}")
        check(got[1] == ("publisher.json", "0,-", "{}"), f"{got}")
        server.frame("internal/sessions.json", {"r": {"sessions": 1}})
        check(e.event() == ("internal/sessions.json", "0,1", '{"r":{"sessions":1}}'), "named")
    server.frame("publisher.json", {"p": {"n": 1}})
    server.settle()
    with Events(server, target, Last_Event_ID="0,1") as e:
        got = sorted([e.event(), e.event()])
        check(got[0][::2] == ("internal/sessions.json", '{"r":{"sessions":1}}'), f"{got}")
        check(got[1][::2] == ("publisher.json", '{"p":{"n":1}}'), f"{got}")
        check({got[0][1], got[1][1]} in ({"0,1", "1,1"}, {"1,1"}), f"each keeps its place: {got}")
    with Events(server, target, Last_Event_ID="0,9") as e:
        got = sorted([e.event(), e.event()])
        check(got[0][::2] == ("internal/sessions.json", '{"r":{"sessions":1}}'), f"{got}")
        check(sorted(id_ for _, id_, _ in got) in (["-,1", "1,1"], ["1,-", "1,1"]), f"{got}")
    check(server.get(target + "&track=publisher.json").status == 400, "twice the same")
    many = "&".join("track=publisher.json" for _ in range(101))
    check(server.get("/events?" + many).status == 400, "too many")


def live_delta(server):
    """With delta=1 what has changed; applied, that gives the frame."""
    server.frames()
    frame = rows(50)
    server.frame("publisher.json", frame)
    server.settle()
    with Events(server, "/events/publisher.json?delta=1") as e:
        mine = json.loads(e.event()[2])["full"]
        check(mine == frame, "all of it first")
        for n in range(40):
            frame[f"room/{n:05}"]["bytes"] += n + 1
            frame.pop(f"room/{(n * 7) % 50:05}", None)
            frame[f"room/{(n * 11) % 50:05}"] = {"announced": 2, "bytes": n, "frames": 1}
            for i in range(n, 50):
                frame.setdefault(f"room/{i:05}", {"announced": 0, "bytes": 0, "frames": 0})
            frame = dict(sorted(frame.items()))
            server.frame("publisher.json", frame)
            _, _, text = e.event()
            delta = json.loads(text)
            check("full" not in delta, "not all of it again")
            mine.update(delta["set"])
            for key in delta["gone"]:
                del mine[key]
            check(dict(sorted(mine.items())) == frame, f"turn {n}")


def another_life(server):
    """A relay that was restarted begins with 0 again: its followers go on with it."""
    server.frames()
    server.frame("publisher.json", {"a": {"n": 1}})
    server.settle()
    with Events(server, "/events/publisher.json?delta=1") as e:
        check(e.event()[:2] == ("message", "1"), "the old one's")
        server.frame("publisher.json", {"b": {"n": 1}}, sequence=0)
        check(e.event()[0] == "ended", "the old one has ended")
        check(e.event() == ("message", "0", '{"full":{"b":{"n":1}}}'), "the new one, in full")


def slow_reader(server):
    """Who doesn't read is told that it lags and loses its place; the others lose nothing."""
    server.frames()
    server.settle()
    with Events(server, "/events/publisher.json", rcvbuf=4096) as slow, Events(
        server, "/events/publisher.json"
    ) as good:
        check(good.event()[1] == "0", "the first one")
        frame = rows(2000)
        for n in range(1, 90):
            frame["room/00000"]["bytes"] = n
            server.frame("publisher.json", frame)
            check(good.event()[1] == str(n), "nothing is lost to who reads")
        facts = server.facts()
        check(facts["evicted"]["lagging"] == 1, f"{facts}")
        check(facts["dropped"] >= 10, f"{facts}")
        last = None
        while b"\n\n" in slow.data or slow.more():
            if b"\n\n" in slow.data:
                last = slow.event()
        check(last and last[0] == "lagging", f"the last word: {last}")
    check(server.facts()["followers"] <= 1, "its place is free")


def heartbeat(server):
    """A stream on which nothing happens says that it lives; one that is gone is noticed by it."""
    server.frames()
    start = time.monotonic()
    with Events(server, "/events/publisher.json") as e:
        check(e.event()[1] == "0", "the first one")
        gone = Events(server, "/events/sessions.json")
        gone.event()
        gone.socket.close()
        e.until(b":\n\n")
        took = time.monotonic() - start
        check(14 < took < 29, f"after {took:.1f} s")
    wait_until(lambda: server.facts()["followers"] == 0, 50, lambda: f"{server.facts()}")


def half_closed(server):
    """A client that has said all it has to say is answered all the same."""
    server.frames()
    with Connection(server) as c:
        c.ask("/announced")
        c.socket.shutdown(socket.SHUT_WR)
        check(c.answer().body == b".stats/node/n1", "answered")


BAD = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 65536 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
    b"BREW /coffee HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    b"\x00" * 5000,
)


def bad_requests(server):
    """Whatever comes, there is a clear answer or a close, and the server goes on."""
    server.frames()

    def one(text):
        with Connection(server) as c:
            try:
                c.send(text)
                c.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            try:
                c.closed()
            except TimeoutError:
                return f"{text[:60]!r}: neither an answer nor a close: {c.data[:200]!r}"
            said = c.data.split(b"\r\n")[0]
            if said and said.split(b" ")[1][:1] not in b"45" and b"HTTP/9.9" not in text:
                return f"{text[:60]!r}: {said!r}"
            return None

    with concurrent.futures.ThreadPoolExecutor(len(BAD)) as pool:
        wrong = [why for why in pool.map(one, BAD) if why]
    check(not wrong, "; ".join(wrong))
    check(server.get("/announced").body == b".stats/node/n1", "it goes on")


def slowloris(server):
    """Requests that never come to their end are cut off, however alive they look."""
    server.frames()
    slow = [Connection(server) for _ in range(200)]
    for c in slow:
        c.send("GET /announced HTTP/1.1\r\n")
    start = time.monotonic()
    alive = list(slow)
    while alive and time.monotonic() - start < 60:
        check(server.get("/announced").status == 200, "others are served meanwhile")
        for c in list(alive):
            try:
                c.send("X: y\r\n")
            except OSError:
                alive.remove(c)
        time.sleep(0.5)
    took = time.monotonic() - start
    check(not alive, f"{len(alive)} still there after {took:.0f} s")
    check(took > 25, f"cut after {took:.0f} s")
    check(server.facts()["cut"] == 200, f"{server.facts()}")
    for c in slow:
        c.socket.close()


TOKEN, BRIEF, METRICS = "t" * 20, "b" * 20, "m" * 20


def write_tokens(path, *lines):
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("".join(line + "\n" for line in lines))


def tokens(server):
    """With a token file nobody reads without; streams end when their tokens do."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "tokens")
        write_tokens(
            path,
            f"{TOKEN} never tracks",
            f"{METRICS} never metrics",
        )
        other = Server(server.moqstat, "--token-file", path)
        try:
            tokens_hold(other, path)
            other.end()
        finally:
            other.clean()


def tokens_hold(server, path):
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for track in TRACKS:
        server.frame(track, "{}")
    wait_until(lambda: server.get("/readyz").status == 200, 5, "ready")
    check(server.get("/healthz").status == 200, "whether it lives is no secret")
    server.status(broadcast=".stats/node/n2")
    wait_until(lambda: server.get("/readyz").status == 503, 5, "one isn't ready")
    check(server.get("/readyz").body == b"not ready\n", "and what is missing is not for strangers")
    check(b"n2: its first" in server.get("/readyz", **bearer).body, "but for who has a token")
    check(server.get("/readyz?token=" + METRICS).body == b"not ready\n", "for tracks")
    server.status(broadcast=".stats/node/n2", ended=True)
    wait_until(lambda: server.get("/readyz").status == 200, 5, "ready again")
    target = "/fetch/.stats/node/n1/publisher.json"
    refused = server.get(target)
    check(refused.status == 401 and refused.header("www-authenticate"), f"{refused.headers}")
    for path_ in ("/announced", "/status", "/metrics", "/events/publisher.json"):
        check(server.get(path_).status == 401, f"{path_} needs a token")
    check(server.get(target + "?token=" + "x" * 20).status == 401, "not any token")
    check(server.get(target, **bearer).status == 200, "the right one")
    check(server.get(target + "?token=" + TOKEN).status == 200, "or so")
    check(server.get(target + "?token=" + METRICS).status == 403, "one for something else")
    check(server.get("/metrics", **bearer).status == 403, "and the other way round")
    expires = int(time.time()) + 8
    with open(path, "a", encoding="ascii") as f:
        f.write(f"{BRIEF} {expires} tracks,metrics\n")
    server.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "hold from now on" in server.errors(), 10, "one more token")
    brief = Events(server, f"/events/publisher.json?token={BRIEF}")
    stays = Events(server, "/events/publisher.json", **bearer)
    check(brief.reply.status == stays.reply.status == 200, "both follow")
    check(brief.event()[1] == stays.event()[1] == "0", "both are served")
    check(brief.event()[0] == "expired", "at its end it is told so")
    check(-0.1 < time.time() - expires < 5, "at that moment")
    while brief.more():
        pass
    check(brief.over and not brief.data, "and the stream ends")
    check(server.get(target + "?token=" + BRIEF).status == 401, "no longer")
    server.frame("publisher.json", {"a": {"n": 1}})
    check(stays.event()[1] == "1", "others go on")
    with open(path, "a", encoding="ascii") as f:
        f.write("nonsense\n")
    server.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "stay as they were" in server.errors(), 5, "a bad file changes nothing")
    check(server.get(target, **bearer).status == 200, "they hold")
    write_tokens(path, f"{'n' * 20} never tracks")
    server.child.send_signal(signal.SIGHUP)
    check(stays.event()[0] == "expired", "who has been struck off is told at once")
    check(server.get(target, **bearer).status == 401, "and not let in again")
    check(server.get(target + "?token=" + "n" * 20).status == 200, "the new one is")


def not_for_everyone(server):
    """An address that others can reach needs tokens; options that make no sense are refused."""
    for args, word in (
        (["--listen", "0.0.0.0:0"], "--token-file"),
        (["--listen", "[::]:0"], "--token-file"),
        (["--listen", "nowhere.invalid:1"], "no address to listen on"),
        (["--listen", "127.0.0.1:99999"], "no address to listen on"),
        (["--listen", "::1:80"], "no address to listen on"),
        (["--listen", "127.0.0.1:%d" % server.address[1]], "cannot listen there"),
        ([], "--listen"),
        (["--listen", "127.0.0.1:0", "--token-file", "/nonexistent"], "/nonexistent"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "/dev/null"], "belong together"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "/dev/null", "--tls-key", "/dev/null"], "read"),
    ):
        done = subprocess.run(
            [server.moqstat, "serve", *args], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=20, check=False, env={**os.environ, "RES_OPTIONS": "attempts:1 timeout:2"}
        )
        said = done.stderr.decode()
        check(done.returncode in (1, 2) and word in said, f"{args}: {done.returncode} {said}")


def tls(server):
    """With a certificate and its key, HTTPS."""
    with tempfile.TemporaryDirectory() as directory:
        cert, key = certificate(directory)
        other = Server(server.moqstat, "--tls-cert", cert, "--tls-key", key)
        try:
            other.frame("publisher.json", rows(3000))
            context = ssl.create_default_context(cafile=cert)
            with urllib.request.urlopen(
                "https://127.0.0.1:%d/healthz" % other.address[1], context=context, timeout=10
            ) as answer:
                check(answer.read() == b"alive\n", "over TLS")
            with urllib.request.urlopen(
                "https://127.0.0.1:%d/fetch/.stats/node/n1/publisher.json" % other.address[1],
                context=context, timeout=10,
            ) as answer:
                check(json.loads(answer.read()) == rows(3000), "long bodies, too")
            with Connection(other) as c:
                c.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                c.closed()
                check(b"alive" not in c.data, "nothing in the clear")
            other.end()
        finally:
            other.clean()


def row(**counts):
    names = ("announced", "announced_closed", "broadcasts", "broadcasts_closed", "subscriptions",
             "subscriptions_closed", "bytes", "frames", "groups")
    return {name: counts.get(name, 0) for name in names}


def metrics(server):
    """Both formats, by what is asked for; every line is one that Prometheus takes."""
    server.frames()
    hostile = 'a"b\\c\n\u202e<script>'
    server.frame("publisher.json", {"x": row(bytes=7, subscriptions=3), hostile: row(frames=1)})
    server.settle()
    text = server.get("/metrics", Accept="text/plain")
    check(text.header("content-type").startswith("text/plain; version=0.0.4"), f"{text.headers}")
    body = text.body.decode()
    check(
        'moqstat_broadcast_bytes_total{node=".stats/node/n1",broadcast="x",tier="external",'
        'role="publisher"} 7\n' in body,
        body[:3000],
    )
    done = subprocess.run(["promtool", "check", "metrics"], input=text.body, capture_output=True,
                          check=False)
    check(done.returncode == 0, done.stderr.decode()[:2000])
    more = server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    check(more.header("content-type").startswith("application/openmetrics-text"), f"{more.headers}")
    check(more.body.endswith(b"# EOF\n"), "OpenMetrics has an end")
    liked = server.get("/metrics", Accept="application/openmetrics-text;q=0.3,text/plain;q=0.5")
    check(liked.header("content-type").startswith("text/plain"), f"what is liked better: {liked.headers}")
    server.frame("publisher.json", "{}")
    server.settle()
    later = server.get("/metrics").body.decode()
    check('moqstat_bytes_total{node=".stats/node/n1",tier="external",role="publisher"} 7' in later,
          "the total stays")


def prometheus(server):
    """A real Prometheus scrapes it."""
    server.frames()
    server.frame("publisher.json", {"x": row(bytes=12345, subscriptions=3)})
    server.frame("sessions.json", {"acme": {"sessions": 5, "sessions_closed": 2}})
    server.settle()
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w", encoding="ascii") as f:
            f.write("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: moqstat\n"
                    "  static_configs: [{targets: ['127.0.0.1:%d']}]\n" % server.address[1])
        child = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

        def query(what):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": what})
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    result = json.loads(answer.read())["data"]["result"]
            except OSError:
                return None
            return result[0]["value"][1] if result else None

        try:
            want = {
                "up": "1",
                'moqstat_bytes_total{role="publisher",tier="external"}': "12345",
                'moqstat_broadcast_bytes_total{broadcast="x",role="publisher"}': "12345",
                'moqstat_root_sessions_live{root="acme"}': "3",
            }
            wait_until(lambda: {what: query(what) for what in want} == want, 30,
                       lambda: f"{ {what: query(what) for what in want} }")
        finally:
            child.terminate()
            child.wait()


def bad_input(server):
    """A line that is no run's ends the server with a word about it; one too new is left out."""
    server.frames()
    server.frame("future.json", "{}")
    server.settle()
    check("line 7" not in server.errors() or "left out" in server.errors(), server.errors())
    check("left out: it is of no track" in server.errors(), server.errors())
    # What is no frame, status or health reaches nobody.
    server.frame("publisher.json", '{"a":{"bytes":1}}')
    with Events(server, "/events/publisher.json?delta=1") as e:
        check(e.event()[2] == '{"full":{"a":{"bytes":1}}}', "the frame before")
        server.feed(b'{"health":{not at all}}\n')
        server.frame("publisher.json", '{"a\r":{"bytes":2}}')
        server.frame("publisher.json", "{nor this}")
        server.frame("publisher.json", '{"a":{"bytes":3}}')
        # Their numbers are missing in the track, so that is told, and then all of it.
        check(e.event() == ("lost", None, '{"track":"publisher.json","lost":2}'), "what was left out")
        check(e.event()[2] == '{"full":{"a":{"bytes":3}}}', "the frame behind")
        server.settle()
    check(server.errors().count("left out: it is none that moqstat writes") == 3, server.errors())
    server.feed(b"hello\n")
    check(server.child.wait(10) == 2, "a clear end")
    check("none that moqstat writes" in server.errors(), server.errors())


CASES = (
    answers,
    compressed,
    compressed_tracks,
    several_relays,
    ready,
    live,
    live_several,
    live_delta,
    another_life,
    slow_reader,
    heartbeat,
    half_closed,
    bad_requests,
    slowloris,
    tokens,
    not_for_everyone,
    tls,
    metrics,
    prometheus,
    bad_input,
)
