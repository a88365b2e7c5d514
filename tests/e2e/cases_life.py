# SPDX-License-Identifier: MIT
"""Processes that come and go: --exe, --unit, --all, several relays under one agent. A case is a
function of a World; its name is the function's."""

import json
import os
import shutil
import signal
import subprocess
import time

from agents import agent_of, all_closed, copy_of
from harness import Client, Frames, Process, Relay, check, closed_within_open, wait_until


def traffic(client, relay, name, groups, close=False):
    """A broadcast of known counts: groups x 3 frames of 5 bytes to one subscriber."""
    client(
        f"connect P{name} {relay.url}",
        f"publish P{name} life/x tracks=1",
        f"connect S{name} {relay.url}",
        f"subscribe S{name} life/x t0 as={name}",
        f"write P{name} life/x t0 groups={groups} frames=3 size=5 lockstep={name}",
    )
    if close:
        client(f"close S{name}", f"close P{name}")


def expect_bytes(one, groups, seconds=20):
    wait_until(
        lambda: (one.row("publisher.json", "life/x") or {}).get("bytes") == groups * 15,
        seconds,
        lambda: f"{one.path}: {groups * 15} bytes: {one.frames()}",
    )


def exe_two_relays(world):
    """Two relays of one executable under one agent: frames, sequences and names apart, equal to each
    relay's own. One is killed: its entries are closed; the other goes on, exact."""
    binary = copy_of(world)
    agent = agent_of(world, "--exe", binary, "--node", "{pid}")
    wait_until(lambda: "waiting" in agent.errors(), 20, lambda: f"it says that it waits: {agent.errors()}")
    relays = [Relay(world, name=f"relay{i}", node=f"n{i}", program=[binary]) for i in range(2)]
    ones = [agent.of(r) for r in relays]
    for relay, one in zip(relays, ones):
        check(one.path == f".stats/node/{relay.pid}", f"{one.path}")
        check([s for t, s, _ in one.lines if t == "publisher.json"][0] == 0, "from sequence 0")
    watches = [world.watch(r, name=f"watch{i}", node=f"n{i}") for i, r in enumerate(relays)]
    client = Client(world)
    for i, relay in enumerate(relays):
        traffic(client, relay, str(i), 3 + 2 * i)
    for i in range(2):
        frames = world.same(ones[i], watches[i])
        check(frames["publisher.json"]["life/x"]["bytes"] == (3 + 2 * i) * 15, f"{frames}")
    relays[0].end(signal.SIGKILL)
    last = agent.ended(relays[0])
    check(last["broadcast"] == ones[0].path, f"{last['broadcast']}")
    all_closed(ones[0])
    check(ones[0].row("publisher.json", "life/x")["bytes"] == 45, "with all that was counted")
    row = ones[0].row("publisher.json", "life/x")
    check(row["subscriptions"] == row["subscriptions_closed"] == 1, f"closed: {row}")
    client("write P1 life/x t0 groups=2 frames=3 size=5 lockstep=1")
    frames = world.same(ones[1], watches[1])
    check(frames["publisher.json"]["life/x"]["bytes"] == 7 * 15, f"{frames}")
    agent.stop()
    with agent.lock:
        for one in ones:
            sequences = [s for t, s, _ in one.lines if t == "publisher.json"]
            check(sequences == list(range(len(sequences))), f"{one.path}: {sequences}")
            bad = [f for t, _, f in one.lines if not closed_within_open(json.loads(f))]
            check(not bad, f"closed > open: {bad[:1]}")


def exe_restart(world):
    """A relay ends and another one starts: the agent waits, and begins anew."""
    binary = copy_of(world)
    relay = Relay(world, program=[binary])
    agent = agent_of(world, "--exe", binary, "--node", "n1")
    one = agent.of(relay)
    check(one.path == ".stats/node/n1", f"{one.path}")
    client = Client(world)
    traffic(client, relay, "a", 5)
    expect_bytes(one, 5)
    relay.end(signal.SIGTERM)
    agent.ended(relay)
    all_closed(one)
    check(agent.running(), "it goes on")
    wait_until(lambda: "no relay is left" in agent.errors(), 20, "it says that it waits")
    before = len(one.lines)
    second = Relay(world, name="second", program=[binary])
    check(agent.of(second).path == one.path, "the name is free again")
    wait_until(lambda: len(one.lines) >= before + 6, 20, "six frames")
    fresh = [s for t, s, _ in one.lines[before:]]
    check(fresh[:6] == [0] * 6, f"sequences begin anew: {fresh}")
    client = Client(world, "client2")
    traffic(client, second, "b", 3)
    expect_bytes(one, 3)
    agent.stop()
    # With SIGINT and no relay at all, too.
    second.end(signal.SIGKILL)
    agent = agent_of(world, "--exe", binary, name="idle")
    wait_until(lambda: "waiting" in agent.errors(), 20, "it waits")
    agent.stop(signal.SIGINT)
    check(not agent.statuses, "nothing was written")


