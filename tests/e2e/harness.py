# SPDX-License-Identifier: MIT
"""A real relay, the agent beside it, a real client that watches the relay's own statistics, and
scripted clients: what the end-to-end cases are made of.

A case runs in one of five ways, its mode. In each it goes through the same still moments, every
call of World.same:

  entry   the relay's statistics are on, the agent goes by their entry pointers; its frames are
          compared with the relay's own
  guard   the same, but the agent must do without the entry pointers
  read    as `entry`, but bytes, frames and groups are read from the relay's counters alone
  probe   as `entry`, but they are counted by probes alone
  off     the relay's statistics are off; the frames are compared with those that the relay itself
          wrote at the same moments of the run in another mode
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import census  # noqa: E402
from checks import SLOW, Failure, check, wait_until  # noqa: E402
from ports import free_port  # noqa: E402
from versions import FIRST_TRACKS, LABELS, LATER, TIERS, TRACKS, WATCHED  # noqa: E402

FIELDS = (
    "announced",
    "announced_closed",
    "broadcasts",
    "broadcasts_closed",
    "subscriptions",
    "subscriptions_closed",
    "bytes",
    "frames",
    "groups",
)


MODES = ("entry", "guard", "read", "probe", "off")

# Counters of probes that a relay with statistics off, or an agent that takes no heed of them, has
# no use for.
ENTRY_ONLY = {"entry", "entry-new", "session-new"}

# Where tiers are labels, those that such a relay doesn't come by: what they count is counted with
# subscriptions.
VIEWERS = {"side.broadcasts", "side.broadcasts_closed"}


def but_announced(frames):
    """All that six frames tell, but how many sessions were told of broadcasts."""
    return {
        track: {path: {f: n for f, n in row.items() if not f.startswith("announced")}
                for path, row in json.loads(frame).items()}
        for track, frame in frames.items()
    }


# Beside a relay with labels whose statistics are off: with more than one of them.
UNTOLD = "it can't be told then to which it was sent"


def but_untold(frames, status):
    """Frames, as text or read, without the fields of which that is said: in the tracks of all tiers."""
    untold = {
        (track.split("/")[-1], field)
        for track, fields in status["tracks"].items()
        for field, worth in fields.items()
        if UNTOLD in worth["reason"]
    }
    if not untold:
        return frames
    read = {track: json.loads(frame) if isinstance(frame, bytes) else frame for track, frame in frames.items()}
    left = {
        track: {
            path: {f: n for f, n in row.items() if (track.split("/")[-1], f) not in untold}
            for path, row in rows.items()
        }
        for track, rows in read.items()
    }
    return {
        track: json.dumps(rows, separators=(",", ":")).encode() if isinstance(frames[track], bytes) else rows
        for track, rows in left.items()
    }


# What a relay has given up on: it depends on how busy it is. moqstat can't count it, says so, and shows none.
STALE = re.compile(rb'"stale":{"bytes":\d+,"frames":\d+,"groups":\d+,"datagrams":\d+}')
NONE_STALE = b'"stale":{"bytes":0,"frames":0,"groups":0,"datagrams":0}'


def but_unannounced(totals):
    """Sums over all lives without the bytes of names told: who ends at the same time may be told of the
    end of a broadcast or not. They are those of whole names, though."""
    for rows in totals.values():
        for path, row in rows.items():
            told = row.get("announced_bytes", 0)
            size = len(path.encode())
            check(told % size == 0 if size else not told, f"{path}: {told} bytes of its name")
    return {
        track: {path: {f: n for f, n in row.items() if f != "announced_bytes"}
                for path, row in rows.items()}
        for track, rows in totals.items()
    }


class Unlucky(Failure):
    """What the library does now and then, whoever looks on: the case may be tried again."""


# Up to draft 16 all requests and answers of a session share a stream, to which moq-net 0.1.8 gives
# an answer's type and the rest of it one after the other, each for itself: what another task writes
# at that moment comes between, and the peer waits for an answer forever. (Its ietf/adapter.rs:
# VirtualSendStream::write, and ietf/publisher.rs: two encode() for each answer.)
MIXED = {f"version=moq-transport-{draft}" for draft in (14, 15, 16)}

# Over WebSocket qmux 0.0.7 ends a session with this if one of its messages that allow more data, or
# more streams, comes after a later one: each task that reads works out its own, and sends it then.
# (Its credit.rs: consume(), increase_max().)
OVERTAKEN = "flow control error"


class Process:
    """A child whose standard error is kept for the report, ended with its case."""

    def __init__(self, world, name, command, **kwargs):
        self.name = name
        self.err_path = os.path.join(world.dir, f"{name}.{len(world.processes)}.err")
        self.err = open(self.err_path, "wb")
        self.child = subprocess.Popen(command, stderr=self.err, **kwargs)
        self.pid = self.child.pid
        world.processes.append(self)

    def errors(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def running(self):
        return self.child.poll() is None

    def end(self, how=signal.SIGTERM, seconds=10):
        """Send a signal, and give the exit status."""
        if self.running():
            self.child.send_signal(how)
        return self.wait(seconds)

    def wait(self, seconds=10):
        try:
            return self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Failure(f"{self.name} did not end within {seconds * SLOW} s") from None

    def clean(self):
        if self.running():
            self.child.kill()
            self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.err):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass


class Frames(Process):
    """A process that writes frames as JSON lines: the agent, or the watching client."""

    def __init__(self, world, name, command, env=None):
        super().__init__(
            world, name, command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env
        )
        self.lines = []  # every frame: (track, sequence, its bytes)
        self.times = []  # and when it came, of the monotonic clock
        self.last = {}  # track -> the newest frame's bytes
        self.statuses = []
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.child.stdout:
            if not line.endswith(b"\n"):
                break  # it was killed while it wrote
            line = line.rstrip(b"\n")
            head = json.loads(line)
            with self.lock:
                if "moqstat" in head:
                    self.statuses.append(head["moqstat"])
                    continue
                # The frame's own bytes: what stands between the last member's name and the
                # closing brace.
                frame = line[line.index(b'"frame":') + 8 : -1]
                self.lines.append((head["track"], head["sequence"], frame))
                self.times.append(time.monotonic())
                self.last[head["track"]] = frame

    def frames(self):
        with self.lock:
            return dict(self.last)

    def history(self, track):
        with self.lock:
            return [json.loads(frame) for name, _, frame in self.lines if name == track]

    def row(self, track, path):
        return json.loads(self.frames().get(track, b"{}")).get(path)

    def totals(self):
        """What each row has counted, over all its lives, whenever one ended and another began."""
        return {track: totals(self.history(track)) for track in self.frames().keys() | set(TRACKS)}


class Fetched:
    """What Frames are of a watching client, of a relay that tells nobody but its peers of its own
    broadcast: the tracks of the default tier, by its web server, often. A session idles beside it, so
    that there are as many as with a client that watches."""

    EVERY = 0.1

    def __init__(self, world, relay, name, broadcast):
        self.relay, self.broadcast = relay, broadcast
        self.lines, self.last, self.statuses = [], {}, []
        self.failed, self.stop = "", False
        self.lock = threading.Lock()
        Client(world, name)(f"connect W {relay.url} role=subscribe")
        self.thread = threading.Thread(target=self._poll, daemon=True)
        self.thread.start()

    def _poll(self):
        while self.relay.running() and not self.stop:
            for track in FIRST_TRACKS:
                url = f"http://127.0.0.1:{self.relay.http}/fetch/{self.broadcast}/{track}"
                try:
                    with urllib.request.urlopen(url, timeout=5) as answer:
                        frame = answer.read()
                except (OSError, urllib.error.URLError) as e:
                    self.failed = f"{url}: {e}"
                    continue
                with self.lock:
                    if self.last.get(track) != frame:
                        self.lines.append((track, len(self.lines), frame))
                        self.last[track] = frame
            time.sleep(self.EVERY)

    def errors(self):
        return self.failed

    frames, history, row, totals = Frames.frames, Frames.history, Frames.row, Frames.totals


def flat(row):
    """A row whose members are all numbers, those of an object in it, too."""
    out = {}
    for name, n in row.items():
        out |= {f"{name}.{inner}": m for inner, m in n.items()} if isinstance(n, dict) else {name: n}
    return out


def totals(history):
    """The sums over all lives of every row in a track's frames, in order: a life ends when its row
    is missing, or counts less than before."""
    done, now = {}, {}
    for told in history:
        frame = {path: flat(row) for path, row in told.items()}
        for path, row in list(now.items()):
            after = frame.get(path)
            if after is None or any(after[name] < n for name, n in row.items()):
                before = done.setdefault(path, dict.fromkeys(row, 0))
                for name, n in row.items():
                    before[name] += n
                del now[path]
        now.update(frame)
    for path, row in now.items():
        before = done.setdefault(path, dict.fromkeys(row, 0))
        for name, n in row.items():
            before[name] += n
    return done


def differences(ours, theirs):
    """Where two sets of frames differ, in words: by row and field, else by their bytes."""
    lines = []
    for track in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(track), theirs.get(track)
        if a == b:
            continue
        rows = []
        if a is not None and b is not None:
            a, b = json.loads(a), json.loads(b)
            for path in sorted(a.keys() | b.keys()):
                one, other = a.get(path), b.get(path)
                if one == other:
                    continue
                if one and other:
                    fields = {f: (n, other[f]) for f, n in one.items() if n != other[f]}
                    rows.append(f"    {path[:80]!r}: (agent, relay) {fields}")
                else:
                    who = "agent" if one else "relay"
                    rows.append(f"    {path[:80]!r}: only the {who}: {one or other}")
        rows = rows or [f"    agent {ours.get(track)!r}", f"    relay {theirs.get(track)!r}"]
        lines += [f"  {track}", *rows[:20]]
        if len(rows) > 20:
            lines.append(f"    and {len(rows) - 20} more rows")
    return "\n".join(lines)


class Relay(Process):
    """A moq-relay of our own on ports of its own; its statistics on unless the world's mode, or the
    caller, tells otherwise."""

    def __init__(self, world, name="relay", stats=None, node="n1", args=(), program=(), public=""):
        """`program`: what runs it in place of its path alone; `public`: what is open to who has no token."""
        if stats is None:
            stats = world.mode != "off"
        self.stats = stats
        self.agent = None  # the one that was attached last
        self.port = free_port()
        self.http = free_port()
        bind, generate = ("--listen", "--listen-tls-generate") if LATER else ("--server-bind", "--tls-generate")
        command = [*(program or [world.relay]), bind, f"[::]:{self.port}", *TIERS]
        command += ["--web-http-listen", f"127.0.0.1:{self.http}"]
        if "--auth-url" not in args:
            command += ["--auth-public", public or "**" if LATER else public]
        if not {"--tls-cert", "--listen-tls-cert"}.intersection(args):
            command += [generate, "localhost"]
        if stats:
            command += ["--stats-enabled", "--stats-node", node]
        env = dict(os.environ, RUST_LOG="info", NO_COLOR="1")
        self.log = os.path.join(world.dir, f"{name}.log")
        with open(self.log, "wb") as out:
            super().__init__(
                world, name, command + list(args), stdin=subprocess.DEVNULL, stdout=out, env=env
            )
        wait_until(
            lambda: not self.running() or "listening" in self.text(), 10, "the relay listens"
        )
        check(self.running(), f"the relay ended at once: {self.text()[-2000:]}")
        self.url = f"https://127.0.0.1:{self.port}/"
        self.ws = f"ws://127.0.0.1:{self.http}//"

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read() + self.errors()


class Client(Process):
    """Sessions driven by commands; each answers when its effect is complete."""

    def __init__(self, world, name="client"):
        super().__init__(
            world,
            name,
            [world.load, "script"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.answers = queue.Queue()
        self.mixed = set()  # sessions of drafts in which answers may get mixed up
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.answers.put(line.decode().rstrip("\n"))
        self.answers.put(None)

    def __call__(self, *commands):
        """Do commands in order; the last one's answer."""
        answer = None
        for command in commands:
            words = command.split()
            if words[0] == "connect":
                (self.mixed.add if MIXED.intersection(words) else self.mixed.discard)(words[1])
            mixed = words[0] != "connect" and words[1] in self.mixed
            self.child.stdin.write((command + "\n").encode())
            self.child.stdin.flush()
            try:
                answer = self.answers.get(timeout=60 * SLOW)
            except queue.Empty:
                raise Failure(f"{self.name}: no answer to: {command}") from None
            if mixed and answer and answer.startswith(("err timeout", "err session gone")):
                raise Unlucky(f"{self.name}: {command}: {answer}")
            check(
                answer is not None and answer.split(" ")[0] == "ok",
                f"{self.name}: {command}: {answer}",
            )
        return answer

    def send(self, commands):
        """Have commands done one after another, without waiting; receive() the same then."""
        self.child.stdin.write("".join(f"{command}\n" for command in commands).encode())
        self.child.stdin.flush()

    def receive(self, commands):
        """The answers to what was sent, each of which must be good."""
        answers = []
        for command in commands:
            try:
                answer = self.answers.get(timeout=60 * SLOW)
            except queue.Empty:
                raise Failure(f"{self.name}: no answer to: {command}") from None
            check(answer and answer.split(" ")[0] == "ok", f"{self.name}: {command}: {answer}")
            answers.append(answer)
        return answers


