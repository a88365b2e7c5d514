# SPDX-License-Identifier: MIT
"""README, the guide and the rest: every command, option and message in them is one that there is."""

import glob
import os
import re

from checks import check

DOCUMENTS = ("README.md", "docs/guide.md", "docs/status.md")
ALSO = ("packaging/*.in", "packaging/*.service", "packaging/*.socket", "packaging/prometheus/*", "packaging/grafana/*")

# Options of other programs.
OTHERS = {"--version", "--help",  # every program's
          "--locked",  # cargo
          "--stats-prefix", "--stats-enabled", "--stats-interval", "--stats-depth", "--stats-linger",  # moq-relay
          "--web-http-listen",
          "--no-install-recommends",  # apt-get
          "--strip-components",  # tar
          "--now"}  # systemctl
MESSAGE = re.compile(r"^\| `([^`]+)` \|", re.M)  # a row of a table that begins with one
NAMES = {"MOQSTAT_NAME", "MOQSTAT_CONFIG", "MOQSTAT_TOKEN"}  # besides one for each setting


def code(text):
    """The code in a document: blocks and spans, a piece each."""
    blocks = re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    lines = [line for line in rest.split("\n") if line.startswith("    ")]
    prose = "\n".join(line for line in rest.split("\n") if not line.startswith("    "))
    return [line for block in blocks for line in block.split("\n")] + lines + \
        [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def every_option(words):
    """No option that there isn't."""
    files = [*DOCUMENTS, *(os.path.relpath(p, words.top) for a in ALSO for p in glob.glob(os.path.join(words.top, a)))]
    for path in files:
        text = words.read(path).replace("\\-", "-")
        for option in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", text):
            check(option in words.settings or f"--{option}" in OTHERS, f"{path}: moqstat has no option --{option}")
        for name in re.findall(r"\bMOQSTAT_[A-Z_]+", text):
            known = name in NAMES or name[8:].lower().replace("_", "-") in words.settings
            check(known, f"{path}: there is no setting {name}")


def every_command(words):
    """No command that there isn't, no option behind one that it doesn't take; and none is forgotten."""
    told = set()
    for path in DOCUMENTS:
        for piece in code(MESSAGE.sub("", words.read(path))):
            for name, rest in re.findall(r"(?<![\w./-]|[/.-])(?:build/)?moqstat ([a-z]+)\b([^|;&`#]*)", piece):
                check(name in words.commands, f"{path}: moqstat has no command {name}: {piece}")
                told.add(name)
                for option in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", rest):
                    good = f"--{option}" in OTHERS or name in words.settings[option]["commands"]
                    check(good, f"{path}: moqstat {name} doesn't take --{option}: {piece}")
    check(told == set(words.commands), f"neither README nor guide tells of {set(words.commands) - told}")


def every_target(words):
    """`make X` makes something."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", words.read("Makefile"), re.M))
    for path in DOCUMENTS:
        for piece in code(words.read(path)):
            for name in re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", piece):
                check(name in targets, f"{path}: there is no target {name}")


def literals(words):
    """The texts in the program, each as it is put together; what is filled in is a zero byte."""
    found = []
    for path in glob.glob(os.path.join(words.top, "user", "*.[ch]")):
        source = re.sub(r"/\*.*?\*/", "", words.read(path), flags=re.S)
        defined = dict(re.findall(r'^#define\s+(\w+)\s+((?:\\\n|\s)*"(?:[^"\\\n]|\\.)*"(?:(?:\\\n|\s)*"(?:[^"\\\n]|\\.)*")*)', source, re.M))
        for run in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*(?:[A-Z][A-Z_0-9]+\s*)?"(?:[^"\\\n]|\\.)*")*', source) + list(defined.values()):
            parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"|([A-Z][A-Z_0-9]+)', run)
            text = "".join(part if not macro else "\0" for part, macro in parts)
            found.append(re.sub(r"%[-.*0-9]*(?:ll|l|z|h)*[a-zA-Z]", "\0", text).replace('\\"', '"').replace("%%", "%"))
    return "\n".join(found)


def every_message(words):
    """What the guide quotes in its troubleshooting, the program says."""
    section = words.read("docs/guide.md").split("## Troubleshooting\n")[1].split("\n## ")[0]
    messages = MESSAGE.findall(section)
    said = literals(words)
    check(len(messages) >= 30, f"only {len(messages)} messages are explained")
    for message in messages:
        for piece in re.split(r"\s*…\s*", message):
            check(not piece or piece in said, f"nothing in user/ says {piece!r} (of {message!r})")


def every_field(words):
    """The guide tells of every field of every track, every reason of a loss, every state."""
    guide = words.read("docs/guide.md")
    formats = words.read("user/collect_format.c")
    for kind in ("fields", "session_fields", "lost"):
        names = re.search(rf"collect_format_{kind}\[[^=]*= \{{(.*?)\}};", formats, re.S)
        check(names, f"collect_format.c has no table of {kind}")
        for name in re.findall(r'"(\w+)"', names.group(1)):
            # Of a layout that no release has so far.
            check(name in ("none", "announced_bytes") or f"`{name}`" in guide, f"the guide doesn't tell of {name}")


def every_link(words):
    """Links within the sources lead somewhere."""
    for path in DOCUMENTS:
        text = words.read(path)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if link.startswith("http"):
                continue
            where, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), where)) if where else path
            check(os.path.exists(os.path.join(words.top, target)), f"{path}: {link} isn't there")
            if anchor:
                heads = {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-")
                         for h in re.findall(r"^#+ +(.*)$", words.read(target), re.M)}
                check(anchor in heads, f"{path}: {link}: there are {sorted(heads)}")


CASES = (every_option, every_command, every_target, every_message, every_field, every_link)
