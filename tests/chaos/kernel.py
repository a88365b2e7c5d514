# SPDX-License-Identifier: MIT
"""What the kernel, and a probed process, hold of an agent: BPF objects, uprobes, breakpoints."""

import glob
import json
import os
import re
import shutil
import subprocess

from harness import check, wait_until

KINDS = ("prog", "map", "link")
BPFTOOL = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
EVENTS = "/sys/kernel/tracing/uprobe_events"


def objects():
    """All BPF programs, maps and links there are, as (kind, id)."""
    check(BPFTOOL, "bpftool is needed (Debian package bpftool)")
    found = set()
    for kind in KINDS:
        run = subprocess.run([BPFTOOL, "-j", kind, "show"], capture_output=True, check=False)
        check(run.returncode == 0, f"bpftool {kind} show: {run.stderr.decode()}")
        found |= {(kind, one["id"]) for one in json.loads(run.stdout or b"[]")}
    return found


def held(pid):
    """Those that a process holds by a descriptor."""
    found = set()
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        try:
            with open(path, encoding="ascii", errors="replace") as f:
                text = f.read()
        except OSError:
            continue
        found |= {(kind, int(n)) for kind, n in re.findall(r"^(prog|map|link)_id:\s*(\d+)", text, re.M)}
    return found


def left(before):
    """What has come since and no living process holds: left behind by one that has gone. On a machine
    of our own that is all that wasn't there before."""
    now = objects() - before
    for pid in filter(str.isdigit, os.listdir("/proc")) if now else ():
        now -= held(pid)
    # What was freed in the meantime is no concern.
    return now & objects() if now else now


def told(found):
    """What they are, as bpftool tells it."""
    lines = []
    for kind, n in sorted(found):
        run = subprocess.run([BPFTOOL, kind, "show", "id", str(n)], capture_output=True, check=False)
        lines.append(f"{kind} {(run.stdout + run.stderr).decode().strip()}")
    return "\n".join(lines)


def events():
    """The uprobes that tracefs knows; none where the kernel has no such file."""
    try:
        with open(EVENTS, encoding="ascii") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def breakpoints(pid):
    """How many bytes of a process's code aren't what its executable says."""
    changed = 0
    exe = os.stat(f"/proc/{pid}/exe")
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        lines = [line.split() for line in f]
    with open(f"/proc/{pid}/exe", "rb") as file, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in lines:
            if "x" not in line[1] or int(line[4]) != exe.st_ino:
                continue
            start, end = (int(n, 16) for n in line[0].split("-"))
            file.seek(int(line[2], 16))
            memory.seek(start)
            ours, theirs = file.read(end - start), memory.read(end - start)
            check(ours and len(ours) <= len(theirs), f"the code of process {pid} can be read")
            for at in range(0, len(ours), 4096):
                a, b = ours[at : at + 4096], theirs[at : at + 4096]
                if a != b:
                    changed += sum(x != y for x, y in zip(a, b))
    return changed


def clean(pid, before, seconds=15):
    """Nothing of an agent is left, in the kernel or in the process that it probed. What others leave
    for a moment, if there are any on this machine, isn't the same a moment later."""
    found = left(before)

    def gone():
        found.intersection_update(left(before) if found else ())
        return not found

    wait_until(gone, seconds, lambda: f"left in the kernel: {told(found)}")
    check(not events(), f"{EVENTS}: {events()}")
    wait_until(lambda: not breakpoints(pid), seconds, lambda: f"{breakpoints(pid)} bytes changed")
