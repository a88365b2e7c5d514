# SPDX-License-Identifier: MIT
"""`moqstat top` beside a real relay: what it shows is what the load client has written."""

import os
import re
import shutil
import subprocess
import threading

import harness
from cases_probes import breakpoints, relay_apart, sites_of
from server import Server, check, wait_until
from terminal import Terminal


def digits(text):
    return int(text.replace(",", ""))


def counts(terminal, track):
    """All counts of the row that is open, on one track: field -> (now, begun, ended), or (all,)."""
    lines, found = terminal.lines(), {}
    start = [i for i, line in enumerate(lines) if line.startswith(track)]
    for line in lines[start[0] + 1 :] if start else []:
        cells = line.split()
        if not line.startswith("  "):
            break
        if cells and cells[0] in ("announced", "broadcasts", "subscriptions"):
            found[cells[0]] = tuple(digits(c) for c in cells[1:4])
        elif cells and cells[0] in ("bytes", "frames", "groups"):
            found[cells[0]] = (digits(cells[1]),)
    return found


def load(world, target):
    """A publisher, two viewers of three tracks in all, and 4 writes to two of the viewers' tracks."""
    client = harness.Client(world)
    client(
        f"connect P {target.url}",
        "publish P demo/one tracks=2",
        f"connect A {target.url}",
        f"connect B {target.url}",
        "subscribe A demo/one t0 as=a",
        "subscribe A demo/one t1 as=a1",
        "subscribe B demo/one t0 as=b",
    )
    for _ in range(4):
        client("write P demo/one t0 groups=5 frames=7 size=1009 lockstep=a,b", "sleep 900")
    return client


def looks(terminal, client):
    """The numbers of what load() has done; then all goes, and the rows with it."""
    terminal.shows("demo/one", 20)
    wait_until(lambda: (terminal.row("demo/one") or [])[:2] == ["2", "3"], 10, terminal.text)
    terminal.press("enter")
    once = {"bytes": (4 * 5 * 7 * 1009,), "frames": (4 * 5 * 7,), "groups": (4 * 5,)}
    twice = {name: (2 * n[0],) for name, n in once.items()}
    wait_until(
        lambda: counts(terminal, "out, external").items() >= {**twice, "broadcasts": (2, 2, 0), "subscriptions": (3, 3, 0)}.items(),
        10,
        lambda: f"out: {twice} expected\n{terminal.text()}",
    )
    terminal.press("pgdn", "end")
    wait_until(lambda: counts(terminal, "in, external").items() >= once.items(), 5, lambda: f"in: {once} expected\n{terminal.text()}")
    terminal.press("esc")
    terminal.shows("sessions 3")
    check(not re.search("[1-9][0-9]* unavailable", terminal.text()), terminal.text())
    client("close A", "close B", "close P")
    terminal.hides("demo/one", 15)
    terminal.press("q")
    check(terminal.wait(60) == 0, terminal.errors())
    check(terminal.restored(), "the terminal is as it was")


def world_of(name):
    return harness.World(
        name, *(os.path.abspath(os.environ[n]) for n in ("MOQSTAT", "RELAY", "LOAD")), mode="off"
    )


def direct():
    """`top --pid`: attached by a run of its own; after q nothing of it is left in the relay."""
    world, terminal = world_of("top-direct"), None
    try:
        target = relay_apart(world)
        sites = sites_of(world, target)

        def probed():
            return breakpoints(target, sites)

        terminal = Terminal([world.moqstat, "top", "--pid", str(target.pid)], rows=40, columns=150)
        terminal.shows("live", 90)
        check(probed(), "its links are seen while it runs")
        children = subprocess.run(["ps", "-o", "uid=", "-p", str(terminal.child.pid)], capture_output=True, text=True).stdout.split()
        check(children == ["65534"], f"the terminal's process has no privileges: {children}")
        looks(terminal, load(world, target))
        check(not probed(), f"{probed()} breakpoints are left behind")
        terminal.clean()

        # The terminal's process killed: the run detaches all the same.
        terminal = Terminal([world.moqstat, "top", "--pid", str(target.pid)], rows=40, columns=150)
        terminal.shows("live", 90)
        check(probed(), "its links are seen while it runs")
        terminal.child.kill()
        wait_until(lambda: not probed(), 60, "the run has detached")
        target_alive = os.path.exists(f"/proc/{target.pid}")
        check(target_alive, "the relay lives")
        shutil.rmtree(world.dir, ignore_errors=True)
    finally:
        if terminal and terminal.child.returncode is None:
            terminal.clean()
        world.clean()


def served():
    """`top URL`, of an agent beside the relay."""
    world, terminal, server = world_of("top-served"), None, None
    try:
        target = harness.Relay(world)
        server = Server(world.moqstat)
        agent = harness.Process(
            world,
            "agent",
            [world.moqstat, "run", "--pid", str(target.pid), "--node", "n1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        lines = []

        def pass_on():
            for line in agent.child.stdout:
                lines.append(line)
                try:
                    server.feed(line)
                except OSError:
                    return

        threading.Thread(target=pass_on, daemon=True).start()
        wait_until(lambda: len(lines) > 6 or not agent.running(), 60, "the agent's first frames")
        url = "http://{}:{}".format(*server.address)
        terminal = Terminal([world.moqstat, "top", url], rows=40, columns=150)
        terminal.shows("live", 20)
        looks(terminal, load(world, target))
        check(agent.end() == 0, agent.errors())
        shutil.rmtree(world.dir, ignore_errors=True)
    finally:
        if terminal:
            terminal.clean()
        if server:
            server.clean()
        world.clean()


def named():
    """`top --exe` and `top --all`: whoever runs that executable, or any relay, without its number."""
    world = world_of("top-named")
    try:
        target = relay_apart(world)
        client = load(world, target)
        exe = os.readlink(f"/proc/{target.pid}/exe")
        for way in (("--exe", exe), ("--all",)):
            done = subprocess.run(
                [world.moqstat, "top", *way, "--plain", "--count", "3", "--filter", "demo"],
                capture_output=True, text=True, timeout=120,
            )
            check(done.returncode == 0, f"{way}: {done}")
            rows = [line.split() for line in done.stdout.split("\n") if line.startswith("demo/one")]
            check(rows and rows[-1][1:3] == ["2", "3"], f"{way}: {done}")
        client("close A", "close B", "close P")
        check(os.path.exists(f"/proc/{target.pid}"), "the relay lives")
        shutil.rmtree(world.dir, ignore_errors=True)
    finally:
        world.clean()


CASES = (direct, served, named)
