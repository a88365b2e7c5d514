# SPDX-License-Identifier: GPL-2.0-only
"""What vmlinux/generate and vmlinux/check share: BTF as bpftool dumps it, and types.txt."""

import json
import os
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KERNEL_BTF = "/sys/kernel/btf/vmlinux"
MODIFIERS = ("CONST", "VOLATILE", "RESTRICT", "TYPE_TAG")


class Wanted:
    """One type of types.txt."""

    def __init__(self, kind, name, members, fixed=False):
        self.kind = kind  # typedef, struct, enum, enumerators
        self.name = name  # None: anonymous
        self.members = members  # [(name, type to write or None)]
        self.fixed = fixed

    def __str__(self):
        if self.kind == "enumerators":
            return "enumerators " + " ".join(self.names())
        return f"{self.kind} {self.name}"

    def names(self):
        return [name for name, _ in self.members]


def read_types(path=os.path.join(HERE, "types.txt")):
    """Everything types.txt lists, in its order."""
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip()
            if not line or line.startswith("#"):
                continue
            if line[0].isspace() and lines:
                lines[-1] += line
            else:
                lines.append(line)
    wanted = []
    for line in lines:
        kind, *words = shlex.split(line)
        fixed = kind == "fixed"
        if fixed:
            kind, *words = words
        if kind == "typedef":
            wanted += [Wanted(kind, word, []) for word in words]
        elif kind in ("struct", "enum"):
            members = [tuple((word.split("=", 1) + [None])[:2]) for word in words[1:]]
            wanted.append(Wanted(kind, words[0], members, fixed))
        elif kind == "enumerators":
            wanted.append(Wanted(kind, None, [(word, None) for word in words]))
        else:
            sys.exit(f"{path}: not understood: {line}")
    return wanted


def bpftool():
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = os.environ.get("BPFTOOL") or shutil.which("bpftool", path=path)
    return found or sys.exit("bpftool: not found (Debian package bpftool)")


class Btf:
    """The types of one kernel or object file."""

    def __init__(self, file):
        command = [bpftool(), "--json", "btf", "dump", "file", file, "format", "raw"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr.decode()}{done.stdout.decode()}")
        self.types = {t["id"]: t for t in json.loads(done.stdout)["types"]}
        self.by_name = {}
        self.by_enumerator = {}
        for t in self.types.values():
            if t["name"] != "(anon)":
                self.by_name.setdefault((t["kind"], t["name"]), []).append(t)
            elif t["kind"] in ("ENUM", "ENUM64"):
                for value in t["values"]:
                    self.by_enumerator.setdefault(value["name"], []).append(t)

    def find(self, wanted):
        """The type that has the most of what is wanted, or None."""
        if wanted.kind == "enumerators":
            found = self.by_enumerator.get(wanted.names()[0], [])
        elif wanted.kind == "enum":
            found = self.by_name.get(("ENUM", wanted.name), [])
        else:
            found = self.by_name.get((wanted.kind.upper(), wanted.name), [])
        has = {"struct": self.fields, "typedef": lambda t: ()}.get(wanted.kind, self.enumerators)
        return max(found, key=lambda t: len(set(wanted.names()) & set(has(t))), default=None)

    def strip(self, type_id, typedefs=False):
        """The type without const and the like, and without typedefs if asked; None is void."""
        kinds = MODIFIERS + (("TYPEDEF",) if typedefs else ())
        t = self.types.get(type_id)
        while t and t["kind"] in kinds:
            t = self.types.get(t["type_id"])
        return t

    def size(self, type_id):
        t = self.strip(type_id, typedefs=True)
        if t is None:
            return 0
        if t["kind"] == "PTR":
            return 8
        if t["kind"] == "ARRAY":
            return t["nr_elems"] * self.size(t["type_id"])
        return t.get("size", 0)

    def fields(self, t, base=0):
        """{name: (bit offset, type id)} of a struct, with those of anonymous members."""
        found = {}
        for member in t["members"]:
            offset = base + member["bits_offset"]
            if member["name"] != "(anon)":
                found.setdefault(member["name"], (offset, member["type_id"]))
                continue
            inner = self.strip(member["type_id"])
            for name, field in self.fields(inner, offset).items():
                found.setdefault(name, field)
        return found

    @staticmethod
    def enumerators(t):
        return {value["name"]: value["val"] for value in t["values"]}
