# SPDX-License-Identifier: MIT
"""What `moqstat doctor` says of a machine and its relays, and that run agrees."""

import json
import os
import subprocess

from agents import copy_of
from harness import SLOW, Client, Relay, check

STATES = ("ok", "note", "bad")


def doctor(world, *args, status=0, **kwargs):
    done = subprocess.run([world.moqstat, "doctor", "--json", *args], capture_output=True,
                          timeout=60 * SLOW, **kwargs)
    check(done.returncode == status, f"{args}: {done.returncode}, not {status}: {done}")
    check(done.stderr == b"", f"{args}: {done.stderr}")
    told = json.loads(done.stdout)
    check(told["works"] == (status == 0), f"{args}: {told}")
    return told["findings"]


def one(findings, name, pid=None):
    found = [f for f in findings if f["name"] == name and f.get("pid") == pid]
    check(len(found) == 1, f"one {name} of {pid}: {findings}")
    check(found[0]["state"] in STATES, f"{found}")
    return found[0]


def doctor_of_relays(world):
    """A relay with statistics, one without, one that is stripped, and a process that is none."""
    relays = {stats: Relay(world, stats=stats) for stats in (True, False)}
    for stats, relay in relays.items():
        findings = doctor(world, "--pid", str(relay.pid))
        check("nothing is open" in one(findings, "statistics", relay.pid)["text"], f"{findings}")
        client = Client(world, f"client-{stats}")
        client(f"connect P {relay.url}", "publish P d/x tracks=1", f"connect S {relay.url}",
               "subscribe S d/x t0 as=s")
        findings = doctor(world, "--pid", str(relay.pid))
        check(not [f for f in findings if f["state"] == "bad"], f"{findings}")
        for name in ("kernel", "rights", "btf", "cookies", "probes", "programs", "maps", "privileges"):
            one(findings, name)
        word = "on" if stats else "off"
        check(one(findings, "statistics", relay.pid)["text"].endswith(f"own are {word}"), f"{findings}")
        check("0.12.5" in one(findings, "layout", relay.pid)["text"], f"{findings}")
        one(findings, "fields", relay.pid)
    # Without a pid: both of them, and in words for people, too.
    findings = doctor(world)
    found = {f.get("pid") for f in findings}
    check({relay.pid for relay in relays.values()} <= found, f"{found}")
    told = subprocess.run([world.moqstat, "doctor"], check=True, capture_output=True).stdout.decode()
    check(told.endswith("`moqstat run` would work\n"), told)
    findings = doctor(world, "--pid", str(os.getpid()), status=1)
    bad = one(findings, "layout", os.getpid())
    check(bad["state"] == "bad", f"{bad}")


def doctor_finds_fault(world):
    """What run would fail with is found: rights, namespaces, a process that is not there."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    program = copy_of(world, "moqstat", world.moqstat)
    os.chmod(world.dir, 0o755)
    done = subprocess.run([program, "doctor", "--json"], capture_output=True, timeout=60, **nobody)
    check(done.returncode == 1, f"{done}")
    bad = {f["name"]: f["text"] for f in json.loads(done.stdout)["findings"] if f["state"] == "bad"}
    check("run moqstat as root" in bad["rights"], f"{bad}")
    apart = ["unshare", "--pid", "--fork", "--mount-proc", world.moqstat, "doctor", "--json"]
    done = subprocess.run(apart, capture_output=True, timeout=60)
    check(done.returncode == 1, f"{done}")
    bad = {f["name"]: f["text"] for f in json.loads(done.stdout)["findings"] if f["state"] == "bad"}
    check("--pid=host" in bad["namespace"], f"{bad}")
    findings = doctor(world, "--pid", "4194303", status=1)
    check("4194303" in one(findings, "process", 4194303)["text"], f"{findings}")


CASES = (doctor_of_relays, doctor_finds_fault)
