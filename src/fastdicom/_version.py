"""The version, and how this implementation names itself to its peers (PS3.7 D.3.3.2)."""

from __future__ import annotations

__version__ = "0.1.0"

# Derived from a random UUID, PS3.5 B.2: nobody else has it, and no registration is needed.
IMPLEMENTATION_CLASS_UID = "2.25.218368165759294436397165607276097501032"

IMPLEMENTATION_VERSION_NAME = f"FASTDICOM_{__version__.replace('.', '')}"

# The names under which programs written for pynetdicom look for these. The values are ours, and so are the
# UIDs that are made with the prefix.
PYNETDICOM_IMPLEMENTATION_UID = IMPLEMENTATION_CLASS_UID
PYNETDICOM_IMPLEMENTATION_VERSION = IMPLEMENTATION_VERSION_NAME
PYNETDICOM_UID_PREFIX = f"{IMPLEMENTATION_CLASS_UID}."
