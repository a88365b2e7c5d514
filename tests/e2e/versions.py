# SPDX-License-Identifier: MIT
"""The versions of the protocol that the load client and the relay at hand both speak."""

import os
import subprocess


def relay_is_old():
    """Is it the release that this is the contract of, rather than a later one?"""
    relay = os.environ.get("RELAY")
    if not relay:
        return True
    told = subprocess.run([relay, "--version"], capture_output=True, text=True, timeout=60).stdout
    return told.strip() == "moq-relay 0.12.5"


OLD = relay_is_old()
# Later relays have another draft 18 than the client.
NEWEST = "moq-transport-18" if OLD else "moq-transport-17"
# They keep what a session of drafts 14 to 16 has announced after its end, as their own frames say:
# of those no row can be expected to go.
LETS_GO = OLD
LITE = ("moq-lite-01", "moq-lite-02", "moq-lite-03", "moq-lite-04")
IETF = tuple(dict.fromkeys(("moq-transport-14", "moq-transport-16", "moq-transport-17", NEWEST)))
VERSIONS = LITE + IETF
