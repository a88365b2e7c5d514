# SPDX-License-Identifier: MIT
"""An agent that publishes its frames at a relay, and real clients that read them there. A case is a
function of a World; its name is the function's."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import threading
import time
import zlib

from agents import agent_of
from cases import certificates
from harness import Client, Frames, Process, Relay, check, differences, wait_until
from ports import free_port
from proxy import Gate
from serving import FLUSHED, ask, port_of
from versions import FIRST_TRACKS, LABELS, LATER, TRACKS

BROADCAST = ".stats/node/n1"
KEY = b"0123456789abcdef0123456789abcdef"


def url(port):
    return f"ws://127.0.0.1:{port}/.stats"


def publisher(world, relay, *args, to=None, node="n1", name="agent"):
    """An agent that publishes at its relay, or elsewhere, and tells everything."""
    agent = Frames(
        world,
        name,
        [world.moqstat, "run", "--pid", str(relay.pid), "--node", node, "--listen", "0", "--output", "jsonl",
         "--publish", to or url(relay.http), *args],
    )
    wait_until(lambda: len(agent.frames()) >= len(FIRST_TRACKS), 60, lambda: f"first frames: {agent.errors()}")
    relay.agent = agent
    return agent


def published(agent):
    """What /status says of publishing."""
    return json.loads(ask(port_of(agent), "/status").body)["server"]["publishing"]


def up(agent, connects=1):
    def it():
        one = published(agent)[0]
        return one["state"] == "publishing" and one["connects"] >= connects

    wait_until(it, 30, lambda: f"it publishes: {published(agent)} {agent.errors()}")


def watch(world, relay, name="watch", broadcast=BROADCAST, tracks=FIRST_TRACKS):
    """A real MoQ client that reads all tracks, as from the relay itself."""
    command = [world.load, "watch", "--url", relay.url, "--broadcast", broadcast]
    for track in tracks:
        command += ["--track", track]
    one = Frames(world, name, command)
    wait_until(lambda: len(one.frames()) == len(tracks), 20, lambda: f"all tracks: {one.errors()}")
    return one


def by_track(frames):
    out = {}
    for track, sequence, frame in frames.lines:
        out.setdefault(track, []).append((sequence, frame))
    return out


def equal(agent, watched, seconds=15):
    """Once all is still the client has what the agent printed last, and of each track every frame since
    it came, byte for byte and in order, their sequences without a gap."""
    wait_until(
        lambda: all(agent.frames()[t] == frame for t, frame in watched.frames().items()), seconds,
        lambda: f"same frames:\n{differences(agent.frames(), watched.frames())}; {watched.errors()[:2000]}",
    )
    count = 0
    with agent.lock, watched.lock:
        printed, read = by_track(agent), by_track(watched)
    for track, frames in read.items():
        frames.sort()  # groups may overtake each other on the way
        first = frames[0][0]
        check([s for s, _ in frames] == list(range(first, first + len(frames))), f"{track}: a gap")
        tail = [frame for _, frame in printed[track]][-len(frames):]
        check(tail == [frame for _, frame in frames], f"{track}: other bytes than those printed")
        count += len(frames)
    return count


def newest(watched):
    """Of each track the newest sequence."""
    return {t: max(s for name, s, _ in watched.lines if name == t) for t in watched.frames()}


def shows(agent, path, groups):
    """The agent has counted so many groups that were sent."""
    wait_until(lambda: (agent.row("publisher.json", path) or {}).get("groups") == groups, 15,
               lambda: f"{groups} groups of {path}: {agent.frames()}")


def fed(world, relay, client, name="x", groups=7):
    """A publisher and a subscriber of a broadcast of 7 groups of 23 frames."""
    client(
        f"connect P{name} {relay.url}", f"publish P{name} {name} tracks=1",
        f"connect S{name} {relay.url}", f"subscribe S{name} {name} t0 as={name}",
        f"write P{name} {name} t0 groups={groups} frames=23 size=5 lockstep={name}",
    )


def publish(world):
    """A relay whose statistics are off has them all the same: who subscribes reads all tracks as the
    agent prints them, and so does who asks over HTTP. What is published counts nothing itself."""
    relay = Relay(world, stats=False)
    agent = publisher(world, relay)
    up(agent)
    client = Client(world)
    if LATER:
        # It tells nobody but its peers of such a broadcast, whoever publishes it.
        fed(world, relay, client)
        shows(agent, "x", 7)
        fetched(relay, agent)
    else:
        one, other = watch(world, relay), watch(world, relay, "other")
        fed(world, relay, client)
        client("write Px x t0 groups=3 frames=2 size=11 lockstep=x")
        shows(agent, "x", 10)
        check(equal(agent, one) >= len(FIRST_TRACKS), "frames came")
        equal(agent, other)
        fetched(relay, agent, compressed=LABELS)
    shown = {t: json.loads(f) for t, f in agent.frames().items()}
    check(list(shown["publisher.json"]) == ["x"] and list(shown["subscriber.json"]) == ["x"], f"{shown}")
    facts = published(agent)
    check(len(facts) == 1 and facts[0]["failures"] == facts[0]["skipped"] == 0, f"{facts}")
    check(facts[0]["broadcasts"] >= 1 and facts[0]["groups"] > 0 and facts[0]["bytes"] > 0, f"{facts}")
    told = ask(port_of(agent), "/metrics").body.decode()
    check(f'moqstat_publish_up{{relay="{facts[0]["url"]}"}} 1' in told, "metrics")
    ends(world, relay, agent)


def fetched(relay, agent, compressed=False):
    """The relay's own HTTP has the newest frame."""
    def it(track="publisher.json", unpack=bytes):
        answer = ask(relay.http, f"/fetch/{BROADCAST}/{track}", timeout=5)
        return answer and answer.status == 200 and unpack(answer.body) == agent.frames()["publisher.json"]

    wait_until(it, 20, lambda: f"fetched: {ask(relay.http, f'/fetch/{BROADCAST}/publisher.json').body}")
    if compressed:
        wait_until(lambda: it("publisher.json.z", lambda body: zlib.decompressobj(-15).decompress(body + FLUSHED)),
                   20, "fetched compressed")


