# SPDX-License-Identifier: MIT
"""An agent that serves over HTTP, in operation: its processes, its streams, and who may read. A case is
a function of a World; its name is the function's."""

import itertools
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import time
import urllib.error
import urllib.request

from agents import agent_of, all_closed, copy_of
from cases_kernel import breakpoints, sites_of
from harness import SLOW, TRACKS, Client, Relay, check, wait_until
from serving import Address, Follower, all_tracks, ask, child_of, gone, port_of, served, whole

FETCH = "/fetch/.stats/node/n1/"
NOBODY = "65534"


def facts(pid):
    """What /proc/PID/status says."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def descriptors(pid):
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def serve_without_privileges(world):
    """The process that serves is nobody, for good, and has nothing but its socket and its pipe."""
    relay = Relay(world)
    agent = served(world, relay)
    child = child_of(agent)
    check(ask(agent.port, "/readyz").status == 200, "it serves")
    status = facts(child)
    for name in ("Uid", "Gid"):
        check(status[name].split("\t") == [NOBODY] * 4, f"{name} {status[name]}")
    check(status["Groups"].split() == [], f"groups: {status['Groups']}")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check(int(status[name], 16) == 0, f"{name} {status[name]}")
    check(status["NoNewPrivs"] == "1", "it can't gain any")
    # What isn't dumpable belongs to root, so that another of nobody's processes can't look into it.
    check(os.stat(f"/proc/{child}/mem").st_uid == 0, "it isn't dumpable")
    held = sorted(descriptors(child).values())
    kinds = [name.split(":")[0] if ":[" in name else name for name in held]
    others = [n for n in kinds if n not in ("/dev/null", "pipe", "socket", "anon_inode", agent.err_path)]
    check(not others, f"it holds {others}")
    check(kinds.count("pipe") == 1, f"it holds {held}")
    # Where it listens, once it has seen that the request's connection is closed.
    wait_until(lambda: str(descriptors(child)).count("socket:") == 1, 5, lambda: descriptors(child))
    special = [name for name in held if name.startswith("anon_inode")]
    allowed = {f"anon_inode:[{kind}]" for kind in ("eventpoll", "signalfd", "eventfd")}
    check(set(special) <= allowed, f"it holds {special}")
    mine = descriptors(agent.pid).values()
    check(any("bpf" in name for name in mine), f"as the run itself does: {mine}")
    # Signals for the group are the run's to take: it has its last words to say first.
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(child, how)
    time.sleep(0.3)
    check(not gone(child) and ask(agent.port, "/readyz").status == 200, "it serves on")
    events = Follower(agent.port, all_tracks())
    wait_until(lambda: len(events.got) == 6, 5, "six frames")
    world.stop(agent)
    check(gone(child), "it ends with the run")
    check("has ended" not in agent.errors() and "signal" not in agent.errors(), agent.errors())
    events.thread.join(5)
    check(events.over, "and so do its streams")


def serve_killed(world):
    """If the server is killed, the run ends with an error and leaves nothing in the relay; if the run is
    killed, the server ends at once. One that hangs holds up no end."""
    # A copy: breakpoints are made in all processes of one executable, other cases' relays among them.
    relay = Relay(world, program=[copy_of(world)])
    sites = sites_of(world, relay)
    agent = served(world, relay)
    check(breakpoints(relay, sites) == sites, "it is attached")
    os.kill(child_of(agent), signal.SIGKILL)
    check(agent.wait(20) == 1, "the run has failed")
    check("was ended by signal 9 (Killed)" in agent.errors(), agent.errors())
    check("the process that serves HTTP has ended" in agent.errors(), agent.errors())
    check(not breakpoints(relay, sites), "nothing stays in the relay")
    check(relay.running(), "which runs")

    agent = served(world, relay, name="second")
    child = child_of(agent)
    events = Follower(agent.port, "/events/publisher.json")
    wait_until(lambda: events.got, 5, "a frame")
    agent.end(signal.SIGKILL)
    wait_until(lambda: gone(child), 10, "the server ends with the run")
    events.thread.join(5)
    check(events.over, "its streams, too")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", agent.port))  # or raises

    agent = served(world, relay, name="third")
    child = child_of(agent)
    os.kill(child, signal.SIGSTOP)
    check(agent.end(signal.SIGTERM, 20) == 0, agent.errors())
    check("does not end: it is killed" in agent.errors() and gone(child), agent.errors())
    wait_until(lambda: not breakpoints(relay, sites), 5, "nothing stays in the relay")


def serve_refused(world):
    """What can't be served is refused before anything is attached."""
    relay = Relay(world, program=[copy_of(world)])
    sites = sites_of(world, relay)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    bad = os.path.join(world.dir, "tokens")
    with open(bad, "w", encoding="ascii") as f:
        f.write("t" * 20 + " never tracks\n")
    os.chmod(bad, 0o644)
    for args, status, word in (
        ([f"127.0.0.1:{port}"], 1, "cannot listen there: Address already in use"),
        (["0.0.0.0:0"], (1, 2), "--token-file"),
        (["[::]:0"], (1, 2), "--token-file"),
        (["192.0.2.1:0", "--token-file", bad], 2, "mode 600"),
        (["127.0.0.1:0", "--token-file", world.dir + "/none"], 2, "none: No such file"),
        (["127.0.0.1:0", "--tls-cert", "/dev/null", "--tls-key", "/dev/null"], (1, 2), "/dev/null"),
    ):
        command = [world.moqstat, "run", "--pid", str(relay.pid), "--output", "jsonl", "--listen"]
        done = subprocess.run(command + args, capture_output=True, timeout=20, check=False)
        said = done.stderr.decode()
        expected = status if isinstance(status, tuple) else (status,)
        check(done.returncode in expected and word in said, f"{args}: {done.returncode} {said}")
        check(not done.stdout, f"{args}: no status, so that nothing was attached: {done.stdout}")
    check(not breakpoints(relay, sites), "nothing is in the relay")
    taken.close()


