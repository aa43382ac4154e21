from collections.abc import Sequence

from typing_extensions import Buffer

def find_texts(
    data: Buffer, tags: Sequence[int], is_implicit: bool, is_big_endian: bool, begin: int = 0
) -> tuple[list[str | None], int]: ...
