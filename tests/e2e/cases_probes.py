# SPDX-License-Identifier: MIT
"""How the agent attaches: one perf event a site, sites that the kernel refuses, few descriptors, a
machine that lacks something. What it leaves behind: nothing."""

import glob
import json
import os
import re
import signal
import subprocess
import time
import zlib

from agents import copy_of
from cases import ALL, expect_row, refuse
from harness import Client, Relay, check, wait_until

CAN_NOT = "can't be probed: the kernel can't run a probe on the instruction there"


def relay_apart(world):
    """A relay of which no other has the executable: a probe is in every process that runs it."""
    return Relay(world, program=[copy_of(world)])


def sites_of(world, relay, env=None):
    done = subprocess.run([world.moqstat, "sites", "--pid", str(relay.pid), "--json"],
                          check=True, capture_output=True, env=env)
    return json.loads(done.stdout)["sites"]


def breakpoints(relay, sites):
    """At how many of the sites there is a breakpoint in the relay's code right now."""
    with open(f"/proc/{relay.pid}/maps", encoding="utf-8") as f:
        base = min(int(line.split("-")[0], 16) for line in f if "moq-relay" in line)
    n = 0
    with open(f"/proc/{relay.pid}/mem", "rb") as mem:
        for site in sites:
            mem.seek(base + site["address"])
            n += mem.read(1) == b"\xcc"
    return n


def misled(world, relay, name, choose):
    """An environment in which the agent takes sites for somewhere else: at the locked add itself,
    where the kernel takes no probe. It reads that from a cache of sites of its own."""
    env = dict(os.environ, XDG_CACHE_HOME=os.path.join(world.dir, name))
    os.mkdir(env["XDG_CACHE_HOME"])
    sites_of(world, relay, env)
    (path,) = glob.glob(f"{env['XDG_CACHE_HOME']}/moqstat/sites-*.json")
    with open(path, encoding="utf-8") as f:
        made, found = map(json.loads, f)
    sites = found["sites"]
    lock = next(site for site in sites if site.get("bump"))
    shift = lock["offset"] - lock["address"]
    chosen = choose(found)
    for site in chosen:
        # Each at an address of its own, and the list still in order.
        site["address"] = site.get("bump") or lock["bump"]
        site["offset"] = site["address"] + shift
    text = json.dumps(found)
    made["sum"] = zlib.crc32(text.encode())
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{json.dumps(made)}\n{text}")
    return env, chosen


def of_field(found, role, field, ietf):
    """The sites of a counter, those of IETF moq-transport or those of moq-lite, which the clients
    here speak."""
    return [
        site for site in found["sites"]
        if site.get("role") == role and site.get("field") == field
        and ("::ietf::" in found["functions"][site["function"]]["name"]) == ietf
    ]


def differing(agent, watch):
    """"ROLE FIELD" of all that the agent shows otherwise than the relay."""
    ours, theirs = agent.frames(), watch.frames()
    found = set()
    for track, frame in theirs.items():
        a, b = json.loads(ours[track]), json.loads(frame)
        for path in a.keys() | b.keys():
            one, other = a.get(path, {}), b.get(path, {})
            found |= {f"{track.removesuffix('.json')} {field}" for field in one.keys() | other.keys()
                      if one.get(field) != other.get(field)}
    return found


def states(agent):
    return {
        f"{track.removesuffix('.json')} {field}": worth
        for track, fields in agent.statuses[-1]["tracks"].items()
        for field, worth in fields.items()
    }


def unavailable(agent):
    return {name for name, worth in states(agent).items() if worth["state"] == "unavailable"}


def load(world, relay, path):
    client = Client(world, f"client-{path}")
    client(
        f"connect P {relay.url}",
        f"publish P {path}/x tracks=1",
        f"connect S {relay.url}",
        f"subscribe S {path}/x t0 as=s",
        f"write P {path}/x t0 groups=7 frames=23 size=101 lockstep=s",
    )
    return client