def exe_upgrade(world):
    """The executable is replaced while its relay runs: old and new side by side, the old one's
    deleted; names that clash are told apart by the pid."""
    binary = copy_of(world)
    old = Relay(world, name="old", program=[binary])
    client = Client(world)
    agent = agent_of(world, "--exe", binary, "--node", "n1")
    first = agent.of(old)
    traffic(client, old, "o", 3)
    os.rename(copy_of(world, "new"), binary)
    new = Relay(world, name="new", program=[binary])
    check("deleted" in os.readlink(f"/proc/{old.pid}/exe"), "the old one's file is gone")
    second = agent.of(new)
    check(second.path == f".stats/node/n1/{new.pid}", f"{second.path}")
    check(f"n1/{new.pid}" in agent.errors(), f"a warning names it: {agent.errors()}")
    traffic(client, new, "n", 5)
    expect_bytes(first, 3)
    expect_bytes(second, 5)
    # An agent that starts after the upgrade finds both as well.
    late = agent_of(world, "--exe", binary, "--node", "late-{pid}", name="late")
    for relay in (old, new):
        check(late.of(relay).path == f".stats/node/late-{relay.pid}", "both")
    late.stop()
    old.end(signal.SIGKILL)
    agent.ended(old)
    client("write Pn life/x t0 groups=2 frames=3 size=5 lockstep=n")
    expect_bytes(second, 7)
    agent.stop()


def exe_namespaces(world):
    """A relay in a chroot, and one in a mount namespace with a root of its own, are found by the path
    that they see; so is one that execs into the relay after its first look."""
    inside = "/opt/moqstat-e2e/moq-relay"
    root = os.path.join(world.dir, "root")
    libraries = subprocess.run(["ldd", world.relay], capture_output=True, check=True).stdout
    for path in [w for w in libraries.decode().split() if w.startswith("/")]:
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, root + path)
    for path in ("/proc", "/dev", "/tmp", "/old", os.path.dirname(inside)):
        os.makedirs(root + path, exist_ok=True)
    shutil.copy(world.relay, root + inside)
    for name in ("urandom", "null"):
        subprocess.run(["mknod", f"{root}/dev/{name}", "c", "1", {"urandom": "9", "null": "3"}[name]],
                       check=True)
    agent = agent_of(world, "--exe", inside, "--node", "{pid}")
    chroot = Relay(world, name="chroot", program=["chroot", root, inside])
    loader = os.path.join(world.dir, "pivot")
    with open(loader, "w", encoding="utf-8") as f:
        f.write(PIVOT)
    container = Relay(
        world, name="container", program=["unshare", "-m", "python3", loader, root, inside]
    )
    later = ["bash", "-c", 'sleep 3; exec "$@"', "bash", "chroot", root, inside]
    late = Relay(world, name="late", program=later)
    client = Client(world)
    for i, relay in enumerate((chroot, container, late)):
        check(os.readlink(f"/proc/{relay.pid}/exe").endswith(inside), "it has become the relay")
        one = agent.of(relay)
        traffic(client, relay, str(i), 3 + 2 * i)
        expect_bytes(one, 3 + 2 * i)
    check(os.readlink(f"/proc/{container.pid}/exe") == inside, "another mount namespace")
    agent.stop()


PIVOT = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
root, inside = sys.argv[1:3]
def call(name, *args):
    if getattr(libc, name)(*args):
        sys.exit(f"{name}: {os.strerror(ctypes.get_errno())}")
call("mount", b"none", b"/", None, 0x44000, None)  # MS_REC | MS_PRIVATE
call("mount", root.encode(), root.encode(), None, 0x1000, None)  # MS_BIND
os.chdir(root)
if libc.syscall(155, b".", b"old"):
    sys.exit(f"pivot_root: {os.strerror(ctypes.get_errno())}")
