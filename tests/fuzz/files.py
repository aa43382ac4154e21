"""pydicom's test files as inputs of the targets that take a data set: written anew for each run, not kept.

`python -m fuzz.files FOLDER`, with `tests` on the path, writes FOLDER/TARGET/NAME. A data set that is longer
than a target takes goes without its pixel data, or not at all; a deflated one is inflated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from storage_files import all_paths

from fastdicom import EncodedDataset
from fastdicom.encoded.deflated import inflate
from fastdicom.encoded.syntax import syntax_of

LONGEST = 4000
PIXEL_DATA = 0x7FE00010

# What stands in front of a data set, by whether it is implicit, and big endian: the settings of the target.
SETTINGS: dict[str, Callable[[bool, bool], bytes]] = {
    "fd_walk": lambda is_implicit, is_big: bytes([is_implicit | is_big << 1]),
    "fd_transcode": lambda is_implicit, is_big: bytes([is_implicit | is_big << 1 | (not is_big) << 2]),
    "edit": lambda is_implicit, is_big: bytes([0 if is_implicit else 1 + is_big, 0]),
}


def data_sets() -> Iterator[tuple[str, bytes, bool, bool]]:
    """Yield the name of each file, its data set, and whether that is implicit, and big endian."""
    for path in all_paths():
        try:
            with EncodedDataset.open(path) as encoded:
                data = data_set_of(encoded)
                syntax = syntax_of(encoded.transfer_syntax)
        except ValueError:  # no DICOM file, or broken so that nothing can be left out of it
            continue
        if len(data) <= LONGEST:
            yield path.name, data, syntax.is_implicit, syntax.is_big_endian


def data_set_of(encoded: EncodedDataset) -> bytes:
    """Return an encoded data set, without its pixel data if it is long."""
    data = bytes(memoryview(encoded.data)[encoded.begin :])
    if syntax_of(encoded.transfer_syntax).is_deflated:
        return inflate(data)
    if len(data) <= LONGEST or PIXEL_DATA not in encoded:
        return data
    return data[: encoded.offsets(PIXEL_DATA)[0] - encoded.begin]


def main() -> None:
    """Write all inputs."""
    folder = Path(sys.argv[1])
    for target in SETTINGS:
        (folder / target).mkdir(parents=True, exist_ok=True)
    for name, data, is_implicit, is_big in data_sets():
        for target, settings in SETTINGS.items():
            (folder / target / name).write_bytes(settings(is_implicit, is_big) + data)


if __name__ == "__main__":
    main()
