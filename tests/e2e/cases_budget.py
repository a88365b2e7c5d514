# SPDX-License-Identifier: MIT
"""A run that may cost so much and no more: what it stops counting under load, in which order, what it
says of it, and that it counts again when the load is gone."""

import json
import os
import re
import subprocess

from cases_health import LISTEN, Asked
from cases_kernel import breakpoints
from harness import FIELDS, Client, Process, Relay, check, wait_until

# In the order in which they are shed.
KINDS = ("frames", "groups", "bytes")
REST = tuple(field for field in FIELDS if field not in KINDS)
# A hit is taken to cost some ten times of what it does. Then the load costs several times the budget
# whatever is shed, on a slow machine, too; and what the agent needs without it is far below.
HIT_NS = 10_000
BUDGET = 6 / os.cpu_count()
LOAD = {"sessions": 8, "rate": 40, "frames": 100, "groups": 0, "size": 100}


def payload_sites(world, relay):
    """Where the sites of each kind are, and all others; some places have two."""
    command = [world.moqstat, "sites", "--pid", str(relay.pid), "--json", "--no-cache"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["sites"]
    sites = {kind: [] for kind in (*KINDS, "others")}
    for site in found:
        kind = site.get("field") if site["event"] == "bump" else None
        sites[kind if kind in KINDS else "others"].append(site["address"])
    check(all(sites.values()), f"some of each kind: {[(k, len(v)) for k, v in sites.items()]}")
    return sites


def load_command(world, relay):
    options = [word for name, n in LOAD.items() for word in (f"--{name}", str(n))]
    return [world.load, "load", "--url", relay.url, *options]


def shed(agent):
    """What was shed, status by status, without repetition."""
    with agent.lock:
        every = [tuple(status["probes"]["shed"]) for status in agent.statuses]
    return [now for i, now in enumerate(every) if not i or now != every[i - 1]]


def states(status, kind):
    """The states and reasons of a field, on all tracks of broadcasts."""
    fields = [fields[kind] for name, fields in status["tracks"].items() if kind in fields]
    check(len(fields) == 4, f"{kind} on {len(fields)} tracks")
    return {field["state"] for field in fields}, {field["reason"] for field in fields}


def told_shed(status, before):
    """A status says of all that is shed that it is unavailable, and why; and of nothing else."""
    away = status["probes"]["shed"]
    for kind in FIELDS:
        found, reasons = states(status, kind)
        if kind in away:
            check(found == {"unavailable"}, f"{kind} is {found} with {away} shed")
            check(all("not counted since" in r and "--budget" in r for r in reasons), f"{reasons}")
        elif kind in REST:
            check(found == states(before, kind)[0], f"{kind} is {found} with {away} shed")
        else:
            check("unavailable" not in found, f"{kind} is {found} with {away} shed")


def told_back(status, before):
    """Nothing is shed any more, and what was doesn't look as if nothing had been missed."""
    for kind in KINDS:
        found, reasons = states(status, kind)
        check(found == {"since-attach"}, f"{kind} is {found}")
        check(all("counted again, but not from" in reason for reason in reasons), f"{reasons}")
    for kind in REST:
        check(states(status, kind)[0] == states(before, kind)[0], f"{kind}: {status['tracks']}")


def row(agent, path, fields=FIELDS, track="publisher.json"):
    found = agent.row(track, path)
    return found and {field: found[field] for field in fields}


def in_order(steps):
    """From nothing on, one at a time and in the order of KINDS."""
    check(steps[0] == () and all(abs(len(b) - len(a)) == 1 and b == KINDS[:len(b)]
                                 for a, b in zip(steps, steps[1:])), f"{steps}")


def crossed(world, stats, *args):
    relay = Relay(world, stats=stats)
    client = Client(world)
    agent = world.agent(relay, "--budget", f"{BUDGET:.3g}", "--hit-cost", str(HIT_NS),
                        "--interval", "0.5", *LISTEN, *args)
    asked = Asked(agent)
    watch = world.watch(relay) if stats else None
    sites = payload_sites(world, relay)
    everywhere, others = set().union(*sites.values()), set(sites["others"])
    client(f"connect P {relay.url} role=publish", "publish P q/x tracks=1",
           f"connect S {relay.url} role=subscribe", "subscribe S q/x t0 as=one",
           "write P q/x t0 groups=3 frames=7 size=5 lockstep=one")
    wait_until(lambda: row(agent, "q/x", KINDS) == {"frames": 21, "groups": 3, "bytes": 105}, 10,
               lambda: f"{agent.row('publisher.json', 'q/x')}")
    # A tick's status is behind its frames.
    wait_until(lambda: not any("nothing has begun" in why for why in states(agent.statuses[-1], "announced")[1]),
               10, lambda: f"{agent.statuses[-1]['tracks']}")
    before = agent.statuses[-1]
    check(shed(agent) == [()], f"nothing is shed: {shed(agent)}")
    check(breakpoints(relay, everywhere) == everywhere, "all sites have probes")
    check(asked.sample('moqstat_agent_shed{kind="frames"}') == 0, "nothing is shed: metrics")
    asked.ready()

    # Upwards.
    load = Process(world, "load", load_command(world, relay), stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    wait_until(lambda: KINDS in shed(agent), 240, lambda: f"all is shed: {shed(agent)}")
    in_order(shed(agent))
    with agent.lock:
        statuses = list(agent.statuses)
    for status in statuses:
        if status["probes"]["shed"]:
            told_shed(status, before)
    # Breakpoints are gone, those of these sites and no others. Now and then bytes are tried anew.
    wait_until(lambda: breakpoints(relay, everywhere) == others, 240,
               lambda: f"{len(breakpoints(relay, everywhere))} breakpoints of {len(everywhere)}, "
                       f"{len(others)} wanted")
    for status in statuses:
        probed = sum(len(sites[k]) for k in (*KINDS, "others") if k not in status["probes"]["shed"])
        check(status["probes"]["sites"] == probed, f"{status['probes']['sites']} of {probed} sites")
    asked.missing("frames is unavailable: not counted since")
    check(asked.sample('moqstat_agent_shed{kind="frames"}') == 1, "frames are shed: metrics")
    check(asked.sample("moqstat_agent_budget_ratio") == round(float(f"{BUDGET:.3g}") / 100, 6),
          f"{asked.sample('moqstat_agent_budget_ratio')}")
    check("moqstat_broadcast_frames_total{" not in asked.get("metrics")[1], "no number of frames")
    # What is rare is counted as before; frames and groups aren't.
    client(f"connect T {relay.url} role=subscribe", "subscribe T q/x t0 as=two")
    # Under this load the relay may take its time; one that ends before it has begun isn't counted.
    wait_until(lambda: row(agent, "q/x", ["subscriptions"]) == {"subscriptions": 2}, 20, lambda: f"{row(agent, 'q/x')}")
    client("write P q/x t0 groups=2 frames=5 size=11 lockstep=one", "unsubscribe two")
    rare = {"broadcasts": 2, "broadcasts_closed": 1, "subscriptions": 2, "subscriptions_closed": 1}
    wait_until(lambda: row(agent, "q/x", rare) == rare, 20, lambda: f"{row(agent, 'q/x')}")
    # As the relay itself has it, the announcements to the load's sessions included.
    wait_until(lambda: not stats or row(agent, "q/x", REST) == row(watch, "q/x", REST), 20,
               lambda: f"{row(agent, 'q/x')}, not {row(watch, 'q/x')}")
    found = row(agent, "q/x", KINDS)
    # Bytes as far as they were tried anew meanwhile: one had two groups, two these or the one before, too.
    check(found["frames"] == 21 and found["groups"] == 3 and 105 <= found["bytes"] <= 105 + 2 * 110 + 35, f"{found}")

    # And downwards. Not while bytes are tried: they would go again, for what the load did before its end.
    wait_until(lambda: shed(agent)[-1] == KINDS, 60, lambda: f"bytes are away: {shed(agent)}")
    load.end()
    # Something begins of which only bytes are counted: that is no contradiction, now or later.
    wait_until(lambda: shed(agent)[-1] == KINDS[:2], 120, lambda: f"bytes are back: {shed(agent)}")
    client("publish P q/z tracks=1", "subscribe S q/z t0 as=four",
           "write P q/z t0 groups=2 frames=3 size=7 lockstep=four")
    wait_until(lambda: (row(agent, "q/z", KINDS) or {}).get("bytes") == 42, 20,
               lambda: f"{agent.row('publisher.json', 'q/z')}")
    # Unless all this took so long that groups have come back, too.
    check(row(agent, "q/z", KINDS[:2]) == {"frames": 0, "groups": 0} or shed(agent)[-1] != KINDS[:2],
          f"{row(agent, 'q/z')}")
    wait_until(lambda: shed(agent)[-1] == (), 240, lambda: f"all is back: {shed(agent)}")
    downwards = shed(agent)[-4:]
    check(downwards == [KINDS[:n] for n in (3, 2, 1, 0)], f"{shed(agent)}")
    told_back(agent.statuses[-1], before)
    check(breakpoints(relay, everywhere) == everywhere, "all sites have probes again")
    asked.ready()
    client("publish P q/y tracks=1", "subscribe S q/y t0 as=three",
           "write P q/y t0 groups=5 frames=3 size=11 lockstep=three",
           "write P q/x t0 groups=2 frames=5 size=13 lockstep=one")
    wait_until(lambda: row(agent, "q/y", KINDS) == {"frames": 15, "groups": 5, "bytes": 165}, 20,
               lambda: f"what begins is counted whole: {row(agent, 'q/y')}")
    wait_until(lambda: row(agent, "q/x", KINDS[:2]) == {"frames": 31, "groups": 5}, 20,
               lambda: f"what goes on is counted again: {row(agent, 'q/x')}")
    # The line of the other role comes a moment later.
    wait_until(lambda: row(agent, "q/x", KINDS[:2], "subscriber.json") == {"frames": 31, "groups": 5}, 20,
               lambda: f"of both roles: {agent.row('subscriber.json', 'q/x')}")
    said = agent.errors()
    for kind in KINDS:
        check(re.search(f"{kind} are no longer counted", said), f"{kind}: {said}")
        check(re.search(f"{kind} are counted again", said), f"{kind}: {said}")
    for kind in KINDS:
        check(asked.sample(f'moqstat_agent_shed{{kind="{kind}"}}') == 0, f"{kind}: metrics")
        check(asked.sample(f'moqstat_agent_sheddings_total{{kind="{kind}"}}') >= 1, f"{kind}")
    # A perf event a site takes the kernel 0.1 s each.
    last = world.stop(agent, seconds=120)
    told_back(last, before)
    world.remark = f" {' > '.join('+'.join(now) or 'all' for now in shed(agent))}"


def budget_crossed_both_ways(world):
    """Beside a relay with statistics, at some 10,000s of deliveries a second."""
    crossed(world, True, "--hot", "probe")


def budget_crossed_without_statistics(world):
    """The same by guards, with what the kernel measures of the cost."""
    crossed(world, False, "--bpf-stats")


def budget_crossed_by_perf_events(world):
    """The same where each site has a perf event of its own, which is slow to go: nothing is judged, or
    put back, meanwhile."""
    crossed(world, True, "--hot", "probe", "--probes", "perf_event")


def budget_of_what_is_read(world):
    """Where payload is read from the relay's own counters, any load is within the budget."""
    relay = Relay(world)
    agent = world.agent(relay, "--budget", f"{BUDGET:.3g}", "--hit-cost", str(HIT_NS),
                        "--interval", "0.5", "--hot", "read")
    load = Process(world, "load", load_command(world, relay), stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    wait_until(lambda: (row(agent, "demo/0", KINDS) or {}).get("frames", 0) > 100_000, 60,
               lambda: f"{agent.row('publisher.json', 'demo/0')}")
    check(shed(agent) == [()], f"{shed(agent)}")
    load.end()
    last = world.stop(agent)
    check(last["probes"]["hot"] == "read", f"{last['probes']}")
    check(states(last, "frames")[0] == {"exact"}, f"{states(last, 'frames')}")


def budget_that_is_kept(world):
    """Below its budget a run is as any other: nothing is shed, every field exact."""
    relay = Relay(world)
    agent = world.agent(relay, "--budget", "100", "--interval", "0.2")
    client = Client(world)
    client(f"connect P {relay.url}", "publish P q/x tracks=1", f"connect S {relay.url}",
           "subscribe S q/x t0 as=one", "write P q/x t0 groups=31 frames=101 size=5 lockstep=one")
    wait_until(lambda: (row(agent, "q/x", KINDS) or {}).get("frames") == 3131, 20,
               lambda: f"{agent.row('publisher.json', 'q/x')}")
    client("sleep 3000")
    check(shed(agent) == [()], f"{shed(agent)}")
    last = world.stop(agent)
    found = {field["state"] for fields in last["tracks"].values() for field in fields.values()}
    check(found == {"exact"}, f"{found}")
    check("budget" not in agent.errors(), f"it has nothing to say: {agent.errors()}")


ALONE = (
    budget_crossed_both_ways,
    budget_crossed_without_statistics,
    budget_crossed_by_perf_events,
    budget_of_what_is_read,
)
CASES = (*ALONE, budget_that_is_kept)
