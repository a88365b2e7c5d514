# SPDX-License-Identifier: MIT
"""The words that a suite is called with."""

import sys

WRONG = 2  # exit status: what was asked for isn't there


def words(usage, good, flags=()):
    """The arguments. --help prints the usage; what is neither one of the flags nor `good`, a function of
    a word, is an error."""
    given = sys.argv[1:]
    if "-h" in given or "--help" in given:
        print(usage)
        sys.exit(0)
    for word in given:
        if word in flags or (not word.startswith("-") and good(word)):
            continue
        print(f"{sys.argv[0]}: {word!r} is neither an option nor known here; --help tells what is", file=sys.stderr)
        sys.exit(WRONG)
    return given
