# SPDX-License-Identifier: MIT
"""What a service manager is told, and what it is given: its protocol, without systemd itself."""

import json
import os
import signal
import socket
import subprocess
import time

from harness import SLOW, Client, Relay, check, wait_until
from ports import free_port
from serving import ask, port_of


class Manager:
    """The socket on which a service reports."""

    def __init__(self, world):
        self.path = os.path.join(world.dir, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def env(self, watchdog=None):
        env = dict(os.environ, NOTIFY_SOCKET=self.path)
        if watchdog:
            env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return env

    def wait(self, word, seconds=20):
        """The next message that says so."""
        ends = time.monotonic() + seconds * SLOW
        while time.monotonic() < ends:
            self.socket.settimeout(max(0.01, ends - time.monotonic()))
            try:
                message = self.socket.recv(4096).decode().split("\n")
            except TimeoutError:
                break
            self.told.append((time.monotonic(), message))
            if word in message:
                return message
        check(False, f"{word}: told {self.told}")


def service_notifies(world):
    """Ready when it is attached, a sign of life in half of the time that is asked for, the end of a
    reload, the end."""
    relay = Relay(world)
    manager = Manager(world)
    agent = world.agent(relay, "--interval", "0.2", env=manager.env(watchdog=2))
    check("STATUS=attached to 1 relay" in manager.wait("READY=1"), f"{manager.told}")
    began = time.monotonic()
    for _ in range(3):
        manager.wait("WATCHDOG=1", 5)
    check(time.monotonic() - began < 6 * SLOW, "signs of life come in time")
    agent.child.send_signal(signal.SIGHUP)
    manager.wait("RELOADING=1")
    manager.wait("READY=1")
    client = Client(world)
    client(f"connect P {relay.url}", "publish P n/x tracks=1", f"connect S {relay.url}",
           "subscribe S n/x t0 as=s", "write P n/x t0 groups=2 frames=3 size=5 lockstep=s")
    wait_until(lambda: (agent.row("publisher.json", "n/x") or {}).get("bytes") == 30, 10, "it counts")
    # Nothing is sent for as long as it doesn't run: then systemd would kill it.
    agent.child.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    manager.socket.setblocking(False)
    try:
        while True:
            manager.socket.recv(4096)
    except BlockingIOError:
        pass
    time.sleep(1.5)
    try:
        check(False, f"stopped, it says: {manager.socket.recv(4096)}")
    except BlockingIOError:
        pass
    manager.socket.setblocking(True)
    agent.child.send_signal(signal.SIGCONT)
    manager.wait("WATCHDOG=1", 5)
    agent.child.send_signal(signal.SIGTERM)
    manager.wait("STOPPING=1")
    check(agent.child.wait(20) == 0, "it ends well")


def service_watchdog_too_short(world):
    """A tick that comes more seldom than the sign of life that is waited for is refused."""
    relay = Relay(world)
    done = subprocess.run(
        [world.moqstat, "run", "--pid", str(relay.pid), "--interval", "60"],
        env=Manager(world).env(watchdog=30), capture_output=True, timeout=60)
    check(done.returncode == 2 and b"WatchdogSec=180" in done.stderr, f"{done}")


def service_socket(world):
    """A run is passed its port, as moqstat.socket has it: the first client is answered, the counts are
    right, and its end and the relay's are told by the status."""
    relay = Relay(world)
    port = free_port()
    with open(os.path.join(world.dir, "activated"), "wb+") as err, subprocess.Popen(
        ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", world.moqstat, "run", "--pid",
         str(relay.pid), "--node", "n1", "--interval", "0.2", "--listen", "socket"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
    ) as child:
        try:
            wait_until(lambda: os.pread(err.fileno(), 99, 0).startswith(b"Listening"), 10, "the tool listens")
            check(ask(port, "/healthz", timeout=60).status == 200, "the first client is answered")
            wait_until(lambda: ask(port, "/readyz").status == 200, 60, "it is ready")
            client = Client(world)
            client(f"connect P {relay.url}", "publish P n/x tracks=1", f"connect S {relay.url}",
                   "subscribe S n/x t0 as=s", "write P n/x t0 groups=2 frames=3 size=5 lockstep=s")
            wait_until(
                lambda: json.loads(ask(port, "/fetch/.stats/node/n1/publisher.json").body)
                .get("n/x", {}).get("bytes") == 30, 10, "it counts")
            relay.child.kill()
            check(child.wait(30) == 3, "the relay's end is told")
        finally:
            if child.poll() is None:
                child.kill()


def service_reload(world):
    """SIGHUP takes numbers of the file: ticks come as often as it says now, who comes has a series of its
    own; what takes a restart is told, and nonsense changes nothing."""
    relay = Relay(world)
    path = os.path.join(world.dir, "moqstat.conf")

    def write(*lines):
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(("listen = 127.0.0.1:0", "output = jsonl", *lines)) + "\n")

    write("interval = 30", "metrics-max = 1")
    manager = Manager(world)
    # The first tick is at once, the second one would be after the test.
    agent = world.agent(relay, "--config", path, env=manager.env(watchdog=90))
    port = port_of(agent)
    client = Client(world)
    client(f"connect P {relay.url}", "publish P n/a tracks=1", f"connect S {relay.url}",
           "subscribe S n/a t0 as=a", "write P n/a t0 groups=2 frames=3 size=5 lockstep=a")
    write("interval = 0.2", "metrics-max = 1", "max-broadcasts = 77")
    agent.child.send_signal(signal.SIGHUP)
    wait_until(lambda: (agent.row("publisher.json", "n/a") or {}).get("bytes") == 30, 10, agent.errors)
    check("interval = 0.2 from now on; it was 30" in agent.errors()
          and "max-broadcasts = 77 takes a restart: it stays 16384" in agent.errors(), agent.errors())
    manager.wait("RELOADING=1")
    manager.wait("READY=1")

    def series(text):
        return text in ask(port, "/metrics").body.decode()

    wait_until(lambda: series("moqstat_tick_interval_seconds 0.2"), 5, "the server has heard of it")
    client("publish P n/b tracks=1", "subscribe S n/b t0 as=b", "write P n/b t0 groups=1 frames=7 size=1 lockstep=b")
    bytes_of = 'moqstat_broadcast_bytes_total{node=".stats/node/n1",broadcast="%s",tier="external",role="publisher"} %d'
    wait_until(lambda: series(bytes_of % ("__overflow__", 7)), 5, lambda: ask(port, "/metrics").body.decode()[:9999])
    write("interval = 0.2", "metrics-max = 9", "max-broadcasts = 77")
    agent.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "metrics-max = 9 from now on; it was 1" in agent.errors(), 5, agent.errors)
    client("publish P n/c tracks=1", "subscribe S n/c t0 as=c", "write P n/c t0 groups=1 frames=11 size=1 lockstep=c")
    wait_until(lambda: series(bytes_of % ("n/c", 11)), 5, lambda: ask(port, "/metrics").body.decode()[:9999])
    # Who shares goes on to, so that no series jumps.
    check(series(bytes_of % ("__overflow__", 7)) and not series('broadcast="n/b"'), "n/b has moved")
    # Half of the time in which a sign of life is waited for is the most.
    for bad, word in (("interval = 60", "WatchdogSec=180"), ("interval = 5\nintervall = 1", "no such setting")):
        before = agent.errors().count("the settings stay as they were")
        write(bad)
        agent.child.send_signal(signal.SIGHUP)
        wait_until(lambda: agent.errors().count("the settings stay as they were") > before, 5, agent.errors)
        check(word in agent.errors(), agent.errors())
    check("interval = 5 from now on" not in agent.errors(), agent.errors())
    check(series("moqstat_tick_interval_seconds 0.2"), "the interval stays")
    world.stop(agent)


CASES = (service_notifies, service_watchdog_too_short, service_socket, service_reload)
