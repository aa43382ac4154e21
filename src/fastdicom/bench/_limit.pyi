from collections.abc import Sequence
from typing import Self

class Messages:
    """Messages of these lengths, over and over, each answered by response_length bytes."""

    def __new__(cls, lengths: Sequence[int], response_length: int) -> Self: ...
    def request(self, connection: int, content: bytes, n: int) -> int:
        """Send n messages out of content, which has one of each; return n."""
    def respond(self, connection: int, prefix: bytes | None = None) -> int:
        """Receive and answer until the peer closes; with a prefix, also write files; return how many."""

class Associations:
    """Associations of which each step takes so many bytes."""

    def __new__(
        cls, associate_rq: int, associate_ac: int, echo_rq: int, echo_rsp: int, release: int
    ) -> Self: ...
    def request(self, port: int, n: int) -> int:
        """Open, use and close n connections to 127.0.0.1:port; return n."""
    def accept(self, listener: int) -> int:
        """Answer one connection of the listening socket; return 1."""
