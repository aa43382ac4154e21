from typing import Any

from fastdicom._core.elements import Elements

def plain_value(elements: Elements, tag: int) -> Any: ...
