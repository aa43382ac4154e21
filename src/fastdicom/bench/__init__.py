"""How fast fastdicom moves images, beside the bare sockets and other implementations.

``python -m fastdicom.bench`` runs one contestant after the other over the loopback interface, each side
in a process of its own, and reports ratios. What is measured:

- A figure is the median over rounds, with its minimum and maximum. In each round every contestant runs
  once, and the order rotates from round to round, so that a noisy moment of the machine hits them all.
- A contestant that takes seconds for a single message gets fewer rounds.
- A run is calibrated for each contestant to last about as long as the others' (`scenarios.py`), and is not
  counted unless each message was answered with success and, for ``store-write``, each file arrived.
- Time is taken inside the sending process with the monotonic clock, from the established association
  to the last response; in ``associate`` from the first connection to the end of the last. DCMTK's tools
  are timed from outside, less what they take for one message (`peers/dcmtk.py`).
- Files lie in a temporary directory: ``TMPDIR`` chooses the disk that ``store-write`` writes to.
- MB and GB are decimal, and count the data set's bytes only.
- CPU seconds are user and system time of both ends: for each GB where the rate is in MB/s, for each 1000
  operations elsewhere; the median over the rounds.
- Peak memory is the resident set size of the larger end, over all its runs in the scenario. Where eight
  processes send it is the largest one of them.

The scenarios from ``index`` to ``transcode-swap`` have no network: one process a contestant works on data
sets that it has in memory, over and over; `peers/data_sets.py` says what exactly, and that both sides do the
same. Their time is that of the loop over the operations. Those named ``-real`` go over the data sets of
pydicom's and pydicom-data's files, whole passes only, so that a file counts by the time that it takes; the
others over made CT images (`data_set_inputs.py`), of which ``header`` ones have 89 elements and no pixels.

The loopback interface and a warm page cache have no latency and no errors: the figures tell what the
software costs, not what a network delivers.
"""