def refused_sites(world):
    """Sites that the kernel takes no probe at: nothing is attached; or, by best effort, all others,
    and what can't be told is named."""
    relay = relay_apart(world)
    sites = sites_of(world, relay)
    env, chosen = misled(
        world, relay, "some",
        lambda found: of_field(found, "publisher", "announced_closed", True)[:2]
        + of_field(found, "subscriber", "groups", False),
    )
    names = [f"{site['address']:#x}" for site in chosen]
    refuse(world, "run", "--pid", str(relay.pid), says=(CAN_NOT, "--best-effort"), env=env)
    refuse(world, "run", "--pid", str(relay.pid), "--best-effort", "--hot", "read",
           says=("--hot read", "take no probe"), env=env)
    check(breakpoints(relay, sites) == 0, "nothing stays attached")
    # By perf events, too; of a site that is attached early, as taking away hundreds takes long.
    early, _ = misled(world, relay, "early",
                      lambda found: [s for s in found["sites"] if s["event"] == "session"][:1])
    refuse(world, "run", "--pid", str(relay.pid), "--probes", "perf_event",
           says=(CAN_NOT, "of session "), env=early)
    check(breakpoints(relay, sites) == 0, "nothing stays attached by perf events")

    agent = world.agent(relay, "--best-effort", env=env)
    watch = world.watch(relay)
    client = load(world, relay, "be")
    wrong = {"publisher announced_closed", "internal/publisher announced_closed",
             "subscriber groups", "internal/subscriber groups"}
    probes = agent.statuses[0]["probes"]
    check(sorted(f"{r['address']:#x}" for r in probes["refused"]) == sorted(names),
          f"{probes['refused']}, not {names}")
    check({r["counter"] for r in probes["refused"]} == {"publisher.announced_closed", "subscriber.groups"},
          f"{probes['refused']}")
    check(probes["sites"] == len(sites) - len(chosen), f"{probes['sites']} of {len(sites)}")
    for name in names:
        check(agent.errors().count(f"site {name} of ") == 1, f"a warning of {name}")
    # The relay doesn't come by the one kind, so these are right all the same; the other is missed,
    # and what is unavailable is wrong indeed.
    wait_until(lambda: watch.row("publisher.json", "be/x")
               and differing(agent, watch) == {"subscriber groups"},
               15, lambda: f"{differing(agent, watch)} differ")
    expect_row({t: json.loads(f) for t, f in agent.frames().items()},
               "publisher.json", "be/x", groups=7, frames=7 * 23, bytes=7 * 23 * 101)
    check(unavailable(agent) == wrong, f"{unavailable(agent)}")
    check("takes no probe" in states(agent)["subscriber groups"]["reason"], f"{states(agent)}")
    client("close S", "close P")
    wait_until(lambda: not differing(agent, watch), 15, "both are idle")
    world.stop(agent, unavailable=("announced_closed", "groups"))
    check(breakpoints(relay, sites) == 0, "nothing is left")


def perf_events(world):
    """The way that kernels before 6.6 need: one perf event a site. And one site is refused."""
    relay = relay_apart(world)
    sites = sites_of(world, relay)
    env, _ = misled(
        world, relay, "one", lambda found: of_field(found, "publisher", "announced_closed", True)[:1]
    )
    agent = world.agent(relay, "--probes", "perf_event", "--best-effort", env=env)
    probes = agent.statuses[0]["probes"]
    check(probes["kind"] == "perf_event", f"{probes}")
    check([r["counter"] for r in probes["refused"]] == ["publisher.announced_closed"], f"{probes}")
    files = len(os.listdir(f"/proc/{agent.pid}/fd"))
    check(len(sites) < files < len(sites) + 64, f"a descriptor a site: {files}")
    watch = world.watch(relay)
    client = load(world, relay, "pe")
    frames = world.same(agent, watch)
    expect_row(frames, "publisher.json", "pe/x", groups=7, bytes=7 * 23 * 101)
    check(unavailable(agent) == {
        "publisher announced_closed", "internal/publisher announced_closed"},
          f"{unavailable(agent)}")
    client("close S", "close P")
    world.same(agent, watch)
    check(breakpoints(relay, sites) > len(sites) / 2, "there are probes")
    world.stop(agent, ALL, seconds=300, unavailable=("announced_closed",))
    check(breakpoints(relay, sites) == 0, "nothing is left")


