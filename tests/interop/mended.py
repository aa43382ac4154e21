"""Run a program on pynetdicom: ``python mended.py PROGRAM``. Its associations do not lose responses."""

from __future__ import annotations

import runpy
import sys

from peers import require_pynetdicom

require_pynetdicom()
runpy.run_path(sys.argv[1], run_name="__main__")
