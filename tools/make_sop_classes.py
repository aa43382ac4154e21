"""Write `src/fastdicom/_sop_classes.py`: one constant for each SOP class of PS3.6 Table A-1.

The UIDs and keywords come from pydicom's copy of the table. What the installed pydicom does not have yet,
and the older spellings that programs in the field import, are listed here. Run it from the top directory
after a new pydicom; `--check` writes nothing and fails when the file is not what would be written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom._uid_dict import UID_dictionary

TARGET = Path("src/fastdicom/_sop_classes.py")

# In PS3.6, but not in every pydicom 3 (keyword: UID).
NEWER = {
    "WaveformPresentationStateStorage": "1.2.840.10008.5.1.4.1.1.9.100.1",
    "WaveformAcquisitionPresentationStateStorage": "1.2.840.10008.5.1.4.1.1.9.100.2",
    "LabelMapSegmentationStorage": "1.2.840.10008.5.1.4.1.1.66.7",
    "HeightMapSegmentationStorage": "1.2.840.10008.5.1.4.1.1.66.8",
    "ThermographyImageStorage": "1.2.840.10008.5.1.4.1.1.601.3",
    "ThermographyMultiFrameImageStorage": "1.2.840.10008.5.1.4.1.1.601.4",
}

# Names that programs already import, for what PS3.6 calls differently (old name: PS3.6 keyword).
ALIASES = {
    "ModalityWorklistInformationFind": "ModalityWorklistInformationModelFind",
    "ColorPaletteInformationModelFind": "ColorPaletteQueryRetrieveInformationModelFind",
    "ColorPaletteInformationModelMove": "ColorPaletteQueryRetrieveInformationModelMove",
    "ColorPaletteInformationModelGet": "ColorPaletteQueryRetrieveInformationModelGet",
    "PseudoColorSoftcopyPresentationStageStorage": "PseudoColorSoftcopyPresentationStateStorage",
    "VariableModalityLUTSoftcopyPresentationStageStorage": (
        "VariableModalityLUTSoftcopyPresentationStateStorage"
    ),
    "OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage": (
        "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage"
    ),
    "RoboticArmRadiationRecordStorage": "RoboticRadiationRecordStorage",
    "RTBrachyApplicationSetupDeliveryInstructionsStorage": (
        "RTBrachyApplicationSetupDeliveryInstructionStorage"
    ),
}

# Named like storage classes, but of other service classes (PS3.4 Annexes I, J and GG).
NOT_STORAGE = {
    "MediaStorageDirectoryStorage",
    "StorageCommitmentPushModel",
    "StorageCommitmentPullModel",
    "HangingProtocolStorage",
    "ColorPaletteStorage",
    "GenericImplantTemplateStorage",
    "ImplantAssemblyTemplateStorage",
    "ImplantTemplateGroupStorage",
    "CTDefinedProcedureProtocolStorage",
    "ProtocolApprovalStorage",
    "XADefinedProcedureProtocolStorage",
    "InventoryStorage",
}

# What an SCU proposes when it does not know what it will send: a context each is all that 128 allow. The
# selection is that of DCMTK's storescu, retired classes that are still met included.
COMMON_STORAGE = (
    "StoredPrintStorage",
    "HardcopyGrayscaleImageStorage",
    "HardcopyColorImageStorage",
    "ComputedRadiographyImageStorage",
    "DigitalXRayImageStorageForPresentation",
    "DigitalXRayImageStorageForProcessing",
    "DigitalMammographyXRayImageStorageForPresentation",
    "DigitalMammographyXRayImageStorageForProcessing",
    "DigitalIntraOralXRayImageStorageForPresentation",
    "DigitalIntraOralXRayImageStorageForProcessing",
    "CTImageStorage",
    "EnhancedCTImageStorage",
    "LegacyConvertedEnhancedCTImageStorage",
    "UltrasoundMultiFrameImageStorageRetired",
    "UltrasoundMultiFrameImageStorage",
    "MRImageStorage",
    "EnhancedMRImageStorage",
    "MRSpectroscopyStorage",
    "EnhancedMRColorImageStorage",
    "LegacyConvertedEnhancedMRImageStorage",
    "NuclearMedicineImageStorageRetired",
    "UltrasoundImageStorageRetired",
    "UltrasoundImageStorage",
    "EnhancedUSVolumeStorage",
    "SecondaryCaptureImageStorage",
    "MultiFrameSingleBitSecondaryCaptureImageStorage",
    "MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
    "MultiFrameGrayscaleWordSecondaryCaptureImageStorage",
    "MultiFrameTrueColorSecondaryCaptureImageStorage",
    "StandaloneOverlayStorage",
    "StandaloneCurveStorage",
    "TwelveLeadECGWaveformStorage",
    "GeneralECGWaveformStorage",
    "AmbulatoryECGWaveformStorage",
    "HemodynamicWaveformStorage",
    "CardiacElectrophysiologyWaveformStorage",
    "BasicVoiceAudioWaveformStorage",
    "GeneralAudioWaveformStorage",
    "ArterialPulseWaveformStorage",
    "RespiratoryWaveformStorage",
    "StandaloneModalityLUTStorage",
    "StandaloneVOILUTStorage",
    "GrayscaleSoftcopyPresentationStateStorage",
    "ColorSoftcopyPresentationStateStorage",
    "PseudoColorSoftcopyPresentationStateStorage",
    "BlendingSoftcopyPresentationStateStorage",
    "XAXRFGrayscaleSoftcopyPresentationStateStorage",
    "XRayAngiographicImageStorage",
    "EnhancedXAImageStorage",
    "XRayRadiofluoroscopicImageStorage",
    "EnhancedXRFImageStorage",
    "XRayAngiographicBiPlaneImageStorage",
    "XRay3DAngiographicImageStorage",
    "XRay3DCraniofacialImageStorage",
    "BreastTomosynthesisImageStorage",
    "IntravascularOpticalCoherenceTomographyImageStorageForPresentation",
    "IntravascularOpticalCoherenceTomographyImageStorageForProcessing",
    "NuclearMedicineImageStorage",
    "RawDataStorage",
    "SpatialRegistrationStorage",
    "SpatialFiducialsStorage",
    "DeformableSpatialRegistrationStorage",
    "SegmentationStorage",
    "SurfaceSegmentationStorage",
    "RealWorldValueMappingStorage",
    "SurfaceScanMeshStorage",
    "SurfaceScanPointCloudStorage",
    "VLImageStorageTrial",
    "VLEndoscopicImageStorage",
    "VideoEndoscopicImageStorage",
    "VLMicroscopicImageStorage",
    "VideoMicroscopicImageStorage",
    "VLSlideCoordinatesMicroscopicImageStorage",
    "VLPhotographicImageStorage",
    "VideoPhotographicImageStorage",
    "OphthalmicPhotography8BitImageStorage",
    "OphthalmicPhotography16BitImageStorage",
    "StereometricRelationshipStorage",
    "OphthalmicTomographyImageStorage",
    "VLWholeSlideMicroscopyImageStorage",
    "VLMultiFrameImageStorageTrial",
    "LensometryMeasurementsStorage",
    "AutorefractionMeasurementsStorage",
    "KeratometryMeasurementsStorage",
    "SubjectiveRefractionMeasurementsStorage",
    "VisualAcuityMeasurementsStorage",
    "SpectaclePrescriptionReportStorage",
    "OphthalmicAxialMeasurementsStorage",
    "IntraocularLensCalculationsStorage",
    "MacularGridThicknessAndVolumeReportStorage",
    "OphthalmicVisualFieldStaticPerimetryMeasurementsStorage",
    "OphthalmicThicknessMapStorage",
    "BasicTextSRStorage",
    "EnhancedSRStorage",
    "ComprehensiveSRStorage",
    "Comprehensive3DSRStorage",
    "ProcedureLogStorage",
    "MammographyCADSRStorage",
    "KeyObjectSelectionDocumentStorage",
    "ChestCADSRStorage",
    "XRayRadiationDoseSRStorage",
    "ColonCADSRStorage",
    "ImplantationPlanSRStorage",
    "EncapsulatedPDFStorage",
    "EncapsulatedCDAStorage",
    "PositronEmissionTomographyImageStorage",
    "LegacyConvertedEnhancedPETImageStorage",
    "StandalonePETCurveStorage",
    "EnhancedPETImageStorage",
    "BasicStructuredDisplayStorage",
    "RTImageStorage",
    "RTDoseStorage",
    "RTStructureSetStorage",
    "RTBeamsTreatmentRecordStorage",
    "RTPlanStorage",
    "RTBrachyTreatmentRecordStorage",
    "RTTreatmentSummaryRecordStorage",
    "RTIonPlanStorage",
    "RTIonBeamsTreatmentRecordStorage",
    "RTBeamsDeliveryInstructionStorage",
)

HEADER = '''"""The SOP classes and well-known instances of PS3.6 Table A-1, a constant each.