def publish_unread(world):
    """While nobody subscribes the relay's HTTP has each new frame all the same, since the agent does. From
    0.15 on a relay refuses that: then it is tried a few times, and no more is said."""
    relay = Relay(world, stats=False)
    agent = publisher(world, relay)
    up(agent)
    client = Client(world)
    fed(world, relay, client)
    shows(agent, "x", 7)
    for groups in (10, 13):
        if not LATER:
            fetched(relay, agent)
        client("write Px x t0 groups=3 frames=2 size=11 lockstep=x")
        shows(agent, "x", groups)
    if not LATER:
        fetched(relay, agent)
    check(published(agent)[0]["connects"] == 1, f"one session: {published(agent)}")
    agent.end()


def ends(world, relay, agent):
    """With the agent goes its broadcast, at once and cleanly."""
    client = Client(world, "late")
    if not LATER:
        client(f"connect L {relay.url} role=subscribe", f"wait-announced L {BROADCAST}")
    check(agent.end(signal.SIGTERM) == 0, f"it ends: {agent.errors()}")
    if not LATER:
        client(f"wait-unannounced L {BROADCAST} timeout=5")
    check("warning" not in agent.errors(), f"without a warning: {agent.errors()}")


def publish_elsewhere(world):
    """One relay is counted, and the broadcast appears at two others; one of them is killed, and comes back
    elsewhere: each time there is a session again, and the sequences go on rising."""
    relay = Relay(world, stats=False)
    far = [Relay(world, name=f"far{i}", stats=False) for i in range(2)]
    gate = Gate(far[0].http)
    agent = publisher(world, relay, to=f"{url(gate.port)} {url(far[1].http)}")
    up(agent)
    client = Client(world)
    fed(world, relay, client)
    first = watch(world, far[0])
    second = watch(world, far[1], "second")
    shows(agent, "x", 7)
    equal(agent, first)
    before = newest(first)
    far[0].end(signal.SIGKILL)
    wait_until(lambda: published(agent)[0]["state"] != "publishing", 10, "it is told as gone")
    check(published(agent)[0]["problem"], f"{published(agent)}")
    client("write Px x t0 groups=3 frames=2 size=11 lockstep=x")
    again = Relay(world, name="again", stats=False)
    gate.to = again.http
    up(agent, connects=2)
    third = watch(world, again, "third")
    client("write Px x t0 groups=3 frames=2 size=11 lockstep=x")
    shows(agent, "x", 13)
    equal(agent, third)
    equal(agent, second)
    check(all(s >= before[track] for track, s, _ in third.lines), "sequences rise")
    check(published(agent)[0]["problem"] is None, f"{published(agent)}")
    check(published(agent)[1]["failures"] == 0, f"the other one knows nothing of it: {published(agent)}")
    gate.cut()
    up(agent, connects=3)
    agent.end()
    gate.close()


