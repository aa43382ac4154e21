"""The two sides of each contestant, as programs that the runner starts, one file a contestant.

A side reads commands as lines of JSON from its standard input and answers each with a line of JSON on its
standard output: see `fastdicom.bench.peers.side`. At the end of its input it exits.
"""