def last(agent):
    with agent.lock:
        return {track: sequence for track, sequence, _ in agent.lines}


def lines_of(agent, track):
    with agent.lock:
        return [(str(n), frame) for name, n, frame in agent.lines if name == track]


def number_of(id_, i):
    """A track's own part of a composite id."""
    return id_.split(",")[i]


def caught_up(agent, follower, seconds=10):
    """Wait until a stream of all six has all that was written."""

    def seen():
        ends = last(agent)
        id_ = follower.got[-1][1].split(",") if follower.got else []
        return id_ == [str(ends[track]) for track in TRACKS]

    wait_until(seen, seconds, lambda: f"{last(agent)} {follower.got[-1:]}")


def serve_streams(world):
    """Live events are the frames that the run writes, byte for byte, each once: whole, as deltas, from
    the middle on, and across a connection that broke, where the newest may come again."""
    relay = Relay(world, stats=False)
    agent = served(world, relay, "--interval", "0.1")
    full = Follower(agent.port, all_tracks())
    delta = Follower(agent.port, all_tracks(delta=True))
    single = Follower(agent.port, "/events/publisher.json")
    broken = Follower(agent.port, all_tracks())
    client = Client(world)
    client(f"connect P {relay.url}", f"connect S {relay.url}")
    parts = []
    for i in range(9):
        path = f"live/{i}"
        client(f"publish P {path} tracks=1", f"subscribe S {path} t0 as=s{i}")
        for _ in range(3):
            client(f"write P {path} t0 groups=2 frames=3 size=5 lockstep=s{i}")
            time.sleep(0.1)  # a tick
        if i % 3 == 1:
            client(f"unpublish P live/{i - 1}")
        if i % 3 == 2:
            # What came so far, and from there on once more.
            broken.close()
            parts += broken.got
            broken = Follower(agent.port, all_tracks(), Last_Event_ID=parts[-1][1])
    wait_until(
        lambda: (agent.row("publisher.json", "live/8") or {}).get("bytes") == 90, 10, "all of it"
    )
    # Nothing happens any more: who comes now has the newest at once.
    time.sleep(0.5)
    late = Follower(agent.port, all_tracks())
    wait_until(lambda: {name: data for name, _, data in list(late.got)} == agent.frames(), 10,
               "the newest frames at once")
    newest = agent.frames()
    client("write P live/8 t0 groups=2 frames=3 size=5 lockstep=s8")
    wait_until(lambda: all(agent.row(track, "live/8")["bytes"] == 120 for track in TRACKS[:2]), 10, "more")
    for follower in (full, delta, broken, late):
        caught_up(agent, follower)
    parts += broken.got
    for i, track in enumerate(TRACKS):
        written = lines_of(agent, track)
        for what, got, whence in (
            ("full", full.got, None),
            ("broken", parts, None),
            ("late", late.got, newest[track]),
        ):
            events = [(number_of(id_, i), data) for name, id_, data in got if name == track]
            check(events, f"{what}: {track}")
            if what == "broken":  # the newest group is given again to who comes back with it
                events = [event for event, _ in itertools.groupby(events)]
            begin = written.index(events[0])
            check(events == written[begin:], f"{what}: {track}: {events} {written}")
            check(whence is None or events[0][1] == whence, f"{what}: {track}: from the newest on")
        frame, n = None, 0
        events = [(number_of(id_, i), data) for name, id_, data in delta.got if name == track]
        begin = [number for number, _ in written].index(events[0][0])
        check(len(events) == len(written) - begin, f"delta: {track}: each once")
        for (number, data), (other, text) in zip(events, written[begin:]):
            check(("full" in json.loads(data)) == (n == 0), f"delta: {track} {number}: {data}")
            frame, n = whole(data, frame), n + 1
            check((number, frame) == (other, json.loads(text)), f"delta: {track} {number}")
    check(len(full.of("publisher.json")) > 9, f"many frames: {len(full.got)}")
    written = lines_of(agent, "publisher.json")
    wait_until(lambda: single.got[-1][1] == written[-1][0], 5, "all of one track")
    events = [(id_, data) for _, id_, data in single.got]
    check(events == written[written.index(events[0]) :], "one track alone")
    served_ = json.loads(ask(agent.port, "/status").body)["server"]
    check(served_["dropped"] == 0 and not any(served_["evicted"].values()), f"{served_}")
    check(not any(name in ("lost", "ended") for name, _, _ in full.got + parts), "nothing was lost")
    world.stop(agent)