def publish_restarted(world):
    """The agent is killed and started anew: its broadcast is another life of the same name, whose
    sequences are above those of the first."""
    relay = Relay(world, stats=False)
    client = Client(world)
    agent = publisher(world, relay)
    up(agent)
    fed(world, relay, client)
    one = watch(world, relay)
    shows(agent, "x", 7)
    equal(agent, one)
    before = newest(one)
    check(agent.end(signal.SIGKILL) != 0, "killed")
    agent = publisher(world, relay, name="again")
    up(agent)
    client(f"connect L {relay.url} role=subscribe", f"wait-announced L {BROADCAST}")
    two = watch(world, relay, "watch-again")
    client("write Px x t0 groups=3 frames=2 size=11 lockstep=x")
    wait_until(lambda: agent.row("publisher.json", "x"), 15, "its row")
    equal(agent, two)
    for track, sequence, _ in two.lines:
        check(sequence > before[track], f"{track}: {sequence} isn't above {before[track]}")
    agent.end()


def lines(name, rows, ticks, every):
    """What a run prints of so many rows, of which one changes in each tick."""
    row = ('{"announced":1,"announced_closed":0,"broadcasts":%d,"broadcasts_closed":0,"subscriptions":%d,'
           '"subscriptions_closed":0,"bytes":%d,"frames":%d,"groups":%d}')
    still = ",".join(f'"room/{i:06d}/video":' + row % (1, 1, i, i, i) for i in range(rows))
    for tick in range(ticks):
        for track in TRACKS:
            frame = "{}" if "internal" in track else \
                '{"":{"sessions":%d,"sessions_closed":0}}' % tick if "sessions" in track else \
                '{"a":%s,%s}' % (row % (1, 1, tick, tick, tick), still)
            if frame != "{}" or not tick:
                yield f'{{"broadcast":"{name}","track":"{track}","sequence":{tick},"frame":{frame}}}\n'
        time.sleep(every)


class Served(Process):
    """`moqstat serve`, which is fed lines from here."""

    def __init__(self, world, *args):
        super().__init__(world, "serve", [world.moqstat, "serve", "--listen", "0", *args], stdin=subprocess.PIPE)
        self.lines, self.last, self.lock = [], {}, threading.Lock()

    def feed(self, source):
        for line in source:
            head = line[: line.index(',"frame":')] + "}"
            told, frame = json.loads(head), line[line.index(',"frame":') + 9 : -2].encode()
            with self.lock:
                self.lines.append((told["track"], told["sequence"], frame))
                self.last[told["track"]] = frame
            self.child.stdin.write(line.encode())
            self.child.stdin.flush()

    def frames(self):
        with self.lock:
            return dict(self.last)


