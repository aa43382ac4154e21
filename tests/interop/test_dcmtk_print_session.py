"""Our print session with DCMTK's printer, and DCMTK's print client with our rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import archive
import numpy as np
import pytest
from peer_servers import dcmprscp, printer_configuration
from peers import run_dcmtk
from pydicom import dcmread
from servers import port_of, serving

from fastdicom import AE
from fastdicom.sop_class import BasicGrayscalePrintManagementMeta, PresentationLUT
from fastdicom.workflow.print_films import Film, PrinterDescription
from fastdicom.workflow.print_provider import PrintProvider
from fastdicom.workflow.printing import PrintError, PrintSession, printer_status

IMAGE = archive.INSTANCES[0]


def test_our_session_at_their_printer(tmp_path: Path) -> None:
    directory = tmp_path / "printer"
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    ae = AE("MODALITY")
    ae.add_requested_context(BasicGrayscalePrintManagementMeta)
    ae.add_requested_context(PresentationLUT)
    with (
        dcmprscp(directory) as server,
        ae.associate("127.0.0.1", server.port, ae_title="PRINTER") as association,
    ):
        assert printer_status(association).status == "NORMAL"
        with PrintSession(association, copies=2, priority="LOW") as session:
            lut = session.add_lut("IDENTITY")
            film = session.add_film(r"STANDARD\2,2", orientation="PORTRAIT", size="8INX10IN", lut=lut)
            assert len(film.image_boxes) == 4
            film.image_boxes[0].set(pixels, polarity="NORMAL")
            film.image_boxes[1].set((pixels >> 4).astype(np.uint8))
            assert film.print() is None
            with pytest.raises(PrintError) as caught:
                PrintSession(association)
            assert caught.value.status == 0x0111  # as ours: one session at a time
            film.delete()
        assert session.warnings == [], server.said()
        assert association.is_established
    hardcopies = sorted((dcmread(path) for path in (directory / "database").glob("HG_*.dcm")), key=bits)
    assert [bits(each) for each in hardcopies] == [8, 12]
    assert np.array_equal(hardcopies[1].pixel_array, pixels)


def bits(hardcopy: Any) -> int:
    return int(hardcopy.BitsStored)


@pytest.mark.parametrize("is_whole_session", [False, True])
def test_their_client_at_our_printer(tmp_path: Path, is_whole_session: bool) -> None:
    printed: list[Film] = []

    def print_films(films: Sequence[Film], job: object) -> None:
        printed.extend(films)

    provider = PrintProvider(print_films, PrinterDescription(terms={"FilmSizeID": ("8INX10IN", "14INX17IN")}))
    ae = AE("PRINTER")
    ae.add_supported_context(BasicGrayscalePrintManagementMeta)
    ae.add_supported_context(PresentationLUT)
    with serving(ae, provider.handlers) as server:
        configuration = printer_configuration(tmp_path / "jobs", port_of(server), is_local=False)
        path = archive.write(tmp_path / "archive")[IMAGE.uid]
        result = run_dcmtk("dcmpsprt", "-v", "-c", configuration, "-p", "PRINTER", path, cwd=tmp_path)
        assert result.returncode == 0, result.stdout
        (job,) = (configuration.parent / "database").glob("SP_*.dcm")
        options = ["--session-print"] if is_whole_session else []
        result = run_dcmtk(
            "dcmprscu", "-v", *options, "-c", configuration, "-p", "PRINTER", "--copies", 2, job, cwd=tmp_path
        )
    assert result.returncode == 0, result.stdout
    assert "E:" not in result.stdout and "W:" not in result.stdout, result.stdout
    (film,) = printed
    assert film.copies == 2
    (image,) = film.images
    assert image.array().shape == (128, 128)
    assert image.lut is not None
    assert len(provider._hierarchies) == 0
