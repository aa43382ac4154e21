"""Data sets as they travel: read, edited, transcoded and written without being decoded.

`EncodedDataset` stands for one data set in its transfer syntax, over any buffer. What is asked for is
decoded, what is changed is encoded, and all the rest stays the bytes that it was.
"""

from __future__ import annotations

from fastdicom.encoded.dataset import EncodedDataset

__all__ = ["EncodedDataset"]