Written by tools/make_sop_classes.py from the table of pydicom {version}: change that, not this.
"""

from __future__ import annotations

from pydicom.uid import UID


class SOPClass(UID):
    """The UID of a SOP class."""


'''


class Entry(NamedTuple):
    """One row of PS3.6 Table A-1."""

    keyword: str
    uid: str
    type: str
    is_retired: bool

    @property
    def is_storage(self) -> bool:
        """Tell whether the Storage Service Class (PS3.4 Annex B) has this SOP class."""
        return self.type == "SOP Class" and "Storage" in self.keyword and self.keyword not in NOT_STORAGE


def by_number(entry: Entry) -> list[int]:
    """Sort key: the components of the UID as numbers."""
    return [int(component) for component in entry.uid.split(".")]


def read_entries() -> list[Entry]:
    """Return SOP classes, Meta SOP classes and well-known instances by UID."""
    wanted = {"SOP Class", "Meta SOP Class", "Well-known SOP Instance"}
    entries = [
        Entry(keyword, uid, kind, retired == "Retired")
        for uid, (_, kind, _, retired, keyword) in UID_dictionary.items()
        if kind in wanted and keyword  # two retired UIDs have lost their names
    ]
    known = {entry.uid for entry in entries}
    entries += [Entry(keyword, uid, "SOP Class", False) for keyword, uid in NEWER.items() if uid not in known]
    return sorted(entries, key=by_number)


def table(name: str, comment: str, entries: list[Entry]) -> str:
    """Return the source of one tuple of SOP classes."""
    rows = "".join(f"    {entry.keyword},\n" for entry in entries)
    return f"\n# {comment}\n{name}: tuple[SOPClass, ...] = (\n{rows})\n"


def source() -> str:
    """Return the text of the module."""
    entries = read_entries()
    parts = [HEADER.replace("{version}", pydicom.__version__)]
    for entry in entries:
        class_name = "UID" if entry.type == "Well-known SOP Instance" else "SOPClass"
        note = "  # retired" if entry.is_retired else ""
        parts.append(f'{entry.keyword} = {class_name}("{entry.uid}"){note}\n')
    parts.append("\n# Older spellings of the names above.\n")
    parts += [f"{alias} = {keyword}\n" for alias, keyword in ALIASES.items()]
    storage = [entry for entry in entries if entry.is_storage]
    current = [entry for entry in storage if not entry.is_retired]
    retired = [entry for entry in storage if entry.is_retired]
    parts.append(table("STORAGE_CLASSES", "PS3.4 Annex B, with those of DICONDE and DICOS.", current))
    parts.append(table("RETIRED_STORAGE_CLASSES", "Still met in archives.", retired))
    common = [entry for entry in entries if entry.keyword in COMMON_STORAGE]
    if len(common) != len(COMMON_STORAGE):
        raise SystemExit(f"{len(COMMON_STORAGE) - len(common)} keywords in COMMON_STORAGE are unknown")
    parts.append(table("COMMON_STORAGE_CLASSES", "What an SCU proposes by default: at most 128 fit.", common))
    return "".join(parts)


def main() -> int:
    """Write the module, or compare it with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the file is out of date")
    text = source()
    if not parser.parse_args().check:
        TARGET.write_text(text, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text:
        print(f"{TARGET} is out of date", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
