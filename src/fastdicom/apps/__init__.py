"""The command-line tools: ``python -m fastdicom APP``.

One module a tool, each with a ``main(arguments)`` that returns the exit code. They use what any program
can use, the names in `fastdicom`, and take the positional arguments and short flags that DCMTK's and
pynetdicom's tools of the same names share.
"""
