# SPDX-License-Identifier: MIT
"""What this kernel can do, found by trying it, and what BPF objects it holds."""

import ctypes
import os
import struct
import sys

SYS_BPF, SYS_PERF_EVENT_OPEN = 321, 298  # x86-64
MAP_CREATE, PROG_LOAD = 0, 5
PROG_GET_NEXT_ID, MAP_GET_NEXT_ID, LINK_GET_NEXT_ID = 11, 12, 31
MAP_LOOKUP_BATCH, LINK_CREATE = 24, 28
PROG_TYPE_KPROBE, MAP_TYPE_PERCPU_HASH = 2, 5
TRACE_UPROBE_MULTI = 48

LIBC = ctypes.CDLL(None, use_errno=True)

# What moqstat makes use of, and in which kernels it is expected. A kernel in between is expected to
# be like the older one; what is older than all is expected to have nothing.
EXPECTED = {
    "5.10": {"btf", "map_batch", "perf_uprobe"},
    "6.1": {"btf", "map_batch", "perf_uprobe", "atomic_fetch", "attach_cookie"},
    "6.12": {"btf", "map_batch", "perf_uprobe", "atomic_fetch", "attach_cookie", "uprobe_multi"},
    "6.18": {"btf", "map_batch", "perf_uprobe", "atomic_fetch", "attach_cookie", "uprobe_multi"},
}


def number(release):
    return tuple(int(part) for part in release.split(".")[:2])


def expected():
    """The row of the table that this kernel belongs to: its name and its features."""
    here = number(os.uname().release.split("-")[0])
    rows = [row for row in EXPECTED if number(row) <= here]
    return (rows[-1], EXPECTED[rows[-1]]) if rows else ("none", set())


def call(number_, *args):
    """A system call's result, or -errno."""
    done = LIBC.syscall(ctypes.c_long(number_), *args)
    return done if done >= 0 else -ctypes.get_errno()


def bpf(command, attr):
    """bpf(2); the attributes come back with what the kernel has written."""
    buffer = ctypes.create_string_buffer(attr, max(len(attr), 128))
    return call(SYS_BPF, ctypes.c_long(command), buffer, ctypes.c_long(len(buffer))), buffer.raw


def ids(command):
    """All objects of a kind."""
    found, last = set(), 0
    while True:
        done, attr = bpf(command, struct.pack("<IIII", last, 0, 0, 0))
        if done < 0:
            return found
        last = struct.unpack_from("<I", attr, 4)[0]
        found.add(last)


def objects():
    """Every BPF object that is there, as ("prog", id), ("map", id), ("link", id)."""
    kinds = {"prog": PROG_GET_NEXT_ID, "map": MAP_GET_NEXT_ID, "link": LINK_GET_NEXT_ID}
    return {(kind, one) for kind, command in kinds.items() for one in ids(command)}


def objects_of(pid):
    """Those that a process has descriptors of."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
            words = f.read().split()
        for kind in ("prog", "map", "link"):
            if f"{kind}_id:" in words:
                found.add((kind, int(words[words.index(f"{kind}_id:") + 1])))
    return found


def instruction(code, dst=0, src=0, offset=0, value=0):
    return struct.pack("<BBhi", code, src << 4 | dst, offset, value)


RETURN_0 = instruction(0xB7) + instruction(0x95)


def load(code, attach_type=0):
    """A uprobe's program: its descriptor, or -errno."""
    text = ctypes.create_string_buffer(code)
    name = ctypes.create_string_buffer(b"GPL")
    attr = struct.pack(
        "<IIQQIIQII16sII",
        PROG_TYPE_KPROBE, len(code) // 8, ctypes.addressof(text), ctypes.addressof(name),
        0, 0, 0, 0, 0, b"", 0, attach_type,
    )
    return bpf(PROG_LOAD, attr)[0]


def closed(descriptor):
    """Was it one? It is closed then."""
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True


def has_btf():
    try:
        with open("/sys/kernel/btf/vmlinux", "rb") as f:
            return f.read(2) == b"\x9f\xeb"
    except OSError:
        return False


def has_attach_cookie():
    return closed(load(instruction(0x85, value=174) + RETURN_0))


def has_atomic_fetch():
    """r1 = 0; *(u64 *)(r10 - 8) = r1; fetch and add r1 there."""
    code = instruction(0xB7, dst=1)
    code += instruction(0x7B, dst=10, src=1, offset=-8)
    code += instruction(0xDB, dst=10, src=1, offset=-8, value=1)
    return closed(load(code + RETURN_0))


def has_map_batch():
    """Reading an empty map in one go: no entry is what a kernel answers that can."""
    made = bpf(MAP_CREATE, struct.pack("<IIIII", MAP_TYPE_PERCPU_HASH, 8, 8, 16, 0))[0]
    if made < 0:
        return False
    room = ctypes.create_string_buffer(16 * 8 * 1024)
    at = ctypes.addressof(room)
    done = bpf(MAP_LOOKUP_BATCH, struct.pack("<QQQQIIQQ", 0, at, at, at, 16, made, 0, 0))[0]
    os.close(made)
    return done == -2


def has_perf_uprobe():
    """One on a file that nobody runs."""
    try:
        with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as f:
            kind = int(f.read())
    except OSError:
        return False
    path = ctypes.create_string_buffer(os.path.abspath(__file__).encode())
    attr = struct.pack("<IIQQQQQIIQQ", kind, 72, 0, 0, 0, 0, 0, 0, 0, ctypes.addressof(path), 0)
    buffer = ctypes.create_string_buffer(attr, 128)
    anyone, cpu, group, flags = (ctypes.c_long(n) for n in (-1, 0, -1, 0))
    return closed(call(SYS_PERF_EVENT_OPEN, buffer, anyone, cpu, group, flags))


def has_uprobe_multi():
    """A directory is the wrong kind of file (EBADF) for a kernel that knows the request."""
    program = load(RETURN_0, TRACE_UPROBE_MULTI)
    if program < 0:
        return False
    path = ctypes.create_string_buffer(b"/")
    offsets = (ctypes.c_uint64 * 1)(0)
    attr = struct.pack(
        "<IIIIQQQQIIII", program, 0, TRACE_UPROBE_MULTI, 0,
        ctypes.addressof(path), ctypes.addressof(offsets), 0, 0, 1, 0, 0, 0,
    )
    done = bpf(LINK_CREATE, attr)[0]
    os.close(program)
    return done == -9


def features():
    """The names of all that is there."""
    found = {}
    for name, function in globals().items():
        if name.startswith("has_"):
            found[name[4:]] = function()
    return {name for name, there in found.items() if there}


if __name__ == "__main__":
    print(os.uname().release, expected()[0], *sorted(features()))
    sys.exit(features() != expected()[1])
