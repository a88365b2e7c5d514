# SPDX-License-Identifier: MIT
"""The versions of the protocol that the load client and the relay at hand both speak."""

import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from tracks import TRACKS  # noqa: E402


def relay_release():
    """The release of the relay at hand, as numbers; the one that this is the contract of if there is none."""
    relay = os.environ.get("RELAY")
    if not relay:
        return 0, 12, 5
    told = subprocess.run([relay, "--version"], capture_output=True, text=True, timeout=60).stdout
    return tuple(int(n) for n in told.strip().removeprefix("moq-relay ").split("."))


RELEASE = relay_release()
OLD = RELEASE == (0, 12, 5)
# From 0.14 on a tier is a label: that of peers is what the operator says, and it has tracks from its
# first row on. Who asks a relay from 0.14.7 on for one that isn't there yet gets `{}`.
LABELS = RELEASE >= (0, 14)
# From 0.15 on options have other names; who isn't a peer isn't told of the relay's own broadcast, nor
# is a peer one by its certificate; and the root of whoever shows no token is empty.
LATER = RELEASE >= (0, 15)
TIERS = ("--auth-mtls-tier", "internal", "--cluster-tier", "internal") if LABELS and not LATER else ()
# From 0.13.1 on statistics may be sorted into several broadcasts.
DEPTH = RELEASE >= (0, 13, 1)
FIRST_TRACKS = tuple(t for t in TRACKS if not LABELS or "/" not in t)
WATCHED = FIRST_TRACKS if LABELS and RELEASE < (0, 14, 7) else TRACKS
# Later relays have another draft 18 than the client.
NEWEST = "moq-transport-18" if OLD else "moq-transport-17"
# They keep what a session of drafts 14 to 16 has announced after its end, as their own frames say:
# of those no row can be expected to go.
LETS_GO = OLD
LITE = ("moq-lite-01", "moq-lite-02", "moq-lite-03", "moq-lite-04")
IETF = tuple(dict.fromkeys(("moq-transport-14", "moq-transport-16", "moq-transport-17", NEWEST)))
# What the client has published isn't announced back to it by such a relay, but in the last one of these;
# and its IETF drafts are too old for it.
UNCONFIRMED = LITE[:-1] if LATER else ()
VERSIONS = LITE if LATER else LITE + IETF
