from typing import final

@final
class Linger:
    def __init__(self, milliseconds: int) -> None: ...
    milliseconds: int
