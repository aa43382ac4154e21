from collections.abc import Iterator

from typing_extensions import Buffer

class Transcoding:
    def __init__(
        self,
        data: Buffer,
        from_implicit: bool,
        from_big_endian: bool,
        to_implicit: bool,
        to_big_endian: bool,
        *,
        begin: int = 0,
        end: int = -1,
        maximum_depth: int = 64,
        maximum_elements: int = 1_000_000,
    ) -> None: ...
    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def pieces(self, piece_length: int = ...) -> Iterator[bytes | memoryview]: ...