def publish_large(world):
    """Frames of two megabytes, of 10,000 broadcasts: byte for byte. Up to 0.13 of one megabyte: such relays cut
    off larger ones, whoever publishes them (moq-net 0.1.8, lite/publisher.rs, serve_group: a change of priority
    drops a write that waits for the subscriber), and likewise to a session with several subscriptions."""
    rows = 10000 if LABELS else 5000
    relay = Relay(world, stats=False)
    served = Served(world, "--publish", url(relay.http))
    served.feed(lines(BROADCAST, rows, 1, 0))
    up(served)
    watches = [watch(world, relay, f"watch{i}", tracks=[track]) for i, track in enumerate(TRACKS)]
    served.feed(list(lines(BROADCAST, rows, 12, 0.5))[6:])
    for one in watches:
        equal(served, one, 30)
    check(max(len(f) for _, _, f in watches[0].lines) > 170 * rows, "they are large")
    check(published(served)[0]["skipped"] == 0, f"{published(served)}")
    served.child.stdin.close()
    served.end()


def publish_hours(world):
    """What takes two hours comes in half a minute: 7,200 ticks; and every frame arrives."""
    relay = Relay(world, stats=False)
    served = Served(world, "--publish", url(relay.http))
    served.feed(lines(BROADCAST, 20, 1, 0))
    up(served)
    one = watch(world, relay, tracks=TRACKS)
    served.feed(line for i, line in enumerate(lines(BROADCAST, 20, 7200, 0.004)) if i >= 6)
    check(equal(served, one, 30) > 2 * 7200, "all came")
    check(published(served)[0]["skipped"] == 0, f"{published(served)}")
    served.child.stdin.close()
    served.end()


def publish_stalled(world):
    """A relay that stops reading: ticks go on, memory doesn't grow without end, the connection is given
    up, and afterwards the newest frame is there."""
    relay = Relay(world, stats=False)
    gate = Gate(relay.http)
    served = Served(world, "--publish", url(gate.port))
    served.feed(lines(BROADCAST, 2000, 1, 0))
    up(served)
    one = watch(world, relay, tracks=TRACKS)
    gate.shut.set()
    began = time.monotonic()
    served.feed(list(lines(BROADCAST, 2000, 100, 0.1))[6:])
    check(time.monotonic() - began < 40, "nobody waits for it")
    wait_until(lambda: published(served)[0]["state"] != "publishing", 40, lambda: f"given up: {published(served)}")
    check(memory(served) < 400 << 20, f"memory: {memory(served)}")
    one.end(signal.SIGKILL)
    gate.shut.clear()
    gate.cut()
    up(served, connects=2)
    two = watch(world, relay, "again", tracks=TRACKS)
    wait_until(lambda: two.frames() == served.frames(), 20, lambda: f"the newest frames: {two.errors()}")
    served.child.stdin.close()
    served.end()
    gate.close()


def memory(process):
    """Of a process and its children, bytes."""
    def of(pid):
        with open(f"/proc/{pid}/statm") as f:
            own = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return own + sum(of(int(child)) for child in f.read().split())

    return of(process.pid)