def few_files(world):
    """A limit of open files that is too low, and one that is just high enough."""
    relay = relay_apart(world)
    sites = sites_of(world, relay)
    run = ["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-all", "prlimit"]

    def attach(files, *args):
        command = [*run, f"--nofile={files}:{files}", world.moqstat, "run", "--pid",
                   str(relay.pid), *args]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as agent:
            first = agent.stdout.readline()
            agent.terminate()
            return first, agent.stderr.read().decode(), agent.wait(60)

    for kind in ("perf_event", "uprobe_multi"):
        first, errors, status = attach(40, "--probes", kind)
        check(status == 1 and not first, f"{kind}: {status} {first[:200]} {errors}")
        needed = re.search("takes (\\d+) file .* besides the (\\d+) .*LimitNOFILE=(\\d+)", errors)
        check(needed, errors)
        more, there, sum_ = map(int, needed.groups())
        check(more + there == sum_, errors)
        check((more > len(sites)) == (kind == "perf_event"), errors)
    check(breakpoints(relay, sites) == 0, "nothing was attached")
    first, errors, status = attach(sum_ - 1)
    check(status == 1 and not first and "LimitNOFILE" in errors, f"{status} {errors}")
    first, errors, status = attach(sum_)
    check(status == 0 and b"uprobe_multi" in first, f"{status} {errors}")
    # Memory of maps isn't locked memory.
    run[-1:] = ["prlimit", "--memlock=0:0"]
    first, errors, status = attach(sum_)
    check(status == 0 and first, f"no locked memory: {status} {errors}")


def lacking(world):
    """What the machine lacks is named, with what to do, and nothing is attached."""
    pid = str(Relay(world).pid)
    # In mount namespaces of their own; what is mounted there must not get out.
    apart = ["unshare", "-m", "--propagation", "unchanged", "bash", "-c"]
    private = "mount --make-rprivate /sys && "
    perf = ("--probes", "perf_event")
    for mount, args, words in (
        ("umount -l /sys", (), ("sysfs", "mount -t sysfs")),
        ("mount -t tmpfs none /sys/kernel/btf", (),
         ("no BTF", "CONFIG_DEBUG_INFO_BTF=y", "linux-image-amd64", "dwarves")),
        ("mount -t tmpfs none /sys/bus/event_source", perf, ("CONFIG_UPROBE_EVENTS",)),
    ):
        done = subprocess.run(
            [*apart, f'{private}{mount} && exec "$0" run --pid "$@"', world.moqstat, pid, *args],
            capture_output=True, timeout=60,
        )
        errors = done.stderr.decode()
        check(done.returncode == 2 and not done.stdout, f"{mount}: {done}")
        check(errors.count("\n") == 1 and all(word in errors for word in words), f"{mount}: {errors}")
    own = subprocess.run(["unshare", "-Ur", world.moqstat, "run", "--all"],
                         capture_output=True, timeout=60)
    check(own.returncode == 1 and b"user namespace" in own.stderr, f"{own}")


def maps_each(world):
    """Counters read element by element, as where the kernel knows no batches."""
    relay = Relay(world)
    agent = world.agent(relay, "--maps", "each", "--interval", "0.05")
    batches = world.agent(relay, name="batches")
    found = [a.statuses[0]["probes"]["maps"] for a in (agent, batches)]
    check(found == ["each", "batches"], f"{found}")
    watch = world.watch(relay)
    client = Client(world)
    client(f"connect P {relay.url}", f"connect S {relay.url}",
           *(f"publish P maps/{b} tracks=1" for b in range(31)),
           *(f"subscribe S maps/{b} t0 as=s{b}" for b in range(31)),
           *(f"write P maps/{b} t0 groups=3 frames=7 size=5 lockstep=s{b}" for b in range(31)))
    frames = world.same(agent, watch)
    for b in range(31):
        expect_row(frames, "publisher.json", f"maps/{b}", groups=3, frames=21, bytes=105)
    client("close S", "close P")
    world.same(agent, watch)
    world.stop(agent, ALL)
    world.stop(batches, ALL)


def stopped_often(world):
    """Stopped and continued again and again while the kernel checks the programs, which it gives up
    at each signal: it attaches all the same once it is left alone."""
    relay = Relay(world)

    def disturb(agent):
        ends = time.monotonic() + 3
        while time.monotonic() < ends and agent.running():
            agent.child.send_signal(signal.SIGSTOP)
            agent.child.send_signal(signal.SIGCONT)
            time.sleep(0.001)

    agent = world.agent(relay, meanwhile=disturb)
    watch = world.watch(relay)
    client = Client(world)
    client(f"connect P {relay.url}", "publish P often/x tracks=1", f"connect S {relay.url}",
           "subscribe S often/x t0 as=s", "write P often/x t0 groups=3 frames=7 size=5 lockstep=s")
    expect_row(world.same(agent, watch), "publisher.json", "often/x", groups=3, frames=21, bytes=105)
    client("close S", "close P")
    world.same(agent, watch)
    world.stop(agent, ALL)


CASES = (refused_sites, maps_each, few_files, lacking, perf_events, stopped_often)
