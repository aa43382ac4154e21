"""A server of several processes on one port: for handlers that cost CPU, on a Python with a GIL.

The program's own process has a `ProcessServer`, which does not serve itself. It starts a keeper, and the
keeper starts the processes that serve, and replaces those that die. The keeper has one thread and nothing
else to do, so that a process can be forked from it at any time; the program has whatever threads it likes.

They talk over pipes, in small tuples: a word, and what belongs to it (`messages`). Who finds that the other
end of its pipe has gone drains and ends, so that nothing survives a program that was killed.
"""
