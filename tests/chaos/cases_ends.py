# SPDX-License-Identifier: MIT
"""Processes that are killed: clients, relays, agents. A case is a function of a World; its name is
the function's."""

import os
import random
import signal
import threading
import time

import kernel
import ledger
from agents import agent_of, all_closed, copy_of
from cases_load import SECONDS, come_and_go, ledger_fires, pairs, seed_of, sequences, together
from harness import TRACKS, Client, Failure, Frames, Relay, check, wait_until
from ledger import PAYLOAD, Ledger, amounts, row_of

KILLS = int(os.environ.get("CHAOS_KILLS", 24))


class Pump:
    """A publisher and its reader, who go on without a pause until they are told to stop: each group
    must arrive."""

    def __init__(self, world, name, urls, path):
        self.path, self.book = path, Ledger()
        self.client = Client(world, name)
        publish, subscribe = urls
        self.client(
            f"connect P {publish} role=publish",
            f"publish P {path} tracks=1",
            f"connect S {subscribe} role=subscribe",
            f"subscribe S {path} t0 as=s",
        )
        self.book.published(path)
        self.stopped, self.failure = False, None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        commands = [f"write P {self.path} t0 groups=5 frames=3 size=101 lockstep=s"] * 4
        try:
            while not self.stopped:
                self.client.send(commands)
                self.client.receive(commands)
                self.book.wrote(self.path, 20, 3, 101)
        except Failure as e:
            self.failure = e

    def stop(self):
        """Stop; all that was written has arrived, whole."""
        self.stopped = True
        self.thread.join()
        if self.failure:
            raise self.failure
        sent = self.book.sent[self.path]
        counts = " ".join(f"{name}={sent[name]}" for name in PAYLOAD)
        self.client(f"expect s {counts} settle=100")
        return sent

    def close(self):
        self.book.received(self.path, self.client("unsubscribe s"))
        self.client("close S", "close P")


