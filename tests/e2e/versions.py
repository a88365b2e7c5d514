# SPDX-License-Identifier: MIT
"""The versions of the protocol that the load client and the relay at hand both speak."""

import os
import subprocess


def newest_draft():
    """Relays from 0.13 on have another draft 18 than the client."""
    relay = os.environ.get("RELAY")
    if not relay:
        return "moq-transport-18"
    told = subprocess.run([relay, "--version"], capture_output=True, text=True, timeout=60).stdout
    return "moq-transport-18" if told.startswith("moq-relay 0.12.") else "moq-transport-17"


NEWEST = newest_draft()
LITE = ("moq-lite-01", "moq-lite-02", "moq-lite-03", "moq-lite-04")
IETF = tuple(dict.fromkeys(("moq-transport-14", "moq-transport-16", "moq-transport-17", NEWEST)))
VERSIONS = LITE + IETF
