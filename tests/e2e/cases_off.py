# SPDX-License-Identifier: MIT
"""What a relay counts with its statistics off, by every other sign than the entry pointers: the
loads of cases.py in two further modes, and loads of their own."""

import cases

# Loads that go through still moments, in any mode.
LOADS = (
    cases.one_broadcast,
    cases.many,
    cases.flicker,
    cases.second_subscription,
    cases.transports,
    cases.versions,
    cases.two_tiers,
    cases.roots,
    cases.paused_load,
    cases.missing_track,
    cases.escapes,
    cases.long_paths,
    cases.capacity,
    cases.capacity_comes_back,
    cases.two_relays,
)

CASES = tuple((case, mode) for case in LOADS for mode in ("guard", "off"))
