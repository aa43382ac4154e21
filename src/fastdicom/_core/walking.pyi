from collections.abc import Container
from typing import TypeAlias

from _typeshed import ReadableBuffer

Row: TypeAlias = tuple[int, int, str, int, int, int, bool]

def walk(
    data: ReadableBuffer,
    is_implicit: bool,
    is_big_endian: bool,
    *,
    begin: int = 0,
    end: int = -1,
    is_item: bool = False,
    vrs: Container[str] | None = None,
    maximum_depth: int = 64,
    maximum_elements: int = 1_000_000,
) -> list[Row]: ...
