# SPDX-License-Identifier: MIT
"""What holds, at once or after a while."""

import os
import time

# How many times longer than usual to wait for anything, on an emulated machine; nothing is proven by
# how long something takes.
SLOW = float(os.environ.get("TESTS_SLOW", "1"))

POLL = 0.02  # seconds


class Failure(Exception):
    """A check that did not hold."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def wait_until(condition, seconds, what):
    """Poll until the condition holds; its last value, or a failure."""
    seconds *= SLOW
    left, last = seconds, time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        if left <= 0:
            raise Failure(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(POLL)
        now = time.monotonic()
        # While this stood still the others did, too, and nothing was waited for.
        left, last = left - min(now - last, 1), now
