"""How a checking SCP says no: a status, and a comment that names attribute, value and rule."""

from __future__ import annotations

from pydicom.dataset import Dataset

from fastdicom.errors import FastdicomError

# (0000,0902) Error Comment is LO (PS3.7 Annex C).
COMMENT_LIMIT = 64


class Refusal(FastdicomError):
    """A request that is not done.

    Parameters
    ----------
    status
        The status of the response.
    comment
        Why, for (0000,0902) Error Comment; what is beyond 64 characters is cut off there.
    """

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status

    @property
    def answer(self) -> Dataset:
        """What a handler returns as its status."""
        return commented(self.status, str(self))


def commented(status: int, comment: str) -> Dataset:
    """Return a status with a comment, as handlers return it."""
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment.encode("ascii", "replace").decode().replace("\\", "/")[:COMMENT_LIMIT]
    return answer


def decoded(attributes: Dataset, status: int) -> Dataset:
    """Return a peer's data set with all its elements decoded.

    Parameters
    ----------
    attributes
        The data set.
    status
        What to refuse it with.

    Raises
    ------
    Refusal
        When it cannot be decoded.
    """
    try:
        for _ in attributes.iterall():
            pass
    except Exception as error:  # whatever pydicom raises on what the peer has sent
        raise Refusal(status, f"the data set cannot be decoded: {error}") from error
    return attributes
