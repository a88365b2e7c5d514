# SPDX-License-Identifier: MIT
"""The page beside a real relay: what it shows is what the agent's frames say."""

import json
import os
import shutil
import subprocess
import threading

import harness
from served import Server, names, number, show, table
from server import check, wait_until


def relay(browser, shots):
    """`moqstat run | moqstat serve`, a relay without statistics, a publisher and two viewers."""
    world = harness.World(
        "page", *(os.path.abspath(os.environ[name]) for name in ("MOQSTAT", "RELAY", "LOAD")), mode="off"
    )
    server = None
    try:
        target = harness.Relay(world)
        server = Server(world.moqstat)
        frames, lines = {}, threading.Lock()
        agent = harness.Process(
            world,
            "agent",
            [world.moqstat, "run", "--pid", str(target.pid), "--node", "n1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )

        def pass_on():
            for line in agent.child.stdout:
                head = json.loads(line)
                with lines:
                    if "track" in head:
                        frames[head["track"]] = head["frame"]
                try:
                    server.feed(line)
                except OSError:
                    return

        passing = threading.Thread(target=pass_on, daemon=True)
        passing.start()
        wait_until(lambda: len(frames) == 6 or not agent.running(), 60, "the agent's first frames")
        check(agent.running(), agent.errors())
        show(browser, server)
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
        wait_until(lambda: "demo/one" in names(browser), 5, lambda: f"{names(browser)}")
        browser.click("#broadcasts tbody th button")

        def shown():
            cells = browser.run(
                "return [...document.querySelectorAll('tr.detail tbody tr:not([hidden])')].map(tr => [...tr.cells].map(c => c.textContent))"
            )
            return {row[0]: [number(text) for text in row[1:]] for row in cells}

        def framed():
            with lines:
                rows = {side: frames[f"{role}.json"].get("demo/one") for side, role in (("out", "publisher"), ("in", "subscriber"))}
            told = {}
            for side, r in rows.items():
                if r:
                    told[f"{side}, external"] = [
                        n
                        for f in ("announced", "broadcasts", "subscriptions")
                        for n in (r[f] - r[f + "_closed"], r[f], r[f + "_closed"])
                    ] + [r[f] for f in ("bytes", "frames", "groups")]
            return told

        # What the client wrote went out twice.
        sent = [2 * 4 * 5 * 7 * 1009, 2 * 4 * 5 * 7, 2 * 4 * 5]
        wait_until(
            lambda: framed().get("out, external", [])[-3:] == sent and shown() == framed(),
            8,
            lambda: f"shown {shown()}, in the frames {framed()}, written {sent}",
        )
        row = table(browser)["demo/one"]
        check((row["viewers"], row["subscriptions"]) == ("2", "3"), f"{row}")
        wait_until(lambda: browser.text("#sum-sessions") == "3", 5, lambda: browser.text("#sum-sessions"))
        check("unavailable" not in browser.text("#tab-exactness"), browser.text("#tab-exactness"))
        browser.shot(os.path.join(shots, "relay.png"))
        browser.press("Escape", "Escape")
        client("close A", "close B", "close P")
        wait_until(lambda: not names(browser), 10, lambda: f"{names(browser)}")
        check(agent.end() == 0, agent.errors())
        passing.join(5)
        shutil.rmtree(world.dir, ignore_errors=True)
    finally:
        world.clean()
        if server:
            server.clean()


CASES = (relay,)
