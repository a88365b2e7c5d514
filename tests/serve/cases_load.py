# SPDX-License-Identifier: MIT
"""Many clients, clients that do what none should, and a server that was stopped."""

import concurrent.futures
import json
import os
import re
import resource
import signal
import socket
import tempfile
import threading
import time

from crowd import Crowd, prove, wrong
from server import Connection, Events, Failure, Server, check, wait_until

FOLLOWED = ("publisher.json", "subscriber.json")
CROWD = os.environ.get("CROWD", "build/tests/serve/crowd")
NODE = ".stats/node/n1"

# The sanitizer keeps freed memory for a while: 256 MB of it.
SANITIZER = 300 << 20


def changing(rows, ticks):
    """Frames of so many rows, of which another tenth changes in each."""
    frames = []
    for tick in range(ticks):
        counts = [(tick + i % 10) // 10 for i in range(rows)]
        frames.append({
            f"room/{i:05}": {"announced": 1, "announced_closed": 0, "broadcasts": 1, "bytes": n * 1234,
                             "frames": n * 30, "groups": n}
            for i, n in enumerate(counts)
        })
    return [json.dumps(frame, separators=(",", ":")) for frame in frames]


def feed_many(server, texts):
    """Each text as the next frame of both tracks, as fast as the server takes them; all of them, by
    track and sequence."""
    fed = {track: {} for track in FOLLOWED}
    for text in texts:
        for track in FOLLOWED:
            fed[track][server.frame(track, text)] = text.encode()
    return fed


def crowd_of_clients(server):
    """50 clients, and 500 broadcasts in 150 ticks, ten of which come at once: none that reads loses a
    frame, and those that never read lose their places."""
    texts = changing(500, 150)
    server.frames()
    server.frame("publisher.json", texts[0])
    server.frame("subscriber.json", texts[0])
    server.settle()
    before = server.memory()
    with tempfile.TemporaryDirectory() as directory:
        crowd = Crowd(CROWD, server.address[1], FOLLOWED, 40, 8, 2, directory)
        try:
            fed = {track: {1: texts[0].encode()} for track in FOLLOWED}
            for first in range(1, len(texts), 10):
                for track, frames in feed_many(server, texts[first : first + 10]).items():
                    fed[track].update(frames)
                # What doesn't fit into a queue is lost to whoever gets no CPU time to read.
                groups = sum(map(len, fed.values()))
                wait_until(lambda: server.facts()["sent"] >= 48 * groups, 60, "they take them")
            server.settle()
            facts, memory = server.facts(), server.memory()
            clients = crowd.end()
        finally:
            crowd.close()
        newest = {track: max(fed[track]) for track in FOLLOWED}
        found = wrong(clients, newest)
        check(not found, f"{found}: {clients}")
        proven = prove(crowd.out, fed)
    # Each group of each track as a whole frame, and what has changed; and the first ones in full.
    check(proven == 2 * 150 + 2 * 150, f"{proven} texts were compared")
    check(facts["evicted"]["lagging"] == clients["silent_told"] == 2, f"{facts} {clients}")
    check(facts["dropped"] == 2 * 10, f"only the silent ones lose: {facts}")
    # What is kept for late readers, 64 MB a track; nothing of it once a client.
    check(memory - before < 2 * (64 << 20) + SANITIZER, f"{before} grew to {memory}")


def gap_in_the_input(server):
    """Frames that the run had to drop are lost to all who follow, and they are told so."""
    server.frames()
    with Events(server, "/events/publisher.json?delta=1") as e:
        check(e.event()[1] == "0", "the first one")
        server.frame("publisher.json", {"a": {"n": 1}}, sequence=5)
        check(e.event() == ("lost", None, '{"track":"publisher.json","lost":4}'), "told")
        check(e.event() == ("message", "5", '{"full":{"a":{"n":1}}}'), "and all of it again")
        server.frame("publisher.json", {"a": {"n": 2}})
        check(e.event()[2] == '{"set":{"a":{"n":2}},"gone":[]}', "and on")
    facts = server.facts()
    check(facts["dropped"] == 0 and facts["evicted"]["lagging"] == 0, f"not by its fault: {facts}")


def server_was_stopped(server):
    """A server that was stopped for longer than it waits for clients holds that against none of them."""
    texts = changing(50, 101)  # so little that sockets have room for all of it
    server.frames()
    server.frame("publisher.json", texts[0])
    server.frame("subscriber.json", texts[0])
    server.settle()
    with tempfile.TemporaryDirectory() as directory:
        crowd = Crowd(CROWD, server.address[1], FOLLOWED, 10, 10, 0, directory)
        half = Connection(server)
        half.send("GET /announced HTTP/1.1\r\n")
        server.settle()
        try:
            server.child.send_signal(signal.SIGSTOP)
            fed = {}
            feeder = threading.Thread(target=lambda: fed.update(feed_many(server, texts[1:])))
            feeder.start()
            time.sleep(40)
            server.child.send_signal(signal.SIGCONT)
            feeder.join()
            server.settle()
            half.send("Host: h\r\n\r\n")
            check(half.answer().status == 200, "who had begun a request can end it")
            half.socket.close()
            facts = server.facts()
            clients = crowd.end()
        finally:
            server.child.send_signal(signal.SIGCONT)
            crowd.close()
        found = wrong(clients, {track: max(fed[track]) for track in FOLLOWED})
        check(not found, f"{found}: {clients} {facts}")
        check(facts["cut"] == 0 and not any(facts["evicted"].values()), f"{facts}")


def slow_reader_of_a_burst(server):
    """Who reads more slowly than a burst comes in, but reads, loses nothing of it."""
    texts = changing(10000, 101)  # 1 MB each, so that sockets have room for some
    server.frames()
    with Events(server, "/events/publisher.json", rcvbuf=1 << 20) as e:
        check(e.event()[1] == "0", "the first one")
        feeder = threading.Thread(target=lambda: [server.frame("publisher.json", text) for text in texts])
        feeder.start()
        try:
            for n, text in enumerate(texts, 1):
                got = e.event()
                check(got == ("message", str(n), text), f"{n}: {got[0]} {got[1]} {got[2][:80]}")
                time.sleep(0.03)
        finally:
            feeder.join()
        facts = server.facts()
    check(facts["dropped"] == 0 and not any(facts["evicted"].values()), f"{facts}")


def half_closed_stream(server):
    """A follower that has closed its own side goes on reading."""
    server.frames()
    with Events(server, "/events/publisher.json") as e:
        check(e.event()[1] == "0", "the first one")
        e.socket.shutdown(socket.SHUT_WR)
        for n in range(1, 20):
            server.frame("publisher.json", {"a": {"n": n}})
            check(e.event()[1] == str(n), "each new one")
    turn = iter(range(10**6))

    def gone():
        server.frame("publisher.json", {"b": {"n": next(turn)}})  # what is said to nobody is noticed
        return server.facts()["followers"] == 0

    wait_until(gone, 10, lambda: f"its place is free: {server.facts()}")


HOST = b" HTTP/1.1\r\nHost: x\r\n"
END = b"\r\n"

# What is asked, and with what it may be answered; None: by a close, too.
ODD = (
    (b"GET /announced HTTP/1.0\r\n\r\n", (200,)),
    (b"GET /announced" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + END, (200,)),
    (b"GET /announced" + HOST + b"Range: bytes=0-3\r\n" + END, (200,)),
    (b"GET /announced" + HOST + b"Expect: 100-continue\r\n" + END, (100, 200)),
    (b"POST /announced" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n" + END, (405,)),
    (b"GET /announced" + HOST + b"Transfer-Encoding: chunked\r\n" + END + b"5\r\nhello\r\n0\r\n\r\n", (200,)),
    (b"GET /announced" + HOST + b"Content-Length: 18446744073709551615\r\n" + END, (200, 400, 413)),
    (b"GET /announced" + HOST + b"Content-Length: 9223372036854775807\r\n" + END, (200, 400, 413)),
    (b"GET /announced" + HOST + b"Content-Length: five\r\n" + END, (400,)),
    (b"GET /announced" + HOST + END + b"garbage\r\n\r\n", (200, 400, None)),
    (b"GET /announced" + HOST + END + b"\x00\xff" * 200 + b"\r\n\r\n", (200, 400, None)),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", (400, 505)),
    (b"BREW /coffee" + HOST + END, (405,)),
    (b"get /announced" + HOST + END, (405,)),
    (b"TRACE /" + HOST + END, (405,)),
    (b"CONNECT x:1" + HOST + END, (400, 405)),
    (b"OPTIONS *" + HOST + END, (200, 400)),
    (b"GET http://x/announced" + HOST + END, (200, 400)),
    (b"X" * 65536 + b" /" + HOST + END, (414, 431)),
    (b"GET /" + HOST + b"X: " + b"y" * 65536 + b"\r\n" + END, (413, 431)),
    (b"GET /announced?" + b"&" * 5000 + HOST + END, (400, 414, None)),
    (b"GET /fetch/%ff%fe/publisher.json" + HOST + END, (400,)),
    (b"GET /fetch/\xff\xfe/publisher.json" + HOST + END, (400,)),
    (b"GET /fetch/%c0%af/publisher.json" + HOST + END, (400,)),
    (b"GET /fetch/%ed%a0%80/publisher.json" + HOST + END, (400,)),
    (b"GET /fetch/%f4%90%80%80/publisher.json" + HOST + END, (400,)),
    (b"GET /fetch/a%00b/publisher.json" + HOST + END, (400,)),
    (b"GET /fetch/a\x00b/publisher.json" + HOST + END, (400,)),
    (b"GET /%2" + HOST + END, (400, 404)),
    (b"GET /%zz" + HOST + END, (400, 404)),
    (b"GET /events?track=%ff" + HOST + END, (400,)),
    (b"GET /events?track=%c0%80" + HOST + END, (400,)),
    (b"GET /events?track=a%0d%0ab" + HOST + END, (400, 404)),
    (b"GET /../../etc/passwd" + HOST + END, (404,)),
    (b"GET /fetch/../../etc/passwd" + HOST + END, (400, 404)),
    (b"GET /fetch/.stats/node/n1/%2e%2e/publisher.json" + HOST + END, (404,)),
)


def odd_one(server, text, allowed):
    """One of these on a connection of its own; what is wrong with the answer, or None."""
    with Connection(server) as c:
        c.socket.settimeout(10)
        try:
            c.send(text)
            while b"\r\n\r\n" not in c.data and c.more():
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        except TimeoutError:
            return f"{text[:60]!r}: neither an answer nor a close"
        found = [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d+) ", c.data)]
        wrongly = [s for s in found if s not in allowed] or (not found and None not in allowed)
        return f"{text[:60]!r}: {found}: {c.data[:200]!r}" if wrongly else None


def odd_requests(server):
    """Whatever is asked has a clear answer, or the connection is closed; frames go on meanwhile."""
    server.frames()
    with Events(server, "/events/publisher.json") as e, concurrent.futures.ThreadPoolExecutor(8) as pool:
        check(e.event()[1] == "0", "the first one")
        verdicts = [pool.submit(odd_one, server, *one) for one in ODD]
        for n in range(1, 50):
            server.frame("publisher.json", {"a": {"n": n}})
            check(e.event()[1] == str(n), "a follower gets each frame")
        found = [why for why in (verdict.result() for verdict in verdicts) if why]
    check(not found, "; ".join(found))
    check(server.get("/announced").body == NODE.encode(), "it goes on")


def files(n):
    """May a process have so many descriptors? Raises the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < n:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (n if most == resource.RLIM_INFINITY else most, most))
    return True


def connect_many(server, n):
    """So many connections, of which nothing is waited for."""
    many = []
    for _ in range(n):
        one = socket.socket()
        one.setblocking(False)
        try:
            one.connect(server.address)
        except BlockingIOError:
            pass
        many.append(one)
    return many


def ended(one):
    """Has the other side closed it?"""
    try:
        return not one.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True


def ten_thousand_connections(server):
    """What is too much is closed at once; streams go on; memory is bounded; then all is as before."""
    check(files(12000), "12,000 descriptors are needed: raise `ulimit -Hn`")
    server.frames()
    with Events(server, "/events/publisher.json") as e:
        check(e.event()[1] == "0", "the first one")
        before = server.memory()
        many = connect_many(server, 10000)
        wait_until(lambda: sum(map(ended, many)) >= 10000 - 4096, 20, "those that are too many are closed")
        left = [one for one in many if not ended(one)]
        check(4000 < len(left) <= 4096, f"{len(left)} are left")
        for one in left:  # each as much of a header as the server takes, and no end to it
            try:
                one.send(b"GET / HTTP/1.1\r\nX: " + b"y" * 12000)
            except OSError:
                pass
        for n in range(1, 30):
            server.frame("publisher.json", {"a": {"n": n}})
            check(e.event()[1] == str(n), "a follower gets each frame")
        grown = server.memory() - before
        check(grown < 4096 * (32 << 10) + SANITIZER, f"{grown} bytes for {len(left)} connections")
        for one in many:
            one.close()
        wait_until(lambda: calm(server), 60, "it serves again, and only few are left")
        check(server.facts()["refused"] >= 10000 - 4096, f"{server.facts()}")
        server.frame("publisher.json", {"a": {"n": 30}})
        check(e.event()[1] == "30", "and goes on")


def calm(server):
    """Does it answer, and has all but a few connections gone?"""
    try:
        return server.facts()["connections"] <= 3
    except (Failure, OSError):
        return False


def few_descriptors(server):
    """With fewer descriptors than connections are allowed, the rest is refused all the same."""
    script = 'ulimit -n 200; exec "$0" serve --listen 127.0.0.1:0'
    other = Server(server.moqstat, command=["sh", "-c", script, server.moqstat])
    try:
        other.frames()
        with Events(other, "/events/publisher.json") as e:
            check(e.event()[1] == "0", "the first one")
            many = connect_many(other, 400)
            wait_until(lambda: sum(map(ended, many)) >= 200, 10, "those that are too many are closed")
            other.frame("publisher.json", {"a": {"n": 1}})
            check(e.event()[1] == "1", "a follower gets its frames")
            for one in many:
                one.close()
        wait_until(lambda: calm(other), 10, "it serves again")
        other.end()
    finally:
        other.clean()


CASES = (
    server_was_stopped,
    ten_thousand_connections,
    crowd_of_clients,
    gap_in_the_input,
    slow_reader_of_a_burst,
    half_closed_stream,
    odd_requests,
    few_descriptors,
)