def serve_restart(world):
    """The relay is restarted: not ready meanwhile; streams are told the end of the one life, and the
    next one follows."""
    binary = copy_of(world)
    agent = agent_of(
        world, "--exe", binary, "--node", "n1", "--listen", "127.0.0.1:0", "--output", "jsonl"
    )
    port = port_of(agent)
    check(ask(port, "/readyz").status == 503, "no relay yet")
    check(ask(port, "/healthz").status == 200, "but it lives")
    check(ask(port, "/announced").body == b"", "nothing is announced")
    relay = Relay(world, program=[binary])
    one = agent.of(relay)
    wait_until(lambda: ask(port, "/readyz").status == 200, 5, "ready")
    streams = [Follower(port, all_tracks()), Follower(port, all_tracks(delta=True))]
    streams.append(Follower(port, f"/events/.stats/node/n1/{TRACKS[0]}"))
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P again/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S again/x t0 as=s",
        "write P again/x t0 groups=3 frames=5 size=7 lockstep=s",
    )
    wait_until(lambda: (one.row(TRACKS[0], "again/x") or {}).get("bytes") == 105, 10, "counted")
    relay.end(signal.SIGKILL)
    agent.ended(relay)
    all_closed(one)
    wait_until(lambda: ask(port, "/readyz").status == 503, 5, "not ready")
    check(ask(port, "/announced").body == b"", "nothing is announced any more")
    check(json.loads(ask(port, "/status").body)["relays"][0]["ended"] is True, "as the status says")
    frame = json.loads(ask(port, FETCH + TRACKS[0]).body)["again/x"]
    check(frame["bytes"] == 105 and frame["subscriptions"] == frame["subscriptions_closed"], f"{frame}")
    second = Relay(world, name="second", program=[binary])
    agent.of(second)
    wait_until(lambda: ask(port, "/readyz").status == 200, 10, "ready again")
    wait_until(lambda: len(streams[0].of("ended")) == 6, 5, lambda: f"{streams[0].got}")
    fresh = Client(world, "fresh")
    fresh(f"connect P {second.url}", "publish P again/y tracks=1", "wait-announced P again/y")
    wait_until(lambda: one.row(TRACKS[0], "again/y"), 10, "the new relay's")
    for stream in streams:
        own = streams[2] is stream
        name = "message" if own else TRACKS[0]
        wait_until(lambda: b"again/y" in stream.of(name)[-1], 5, lambda: f"{stream.got}")
        events = [e for e in stream.got if e[0] in (name, "ended")]
        if not own:
            told = [json.loads(data)["track"] for event, _, data in events if event == "ended"]
            check(sorted(told) == sorted(TRACKS), f"{told}")
            events = [e for e in events if e[0] == name or json.loads(e[2])["track"] == name]
        at = [event for event, _, _ in events].index("ended")
        before, after = events[at - 1], events[at + 1]
        delta = streams[1] is stream
        row = json.loads(before[2])
        row = row["full" if "full" in row else "set"] if delta else row
        check(row["again/x"]["subscriptions_closed"] == 1, f"the last word: {before}")
        check(number_of(after[1], 0) == "0", f"from 0 on: {after}")
        check(after[2] == (b'{"full":{}}' if delta else b"{}"), f"in full: {after}")
    agent.stop()
    check(ask_fails(port), "nobody listens any more")


