"""PS3.4 Annex I: Media Storage, which is about files: no DIMSE service carries a DICOMDIR."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import Annex, ServiceClass, SOPClassRow

ANNEX = Annex("I", ServiceClass.MEDIA_STORAGE, (SOPClassRow(sop.MediaStorageDirectoryStorage, {}),))