class Victim:
    """A client that is killed at some moment, whatever it is about to do."""

    def __init__(self, world, relay, n, rng):
        self.path = f"v/{n}"
        url = rng.choice((relay.url, relay.ws, f"moqt://localhost:{relay.port}/"))
        self.quic = url != relay.ws
        self.client = Client(world, f"victim{n}")
        self.frames, self.size = rng.randrange(1, 5), rng.randrange(300)
        self.before = [
            f"connect P {url} role=publish",
            f"publish P {self.path} tracks=1",
            f"connect S {url} role=subscribe",
            "subscribe S stay/1 t0 as=s",
        ]
        write = f"write P {self.path} t0 frames={self.frames} size={self.size}"
        self.client.send(self.before + [write, "sleep 1"] * 1500)
        self.until = time.monotonic() + rng.random() * 1.5

    def kill(self):
        self.client.child.kill()
        self.client.child.wait()
        answers = iter(self.client.answers.get, None)
        self.done = sum(answer.startswith("ok") for answer in answers)

    def most(self):
        """What it may have written, at most: also what it was about to answer."""
        groups = max(0, (self.done - len(self.before)) // 2 + 1)
        frames = groups * self.frames
        return {"groups": groups, "frames": frames, "bytes": frames * self.size}


def ask(client, command):
    """A command that may fail."""
    client.send([command])
    return client.answers.get(timeout=60)


def live(row, name):
    return row[name] - row[f"{name}_closed"]


def rising(what, *rows):
    """Each row's payload is at most the next one's."""
    for name in PAYLOAD:
        numbers = [row[name] for row in rows]
        check(numbers == sorted(numbers), f"{what}: {name}: {numbers}")


def killed_clients(world):
    """Publishers and subscribers killed at random moments, over each transport: whoever stays has
    received what the agent says, those who were killed had no more than they could have had, and
    nothing stays open."""
    rng = seed_of(world)
    relay = Relay(world)
    agent = world.agent(relay)
    watch = world.watch(relay) if relay.stats else None
    raw = f"moqt://localhost:{relay.port}/"
    pumps = [Pump(world, f"stay{i}", urls, f"stay/{i}")
             for i, urls in enumerate(((relay.url, raw), (raw, relay.url)))]
    reader = Client(world, "reader")
    reader(f"connect R {relay.url} role=subscribe")
    end = time.monotonic() + SECONDS
    alive, dead, read = [], [], {}
    while time.monotonic() < end or alive:
        while len(alive) < 6 and time.monotonic() < end:
            victim = Victim(world, relay, len(alive) + len(dead), rng)
            alive.append(victim)
            # Which it may be too late for.
            answer = ask(reader, f"subscribe R {victim.path} t0 as={victim.path} timeout=0.2")
            read[victim.path] = answer.startswith("ok")
        for victim in [v for v in alive if v.until < time.monotonic()]:
            victim.kill()
            alive.remove(victim)
            dead.append(victim)
        time.sleep(0.005)
    sent = [pump.stop() for pump in pumps]
    # Over QUIC by its idle timeout. What a reader has asked of a publisher who was killed before it
    # answered, the relay keeps until the reader goes.
    wait_until(
        lambda: live(row_of(agent, "sessions.json", ""), "sessions") == 5 + bool(watch),
        60, lambda: f"the relay notices all that were killed: {agent.frames()}",
    )
    got = {path: amounts(reader(f"unsubscribe {path}")) for path, there in read.items() if there}
    for pump in pumps:
        pump.close()
    reader("close R")
    wait_until(lambda: ledger.nothing_live(agent), 15, lambda: f"all have gone: {agent.frames()}")
    if watch:
        world.same(agent, watch)
    else:
        wait_until(lambda: ledger.nothing_live(agent) and agent.frames()["sessions.json"] == b"{}", 15,
                   lambda: f"{agent.frames()}")
        time.sleep(1.2)
    sums = agent.totals()
    ledger.closed(sums)
    for pump, counts in zip(pumps, sent):
        row = sums["subscriber.json"][pump.path]
        check(all(row[name] == n for name, n in counts.items()), f"{pump.path}: {counts} {row}")
    row = sums["publisher.json"]["stay/0"]
    check(all(row[name] == n for name, n in pumps[0].book.got["stay/0"].items()), f"stay/0: {row}")
    row = sums["publisher.json"]["stay/1"]
    most = {name: n * (1 + len(dead)) for name, n in sent[1].items()}
    rising("stay/1", pumps[1].book.got["stay/1"], row, most)
    check(row["subscriptions"] <= 1 + len(dead), f"stay/1: {row}")
    nothing = dict.fromkeys(PAYLOAD, 0)
    for victim in dead:
        rows = [sums[t].get(victim.path, nothing) for t in ("publisher.json", "subscriber.json")]
        rising(victim.path, got.get(victim.path, nothing), *rows, victim.most())
    row = sums["sessions.json"][""]
    quic = 2 * sum(victim.quic for victim in dead)
    check(live(row, "sessions") == bool(watch), f"sessions stay: {row}")
    check(5 <= row["sessions"] <= 5 + bool(watch) + quic, f"sessions of {quic} that were killed: {row}")
    if watch:
        unlike = ledger.differences(sums, watch.totals(), TRACKS)
        # What ends while the relay lets go of it is in none of its frames: Recording.check_shown.
        check(len(unlike) <= 2, f"the agent's sums and the relay's: {unlike}")
    world.stop(agent, ledger_fires())
    groups = sum(row["groups"] for row in sums["publisher.json"].values())
    world.remark += f": {len(dead)} killed, of whom {len(got)} had been read from"
    world.remark += f"; {groups} groups sent on, {ledger.events(sums)} events"


def killed_relays(world):
    """A relay is killed and started again under an agent that waits for it: each life's totals are
    those of its clients, its last frame closes all, and nothing of it stays in the agent."""
    rng = seed_of(world)
    binary = copy_of(world)
    agent = agent_of(world, "--exe", binary, "--node", "n1")
    wait_until(lambda: "waiting" in agent.errors(), 10, "the agent waits")
    before = kernel.held(agent.pid)
    one, groups, rounds = agent[".stats/node/n1"], 0, max(4, KILLS // 4)
    for n in range(rounds):
        start = len(one.lines)
        relay = Relay(world, name=f"relay{n}", program=[binary])
        check(agent.of(relay, 20) is one, "each has the same broadcast")
        watch = world.watch(relay, name=f"watch{n}") if relay.stats else None
        pump = Pump(world, f"pump{n}", (relay.url, relay.url), "p/x")
        time.sleep(0.3 + rng.random())
        wait_until(lambda: pump.failure or "groups" in pump.book.sent["p/x"], 30, "the pump goes")
        in_load = n % 2
        if in_load:
            least, most = pump.book.sent["p/x"]["groups"], None
        else:
            least = most = pump.stop()["groups"]
            wait_until(
                lambda: row_of(one, "publisher.json", "p/x").get("groups") == most, 10,
                lambda: f"{most} groups: {one.frames()}",
            )
            if watch:
                world.same(one, watch)
        relay.end(signal.SIGKILL if n % 4 < 2 else signal.SIGTERM)
        agent.ended(relay)
        pump.client.child.kill()
        pump.stopped = True
        pump.thread.join()
        lines = one.lines[start:]
        sequences(lines)
        all_closed(one)
        rows = [row_of(one, f"{role}.json", "p/x") for role in ("publisher", "subscriber")]
        # A command may have been done, or be under way, that isn't in the book.
        most = pump.book.sent["p/x"]["groups"] + 25 if in_load else most
        for row in rows:
            for name, size in (("groups", 1), ("frames", 3), ("bytes", 303)):
                check(least * size <= row[name] <= most * size, f"life {n}: {least} {row} {most}")
        sent, got = rows
        check(got["announced"] == got["announced_closed"] == 1, f"life {n}: {got}")
        check(sent["subscriptions"] == sent["subscriptions_closed"] == 1, f"life {n}: {sent}")
        groups += sent["groups"]
    wait_until(lambda: kernel.held(agent.pid) == before, 10,
               lambda: f"nothing of them stays: {kernel.held(agent.pid) - before}")
    agent.stop()
    world.remark += f": {rounds} relays, {groups} groups"


def killed_agents(world):
    """Agents are killed at random moments, while they attach, count and detach: the relay and its
    clients don't notice, nothing is left in the kernel or in the relay's code, and the next agent's
    numbers are right."""
    rng = seed_of(world)
    relay = Relay(world)
    watch = world.watch(relay) if relay.stats else None
    before = kernel.objects()
    check(not kernel.breakpoints(relay.pid), "the relay's code is its file's")
    start = time.monotonic()
    first = world.agent(relay, name="first")
    attach = time.monotonic() - start
    whole = kernel.breakpoints(relay.pid)
    check(whole > 100 and kernel.held(first.pid), f"probes can be seen: {whole}")
    start = time.monotonic()
    check(first.end() == 0, f"it ends: {first.errors()}")
    detach = time.monotonic() - start
    kernel.clean(relay.pid, before)
    raw = f"moqt://localhost:{relay.port}/"
    pumps = [Pump(world, "pump0", (relay.url, raw), "a/0"), Pump(world, "pump1", (raw, relay.url), "a/1")]
    churn, book = pairs(world, relay, 1)[0], Ledger()
    done = threading.Event()

    def come_and_go_on():
        while not done.is_set():
            n = len(book.sent)
            come_and_go(churn, [f"c{n + i}" for i in range(20)], rng_churn, book)

    rng_churn = random.Random(rng.random())
    states = {"none": 0, "some": 0, "all": 0}

    def kill_agents():
        try:
            for n in range(KILLS):
                kill_agent(world, relay, n, rng, (attach, detach), whole, states)
                kernel.clean(relay.pid, before)
                check(relay.running(), "the relay runs")
        finally:
            done.set()

    together(kill_agents, come_and_go_on)
    # The next one finds its way under load, and then at a still moment.
    last = world.agent(relay, name="last")
    for pump in pumps:
        pump.stop()
        pump.client(f"write P {pump.path} t0 groups=7 frames=23 size=101 lockstep=s")
    if watch:
        frames = world.same(last, watch)
        for pump in pumps:
            groups = pump.book.sent[pump.path]["groups"] + 7
            check(frames["subscriber.json"][pump.path]["groups"] == groups, f"{pump.path}: {frames}")
    else:
        wait_until(lambda: all(row_of(last, "publisher.json", pump.path).get("bytes", 0) >= 7 * 23 * 101
                               for pump in pumps), 15, lambda: f"{last.frames()}")
    for pump in pumps:
        row = row_of(last, "publisher.json", pump.path)
        check(live(row, "subscriptions") == 1, f"{pump.path}: {row}")
        check(row["groups"] >= 7 and row["bytes"] >= 7 * 23 * 101, f"{pump.path}: {row}")
        pump.book.wrote(pump.path, 7, 23, 101)
        pump.close()
        pump.book.check_all_arrived()
    churn("close S", "close P")
    book.check_all_arrived()
    wait_until(lambda: ledger.nothing_live(last), 15, lambda: f"all have gone: {last.frames()}")
    ledger.closed(last.totals())
    # What came before the census named its entry is in what was taken over from the relay.
    world.stop(last, lost=("entry_unknown",) if watch else ())
    kernel.clean(relay.pid, before)
    groups = sum(c["groups"] for b in (book, *(p.book for p in pumps)) for c in b.got.values())
    world.remark += f": {KILLS} killed ({states['none']} before, {states['some']} while attaching or"
    world.remark += f" detaching, {states['all']} attached); {groups} groups arrived"


def kill_agent(world, relay, n, rng, takes, whole, states):
    """Start an agent, and kill it: soon, while it attaches, while it counts, while it detaches."""
    attach, detach = takes
    agent = Frames(world, f"agent{n}", [world.moqstat, "run", "--pid", str(relay.pid), "--node", "n1"])
    moment = n % 4
    if moment < 2:
        time.sleep(attach * rng.random() * (0.3 if moment else 1.1))
    else:
        wait_until(lambda: len(agent.frames()) == 6, 20, lambda: f"it attaches: {agent.errors()}")
        time.sleep(0.5 * rng.random())
    if moment == 3:
        agent.child.send_signal(signal.SIGTERM)
        time.sleep(detach * rng.random())
    if n % 8 < 4:
        # Stopped it shows what it has attached just then.
        agent.child.send_signal(signal.SIGSTOP)
        now = kernel.breakpoints(relay.pid)
        states["none" if not now else "all" if now >= whole else "some"] += 1
    agent.child.kill()
    agent.child.wait()


CASES = (killed_clients, killed_relays, killed_agents)
