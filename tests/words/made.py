# SPDX-License-Identifier: MIT
"""What is made of the table of settings: the manual page, and what shells complete."""

import json
import os
import pty
import re
import select
import subprocess
import time

from checks import SLOW, Failure, check


def output(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    check(done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}")
    return done


def options(words, command):
    """What this command takes, but what is for tests."""
    return {f"--{s['name']}" for s in words.declared["settings"] if command in s["commands"] and not s["testing"]}


def manual(words):
    """It renders without a warning, and has all that there is in it."""
    page = os.path.join(words.made, "moqstat.8")
    for command in (["groff", "-ww", "-man", "-t", "-Tutf8", "-z", page], ["man", "--warnings=w", "-l", page],
                    ["lexgrog", page]):
        done = output(command, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "120", "MANPAGER": "cat"})
        check(not done.stderr, f"{command} warns: {done.stderr}")
    text = output(["man", "-l", page], env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "400",
                                            "MANPAGER": "cat", "MAN_KEEP_FORMATTING": ""}).stdout
    said = set(re.findall(r"^ +(--[a-z][a-z-]*)(?: |$)", text, re.M))
    wanted = {f"--{s['name']}" for s in words.declared["settings"] if not s["testing"]}
    check(said == wanted, f"lacks {wanted - said}, has {said - wanted} too many")
    for name, command in words.commands.items():
        check(re.search(rf"^ +{name}(?: +[A-Z]|$)", text, re.M), f"the command {name} isn't told of")
        for usage in command["usage"]:
            check(f"moqstat {name} {usage}" in text, f"the synopsis lacks: {name} {usage}")
    for status in "0123":
        check(re.search(rf"^ +{status} +\S", text, re.M), f"the exit status {status} isn't told of")


def version(words):
    """Its number in one line; and what it is made of."""
    number = words.ask("--version").strip().removeprefix("moqstat ")
    check(re.fullmatch(r"\d+\.\d+\.\d+", number), number)
    facts = json.loads(words.ask("version", "--json"))
    check(facts["version"] == number, f"{facts}")
    text = words.ask("version")
    check(text.startswith(f"moqstat {number}, {facts['architecture']}\n"), text)
    for layout in facts["layouts"]:
        check(layout["relays"] in text and layout["relays"] in words.read("README.md"), f"{layout}")
    check(facts["kernel"]["least"] in text and facts["libraries"]["libbpf"]["running"] in text, text)
    check("clang" in facts["bpf_compiler"], f"{facts}")


BASH = r"""
. /usr/share/bash-completion/bash_completion
. "$MADE/moqstat.bash"
COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9 COMP_KEY=9
complete -p moqstat > /dev/null || exit 1
_moqstat
printf '%s\n' "${COMPREPLY[@]}"
"""


def bash(words):
    """Of each command all options, and no other's; and values."""

    def complete(*line):
        done = output(["bash", "--norc", "-c", BASH, "bash", "moqstat", *line],
                      env={**os.environ, "MADE": words.made})
        check(not done.stderr, f"{line}: {done.stderr}")
        return set(done.stdout.split())

    check(complete("") == {*words.commands, "--help", "--version"}, f"{complete('')}")
    check(complete("do") == {"doctor"}, f"{complete('do')}")
    for name in words.commands:
        found = complete(name, "--")
        check(found == options(words, name) | {"--help"}, f"{name}: {found ^ options(words, name)}")
    check(complete("run", "--probes", "p") == {"perf_event"}, "a word's values")
    check(complete("run", "--interval", "") == set(), "nothing for a number")
    check(complete("run", "--exe", "/usr/bin/enva") == set() and "/usr/bin/env" in complete("run", "--exe", "/usr/bin/env"),
          "a file's name")


class Zsh:
    """An interactive zsh, which is typed to."""

    def __init__(self, made):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(TERM="dumb", LC_ALL="C.UTF-8")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.type(f"stty -echo; PS1=; fpath=({made} $fpath); autoload -U compinit; compinit -u -D\n")
        self.type("echo complete''d: is ready\n", "completed: is ready")

    def type(self, keys, until=None):
        """Type, and wait for the answer."""
        os.write(self.fd, keys.encode())
        said, end = "", time.monotonic() + 20 * SLOW
        while until and until not in said:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure(f"zsh: {keys!r}: not {until!r} but {said!r}")
            said += os.read(self.fd, 4096).decode(errors="replace")
        return said

    def complete(self, line, what):
        """What a tab makes of the line, when that is one thing: it is run by a function of our name."""
        self.type("moqstat() { print -r -- \"got:\" \"$@\" \":done\" }\n")
        self.type(f"{line}\t\n", f"got: {what}:done" if what.endswith(" ") else f"got: {what} :done")

    def end(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def zsh(words):
    """It parses, and completes what there is only one of."""
    output(["zsh", "-n", os.path.join(words.made, "_moqstat")])
    shell = Zsh(words.made)
    try:
        shell.complete("moqstat doc", "doctor")
        shell.complete("moqstat run --best", "run --best-effort")
        shell.complete("moqstat run --probes perf", "run --probes perf_event")
        shell.complete("moqstat sites --bin", "sites --binary")
        # No option of another command: the word stays as it is.
        shell.complete("moqstat sites --best", "sites --best")
    finally:
        shell.end()


def calls_of(name):
    """The system calls that systemd means by this name."""
    if not name.startswith("@"):
        return {name}
    lines = output(["systemd-analyze", "--no-pager", "syscall-filter", name]).stdout.split("\n")[1:]
    names = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(calls_of, names))


def units(words):
    """What the units leave is enough: what moqstat's own filter lets through, and what it takes to get there."""
    calls = set(re.findall(r"SCMP_SYS\((\w+)\)", words.read("user/filter.c"))) | {"setuid", "setgid", "setgroups"}
    rights = set(re.findall(r"\bCAP_[A-Z_]+\b", words.read("user/privileges.c"))) - {"CAP_LAST_CAP"}
    check(len(calls) > 90 and len(rights) > 6, f"{calls} {rights}")
    for unit in ("moqstat.service", "moqstat@.service"):
        text = words.read(f"packaging/{unit}")
        allowed = re.search(r"^SystemCallFilter=(.*)$", text, re.M).group(1).split()
        lacking = calls - set().union(*map(calls_of, allowed))
        check(not lacking, f"{unit}: SystemCallFilter lacks {lacking}")
        lacking = rights - set(re.search(r"^CapabilityBoundingSet=(.*)$", text, re.M).group(1).split())
        check(not lacking, f"{unit}: CapabilityBoundingSet lacks {lacking}")


CASES = (manual, version, bash, zsh, units)
