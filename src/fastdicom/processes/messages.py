"""What a program, its keeper and the processes that serve say to each other: a word, and what belongs to it.

Down go STOP, SHUTDOWN, ASK and TLS; up go LISTENING, FAILED, LOG, TOLD and ENDED.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Message: TypeAlias = tuple[Any, ...]

# Accept nothing more.
STOP = "stop"
# End: with the seconds that associations may go on, or None.
SHUTDOWN = "shutdown"
# Tell your numbers.
ASK = "ask"
# Use other settings of TLS: with the function that makes them.
TLS = "tls"

# Connections are accepted.
LISTENING = "listening"
# There will be no server: with the reason.
FAILED = "failed"
# Have something logged: with the level, the message and its arguments.
LOG = "log"
# The numbers that were asked for.
TOLD = "told"
# All is over: with how many associations were aborted, and the last numbers.
ENDED = "ended"

# Beyond the time of a drain, what a process may take to end before it is killed; in seconds.
GRACE = 15.0