def jwt(key=KEY, **claims):
    """A token as an issuer makes it (RFC 7519), with HS256."""
    def text(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    body = b".".join(text(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (body + b"." + text(hmac.new(key, body, hashlib.sha256).digest())).decode()


def publish_tokens(world):
    """A relay that lets in who has a token: none, one of another issuer, one that may only read, and one
    that may publish; each is said, and another one is taken at SIGHUP."""
    key = os.path.join(world.dir, "key.jwk")
    with open(key, "w") as f:
        k = base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()
        json.dump({"alg": "HS256", "key_ops": ["verify"], "k": k, "kty": "oct"}, f)
    far = Relay(world, name="far", stats=False, args=("--auth-key", key), public="open")
    relay = Relay(world, stats=False)
    token = os.path.join(world.dir, "token")

    def show(text):
        with open(token, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(text + "\n")

    def told(agent, part):
        wait_until(lambda: part in str(published(agent)[0]["problem"]), 40, lambda: f"{part}: {published(agent)}")
        check(part in agent.errors(), f"the log: {agent.errors()}")

    agent = publisher(world, relay, to=url(far.http), name="without")
    told(agent, "--publish-token-file")
    agent.end()
    show(jwt(b"x" * 32, root="", put=[""], get=[""]))
    agent = publisher(world, relay, "--publish-token-file", token, to=url(far.http))
    told(agent, "--publish-token-file")
    check("eyJ" not in agent.errors(), "no token is shown")
    show(jwt(root=".stats", get=[""]))
    agent.child.send_signal(signal.SIGHUP)
    told(agent, "doesn't ask what there is to publish")
    show(jwt(root=".stats", put=["node/n1"], get=["node/n1"]))
    agent.child.send_signal(signal.SIGHUP)
    up(agent)
    client = Client(world)
    reader = jwt(root="", get=[""])
    far.url += f"?jwt={reader}"
    fed(world, relay, client)
    shows(agent, "x", 7)
    equal(agent, watch(world, far))
    agent.end()


def publish_cluster(world):
    """Two relays of a cluster, each with an agent that publishes at it: who reads at either sees both."""
    certs = certificates(world)
    serve = ("--tls-cert", f"{certs}/server.pem", "--tls-key", f"{certs}/server.key")
    hub = Relay(world, name="hub", stats=False, args=(*serve, "--server-tls-root", f"{certs}/ca.pem"))
    dial = ("--client-tls-cert", f"{certs}/client.pem", "--client-tls-key", f"{certs}/client.key")
    dial += ("--tls-root", f"{certs}/ca.pem", "--cluster-connect", f"127.0.0.1:{hub.port}")
    edge = Relay(world, name="edge", stats=False, args=(*serve, *dial))
    agents = {
        "hub": publisher(world, hub, node="hub", name="hub-agent"),
        "edge": publisher(world, edge, node="edge", name="edge-agent"),
    }
    for agent in agents.values():
        up(agent)
    client = Client(world)
    client(
        f"connect P {edge.url}", "publish P x/y tracks=1", f"connect S {hub.url}", "subscribe S x/y t0 as=s",
        "write P x/y t0 groups=5 frames=7 size=11 lockstep=s",
    )
    for relay in (hub, edge):
        for node, agent in agents.items():
            one = watch(world, relay, f"watch-{node}", f".stats/node/{node}")
            client("write P x/y t0 groups=1 frames=7 size=11 lockstep=s")
            equal(agent, one)
            one.end()
    for node, agent in agents.items():
        # The agent's own session is one, as any other, under the root of its URL.
        text = "".join(f.decode() for t, f in agent.frames().items() if "sessions" not in t)
        check(".stats" not in text, f"what is published counts nothing: {text}")
        agent.end()


def publish_tls(world):
    """The same over TLS: with the authority's certificate, and refused without."""
    certs = certificates(world)
    relay = Relay(world, stats=False)
    port = free_port()
    far = Relay(world, name="far", stats=False, args=(
        "--web-https-listen", f"127.0.0.1:{port}", "--web-https-cert", f"{certs}/server.pem",
        "--web-https-key", f"{certs}/server.key"))
    to = f"wss://localhost:{port}/.stats"
    agent = publisher(world, relay, to=to, name="stranger")
    wait_until(lambda: published(agent)[0]["failures"] > 0, 20, lambda: f"refused: {published(agent)}")
    check(published(agent)[0]["state"] != "publishing", f"{published(agent)}")
    agent.end()
    agent = publisher(world, relay, "--cacert", f"{certs}/ca.pem", to=to)
    up(agent)
    client = Client(world)
    fed(world, relay, client)
    shows(agent, "x", 7)
    equal(agent, watch(world, far))
    agent.end()


def publish_several(world):
    """Several relays on one machine, one agent for all, published at one of them."""
    relays = [Relay(world, name=f"relay{i}", stats=False) for i in range(2)]
    agent = agent_of(world, "--exe", world.relay, "--node", "{pid}", "--output", "jsonl", "--listen", "0",
                     "--publish", url(relays[0].http))
    names = [f".stats/node/{relay.pid}" for relay in relays]
    wait_until(lambda: all(len(agent[n].frames()) >= len(FIRST_TRACKS) for n in names), 60,
               lambda: f"both: {agent.errors()}")
    up(agent)
    client = Client(world)
    fed(world, relays[1], client)
    shows(agent[names[1]], "x", 7)
    watches = [watch(world, relays[0], f"watch{i}", name) for i, name in enumerate(names)]
    for name, one in zip(names, watches):
        wait_until(lambda: all(agent[name].frames()[t] == f for t, f in one.frames().items()), 15,
                   lambda: f"{name}: agent {agent[name].frames()}, read {one.frames()}")
    client(f"connect L {relays[0].url} role=subscribe", f"wait-announced L {names[1]}")
    relays[1].end(signal.SIGKILL)
    client(f"wait-unannounced L {names[1]} timeout=10")
    agent.end()


def publish_astray(world):
    """A URL under whose path there is nothing is told of, and right once there is something."""
    relay = Relay(world, stats=False)
    served = Served(world, "--publish", f"ws://127.0.0.1:{relay.http}/.stats/node/other")
    served.feed(lines(BROADCAST, 1, 1, 0))
    wait_until(lambda: "under the URL's path" in str(published(served)[0]["problem"]), 10,
               lambda: f"{published(served)}")
    check(BROADCAST in served.errors() and published(served)[0]["broadcasts"] == 0, f"{served.errors()}")
    check("} 0" in next(line for line in ask(port_of(served), "/metrics").body.decode().split("\n")
                        if line.startswith("moqstat_publish_up{")), "it is not up")
    served.feed(lines(".stats/node/other/one", 1, 1, 0))
    wait_until(lambda: published(served)[0]["broadcasts"] == 1 and not published(served)[0]["problem"], 10,
               lambda: f"{published(served)}")
    check(published(served)[0]["connects"] == 1, "by the same session")
    served.child.stdin.close()
    served.end()


def publish_refused(world):
    """What makes no sense is said before anything is begun."""
    cases = (
        (("--publish", "http://127.0.0.1:1/"), "is no URL"),
        (("--publish", "ws://me@a/x"), "is no URL"),
        (("--publish", ""), "give the URL"),
        (("--publish", "ws://a/b ws://a/b"), "twice"),
        (("--publish", " ".join(f"ws://a/{i}" for i in range(9))), "at most 8"),
        (("--publish", "ws://a/b", "--publish", "ws://c/d"), "twice"),
        (("--publish-token-file", "/nowhere"), "belong to --publish"),
        (("--cacert", "/nowhere"), "belong to --publish"),
        (("--no-standing",), "belong to --publish"),
        (("--publish", "wss://a/b", "--cacert", "/nowhere"), "/nowhere"),
        (("--publish", "ws://a/b", "--publish-token-file", "/nowhere"), "/nowhere"),
    )
    for args, part in cases:
        done = subprocess.run([world.moqstat, "serve", "--listen", "0", *args], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=20)
        check(done.returncode == 2 and part in done.stderr, f"{args}: {done.returncode} {done.stderr}")


CASES = (
    publish,
    publish_unread,
    publish_elsewhere,
    publish_restarted,
    publish_large,
    publish_hours,
    publish_stalled,
    publish_tokens,
    publish_cluster,
    publish_tls,
    publish_several,
    publish_astray,
    publish_refused,
)
