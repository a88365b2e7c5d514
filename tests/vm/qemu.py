# SPDX-License-Identifier: MIT
"""Boots a kernel with an initramfs under QEMU, and reads its verdict."""

import os
import re
import subprocess
import tempfile

QEMU = "qemu-system-x86_64"
GUEST_SECONDS = 300
PASSED, FAILED = 1, 3  # QEMU's exit status where the guest has told: twice its own plus one


def emulator():
    """TCG. Before QEMU 8.1 a guest that patches its own code, as a kernel does for probes, oopses now
    and then if each of its CPUs has a thread."""
    text = subprocess.run([QEMU, "--version"], capture_output=True, check=True).stdout.decode()
    version = tuple(int(n) for n in re.search(r"version (\d+)\.(\d+)", text).groups())
    return "tcg,thread=" + ("multi" if version >= (8, 1) else "single")


def accelerator(image, initrd):
    """KVM, where it is there and runs an unmodified kernel, which /dev/kvm alone doesn't promise."""
    modules = ("/sys/module/kvm_intel", "/sys/module/kvm_amd")
    if os.access("/dev/kvm", os.R_OK | os.W_OK) and any(os.path.exists(m) for m in modules):
        with tempfile.TemporaryDirectory() as scratch:
            console, tests = (os.path.join(scratch, name) for name in ("console", "tests"))
            if boot("kvm", image, initrd, ("--help",), console, tests, seconds=20) == PASSED:
                return "kvm"
    return emulator()


def command(accel, image, initrd, words, *serial):
    """`words` are init's arguments."""
    line = "console=ttyS0 panic=-1 quiet rcupdate.rcu_expedited=1"
    if words:
        line += " -- " + " ".join(words)
    lines = [word for one in serial for word in ("-serial", one)]
    return [
        QEMU, "-accel", accel, "-machine", "q35", "-cpu", "max", "-m", "1G", "-smp", "2",
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", *lines,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
        "-kernel", image, "-initrd", initrd, "-append", line,
    ]


def boot(accel, image, initrd, words, console, tests, seconds=GUEST_SECONDS):
    """Run a guest to its end. Its two serial lines go to files. QEMU's exit status, or None if it
    had to be ended."""
    line = command(accel, image, initrd, words, f"file:{console}", f"file:{tests}")
    with open(console + ".qemu", "wb") as err:
        with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=err, stderr=err) as machine:
            try:
                return machine.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                machine.kill()


def shell(accel, image, initrd):
    """A guest with a shell on this terminal."""
    line = command(accel, image, initrd, (), "mon:stdio", "null")
    return subprocess.run(line, check=False).returncode
