# SPDX-License-Identifier: MIT
"""Relays without symbols: `strip` of the release build, whole and in part."""

import json
import os
import subprocess

from cases import one_broadcast, transports
from harness import check


def sites(world, executable):
    """What a scan finds, names left aside: sites, and which function of the layout is where."""
    command = [world.moqstat, "sites", "--binary", executable, "--json", "--no-cache"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    check(done.returncode == 0, f"{command}: {done.stderr.decode()}")
    found = json.loads(done.stdout)
    for site in found["sites"]:
        del site["function"]  # an index
    functions = [(f["address"], f["which"]) for f in found["functions"] if f["which"] >= 0]
    return found["sites"], found["unprobed"], sorted(functions)


def strip(world, *how):
    """A copy of the relay without symbols."""
    path = os.path.join(world.dir, "moq-relay" + "".join(how))
    subprocess.run(["strip", *how, "-o", path, world.relay], check=True, timeout=60)
    return path


def stripped_sites(world):
    """Structure tells the same functions and sites as names do, to the operand."""
    sites_, unprobed, functions = sites(world, world.relay)
    check(len(sites_) > 300 and {which for _, which in functions} == {0, 1, 2, 3},
          "the relay has its symbols")
    for how in ((), ("--discard-all",), ("--strip-debug",)):
        path = strip(world, *how)
        other = sites(world, path)
        os.unlink(path)
        check(other[2] == functions, f"strip {how}: functions {other[2]}, not {functions}")
        check(other[1] == unprobed, f"strip {how}: {other[1]} can't be probed")
        differ = [(a, b) for a, b in zip(sites_, other[0]) if a != b]
        check(len(other[0]) == len(sites_) and not differ,
              f"strip {how}: {len(other[0])} sites, not {len(sites_)}; {differ[:3]}")


def stripped(world):
    """Its frames equal the relay's own."""
    world.relay = strip(world)
    one_broadcast(world)
    transports(world)


CASES = (stripped_sites, stripped)
