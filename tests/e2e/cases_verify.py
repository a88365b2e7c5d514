# SPDX-License-Identifier: MIT
"""`moqstat verify`: beside relays with statistics and without, whole and with probes left out. It
must find what is wrong, and nothing where all is right."""

import json
import os
import subprocess
import threading
import time

from harness import SLOW, Client, Process, Relay, check, wait_until
from versions import LABELS


class Crowd:
    """Clients that come, publish, subscribe and go; with pauses, in which all is still."""

    def __init__(self, world, relay, pauses):
        self.stop, self.pauses, self.why = threading.Event(), pauses, ""
        self.clients = [Client(world, f"crowd-{relay.pid}-{i}") for i in range(2)]
        still, self.restless = self.clients
        still(f"connect P {relay.url}", "publish P v/x tracks=2", f"connect S {relay.url}acme",
              f"connect I {relay.url} version=moq-transport-17", "subscribe I v/x t1 as=i",
              f"connect T {relay.url}", "subscribe T v/x t0 as=t")
        self.relay, self.rounds = relay, 0
        self.thread = threading.Thread(target=self._move, daemon=True)
        self.thread.start()

    def _move(self):
        try:
            while not self.stop.is_set():
                n = self.rounds = self.rounds + 1
                self.clients[0]("write P v/x t0 groups=3 frames=7 size=101 lockstep=t")
                self.restless(f"connect R{n} {self.relay.url}", f"publish R{n} v/y{n} tracks=1",
                              f"subscribe R{n} v/x t0 as=a{n}", f"subscribe R{n} v/x t1 as=b{n}")
                self.restless(f"unsubscribe a{n}", f"close R{n}")
                self.stop.wait(7 if self.pauses and n % 8 == 0 else 0.05)
        except Exception as e:  # told by end()
            self.why = str(e)

    def end(self):
        self.stop.set()
        self.thread.join(60 * SLOW)
        check(not self.why, f"the crowd: {self.why}")
        check(self.rounds > 3, f"only {self.rounds} rounds")


def verify(world, relay, *args, status, url=None):
    """Its report, which is the same on standard output and in the file."""
    report = os.path.join(world.dir, "report.json")
    command = [world.moqstat, "verify", "--pid", str(relay.pid), "--json", "--report", report, *args]
    if url:
        command += ["--relay-url", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100 * SLOW)
    check(done.returncode == status,
          f"{args}: {done.returncode}, not {status}: {done.stderr}{done.stdout[:3000]}")
    if status == 2:
        check(not done.stdout, done.stdout)
        return done.stderr
    with open(report, encoding="utf-8") as f:
        told = json.loads(f.read())
    out = json.loads(done.stdout)
    check({**out, "seconds": 0} == {**told, "seconds": 0}, f"{out}\n{told}")
    check(told["kernel"].startswith("Linux ") and len(told["relay"]["build_id"]) == 40, f"{told}")
    return told


def fields(told):
    """(track, field) of what differs."""
    return {(d["track"], d["field"]) for d in told["differences"]}


def verify_with_statistics(world):
    """With pauses, so that some moments are still: all is equal. With counters that aren't probed, what
    differs is named."""
    relay = Relay(world, stats=True)
    url = f"http://127.0.0.1:{relay.http}/"
    crowd = Crowd(world, relay, pauses=True)
    told = verify(world, relay, "--seconds", "24", url=url, status=0)
    check(told["verdict"] == "equal" and not told["differences"], f"{told}")
    frames = told["witnesses"]["frames"]
    for how in ("still", "between"):
        check(frames[how]["numbers"] > 0 and frames[how]["exactly"] > 0, f"{how}: {frames}")
    check(frames["broadcast"] == ".stats/node/n1" and not frames["failed"], f"{frames}")
    check(sorted(frames["not_compared"])[0] == "internal/publisher.json", f"{frames}")
    census = told["witnesses"]["census"]
    check("not_compared" in census if LABELS else census["exactly"] > 0, f"{told}")
    check(told["events"] > 9 and told["relay"]["statistics"] == "on", f"{told}")
    # One probe counts for both roles there.
    missed = "side.frames" if LABELS else "publisher.frames"
    told = verify(world, relay, "--seconds", "20", "--leave-out", missed, url=url, status=1)
    crowd.end()
    check(told["verdict"] == "different", f"{told}")
    # What was there before the probes is taken over, so that only what is new can be missing.
    tracks = ("publisher.json", "subscriber.json") if LABELS else ("publisher.json",)
    check(fields(told) == {(track, "frames") for track in tracks}, f"{told['differences']}")


