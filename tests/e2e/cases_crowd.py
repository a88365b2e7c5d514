# SPDX-License-Identifier: MIT
"""The agent that serves, while clients do what none should, and while its server stands still: ticks
go on."""

import json
import os
import re
import signal
import sys
import time

from harness import Client, Relay, check, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "serve"))

from cases_load import ODD, calm, connect_many, ended, files, odd_one  # noqa: E402
from server import Connection, Events  # noqa: E402

BROADCASTS = 2000


class Served:
    """What tests/serve asks of a server: where it is, and what it says of itself."""

    def __init__(self, agent):
        found = wait_until(
            lambda: re.search(r"listening on http://127.0.0.1:(\d+)/", agent.errors()), 10, "it listens"
        )
        self.address = "127.0.0.1", int(found[1])
        with open(f"/proc/{agent.pid}/task/{agent.pid}/children", encoding="ascii") as f:
            self.pid = int(f.read().split()[0])

    def get(self, target):
        with Connection(self) as c:
            return c.get(target)

    def status(self):
        return json.loads(self.get("/status").body)

    def facts(self):
        return self.status()["server"]


def serving(world, relay, *args):
    agent = world.agent(relay, "--listen", "127.0.0.1:0", "--output", "jsonl", *args)
    return agent, Served(agent)


def memory(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def newest(agent):
    with agent.lock:
        return max(sequence for track, sequence, _ in agent.lines if track == "subscriber.json")


def goes_on(agent, client, path="b/0", times=5):
    """What the relay does is in the next frame, again and again."""
    for _ in range(times):
        before = agent.row("subscriber.json", path)["groups"]
        client(f"write P {path} t0 frames=2 size=10")
        wait_until(lambda: agent.row("subscriber.json", path)["groups"] == before + 1, 5, "the next tick")


def hostile_clients(world):
    """Requests that are none, and 10,000 connections at once: ticks and streams go on."""
    check(files(12000), "12,000 descriptors are needed: raise `ulimit -Hn`")
    relay = Relay(world)
    agent, server = serving(world, relay, "--interval", "0.2")
    client = Client(world)
    client(f"connect P {relay.url} role=publish", f"connect S {relay.url} role=subscribe",
           "publish P b/0 tracks=1 confirm=no", "subscribe S b/0 t0 as=s", "write P b/0 t0 frames=1 size=1")
    wait_until(lambda: (agent.row("subscriber.json", "b/0") or {}).get("groups"), 10, "it is counted")
    with Events(server, "/events/subscriber.json") as e:
        at = int(e.event()[1])
        found = [why for why in (odd_one(server, *one) for one in ODD) if why]
        check(not found, "; ".join(found))
        goes_on(agent, client)
        many = connect_many(server, 10000)
        wait_until(lambda: sum(map(ended, many)) >= 10000 - 4096, 20, "those that are too many are closed")
        goes_on(agent, client)
        for one in many:
            one.close()
        wait_until(lambda: calm(server), 60, "it serves again")
        goes_on(agent, client, times=1)
        while at < newest(agent):
            name, number, _ = e.event()
            check((name, int(number)) == ("message", at + 1), f"{name} {number} after {at}")
            at += 1
    check(memory(server.pid) < 200 << 20, f"{memory(server.pid)} bytes")
    status = server.status()
    check(status["health"]["skipped"] == 0 and status["server"]["refused"] >= 5904, f"{status}")
    world.stop(agent)


def server_stands_still(world):
    """The server is stopped until more waits for it than is kept: ticks go on, memory stays within the
    bound, what was lost is told, and then all is as before."""
    relay = Relay(world)
    agent, server = serving(world, relay, "--interval", "0.01")
    client = Client(world)
    client(f"connect P {relay.url} role=publish", f"connect S {relay.url} role=subscribe")
    commands = [f"publish P {'x' * 400}/{i:04} tracks=1 confirm=no" for i in range(BROADCASTS)]
    commands += ["publish P b/0 tracks=1 confirm=no", "subscribe S b/0 t0 as=s", "write P b/0 t0 frames=1 size=1"]
    client.send(commands)
    client.receive(commands)
    wait_until(lambda: len(json.loads(agent.frames()["subscriber.json"])) > BROADCASTS, 30, "all are counted")
    with Events(server, "/events/subscriber.json") as e:
        e.event()
        before = newest(agent)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            end, most = time.monotonic() + 90, 0
            writes = ["write P b/0 t0 frames=1 size=1", "sleep 12"] * 50
            # A frame has more than 1 MB.
            while newest(agent) < before + 150:
                check(time.monotonic() < end, f"only {newest(agent) - before} frames meanwhile")
                client.send(writes)
                client.receive(writes)
                most = max(most, memory(agent.pid))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        check((256 << 20) < most < (256 << 20) + (300 << 20), f"the agent had {most} bytes")
        # What is written until there is room again may be lost; of these there is room for some.
        more = ["sleep 300", "write P b/0 t0 frames=1 size=1"] * 10
        client.send(more)
        client.receive(more)
        last, lost, sequence = newest(agent), 0, None
        while sequence is None or sequence < last:
            name, number, data = e.event()
            if name == "lost":
                lost += json.loads(data)["lost"]
                continue
            check(name == "message", f"{name} {data[:200]}")
            sequence = int(number)
        wait_until(lambda: server.status()["health"]["skipped"], 10, "it is counted")
        check(lost > 0, "what was lost is told")
        goes_on(agent, client)
        wait_until(lambda: memory(agent.pid) < most - (128 << 20), 10,
                   lambda: f"{memory(agent.pid)} of {most} bytes are given back")
    world.remark = f" {most >> 20} MB at most, {lost} frames lost"
    world.stop(agent)


CASES = (hostile_clients, server_stands_still)