class Expected:
    """In the place of a watching client, beside a relay whose statistics are off: what the relay
    itself wrote at each still moment of another run. The session that watched there idles here, so
    that both runs count the same."""

    def __init__(self, world, relay, name):
        self.phases = list((world.expected or {}).get(name, ()))
        self.relay = relay
        Client(world, name)(f"connect W {relay.url} role=subscribe")

    def next(self):
        check(self.phases, "the run with statistics on had fewer still moments")
        return self.phases.pop(0)

    def finished(self):
        return not self.phases

    def frames(self):
        """What a case polls for is what the agent shows; World.same is what compares."""
        return self.relay.agent.frames()

    def row(self, track, path):
        return self.relay.agent.row(track, path)

    def totals(self):
        return self.relay.agent.totals()


class World:
    """All processes of one case. Leaves nothing behind."""

    def __init__(self, name, moqstat, relay, load, mode="entry", expected=None):
        self.moqstat, self.relay, self.load = moqstat, relay, load
        self.mode = mode
        self.dir = tempfile.mkdtemp(prefix=f"moqstat-e2e-{name.replace('/', '-')}-")
        self.processes = []
        self.fired = {}  # counter -> hits, over all agents that were stopped
        self.expected = expected  # watcher -> (six frames, totals) of each still moment
        self.seen = {}  # the same, of this run
        self.watches = []  # those that replay what was expected
        self.remark = ""  # for the report

    def unlucky(self, why):
        """Did it fail by what the library does now and then, whoever looks on? Then the case may be
        tried again."""
        relays = [process for process in self.processes if isinstance(process, Relay)]
        return isinstance(why, Unlucky) or any(
            OVERTAKEN in text for text in (str(why), *(relay.text() for relay in relays))
        )

    def agent(self, relay, *args, name="agent", node="n1", meanwhile=None, env=None):
        """The agent, attached: its first status and six frames are out. `meanwhile` is called with
        it as soon as it runs."""
        command = [self.moqstat, "run", "--pid", str(relay.pid), "--node", node, *args]
        if self.mode == "guard":
            command += ["--identity", "guard"]
        if self.mode in ("read", "probe"):
            command += ["--hot", self.mode]
        agent = Frames(self, name, command, env)
        if meanwhile:
            meanwhile(agent)
        wait_until(
            lambda: not agent.running() or len(agent.frames()) >= len(FIRST_TRACKS),
            60,
            "the agent's first frames",
        )
        check(agent.running(), f"the agent ended: {agent.errors()}")
        agent.stats = relay.stats
        relay.agent = agent
        return agent

    def watch(self, relay, name="watch", node="n1", group=""):
        """A MoQ client that subscribes to the relay's own tracks, of a group's where it has several."""
        if not relay.stats:
            self.watches.append(Expected(self, relay, name))
            return self.watches[-1]
        watched = FIRST_TRACKS if LATER else WATCHED
        broadcast = f".stats/{group}/node/{node}" if group else f".stats/node/{node}"
        if LATER:
            watch = Fetched(self, relay, name, broadcast)
        else:
            command = [self.load, "watch", "--url", relay.url, "--broadcast", broadcast]
            for track in watched:
                command += ["--track", track]
            watch = Frames(self, name, command)
        watch.watcher, watch.relay = name, relay
        wait_until(lambda: len(watch.frames()) == len(watched), 20, lambda: "all tracks: " + watch.errors())
        return watch

    def pair(self, **kwargs):
        """A relay, the agent attached before anything else, then the watcher."""
        relay = Relay(self, **kwargs)
        agent = self.agent(relay)
        return relay, agent, self.watch(relay)

    def same(self, agent, watch, hold=2.2, seconds=15):
        """While nothing changes, all frames are equal byte for byte, and stay so."""
        fixed = watch.next() if isinstance(watch, Expected) else None
        # One run has waited long enough to be sure that all is still; a tick more is for the agent.
        hold = min(hold, 1.2) if fixed else hold
        since = last = None
        end = time.monotonic() + seconds * SLOW
        while True:
            now = time.monotonic()
            # Who was held up can't tell: so were the others.
            stalled, last = last is not None and now - last > 0.5, now
            a, b = agent.frames(), fixed[0] if fixed else watch.frames()
            if LABELS:
                b = {t: STALE.sub(NONE_STALE, frame) for t, frame in b.items() if t in a or frame != b"{}"}
            shown = b
            if LABELS and self.mode == "off":
                a, b = (but_untold(frames, agent.statuses[-1]) for frames in (a, b))
            if a != b or len(a) < len(FIRST_TRACKS):
                since = None
                if now > end and not stalled:
                    self._differ(watch, a, b)
            elif since is None or stalled:
                since = now
            elif now - since >= hold:
                break
            time.sleep(0.05)
        self._same_totals(agent, fixed[1] if fixed else watch.totals(), bool(fixed))
        if not fixed:
            self.seen.setdefault(watch.watcher, []).append((b, watch.totals()))
        return {t: json.loads(f) for t, f in shown.items()}

    def _differ(self, watch, ours, theirs):
        """Say where. Two runs of the relay may differ in how many sessions it tells of a broadcast, and
        now and then the watching client has no frame of what the relay's memory has long since. If that
        has what the agent shows, it is the other side that lacks something."""
        text = "frames differ:\n" + differences(ours, theirs)
        try:
            seen = census.census(self, watch.relay)
        except Failure as e:  # a stripped relay, say
            raise Failure(f"{text}\nno census: {e}") from None
        if len(ours) == len(TRACKS) and not LABELS:
            shown, there = census.in_frames(ours), census.opened(seen)
            alike = but_announced(ours) == but_announced(theirs)
            if alike and census.is_told(seen) and shown == there:
                raise Unlucky(f"the relay told as many as the agent shows: {text}")
            text += f"\nshown, and by the relay's memory: {census.differences(shown, there)}"
        raise Failure(text)

    def _same_totals(self, agent, theirs, apart):
        """Rows that have gone have left with the same last counts. By entry pointers the agent
        follows the lives that the relay gives its entries, of which it may show more."""
        if self.mode in ("entry", "read", "probe"):
            return
        ours = agent.totals()
        if LABELS and self.mode == "off":
            ours, theirs = (but_untold(totals, agent.statuses[-1]) for totals in (ours, theirs))
        if apart:
            ours, theirs = but_unannounced(ours), but_unannounced(theirs)
        if ours != theirs:
            one, other = (
                {t: json.dumps(frame).encode() for t, frame in total.items()}
                for total in (ours, theirs)
            )
            raise Failure("sums over all lives differ:\n" + differences(one, other))

    def stop(self, agent, fires=(), lost=(), seconds=10, unavailable=()):
        """End the agent as its service would, and read its last word: which counters fired, and
        that nothing was lost but what the case allows."""
        status = agent.end(signal.SIGTERM, seconds)
        check(status == 0, f"the agent ended with {status}: {agent.errors()}")
        agent.thread.join(5)
        last = agent.statuses[-1]
        if LATER:  # what it can't count is said, and not looked at any more
            for track, fields in last["tracks"].items():
                stale = fields.pop("stale", None)
                check(bool(stale) != track.endswith("sessions.json"), f"{track}: stale: {stale}")
                check(not stale or stale["state"] == "unavailable", f"{track}: stale: {stale}")
        counters = last["probes"]["counters"]
        for name, counter in counters.items():
            self.fired[name] = self.fired.get(name, 0) + counter["hits"]
        if self.mode not in ("entry", "read", "probe"):
            fires = [name for name in fires if name not in ENTRY_ONLY]
        if LABELS:  # where one probe counts for both roles
            fires = {name.replace("publisher.", "side.").replace("subscriber.", "side.") for name in fires}
            fires -= VIEWERS if last["relay"]["statistics"] == "off" else set()
        reads = last["probes"]["hot"] == "read"
        if self.mode in ("read", "probe") and last["relay"]["statistics"] == "on":
            check(reads == (self.mode == "read"), f"hot: {last['probes']['hot']}")
        if reads:
            fires = [name for name in fires if name.split(".")[-1] not in FIELDS[6:]]
        if self.mode == "read":
            hit = {n: c for n, c in counters.items() if n.split(".")[-1] in FIELDS[6:] and c["hits"]}
            check(not hit, f"probed all the same: {hit}")
        silent = [n for n in fires if not counters.get(n, {}).get("hits")]
        check(not silent, f"sites that had to fire did not: {silent}")
        unexpected = {
            reason: n
            for reason, n in last["lost"].items()
            if n and reason not in lost
        }
        check(not unexpected, f"lost: {unexpected}")
        if not agent.stats:
            check(last["relay"]["statistics"] == "off", f"{last['relay']}")
        for track in agent.frames():
            bad = [frame for frame in agent.history(track) if not closed_within_open(frame)]
            check(not bad, f"{track}: closed > open: {bad[:1]}")
        # No false alarm: all probes were there.
        alarms = {
            f"{track} {field}": worth["reason"]
            for track, fields in last["tracks"].items()
            for field, worth in fields.items()
            if worth["state"] == "unavailable" and field not in unavailable and UNTOLD not in worth["reason"]
        }
        check(not alarms, f"unavailable: {alarms}")
        return last

    def clean(self):
        for process in reversed(self.processes):
            process.clean()


def closed_within_open(frame):
    """closed <= open, in every row of a frame."""
    return all(
        row[name] <= row[name[: -len("_closed")]]
        for row in frame.values()
        for name in row
        if name.endswith("_closed")
    )
