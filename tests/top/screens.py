# SPDX-License-Identifier: MIT
"""What `moqstat top` shows, and what its keys do."""

import contextlib
import os
import re
import subprocess
import tempfile
import threading
import time

from served import Stub, Ticker, first_frames, row, served
from server import TRACKS, Server, certificate, check, wait_until
from terminal import Terminal


def url(server):
    return "http://{}:{}".format(*server.address)


@contextlib.contextmanager
def top(server, *args, **more):
    terminal = Terminal([os.environ["MOQSTAT"], "top", url(server), *args], **more)
    try:
        yield terminal
    finally:
        terminal.clean()


def quits(terminal):
    terminal.press("q")
    status = terminal.wait()
    errors = terminal.errors()
    check(status == 0, f"it ended with {status}: {errors}")
    check(terminal.restored(), f"the terminal is not as it was: {terminal.raw[-200:]!r}")
    return errors


def rooms(n):
    return {f"room/{i:05}": row(announced=1, broadcasts=i + 1, subscriptions=2 * i) for i in range(n)}


def ticking(server):
    def tick(n):
        flow = {"bytes": 2_000_000 * n, "frames": 60 * n, "groups": 2 * n}
        server.frame("publisher.json", {"demo/one": row(announced=3, announced_closed=1, broadcasts=11, broadcasts_closed=4, subscriptions=37, subscriptions_closed=6, **flow)})
        server.frame("internal/publisher.json", {"demo/one": row(broadcasts=2, bytes=500_000 * n)})
        server.frame("subscriber.json", {"demo/one": row(announced=1, **{k: v // 2 for k, v in flow.items()})})
        server.frame("sessions.json", {"": {"sessions": 9, "sessions_closed": 2}, "team/a": {"sessions": 5 + n, "sessions_closed": 1}})

    return Ticker(tick)


def near(text, expected):
    found = re.match(r"[\d.]+", text)
    check(found, f"{text}, not {expected}")
    value = float(found.group()) * {"k": 1e3, "M": 1e6}.get(text[-2:-1], 1)
    check(abs(value / expected - 1) < 0.2, f"{text}, not {expected}")


def numbers():
    """Counts as they are, rates by the time between the frames; tiers; all counts of one; sessions."""
    with served() as server:
        server.frames()
        ticker = ticking(server)
        ticker.tick(0)
        server.settle()
        with top(server, columns=140) as t, contextlib.ExitStack() as ticks:
            wait_until(lambda: (t.row("demo/one") or [])[:5] == ["9", "31", "1", "2", "–"], 8, t.text)
            ticks.enter_context(ticker)
            time.sleep(4.5)
            cells = t.row("demo/one")
            check(cells[-1] == "both", f"{cells}")
            for cell, rate in zip(cells[4:10], (2_500_000, 60, 2, 1_000_000, 30, 1)):
                near(cell, rate)
            check("viewers 9  subscriptions 31  sessions" in t.text() and "live" in t.lines()[0], t.text())
            t.press("t")
            t.shows("tier external")
            check(t.row("demo/one")[:1] == ["7"], f"{t.row('demo/one')}")
            t.press("t", "t", "enter")
            t.shows("out, external")
            t.shows("in, external")
            check(re.search(r"announced +2 +3 +1", t.text()), t.text())
            check(re.search(r"broadcasts +7 +11 +4", t.text()), t.text())
            t.press("esc", "tab")
            t.shows("AUTH ROOT")
            wait_until(lambda: t.names() == ["team/a", "(empty)"], 5, lambda: t.text())
            check(t.row("(empty)")[:3] == ["7", "9", "2"], f"{t.row('(empty)')}")
            quits(t)


def keys():
    """Sort, reverse, filter, scroll, help."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", rooms(300))
        server.settle()
        with top(server) as t:
            t.shows("room/00299")
            check(t.names()[:2] == ["room/00299", "room/00298"], f"{t.names()}")
            t.press("r")
            wait_until(lambda: t.names()[:2] == ["room/00000", "room/00001"], 3, t.text)
            t.press("<")
            t.shows("sort name")
            wait_until(lambda: t.names()[:2] == ["room/00299", "room/00298"], 3, t.text)
            t.press("r")
            wait_until(lambda: t.names()[:1] == ["room/00000"], 3, t.text)
            t.press("end")
            wait_until(lambda: t.names()[-1:] == ["room/00299"], 3, t.text)
            page = len(t.names())
            t.press("home", "pgdn", "down")
            wait_until(lambda: f">room/{page:05}" in t.text(), 3, t.text)
            t.press("/", "2", "9", "x")
            wait_until(lambda: not t.names(), 3, t.text)
            t.press("erase")
            wait_until(lambda: "filter: 29_" in t.text(), 3, t.text)
            want = [f"room/{i:05}" for i in range(300) if "29" in str(i)]
            wait_until(lambda: t.names() == want[: len(t.names())] and t.names(), 3, t.text)
            t.press("enter")
            t.shows(f"filter 29 ({len(want)} of 300)")
            t.press("esc")
            t.hides("filter 29")
            t.press("?")
            t.shows("reverse the order")
            t.press("q")
            t.hides("reverse the order")
            quits(t)


def pause():
    """What is shown stays, also for looking around; then all is there."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", rooms(3))
        server.settle()
        with top(server) as t:
            t.shows("room/00002")
            t.press("p")
            t.shows("PAUSED")
            server.frame("publisher.json", {"later": row(broadcasts=99)})
            server.settle()
            time.sleep(2.5)
            t.press("down", "r")
            check("later" not in t.text() and "room/00001" in t.text(), t.text())
            t.press(" ")
            t.shows("later")
            t.hides("room/00001")
            check("PAUSED" not in t.text(), t.text())
            quits(t)


def resize():
    """Any size, and back."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", rooms(100))
        server.settle()
        with top(server) as t:
            t.shows("room/00099")
            for keys_ in ((), ("?",), ("esc", "enter"), ("esc", "/")):
                t.press(*keys_)
                for rows, columns in ((1, 1), (3, 10), (2, 200), (60, 3), (5, 30), (1, 300), (24, 120)):
                    t.resize(rows, columns)
                    time.sleep(0.15)
                    t.read()
                    check(t.child.poll() is None, f"it ended at {rows}x{columns}: {t.errors()}" if t.child.poll() is not None else "")
                    check(all(len(line) <= columns for line in t.lines()), f"too wide at {rows}x{columns}")
            t.press("esc")
            t.resize(40, 130)
            wait_until(lambda: len(t.names()) > 28, 5, t.text)
            check("IN B/s" in t.text() and "TIER" in t.text(), t.text())
            t.resize(20, 50)
            wait_until(lambda: "TIER" not in t.text() and "VIEWERS" in t.text(), 5, t.text)
            quits(t)


HOSTILE = {
    "esc/\x1b[2J\x1b]0;owned\x07": "esc/\\u{1b}[2J\\u{1b}]0;owned\\u{7}",
    "line\r\nfeed": "line\\u{d}\\u{a}feed",
    "c1/\x9b31m": "c1/\\u{9b}31m",
    "bidi/\u202egnp": "bidi/\\u{202e}gnp",
    "comb/e\u0301": "comb/e\\u{301}",
    "zero/\u200bx": "zero/\\u{200b}x",
    "rtl/\u05d0\u05d1": "rtl/\\u{5d0}\\u{5d1}",
    "back\\slash": "back\\\\slash",
    "日本/語": "日本/語",
    "": "(empty)",
}


def hostile_names():
    """Nothing of a name moves the cursor, hides, or reorders; columns stay where they are."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", {k: row(broadcasts=7) for k in sorted(HOSTILE, key=lambda k: k.encode())})
        server.settle()
        with top(server, columns=110) as t:
            t.shows("back\\\\slash")
            text = t.text()
            for shown in HOSTILE.values():
                # pyte leaves an empty cell behind a wide character.
                check(shown in text or all(c in text for c in shown), f"{shown!r} is not in\n{text}")
            check("owned\x07" not in text and b"\x1b]0;" not in t.raw and b"\x1b[2J\x1b]" not in t.raw, "an escape came through")
            for c in ("\x9b", "\u202e", "\u0301", "\u200b", "\u05d0"):
                check(c.encode() not in t.raw, f"{c!r} came through")
            ends = {t.screen.display[i].rstrip()[-8:] for i, line in enumerate(t.screen.display) if line[1:].startswith(("esc", "comb", "rtl", "back"))}
            check(len(ends) == 1, f"columns are not aligned: {ends}")
            at = {line.index(" 7 ") for line in t.screen.display if " 7 " in line and not any(ord(c) > 0x2fff for c in line)}
            check(len(at) == 1, f"columns are not aligned: {at}\n{text}")
            quits(t)
        with top(server, env={"LC_ALL": "C"}) as t:
            t.shows("\\u{65e5}")
            check(t.raw.isascii(), "only ASCII in such a locale")
            quits(t)


def terminals():
    """A terminal of another kind, one that can't move its cursor, one that nobody knows; no colours."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", rooms(3))
        server.settle()
        with top(server, term="vt100") as t:
            t.shows("room/00002")
            t.press("q")
            check(t.wait() == 0, t.errors())
        with top(server, term="xterm-256color") as t:
            t.shows("room/00002")
            check(not re.search(rb"\x1b\[[\d;]*[34][0-8][;m]", t.raw.replace(b"\x1b[39;49m", b"")), "no colours")
            quits(t)
        for term in ("dumb", "no-such"):
            with top(server, "--count", "1", term=term) as t:
                check(t.wait() == 0, t.errors())
                check(b"room/00002" in t.raw and b"\x1b" not in t.raw, f"{t.raw!r}")
        with top(server, term="dumb") as t:
            t.shows("room/00002")
            t.child.terminate()
            check(t.wait() == 0, "stopped")
            check("plain tables, since this terminal can't move its cursor" in t.errors(), "it says why")


def comes_and_goes():
    """The server is killed and is back: the header says so, and then all goes on."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", rooms(2))
        server.settle()
        port = server.address[1]
        with top(server) as t:
            t.shows("live")
            t.shows("room/00001")
            server.child.kill()
            server.child.wait()
            t.shows("unreachable")
            check("room/00001" in t.text(), "the last numbers stay")
            again = Server(os.environ["MOQSTAT"], "--listen", f"127.0.0.1:{port}")
            try:
                again.frames()
                again.frame("publisher.json", {"anew": row(broadcasts=5)})
                again.settle()
                t.shows("anew", 15)
                t.shows("live")
                t.hides("room/00001")
                check(t.row("anew")[0] == "5", t.text())
                again.status(broadcast=".stats/node/n1", ended=True)
                again.settle()
                t.shows("ended", 15)
                check("anew" in t.text(), "its last numbers stay")
                quits(t)
            finally:
                again.clean()


def restarts():
    """A relay that is restarted: its counts begin anew, and no rate is absurd."""
    with served() as server:
        server.frames()

        def tick(n):
            since = n if n < 5 else n - 5
            server.frame("publisher.json", {"one": row(broadcasts=1, bytes=1_000_000 * since)}, sequence=2 + since)

        with Ticker(tick), top(server, "--plain", "--count", "9") as t:
            check(t.wait(30) == 0, t.errors())
            rates = [int(line.split()[5]) for line in t.raw.decode().split("\n") if line.startswith("one ") and line.split()[5] != "-"]
            check(len(rates) >= 4 and all(800_000 < r < 1_250_000 for r in rates), f"{rates}")


def plain():
    """Tables that can be parsed; sorted, filtered; so many."""
    with served() as server:
        server.frames()
        server.frame("publisher.json", {**rooms(3), "with space\t": row(broadcasts=50)})
        server.frame("sessions.json", {"a": {"sessions": 3, "sessions_closed": 1}, "b": {"sessions": 9, "sessions_closed": 1}})
        server.status(broadcast=".stats/node/n1", version="1", tracks={"publisher.json": {"subscriptions": {"state": "unavailable", "reason": "x"}, "broadcasts": {"state": "since-attach", "reason": "y"}}})
        server.settle()

        def ask(*args):
            done = subprocess.run([os.environ["MOQSTAT"], "top", url(server), "--count", "1", *args], capture_output=True, text=True, timeout=20)
            check(done.returncode == 0 and not done.stderr, f"{args}: {done}")
            lines = done.stdout.split("\n")
            check(lines[0].startswith("# ") and lines[-2:] == ["", ""], done.stdout)
            return lines[0], [line.split() for line in lines[1:-2]], lines[1:-2]

        head, table, lines = ask()
        check("state=live" in head and "broadcasts=4" in head and "sessions=10" in head and "unavailable=1" in head, head)
        check(table[0][:3] == ["name", "viewers", "subscriptions"], f"{table}")
        check([r[0] for r in table[1:]] == ["with\\u{20}space\\u{9}", "room/00002", "room/00001", "room/00000"], f"{table}")
        check(all(len(r) == len(table[0]) for r in table), f"as many cells everywhere: {table}")
        check(table[1][1:3] == ["50", "n/a"], f"{table[1]}")
        check(len({line.index(table[0][-1] if i == 0 else ".stats") for i, line in enumerate(lines)}) == 1, "aligned")
        _, table, _ = ask("--sort", "name", "--reverse", "--filter", "room")
        check([r[0] for r in table[1:]] == ["room/00002", "room/00001", "room/00000"], f"{table}")
        _, table, _ = ask("--view", "sessions", "--sort", "root")
        check([r[:4] for r in table] == [["root", "sessions", "begun", "ended"], ["a", "2", "3", "1"], ["b", "8", "9", "1"]], f"{table}")


def errors():
    """What goes wrong is told, with what to do; statuses are those of the other commands."""
    def ask(*args, **env):
        return subprocess.run([os.environ["MOQSTAT"], "top", *args], capture_output=True, text=True, timeout=20, env={**os.environ, **env})

    for args, status, words in (
        (("http://127.0.0.1:1",), 1, ("no agent answers at http://127.0.0.1:1", "--listen")),
        (("ftp://127.0.0.1",), 2, ("no URL of an agent",)),
        (("http://127.0.0.1:1", "--sort", "beauty"), 2, ("there are name, viewers",)),
        (("http://127.0.0.1:1", "--pid", "1"), 2, ("give one of",)),
        (("http://127.0.0.1:1", "--count", "0"), 2, ("--count 0",)),
        (("http://127.0.0.1:1", "--token-file", "/none"), 2, ("/none",)),
        (("--pid", "4194304"), 2, ("4194304",)),
    ):
        done = ask(*args)
        check(done.returncode == status and all(w in done.stderr for w in words), f"{args}: {done}")
    done = subprocess.run([os.environ["MOQSTAT"], "run", "--replay", "x", "--plain"], capture_output=True, text=True)
    check(done.returncode == 2 and "belongs to top" in done.stderr, f"{done}")


def tokens():
    """A token from a file or the environment; without one, or a wrong one, it says what is needed."""
    path = f"/tmp/moqstat-top-{os.getpid()}"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write("secret-that-is-long-enough never tracks,metrics\n")
    server = Server(os.environ["MOQSTAT"], "--token-file", path)
    try:
        server.feed(b'{"broadcast":"b","track":"publisher.json","sequence":0,"frame":{}}\n')
        argv = [os.environ["MOQSTAT"], "top", url(server), "--count", "1"]
        env = {**os.environ, "MOQSTAT_TOKEN": "wrong-token-of-some-length"}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, env=env)
        check(done.returncode == 2 and "--token-file" in done.stderr, f"{done}")
        for track in ("subscriber.json", "internal/publisher.json", "internal/subscriber.json", "sessions.json", "internal/sessions.json"):
            server.frame(track, "{}", "b")
        server.frame("publisher.json", {"one": row(broadcasts=3)}, "b", 1)
        for args, more in (((), {"MOQSTAT_TOKEN": "secret-that-is-long-enough"}), (("--token-file", path), {})):
            done = subprocess.run(argv + list(args), capture_output=True, text=True, timeout=20, env={**os.environ, **more})
            check(done.returncode == 0 and "one " in done.stdout, f"{done}")
    finally:
        server.clean()
        os.remove(path)


