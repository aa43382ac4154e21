from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from fastdicom._core.elements import Elements

def raw_elements(
    elements: Elements, long_type: type[RawDataElement], copied_at_most: int, empty_text: bytes | None
) -> tuple[dict[BaseTag, RawDataElement], list[BaseTag]]: ...
