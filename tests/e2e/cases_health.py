# SPDX-License-Identifier: MIT
"""How the agent itself is: /status, /readyz, /healthz and /metrics of a run, beside a relay that
comes and goes."""

import json
import re
import signal
import urllib.error
import urllib.request

from agents import agent_of, copy_of
from cases_probes import misled, of_field, relay_apart
from harness import Client, Relay, check, wait_until

LISTEN = ("--listen", "127.0.0.1:0", "--output", "jsonl")
# Names take several batches to count; prime.
BROADCASTS = 307
MAPS = {"sites", "hits", "pending", "entries", "paths", "root_paths", "guards", "calls", "accounts", "peeks", "broadcasts",
        "roots", "long_names", "opened", "closed", "readings", "labels"}


class Asked:
    """What an agent's server answers."""

    def __init__(self, agent):
        found = wait_until(lambda: re.search(r"listening on (http://\S+)", agent.errors()), 20,
                           lambda: f"the agent listens: {agent.errors()}")
        self.url = found.group(1)

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def health(self):
        """The first comes when all maps have been counted."""
        return wait_until(lambda: json.loads(self.get("status")[1])["health"], 10, "the first of its health")

    def of(self, node="n1"):
        return wait_until(lambda: self.health()["relays"].get(f".stats/node/{node}"), 10,
                          lambda: f"{node} in {self.health()}")

    def ready(self, seconds=10):
        wait_until(lambda: self.get("readyz") == (200, "ready\n"), seconds,
                   lambda: f"ready: {self.get('readyz')}")

    def missing(self, text, seconds=10):
        """It isn't ready, and says why."""
        wait_until(lambda: self.get("readyz")[0] == 503 and text in self.get("readyz")[1], seconds,
                   lambda: f"{text!r} in {self.get('readyz')}")

    def sample(self, series):
        """The value of a series; None where there is none."""
        found = re.search(f"^{re.escape(series)} (.*)$", self.get("metrics")[1], re.M)
        return float(found.group(1)) if found else None


def publish(world, relay, name, broadcasts=1):
    """Broadcasts that are sent on to a subscriber each: 3 groups of 7 frames of 5 bytes."""
    client = Client(world, name)
    client(f"connect P {relay.url}", f"connect S {relay.url}",
           *(f"publish P {name}/{b} tracks=1" for b in range(broadcasts)),
           *(f"subscribe S {name}/{b} t0 as=s{b}" for b in range(broadcasts)))
    write(client, name, broadcasts)
    return client


def write(client, name, broadcasts=1):
    client(*(f"write P {name}/{b} t0 groups=3 frames=7 size=5 lockstep=s{b}" for b in range(broadcasts)))


def readiness(world):
    """Not ready without a relay, ready with one, whether its statistics are on or off; and the agent's
    silence is noticed."""
    path = copy_of(world)
    agent = agent_of(world, "--exe", path, "--node", "n1", "--interval", "0.2", *LISTEN)
    asked = Asked(agent)
    asked.missing("no relay is attached to")
    check(asked.get("healthz") == (200, "alive\n"), "it lives")
    up, sent = 'moqstat_relay_up{node=".stats/node/n1"}', \
        'moqstat_bytes_total{node=".stats/node/n1",tier="external",role="publisher"}'
    before = 0
    for life, stats in enumerate((True, False)):
        relay = Relay(world, f"relay{life}", stats=stats, program=[path])
        asked.ready(30)
        check(asked.sample(up) == 1, "up")
        publish(world, relay, f"life{life}", BROADCASTS)
        wait_until(lambda: asked.sample(sent) == before + BROADCASTS * 105, 10,
                   lambda: f"{asked.sample(sent)} bytes, not {before} and {BROADCASTS * 105}")
        before += BROADCASTS * 105
        # Maps are counted every ten seconds.
        wait_until(lambda: counted(asked), 30, lambda: f"{BROADCASTS} broadcasts in {asked.of()}")
        status_is_whole(asked, stats)
        if not stats:
            agent.child.send_signal(signal.SIGSTOP)
            try:
                asked.missing("the agent has not been heard of for 1", 20)
            finally:
                agent.child.send_signal(signal.SIGCONT)
            asked.ready()
        relay.end(signal.SIGKILL)
        asked.missing("no relay is attached to")
        check(asked.sample(up) == 0, "down")
        check(asked.sample(sent) == before, "what it had counted stays")
    agent.stop()


def counted(asked):
    """Have maps been counted since all was subscribed to?"""
    maps, programs = asked.of()["maps"], asked.of()["programs"]
    return maps["broadcasts"]["entries"] == BROADCASTS and maps["opened"]["entries"] > 2 * BROADCASTS \
        and programs["bump"]["hits"] > BROADCASTS * 2 * 2