def https():
    """An agent whose certificate isn't the system's is believed by --cacert only."""
    with tempfile.TemporaryDirectory() as directory:
        cert, key = certificate(directory)
        server = Server(os.environ["MOQSTAT"], "--tls-cert", cert, "--tls-key", key)
        argv = [os.environ["MOQSTAT"], "top", "https://{}:{}".format(*server.address), "--count", "1"]
        try:
            for track in TRACKS:
                server.frame(track, "{}")
            server.frame("publisher.json", {"one": row(broadcasts=3)})
            for args, status, words in (
                ((), 1, ("certificate", "--cacert")),
                (("--cacert", os.path.join(directory, "none")), 2, ("none",)),
                (("--cacert", cert), 0, ()),
            ):
                done = subprocess.run(argv + list(args), capture_output=True, text=True, timeout=20)
                check(done.returncode == status and all(w in done.stderr for w in words), f"{args}: {done}")
            check("one " in done.stdout, f"{done}")
        finally:
            server.clean()


def hostile_server():
    """Answers that no agent gives: told, tried again, nothing grows and nothing breaks."""
    with served() as server:
        page = server.get("/")
    with Stub(page) as stub:
        stub.answers["/announced"] = (200, "text/plain", ".stats/node/n1")
        stub.answers["/status"] = (200, "application/json", '{"relays":[],"health":null}')
        stub.answers["/events"] = (200, "text/event-stream", first_frames())
        with top(stub) as t:
            t.shows("live")
            name = ".stats/node/n1/publisher.json"
            for text in (
                f"event: {name}\ndata: {{\"set\":{{\"a\"\n\n",
                f"event: {name}\ndata: {{\"full\":{{\"b\":{{\"bytes\":1}},\"a\":{{}}}}}}\n\n",
                f"event: {name}\ndata: {{\"full\":{{\"a\":{{\"bytes\":99999999999999999999999}}}}}}\n\n",
                "event: lost\ndata: [[[[[[[\n\n",
                "data: " + "x" * 100000 + "\n\n",
            ):
                stub.answers["/events"] = (200, "text/event-stream", first_frames(text))
                stub.over.set()  # those that are open end
                time.sleep(0.3)
                stub.over = threading.Event()
                time.sleep(2.2)
                check(t.child.poll() is None, "it goes on")
            stub.answers["/status"] = (200, "application/json", "[" * 100000)
            t.shows("unreachable: its status is none that an agent gives", 15)
            stub.answers["/announced"] = (500, "text/plain", "")
            t.shows("status 500", 15)
            quits(t)


def many():
    """5,000 broadcasts, all of which change: keys are answered at once."""
    with served() as server:
        server.frames()

        def tick(n):
            server.frame("publisher.json", {f"room/{i:05}": row(broadcasts=(i * 7919 + n) % 5000, bytes=n * i, frames=n) for i in range(5000)})

        with Ticker(tick), top(server, columns=140) as t:
            t.shows("broadcasts 5000", 20)
            waits = []
            for i in range(10):
                begin = time.monotonic()
                t.press("r")
                want = " reversed" if i % 2 == 0 else None
                wait_until(lambda: (" reversed" in t.text()) == bool(want), 5, t.text)
                waits.append(time.monotonic() - begin)
            check(sorted(waits)[5] < 3, f"{waits}")
            quits(t)


CASES = (numbers, keys, pause, resize, hostile_names, terminals, comes_and_goes, restarts, plain, errors, tokens, https, hostile_server, many)
