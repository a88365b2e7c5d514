# SPDX-License-Identifier: MIT
"""A program in a terminal: what it shows, as pyte's screen understands it, and keys for it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

from server import Failure, wait_until

# What ncurses keeps until the end of its process, as its documentation says.
SUPPRESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lsan.supp")

KEYS = {
    # Of xterm, as a program with a keypad asks for them.
    "up": "\x1bOA", "down": "\x1bOB", "right": "\x1bOC", "left": "\x1bOD",
    "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "home": "\x1bOH", "end": "\x1bOF",
    "enter": "\r", "esc": "\x1b", "tab": "\t", "erase": "\x7f",
}


class Terminal:
    def __init__(self, argv, rows=24, columns=120, term="xterm", env=None):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.child = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": term,
                 "LSAN_OPTIONS": f"print_suppressions=0:suppressions={SUPPRESSIONS}", **(env or {})},
        )

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.read()
        self.size(rows, columns)
        self.screen.resize(rows, columns)
        self.child.send_signal(signal.SIGWINCH)

    def read(self, seconds=0.05):
        """Take in what it has written."""
        end = time.monotonic() + seconds
        while select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            self.raw += data
            self.stream.feed(data)

    def lines(self):
        self.read()
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def press(self, *keys):
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())
            # So that an Esc isn't the beginning of what follows.
            self.read(0.1 if key == "esc" else 0.02)

    def shows(self, text, seconds=8):
        wait_until(lambda: text in self.text(), seconds, lambda: f"it shows {text!r}, not:\n{self.text()}")

    def hides(self, text, seconds=8):
        wait_until(lambda: text not in self.text(), seconds, lambda: f"it doesn't show {text!r}:\n{self.text()}")

    def names(self):
        """The names in the rows of the table, in order; the mark before one is left out."""
        lines = self.lines()
        heads = [i for i, line in enumerate(lines) if line.startswith(("BROADCAST", "AUTH ROOT"))]
        if not heads:
            return []
        return [line[1:].split("  ")[0].strip() for line in lines[heads[0] + 1 : -1] if line.strip()]

    def row(self, name):
        """The cells behind a name."""
        for line in self.lines():
            if line[1:].startswith(name + " "):
                # Units stand apart from their numbers.
                text = line[1 + len(name) :]
                for unit in ("B", "kB", "MB", "GB"):
                    text = text.replace(f" {unit} ", f"{unit} ")
                return text.split()
        return None

    def wait(self, seconds=10):
        end = time.monotonic() + seconds
        while self.child.poll() is None:
            self.read()
            if time.monotonic() > end:
                raise Failure(f"it has not ended within {seconds} s:\n{self.text()}")
        self.read(0.2)
        return self.child.returncode

    def errors(self):
        return self.child.stderr.read().decode(errors="replace")

    def restored(self):
        """Is the terminal as it was: its modes, its other screen left, the cursor seen?"""
        left = self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h") >= 0
        cursor = self.raw.rfind(b"\x1b[?25h") > self.raw.rfind(b"\x1b[?25l") or self.raw.rfind(
            b"\x1b[?12l\x1b[?25h"
        ) > self.raw.rfind(b"\x1b[?25l")
        return left and cursor and termios.tcgetattr(self.slave) == self.before

    def clean(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stderr.close()
        os.close(self.master)
        os.close(self.slave)