def status_is_whole(asked, stats):
    health, relay = asked.health(), asked.of()
    check(health["interval_ns"] == 200_000_000, f"{health}")
    check(health["ticks"] >= sum(health["tick"]["counts"]) > 0, f"{health}")
    maps = relay["maps"]
    check(set(maps) == MAPS, f"{maps.keys()}")
    check(all(0 <= m["entries"] <= m["max"] for m in maps.values()), f"{maps}")
    check(maps["broadcasts"]["max"] == 16384, f"{maps['broadcasts']}")
    # Publisher's and subscriber's side of each, at least.
    check(maps["opened"]["entries"] > 2 * BROADCASTS, f"{maps['opened']}")
    # By which they are told.
    check((maps["entries"]["entries"] >= BROADCASTS) == stats, f"{maps['entries']}")
    check((maps["paths"]["entries"] == BROADCASTS) == (not stats), f"{maps['paths']}")
    check((maps["guards"]["entries"] >= BROADCASTS) == (not stats), f"{maps['guards']}")
    programs = relay["programs"]
    # Openings, on both sides; payload besides where it is probed.
    check(programs["bump"]["hits"] > BROADCASTS * 2 * 2 and "hits" not in programs["forget"], f"{programs}")
    check(all("missed" in program for program in programs.values()), f"{programs}")


def unready_site(world):
    """By best effort, with a site that has no probe: the agent counts, and says what it lacks."""
    relay = relay_apart(world)
    env, chosen = misled(world, relay, "some",
                         lambda found: of_field(found, "subscriber", "groups", False))
    agent = world.agent(relay, "--best-effort", *LISTEN, env=env)
    asked = Asked(agent)
    asked.missing("subscriber.json: groups is unavailable: ")
    status, text = asked.get("readyz")
    lines = text.splitlines()
    check(status == 503 and lines[0] == "not ready", text)
    check(sum("unavailable" in line for line in lines) == 2, f"of both tiers: {text}")
    for site in chosen:
        check(f".stats/node/n1: no probe at site {site['address']:#x} of subscriber.groups: " in text, text)
    check(asked.get("healthz")[0] == 200, "it lives")
    check(asked.sample(
        'moqstat_field_state{node=".stats/node/n1",track="subscriber.json",field="groups",state="unavailable"}'
    ) == 1, "for Prometheus, too")
    world.stop(agent, unavailable=("groups",))


def runs(asked, program="bump"):
    return asked.of()["programs"][program].get("runs")


def measured(world):
    """What the probes cost is measured for who asks for it, as long as it runs, and nobody else's
    setting is touched."""
    def sysctl():
        with open("/proc/sys/kernel/bpf_stats_enabled", encoding="ascii") as f:
            return f.read().strip()

    check(sysctl() == "0", "this can be seen only where the kernel doesn't measure by itself")
    relay = relay_apart(world)
    agents = [world.agent(relay, *LISTEN, *args, "--hot", "probe", name=f"agent{i}")
              for i, args in enumerate(([], ["--bpf-stats"], ["--bpf-stats"]))]
    plain, one, other = asked = [Asked(agent) for agent in agents]
    check([a.health()["bpf_stats"] for a in asked] == ["off", "held", "held"], "who measures")
    # Nothing has run: that is known to be none where it is measured, and else not known.
    check(runs(plain, "table") is None and runs(one, "table") == 0, f"{runs(plain)} {runs(one)}")
    client = publish(world, relay, "measured")
    wait_until(lambda: (runs(other) or 0) >= 42, 10, lambda: f"{other.of()['programs']}")
    bump = other.of()["programs"]["bump"]
    check(bump["run_ns"] > 20 * bump["runs"], f"{bump}")
    check(other.sample('moqstat_program_run_seconds_total{node=".stats/node/n1",program="bump"}') > 0, "told")
    agents[1].end(signal.SIGKILL)
    was = runs(other)
    write(client, "measured")
    wait_until(lambda: runs(other) > was, 10, "the other one's holds")
    world.stop(agents[2])
    check(sysctl() == "0", "as it was")
    # Nobody measures any more; what was measured until then is told with the next tick.
    ticks = plain.health()["ticks"]
    wait_until(lambda: plain.health()["ticks"] >= ticks + 2, 10, "two ticks")
    hits, was = lambda: plain.of()["programs"]["bump"]["hits"], runs(plain)
    before = hits()
    write(client, "measured")
    wait_until(lambda: hits() > before, 30, "hits go on")
    check(runs(plain) == was, f"runs: {was}, then {runs(plain)}")
    later = world.agent(relay, *LISTEN, "--hot", "probe", name="later")
    write(client, "measured")
    asked = Asked(later)
    wait_until(lambda: asked.of()["programs"]["bump"].get("hits"), 30, "hits")
    check(runs(asked) is None, f"{asked.of()['programs']}")
    check(asked.sample('moqstat_program_runs_total{node=".stats/node/n1",program="bump"}') is None, "not told")
    world.stop(later)
    world.stop(agents[0])


CASES = (readiness, unready_site, measured)
