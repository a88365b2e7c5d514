# SPDX-License-Identifier: MIT
"""Ports for what has to be told one before it listens."""

import random
import socket

GIVEN = set()  # to whom doesn't matter


def free_port():
    """A port that is free for UDP and TCP alike, and nobody else of this run was given. Below those
    that the kernel gives to whoever asks for any: nobody gets it before it is bound."""
    while True:
        port = random.randrange(20000, 32000)
        if port in GIVEN:
            continue
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("::", port))
                udp.bind(("::", port))
            except OSError:
                continue
            GIVEN.add(port)  # while the sockets are bound nobody else can find it
            return port