def ask_fails(port):
    try:
        ask(port, "/healthz")
    except OSError:
        return True
    return False


TRACKS_TOKEN, METRICS_TOKEN, BRIEF, BOTH, NEW = ("track" * 4, "meter" * 4, "brief" * 4, "both!" * 4,
                                                 "fresh" * 4)


def write_tokens(path, *lines, mode=0o600):
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write("# who may read\n" + "".join(f"{line}\n" for line in lines))
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def serve_tokens(world):
    """On an address that others reach, nobody reads without a token that is good for it and holds: at
    the start, while streaming, and when the file is read again. Over TLS, too."""
    relay = Relay(world)
    path = os.path.join(world.dir, "tokens")
    expires = int(time.time() + 15 * SLOW)
    write_tokens(
        path,
        f"{TRACKS_TOKEN} never tracks",
        f"{METRICS_TOKEN} never metrics",
        f"{BRIEF} {expires} tracks",
        f"{BOTH} 2099-01-31T12:00:00Z tracks,metrics",
    )
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600 and os.stat(path).st_uid == 0, "root's alone")
    with Address() as host:
        command = [world.moqstat, "run", "--pid", str(relay.pid), "--listen", f"{host}:0"]
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
        check(done.returncode in (1, 2) and b"--token-file" in done.stderr, f"{done}")
        agent = served(world, relay, "--token-file", path, listen=f"{host}:0")
        tokens_hold(agent, host, expires)
        tokens_anew(agent, host, path)
        world.stop(agent)
        tokens_by_tls(world, relay, host, path)


def asking(agent, host):
    """Statuses by token."""

    def status(target, token=None, query=False):
        headers = {"Authorization": f"Bearer {token}"} if token and not query else {}
        if query:
            target += f"?token={token}"
        return ask(agent.port, target, headers=headers, host=host).status

    return status


def tokens_hold(agent, host, expires):
    status = asking(agent, host)
    brief = Follower(agent.port, f"/events/publisher.json?token={BRIEF}", host)
    check(brief.status == 200, "it streams")
    check(status("/announced", BRIEF) == 200, "not yet")
    for target in ("/healthz", "/readyz", "/"):
        check(status(target) == 200, f"{target} is no secret")
    for target, good, other in (
        ("/announced", TRACKS_TOKEN, METRICS_TOKEN),
        (FETCH + "sessions.json", TRACKS_TOKEN, METRICS_TOKEN),
        ("/status", TRACKS_TOKEN, METRICS_TOKEN),
        ("/metrics", METRICS_TOKEN, TRACKS_TOKEN),
    ):
        check(status(target) == 401, f"{target} needs a token")
        for wrong in ("x" * 20, good[:-1], good + "x", good.upper(), "\xff" * 20):
            check(status(target, wrong) == 401, f"{target}: {wrong!r} is none")
        check(status(target, other) == 403, f"{target}: one for something else")
        check(status(target, good) == status(target, good, True) == 200, f"{target}: the right one")
        check(status(target, BOTH) == 200, f"{target}: one for both")
    check(Follower(agent.port, "/events/publisher.json", host).status == 401, "streams, too")
    wait_until(lambda: brief.of("expired"), 30, "the stream's end")
    late = brief.times[-1] - expires
    # Comments come every 15 s only.
    check(0 <= late < 5 * SLOW, f"told {late:.3f} s after it expired")
    brief.thread.join(5)
    check(brief.over and brief.got[-1][0] == "expired", "that was all")
    check(status("/announced", BRIEF) == 401, "no longer")
    check(status("/status", BOTH) == 200, "others go on")


