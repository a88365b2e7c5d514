# SPDX-License-Identifier: MIT
"""The socket that a service manager passes, as systemd-socket-activate does; and how the server ends,
and what it logs, for scripts and service managers."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from checks import check, wait_until
from ports import free_port
from server import Server

# What passes descriptors from 3 on, to the process that it becomes.
PASS = 'export LISTEN_PID=$$ LISTEN_FDS=$1; shift; exec "$@"'


@contextlib.contextmanager
def passing(sockets, *command):
    """A command that is passed these sockets, and the descriptors to start it with."""
    count = len(sockets)
    # Copies above those that it moves them to, lest one is written over before it has been moved.
    high = [fcntl.fcntl(s, fcntl.F_DUPFD_CLOEXEC, 3 + count) for s in sockets]
    moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(high))
    script = f"exec {moves}; {PASS}" if count else PASS
    try:
        yield ["bash", "-c", script, "bash", str(count), *command], high
    finally:
        for fd in high:
            os.close(fd)


def refused(server, sockets, word, *args):
    with passing(sockets, server.moqstat, "serve", "--listen", "socket", *args) as (command, high):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              pass_fds=high, timeout=20, check=False)
    said = done.stderr.decode()
    check(done.returncode == 2 and word in said, f"{word}: {done.returncode} {said}")


def listener(family=socket.AF_INET, address=("127.0.0.1", 0)):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.bind(address)
    s.listen()
    return s


def ask(s, address):
    """What a server says at that address, over a socket of this kind."""
    with socket.socket(s.family, socket.SOCK_STREAM) as c:
        c.settimeout(20)
        c.connect(address)
        c.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = b""
        while data := c.recv(4096):
            said += data
        return said


def socket_refused(server):
    """What is passed is judged by what it is; what isn't there, or isn't one, is told."""
    done = subprocess.run([server.moqstat, "serve", "--listen", "socket"], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=20, check=False)
    check(done.returncode == 2 and b"no socket was passed" in done.stderr, f"{done}")
    with listener() as one, listener() as other, listener(address=("0.0.0.0", 0)) as anyone, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, \
            listener(socket.AF_INET6, ("::", 0)) as six:
        refused(server, [one, other], "passes 2 sockets")
        refused(server, [anyone], "--token-file")
        refused(server, [six], "--token-file")
        refused(server, [datagrams], "no stream socket that listens")
        # As with Accept=yes.
        with socket.create_connection(one.getsockname()) as client:
            refused(server, [client], "no stream socket that listens")


def socket_outlives(server):
    """What one server leaves in it the next one answers: a restart loses no client."""
    with tempfile.TemporaryDirectory() as directory:
        local = os.path.join(directory, "s")
        for one, address in ((listener(), None), (listener(socket.AF_UNIX, local), local)):
            with one:
                address = address or one.getsockname()
                for _ in range(2):
                    passed = passing([one], server.moqstat, "serve", "--listen", "socket")
                    with passed as (command, high), tempfile.TemporaryFile() as err, subprocess.Popen(
                        command, stdin=subprocess.PIPE, stderr=err, pass_fds=high
                    ) as child:
                        try:
                            check(b"200 OK" in ask(one, address), "it answers")
                            child.send_signal(signal.SIGTERM)
                            check(child.wait(20) == 0, "it ends well")
                        finally:
                            child.kill()
                        err.seek(0)
                        check(local.encode() in err.read() or one.family == socket.AF_INET,
                              "it says where")
                # Nobody has shut it down.
                with socket.socket(one.family, socket.SOCK_STREAM) as c:
                    c.settimeout(5)
                    c.connect(address)


def socket_activated(server):
    """By systemd's own tool: the first client starts it, and is answered; with tokens others may
    reach it."""
    with tempfile.TemporaryDirectory() as directory:
        tokens = os.path.join(directory, "tokens")
        with open(tokens, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("t" * 20 + " never tracks,metrics\n")
        for host, more, status in (("127.0.0.1", [], b"200 OK"),
                                   ("0.0.0.0", ["--token-file", tokens], b"200 OK")):
            port = free_port()
            with tempfile.TemporaryFile() as err, subprocess.Popen(
                ["systemd-socket-activate", "-l", f"{host}:{port}", server.moqstat, "serve",
                 "--listen", "socket", *more],
                stdin=subprocess.PIPE, stderr=err,
            ) as child:
                try:
                    wait_until(lambda: os.pread(err.fileno(), 4096, 0).startswith(b"Listening"), 10,
                               "the tool listens")
                    with listener() as kind:
                        check(status in ask(kind, ("127.0.0.1", port)), "the first client is answered")
                finally:
                    child.terminate()
                    ended = child.wait(20)
                check(ended == 0, f"it ends well: {ended}")


def journal(path):
    """JOURNAL_STREAM of a file that is to be taken for the journal."""
    found = os.stat(path)
    return dict(os.environ, JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}")


def logs(server):
    """Messages for programs and for the journal, of whatever is not fit for a terminal."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "log")
        hostile = os.path.join(directory, "to\n<0>ken\x1b[2J")
        with open(path, "wb") as err:
            for more in ([], ["--log-format", "json"]):
                done = subprocess.run(
                    [server.moqstat, "serve", "--listen", "127.0.0.1:0", "--token-file", hostile, *more],
                    stdin=subprocess.DEVNULL, stderr=err, env=journal(path), check=False,
                    timeout=20,
                )
                check(done.returncode == 2, f"{done}")
        with open(path, "rb") as said:
            lines = said.read().split(b"\n")
        check(len(lines) == 3 and not lines[2], f"a line each: {lines}")
        check(lines[0].startswith(b"<3>error: ") and b"to\\x0a<0>ken\\x1b[2J" in lines[0], f"{lines}")
        check(lines[1].startswith(b"<3>{"), f"{lines}")
        entry = json.loads(lines[1][3:])
        check(set(entry) == {"time", "level", "message"} and entry["level"] == "error"
              and "to\\x0a<0>ken\\x1b[2J" in entry["message"], f"{entry}")
        wrote = time.strptime(entry["time"].split(".")[0], "%Y-%m-%dT%H:%M:%S")
        check(abs(time.mktime(wrote) - time.mktime(time.gmtime())) < 100, f"{entry}")


def statuses(server):
    """How it ends, as documented; the end of a relay, 3, is one of the end-to-end cases."""
    other = Server(server.moqstat)
    other.get("/healthz")  # from here on it takes signals
    other.end()  # checks that SIGTERM gives 0
    other.clean()
    for status, words, out in ((0, ["--version"], None), (1, ["--version"], "/dev/full"),
                               (2, ["--nonsense"], None), (2, ["run", "--replay", "/nonexistent"], None),
                               (2, ["run", "--pid", "1", "--interval", "0"], None),
                               (2, ["serve", "--listen", "nowhere"], None)):
        with open(out or os.devnull, "wb") as to:
            done = subprocess.run([server.moqstat, *words], stdout=to, stderr=subprocess.PIPE,
                                  timeout=20, check=False)
        check(done.returncode == status, f"{words}: {done}")


CASES = (socket_refused, socket_outlives, socket_activated, logs, statuses)
