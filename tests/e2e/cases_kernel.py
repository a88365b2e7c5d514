# SPDX-License-Identifier: MIT
"""What depends on the kernel: what it has, and which way of attaching that leaves. tests/vm runs
these, and some others, on other kernels than the machine's own."""

import json
import os
import signal
import subprocess

import kernel
from cases import refuse
from harness import Client, Process, Relay, check, wait_until


def kernel_features(world):
    """The kernel has what the table says, no less and no more; else the table is wrong, and what
    follows isn't what it seems."""
    row, expected = kernel.expected()
    found = kernel.features()
    lacking, surplus = sorted(expected - found), sorted(found - expected)
    check(not lacking, f"{os.uname().release} (as {row}) lacks {lacking}")
    check(not surplus, f"{os.uname().release} (as {row}) has {surplus}, which the table doesn't know")
    world.remark = f" {os.uname().release}, as {row}: {' '.join(sorted(found))}"


def best_kind():
    return "uprobe_multi" if "uprobe_multi" in kernel.features() else "perf_event"


def multi_or_refused(world):
    """--probes uprobe_multi where the kernel has such links; a clear refusal where it hasn't."""
    relay = Relay(world)
    ask = ("--probes", "uprobe_multi")
    if best_kind() == "uprobe_multi":
        kind = world.agent(relay, *ask).statuses[0]["probes"]["kind"]
        check(kind == "uprobe_multi", kind)
    else:
        says = ("no uprobe_multi", "6.6")
        refuse(world, "run", "--pid", str(relay.pid), *ask, says=says)


def kernel_refused(world):
    """A kernel that lacks what the programs need is told of by name, and nothing is attached."""
    relay = Relay(world)
    for args in ((), ("--probes", "perf_event"), ("--probes", "uprobe_multi")):
        refuse(
            world, "run", "--pid", str(relay.pid), *args,
            says=("bpf_get_attach_cookie", "5.15"),
        )
    refuse(world, "run", "--exe", world.relay, says=("bpf_get_attach_cookie", "5.15"))
    check(relay.running(), "the relay runs")
    # What needs no probes works, as anywhere.
    for args in (("sites", "--pid", str(relay.pid)), ("census", "--pid", str(relay.pid))):
        done = subprocess.run([world.moqstat, *args], capture_output=True, timeout=120)
        check(done.returncode == 0, f"{args}: {done}")


def events():
    """The kernel's list of uprobe events that have a name. It is mounted for this look alone."""
    look = "mount -t tracefs none /sys/kernel/tracing && cat /sys/kernel/tracing/uprobe_events"
    done = subprocess.run(["unshare", "-m", "sh", "-c", look], check=True, capture_output=True)
    return set(done.stdout.decode().splitlines())


def sites_of(world, relay):
    """Where its sites are, looked for anew."""
    command = [world.moqstat, "sites", "--pid", str(relay.pid), "--json", "--no-cache"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["sites"]
    return {site["address"] for site in found}


def breakpoints(relay, sites):
    """Those of them that have a breakpoint in the relay's memory."""
    exe = os.readlink(f"/proc/{relay.pid}/exe")
    with open(f"/proc/{relay.pid}/maps", encoding="utf-8") as maps:
        base = min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(exe))
    with open(f"/proc/{relay.pid}/mem", "rb", buffering=0) as mem:
        return {site for site in sites if os.pread(mem.fileno(), 1, base + site) == b"\xcc"}


def killed_leaves_nothing(world):
    """An agent killed with SIGKILL: no breakpoint, no event, no program, map or link stays, and the
    relay serves on."""
    before = events()
    relay = Relay(world)
    client = Client(world)
    client(
        f"connect P {relay.url}",
        "publish P k/x tracks=1",
        f"connect S {relay.url}",
        "subscribe S k/x t0 as=s",
    )
    agent = world.agent(relay, "--hot", "probe")
    kind = agent.statuses[0]["probes"]["kind"]
    check(kind == best_kind(), f"attached by {kind}; the best is {best_kind()}")
    client("write P k/x t0 groups=3 frames=5 size=7 lockstep=s")
    wait_until(
        lambda: (agent.row("publisher.json", "k/x") or {}).get("bytes") == 105, 10, "it counts"
    )
    sites = sites_of(world, relay)
    there = breakpoints(relay, sites)
    check(sites and there == sites, f"it is attached everywhere: {len(there)} of {len(sites)}")
    held = kernel.objects_of(agent.pid)
    kinds = [kind for kind, _ in held]
    check(kinds.count("prog") > 5 and kinds.count("map") > 5 and "link" in kinds, f"{held}")
    check(held <= kernel.objects(), "the kernel knows what it holds")
    check(agent.end(signal.SIGKILL, 60) == -signal.SIGKILL, "it is killed")
    # The kernel frees what nobody holds after a grace period.
    wait_until(lambda: not held & kernel.objects(), 10, lambda: f"{held & kernel.objects()} stay")
    there = breakpoints(relay, sites)
    check(not there, f"breakpoints stay at {[hex(at) for at in there]}")
    check(events() <= before, f"events stay: {events() - before}")
    client(
        "publish P k/after tracks=1",
        "subscribe S k/after t0 as=after",
        "write P k/after t0 groups=2 frames=3 size=5 lockstep=after",
        "expect after groups=2 bytes=30",
    )
    check(relay.running(), "the relay runs")


def sums(agent, track):
    """What all broadcasts of a track have come to, over all their lives."""
    rows = agent.totals()[track].values()
    return {name: sum(row[name] for row in rows) for name in ("groups", "frames", "bytes")}


def client_totals(world):
    """Beside a relay that keeps no statistics: what a client says that it has sent and received is
    what was counted."""
    relay = Relay(world, stats=False)
    agent = world.agent(relay)
    size = {"broadcasts": 3, "tracks": 2, "groups": 11, "frames": 7, "size": 101, "sessions": 2}
    options = [word for name, n in size.items() for word in (f"--{name}", str(n))]
    command = [world.load, "load", "--url", relay.url, *options]
    load = Process(world, "load", command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    wait_until(
        lambda: sums(agent, "publisher.json")["groups"] >= 3 * 2 * 11 * 2,
        20,
        lambda: f"all is delivered: {agent.frames()}, {load.errors()}",
    )
    load.end(signal.SIGINT)
    said = dict(word.split("=") for word in load.child.stdout.read().decode().split())
    said = {name: int(n) for name, n in said.items()}
    wait_until(
        lambda: not any(json.loads(frame) for frame in agent.frames().values()), 40, "all has gone"
    )
    received = {name: said[name] for name in ("groups", "frames", "bytes")}
    check(sums(agent, "publisher.json") == received, f"{sums(agent, 'publisher.json')}, {said}")
    frames = said["written"] * 7
    sent = {"groups": said["written"], "frames": frames, "bytes": frames * 101}
    check(sums(agent, "subscriber.json") == sent, f"{sums(agent, 'subscriber.json')}, {said}")


CASES = (kernel_features, multi_or_refused, killed_leaves_nothing, client_totals)
# On other kernels only; the host is no such kernel.
ELSEWHERE = (kernel_refused,)