def verify_without_statistics(world):
    """What is open, again and again while all changes: equal. Without the probes of an opening or of a
    close: told."""
    relay = Relay(world, stats=False)
    told = verify(world, relay, "--seconds", "3", status=1)
    check(told["verdict"] == "nothing-compared" and "nothing was open" in told["why"], f"{told}")
    crowd = Crowd(world, relay, pauses=False)
    told = verify(world, relay, "--seconds", "12", status=0)
    check(told["witnesses"]["frames"] is None, f"{told['witnesses']}")
    census = told["witnesses"]["census"]
    check(census["times"] > 3 and census["exactly"] > 10 and told["events"] > 9, f"{told}")
    check(told["relay"]["statistics"] == "off", f"{told['relay']}")
    for counter, field in (
        ("publisher.subscriptions", "subscriptions - subscriptions_closed"),
        ("subscriber.announced_closed", "announced - announced_closed"),
    ):
        told = verify(world, relay, "--seconds", "4", "--leave-out", counter, status=1)
        track = counter.split(".")[0] + ".json"
        check((track, field) in fields(told), f"{counter}: {told['differences']}")
    crowd.end()
    # What held still from before the start is no proof.
    told = verify(world, relay, "--seconds", "3", status=1)
    check("nothing opened or closed" in told["why"], f"{told['why']}")
    check(told["witnesses"]["census"]["exactly"] > 0, f"{told}")


def verify_refuses(world):
    """What can't be asked: said at once, with what to do."""
    relay = Relay(world, stats=False)
    http = f"http://127.0.0.1:{relay.http}"
    for url, args, says in (
        (http, (), "announces no statistics under .stats: they are off"),
        (http, ("--node", "n9"), "announces no statistics under .stats of that node"),
        (http, ("--prefix", "a b"), "announces no statistics under a b"),
        ("http://127.0.0.1:1", (), "http://127.0.0.1:1 doesn't answer"),
        (f"https://127.0.0.1:{relay.http}/?jwt=secret", (), "doesn't answer"),
        (http + "/elsewhere", (), "is it a moq-relay's HTTP address?"),
        ("file:///etc/passwd", (), "give the relay's HTTP address"),
        (http, ("--cacert", "/none"), "--cacert /none: cannot be read"),
        (None, ("--cacert", "/none"), "belong to --relay-url"),
        (None, ("--seconds", "0"), "give seconds from 1"),
    ):
        said = verify(world, relay, *args, url=url, status=2)
        check(says in said and "secret" not in said, f"{url} {args}: {said}")
        check("attached" not in said, f"{url} {args}: {said}")
    # Another relay's frames.
    other = Relay(world, name="other", stats=True)
    client = Client(world)
    for one, name in ((relay, "mine"), (other, "theirs")):
        client(f"connect {name} {one.url}", f"publish {name} v/{name} tracks=1")
    url = f"http://127.0.0.1:{other.http}"
    said = verify(world, relay, "--seconds", "4", url=url, status=2)
    check(f"process {relay.pid} runs with its statistics off, so the frames" in said, said)
    third = Relay(world, name="third", stats=True)
    client(f"connect third {third.url}", "publish third v/third tracks=1")
    told = verify(world, third, "--seconds", "4", url=url, status=1)
    check({d["only"] for d in told["differences"]} == {"moqstat", "relay"}, f"{told}")


def verify_guards(world):
    """Identities by guards, as where statistics are off, beside a relay that has them: from its beginning
    all is equal; in the middle it can't be compared, and says so."""
    relay = Relay(world, stats=True)
    url = f"http://127.0.0.1:{relay.http}"
    args = ["--pid", str(relay.pid), "--identity", "guard", "--relay-url", url, "--seconds", "24"]
    proof = Process(world, "verify", [world.moqstat, "verify", *args], stdout=subprocess.PIPE)
    wait_until(lambda: "comparing" in proof.errors(), 60, "verify has attached")
    time.sleep(1)
    crowd = Crowd(world, relay, pauses=True)
    status = proof.wait(60)
    said = proof.child.stdout.read().decode()
    check(status == 0 and "\nequal: " in said, f"{status}: {said}{proof.errors()}")
    said = verify(world, relay, "--seconds", "4", "--identity", "guard", url=url, status=2)
    check("counts begin now" in said, said)
    crowd.end()


def verify_stripped(world):
    """Of a stripped relay there is no census: said, and no success without another witness."""
    program = os.path.join(world.dir, "moq-relay")
    subprocess.run(["strip", "-o", program, world.relay], check=True)
    relay = Relay(world, stats=True, program=[program])
    # Until something begins the relay's totals aren't taken over, which would be a difference.
    crowd = Crowd(world, relay, pauses=False)
    told = verify(world, relay, "--seconds", "3", status=1)
    check(told["verdict"] == "nothing-compared" and "what is open" in told["why"], f"{told}")
    url = f"http://127.0.0.1:{relay.http}"
    told = verify(world, relay, "--seconds", "12", url=url, status=0)
    check("no symbols" in told["witnesses"]["census"]["not_compared"], f"{told}")
    check(told["witnesses"]["frames"]["between"]["numbers"] > 0, f"{told}")
    crowd.end()


CASES = (verify_with_statistics, verify_without_statistics, verify_refuses, verify_stripped,
         verify_guards)
