# SPDX-License-Identifier: MIT
"""The tracks of a stats broadcast of moq-relay 0.12 and 0.13, in the order of their names in moqstat."""

TRACKS = (
    "publisher.json",
    "subscriber.json",
    "internal/publisher.json",
    "internal/subscriber.json",
    "sessions.json",
    "internal/sessions.json",
)
