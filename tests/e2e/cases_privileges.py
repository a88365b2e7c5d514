# SPDX-License-Identifier: MIT
"""What the agent keeps of the rights that it was started with, beside real relays. A case is a
function of a World; its name is the function's."""

import os
import signal
import subprocess

from agents import Agents, agent_of, all_closed, copy_of
from cases_life import expect_bytes, traffic
from cases_serve import NOBODY, facts
from harness import Client, Relay, check, wait_until
from serving import ask, child_of, gone, port_of

BITS = {"KILL": 5, "DAC_READ_SEARCH": 2, "SYS_PTRACE": 19, "PERFMON": 38, "BPF": 39}
ATTACHING = ("BPF", "PERFMON", "SYS_PTRACE")
OTHER = 4711  # a user of no name


def capabilities(*names):
    return sum(1 << BITS[name] for name in names)


def confined(agent, caps, user="0", filters=1):
    """/proc/PID/status tells that the agent has these capabilities and no more, now or later."""
    status = facts(agent.pid)
    check(status["Uid"].split("\t") == [user] * 4, f"Uid {status['Uid']}")
    for name, expected in (("CapPrm", caps), ("CapEff", caps), ("CapInh", 0), ("CapAmb", 0)):
        check(int(status[name], 16) == expected, f"{name} {status[name]}, not {expected:x}")
    check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", f"{status}")
    check(status["Seccomp_filters"] == str(filters), f"filters: {status['Seccomp_filters']}")
    check(os.stat(f"/proc/{agent.pid}/mem").st_uid == 0, "it isn't dumpable")
    with open(f"/proc/{agent.pid}/limits", encoding="ascii") as f:
        core = next(line for line in f if line.startswith("Max core"))
    check(core.split()[4:6] == ["0", "0"], core)
    # Whoever is the same user can't look into it.
    look = ["setpriv", f"--reuid={user}", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all", "cat", f"/proc/{agent.pid}/maps"]
    if user != "0":
        done = subprocess.run(look, capture_output=True, check=False)
        check(done.returncode and not done.stdout, f"its user reads {done.stdout[:200]}")


AS_OTHER = ("setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups")


def relay_of_another(world, path, name="other"):
    """A relay of another user's, in a directory of his own."""
    relay = Relay(world, name=name, program=[*AS_OTHER, path])
    check(facts(relay.pid)["Uid"].split("\t") == [str(OTHER)] * 4, "it is another user's")
    return relay


def executable_of_another(world):
    """Its executable, which others may read but can't reach by its path."""
    os.chmod(world.dir, 0o711)
    directory = os.path.join(world.dir, "private")
    os.mkdir(directory)
    path = copy_of(world, "private/moq-relay")
    os.chmod(path, 0o755)
    os.chown(directory, OTHER, OTHER)
    os.chown(path, OTHER, OTHER)
    os.chmod(directory, 0o700)
    return path


def shared_binary(world):
    """The agent where another user may start it."""
    os.chmod(world.dir, 0o711)
    return copy_of(world, "moqstat", world.moqstat)


def privileges_of_one(world):
    """Once it is attached to its one relay, an agent may read its memory, and that's all."""
    relay = Relay(world)
    for args, user in (((), "0"), (("--user", "nobody"), NOBODY)):
        agent = world.agent(relay, *args, name=f"agent{user}")
        watch = world.watch(relay, name=f"watch{user}")
        confined(agent, capabilities("SYS_PTRACE"), user, filters=2)
        check(facts(agent.pid)["CapBnd"] == "0" * 16, "and it can't get any")
        client = Client(world, f"client{user}")
        traffic(client, relay, user, 3)
        world.same(agent, watch)
        client(f"close S{user}", f"close P{user}")
        world.same(agent, watch)
        world.stop(agent)
        watch.end()


def privileges_whole_life(world):
    """As nobody, beside a relay of another user's that ends and starts again: attached, counted, served,
    ended as ever."""
    path = executable_of_another(world)
    other = relay_of_another(world, path)
    tokens = os.path.join(world.dir, "tokens")
    with open(tokens, "w", encoding="ascii") as f:
        f.write("t" * 20 + " never tracks,metrics\n")
    os.chmod(tokens, 0o600)
    os.chown(tokens, int(NOBODY), -1)
    agent = agent_of(
        world, "--exe", path, "--node", "n1", "--user", "nobody", "--listen", "127.0.0.1:0",
        "--output", "jsonl", "--token-file", tokens)
    one = agent.of(other)
    confined(agent, capabilities(*ATTACHING, "KILL"), NOBODY)
    watch = world.watch(other)
    client = Client(world)
    traffic(client, other, "a", 5)
    world.same(one, watch)
    # The token file again, which is this user's.
    with open(tokens, "a", encoding="ascii") as f:
        f.write("u" * 20 + " never metrics\n")
    os.kill(agent.pid, signal.SIGHUP)
    wait_until(lambda: "hold from now on" in agent.errors(), 5, lambda: agent.errors())
    agent.port = port_of(agent)

    def asked():
        reply = ask(agent.port, "/metrics", headers={"Authorization": "Bearer " + "u" * 20})
        return reply.status == 200 and b'role="publisher"' in reply.body

    wait_until(asked, 10, "the new token holds")
    other.end(signal.SIGKILL)
    agent.ended(other)
    all_closed(one)
    before = len(one.lines)
    second = relay_of_another(world, path, "second")
    check(agent.of(second).path == one.path, "attached to again")
    wait_until(lambda: len(one.lines) >= before + 6, 5, "six frames")
    traffic(Client(world, "client2"), second, "b", 3)
    expect_bytes(one, 3)
    # A server that hangs can still be killed, although it is another's.
    child = child_of(agent)
    os.kill(child, signal.SIGSTOP)
    check(agent.end(signal.SIGTERM, 30) == 0, agent.errors())
    check("does not end: it is killed" in agent.errors() and gone(child), agent.errors())


def privileges_ambient(world):
    """Without root, with the three capabilities: it works, and gives up the inheritance."""
    path = copy_of(world)
    relay = Relay(world, program=[path])
    caps = "+bpf,+perfmon,+sys_ptrace"
    command = [*AS_OTHER, f"--inh-caps={caps}", f"--ambient-caps={caps}", shared_binary(world),
               "run"]
    agent = Agents(world, "agent", [*command, "--exe", path, "--node", "{pid}"])
    one = agent.of(relay)
    confined(agent, capabilities(*ATTACHING), str(OTHER))
    watch = world.watch(relay)
    client = Client(world)
    traffic(client, relay, "a", 7)
    world.same(one, watch)
    agent.stop()
    done = subprocess.run([*command, "--pid", str(relay.pid), "--user", "nobody"],
                          capture_output=True, timeout=20, check=False)
    check(done.returncode == 1 and b"CAP_SETUID" in done.stderr, f"{done}")
    done = subprocess.run([world.moqstat, "run", "--all", "--user", "no-such-user"],
                          capture_output=True, timeout=20, check=False)
    check(done.returncode == 2 and b"no such user" in done.stderr, f"{done}")


def privileges_lacking(world):
    """What another user can't do is told, with what to do: read a relay's executable, make a recording,
    read the tokens again."""
    path = executable_of_another(world)
    other = relay_of_another(world, path)
    run = [world.moqstat, "run", "--user", "nobody", "--pid", str(other.pid)]
    done = subprocess.run([*run, "--record", os.path.join(world.dir, "recording")],
                          capture_output=True, timeout=30, check=False)
    check(done.returncode == 2 and b"(--user) may make" in done.stderr, f"{done}")
    os.chmod(path, 0o700)
    done = subprocess.run(run, capture_output=True, timeout=30, check=False)
    check(done.returncode == 2 and b"able to read the file" in done.stderr, f"{done}")
    agent = agent_of(world, "--all", "--user", "nobody", "--node", "{pid}")
    wait_until(lambda: f"process {other.pid}: whether it is a relay" in agent.errors(), 5,
               lambda: agent.errors())
    agent.stop()
    # As root it is attached to all the same.
    agent = agent_of(world, "--exe", path, "--node", "{pid}", name="root")
    agent.of(other)
    confined(agent, capabilities(*ATTACHING, "DAC_READ_SEARCH"))
    agent.stop()
    tokens = os.path.join(world.dir, "tokens")
    with open(tokens, "w", encoding="ascii") as f:
        f.write("t" * 20 + " never tracks\n")
    os.chmod(tokens, 0o600)
    agent = agent_of(world, "--all", "--user", "nobody", "--node", "{pid}", "--listen",
                     "127.0.0.1:0", "--token-file", tokens, name="tokens")
    wait_until(lambda: "can't read it again at SIGHUP" in agent.errors(), 5, agent.errors)
    check("chown nobody" in agent.errors(), agent.errors())
    wait_until(lambda: "waiting" in agent.errors() or "attached" in agent.errors(), 10, agent.errors)
    agent.stop()


CASES = (privileges_of_one, privileges_whole_life, privileges_ambient, privileges_lacking)