def tokens_anew(agent, host, path):
    """SIGHUP: the run reads the file, which the server can't, and hands over what is in it."""
    status = asking(agent, host)
    goes = Follower(agent.port, f"/events/publisher.json?token={TRACKS_TOKEN}", host)
    stays = Follower(agent.port, f"/events/publisher.json?token={BOTH}", host)
    good = [f"{NEW} never tracks", f"{BOTH} never tracks"]
    steps = (
        (lambda: write_tokens(path, *good, mode=0o640), "mode 600"),
        (lambda: write_tokens(path, *good, mode=0o602), "mode 600"),
        (lambda: write_tokens(path, good[0], "nonsense"), "line 3: give a token"),
        (lambda: write_tokens(path), "no token is in it"),
        (lambda: write_tokens(path, "short never tracks"), "line 2: a token has from 16"),
        (lambda: os.unlink(path), "No such file"),
        (lambda: os.mkdir(path), "no regular file"),
    )
    for n, (spoil, word) in enumerate(steps):
        before = agent.errors()
        spoil()
        os.kill(agent.pid, signal.SIGHUP)
        wait_until(
            lambda: agent.errors().count("the tokens stay as they were") == n + 1,
            5,
            lambda: f"{word}: {agent.errors()}",
        )
        said = agent.errors()[len(before) :]
        check(word in said, f"{word}: {said}")
        check("short" not in said and NEW not in said, "no token is told")
        check(status("/announced", TRACKS_TOKEN) == 200 and status("/announced", NEW) == 401, word)
    os.rmdir(path)
    check(not goes.of("expired") and not goes.over, "its stream went on")
    write_tokens(path, *good)
    os.kill(agent.pid, signal.SIGHUP)
    wait_until(lambda: goes.of("expired"), 5, lambda: f"struck off: {agent.errors()}")
    wait_until(lambda: "hold from now on" in agent.errors(), 5, agent.errors)
    goes.thread.join(5)
    check(goes.over, "its stream has ended")
    check(status("/announced", TRACKS_TOKEN) == 401, "it doesn't hold any more")
    check(status("/announced", NEW) == status("/announced", BOTH) == 200, "these do")
    check(status("/metrics", BOTH) == 403, "with their new scopes")
    check(not stays.over and not stays.of("expired"), "who is still good goes on")


def tokens_by_tls(world, relay, host, path):
    """The same over TLS: the start says so, and so does the certificate."""
    cert, key = os.path.join(world.dir, "cert"), os.path.join(world.dir, "key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
         "-addext", f"subjectAltName=IP:{host}", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    os.chmod(key, 0o600)
    tls = ["--tls-cert", cert, "--tls-key", key]
    agent = served(world, relay, "--token-file", path, *tls, listen=f"{host}:0", name="tls")
    check(f"listening on https://{host}:{agent.port}/" in agent.errors(), agent.errors())
    request = urllib.request.Request(f"https://{host}:{agent.port}{FETCH}publisher.json")
    request.add_header("Authorization", f"Bearer {NEW}")
    context = ssl.create_default_context(cafile=cert)

    def fetched():
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return None  # what we have read may not have got to the server yet

    wait_until(lambda: fetched() == agent.frames()["publisher.json"], 10, "over TLS")
    world.stop(agent)


CASES = (
    serve_without_privileges,
    serve_killed,
    serve_refused,
    serve_streams,
    serve_restart,
    serve_tokens,
)