os.chroot(".")
os.chdir("/")
call("umount2", b"/old", 2)  # MNT_DETACH
os.execv(inside, [inside, *sys.argv[3:]])
"""


def all_relays(world):
    """Every relay is found, and nothing else; what can't be attached to is told of once and doesn't
    end the others; a relay that becomes another program has ended."""
    before = Relay(world, name="before")
    # It looks like a relay at first sight, but has no counters that are known.
    fake = os.path.join(world.dir, "fake-relay")
    shutil.copy("/bin/sleep", fake)
    with open(fake, "ab") as f:
        f.write(b"MOQ_STATS" + b"_ENABLED")
    fakes = [Process(world, f"fake{i}", [fake, "600"]) for i in range(2)]
    stranger = Process(world, "stranger", ["/bin/sleep", "600"])
    agent = agent_of(world, "--all", "--node", "{host}/{pid}", "--verbose")
    one = agent.of(before)
    check(one.path == f".stats/node/{os.uname().nodename}/{before.pid}", f"{one.path}")
    after = Relay(world, name="after")
    two = agent.of(after)
    client = Client(world)
    traffic(client, before, "b", 3)
    traffic(client, after, "a", 5)
    expect_bytes(one, 3)
    expect_bytes(two, 5)
    fakes.append(Process(world, "fake2", [fake, "600"]))
    # What the fake is, is known by then, so that it is told of as others that are none.
    others = [fakes[-1].pid, stranger.pid, client.pid, agent.pid]
    wait_until(lambda: all(f"process {pid} (" in agent.errors() for pid in others), 20,
               lambda: f"all were looked at: {agent.errors()}")
    errors = agent.errors()
    refused = [line for line in errors.splitlines() if "left alone" in line]
    refused = [line for line in refused if any(f"process {f.pid} " in line for f in fakes)]
    check(len(refused) == 1, f"the fake is told of once: {refused}")
    for other in (stranger.pid, client.pid, agent.pid):
        check(f"process {other} (" in errors, f"--verbose tells of {other}")
        check(not agent.knows(other), f"{other} is no relay")
    for fake_process in fakes:
        check(not agent.knows(fake_process.pid), "a fake is no relay")
    before.end(signal.SIGKILL)
    agent.ended(before)
    all_closed(one)
    client("write Pa life/x t0 groups=2 frames=3 size=5 lockstep=a")
    expect_bytes(two, 7)
    agent.stop()
    quiet = agent_of(world, "--all", "--node", "{pid}", name="quiet")
    quiet.of(after)
    quiet.stop()
    check(str(stranger.pid) not in quiet.errors(), f"in silence: {quiet.errors()}")


def unit(world):
    """The relays of a systemd unit, by cgroup: those that are there, and those that come."""
    top = "/sys/fs/cgroup"
    base = next(
        (d for d in (f"{top}/unified", f"{top}/systemd", top) if os.path.exists(f"{d}/cgroup.procs")),
        None,
    )
    check(base, "a cgroup hierarchy that a unit's could be in")
    name = f"moqstat-e2e-{os.getpid()}"
    group = f"{base}/{name}.service"
    agent = agent_of(world, "--unit", name, "--node", "{unit}")
    wait_until(lambda: f"{name}.service" in agent.errors(), 20, "it says that there is no such unit")
    check("waiting" in agent.errors(), f"{agent.errors()}")
    os.mkdir(group)
    try:
        script = f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"'
        joined = ["bash", "-c", script, world.relay]
        member = Relay(world, name="member", program=joined)
        stranger = Relay(world, name="stranger")
        one = agent.of(member)
        check(one.path == f".stats/node/{name}", f"{one.path}")
        client = Client(world)
        traffic(client, member, "m", 3)
        traffic(client, stranger, "s", 5)
        expect_bytes(one, 3)
        time.sleep(1.5)
        check(not agent.knows(stranger.pid), "the other relay isn't in the unit")
        member.end(signal.SIGTERM)
        agent.ended(member)
        second = Relay(world, name="second", program=joined)
        check(agent.of(second).path == one.path, "a restart of the unit")
        pattern = agent_of(world, "--unit", "moqstat-e2e-*", "--node", "{unit}", name="pattern")
        pattern.of(second)
        pattern.stop()
        agent.stop()
    finally:
        world.clean()
        for _ in range(50):
            try:
                os.rmdir(group)
                break
            except OSError:
                time.sleep(0.1)


def pid_ends(world):
    """With --pid the relay's end is the agent's, as the status says; all that was open is closed."""
    relay = Relay(world)
    agent = agent_of(world, "--pid", str(relay.pid), "--node", "p/{pid}")
    one = agent.of(relay)
    check(one.path == f".stats/node/p/{relay.pid}", f"{one.path}")
    traffic(Client(world), relay, "p", 3)
    relay.end(signal.SIGKILL)
    check(agent.wait() == 3, f"{agent.errors()}")
    agent.thread.join(5)
    check(agent.statuses[-1]["ended"] is True, "the last status says so")
    check(one.row("publisher.json", "life/x")["bytes"] == 45, "with all that was counted")
    all_closed(one)


def record_several(world):
    """One recording a relay, which gives that relay's frames again, its end too."""
    binary = copy_of(world)
    relays = [Relay(world, name=f"relay{i}", program=[binary]) for i in range(2)]
    files = os.path.join(world.dir, "recording-{pid}")
    agent = agent_of(world, "--exe", binary, "--node", "{pid}", "--record", files)
    ones = [agent.of(r) for r in relays]
    client = Client(world)
    for i, relay in enumerate(relays):
        traffic(client, relay, str(i), 3 + 2 * i)
        expect_bytes(ones[i], 3 + 2 * i)
    relays[0].end(signal.SIGKILL)
    agent.ended(relays[0])
    agent.stop()
    for relay, one in zip(relays, ones):
        path = files.replace("{pid}", str(relay.pid))
        command = [world.moqstat, "run", "--replay", path, "--node", str(relay.pid)]
        replay = Frames(world, f"replay{relay.pid}", command)
        check(replay.wait() == 0, f"replay: {replay.errors()}")
        replay.thread.join(5)
        check(replay.lines == one.lines, f"{one.path}: the same frames in the same order")


CASES = (
    exe_two_relays,
    exe_restart,
    exe_upgrade,
    exe_namespaces,
    all_relays,
    unit,
    pid_ends,
    record_several,
)
