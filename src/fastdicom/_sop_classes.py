"""The SOP classes and well-known instances of PS3.6 Table A-1, a constant each.

Written by tools/make_sop_classes.py from the table of pydicom 3.0.2: change that, not this.
"""

from __future__ import annotations

from pydicom.uid import UID


class SOPClass(UID):
    """The UID of a SOP class."""


Verification = SOPClass("1.2.840.10008.1.1")
MediaStorageDirectoryStorage = SOPClass("1.2.840.10008.1.3.10")
HotIronPalette = UID("1.2.840.10008.1.5.1")
PETPalette = UID("1.2.840.10008.1.5.2")
HotMetalBluePalette = UID("1.2.840.10008.1.5.3")
PET20StepPalette = UID("1.2.840.10008.1.5.4")
SpringPalette = UID("1.2.840.10008.1.5.5")
SummerPalette = UID("1.2.840.10008.1.5.6")
FallPalette = UID("1.2.840.10008.1.5.7")
WinterPalette = UID("1.2.840.10008.1.5.8")
BasicStudyContentNotification = SOPClass("1.2.840.10008.1.9")  # retired
StorageCommitmentPushModel = SOPClass("1.2.840.10008.1.20.1")
StorageCommitmentPushModelInstance = UID("1.2.840.10008.1.20.1.1")
StorageCommitmentPullModel = SOPClass("1.2.840.10008.1.20.2")  # retired
StorageCommitmentPullModelInstance = UID("1.2.840.10008.1.20.2.1")  # retired
ProceduralEventLogging = SOPClass("1.2.840.10008.1.40")
ProceduralEventLoggingInstance = UID("1.2.840.10008.1.40.1")
SubstanceAdministrationLogging = SOPClass("1.2.840.10008.1.42")
SubstanceAdministrationLoggingInstance = UID("1.2.840.10008.1.42.1")
DetachedPatientManagement = SOPClass("1.2.840.10008.3.1.2.1.1")  # retired
DetachedPatientManagementMeta = SOPClass("1.2.840.10008.3.1.2.1.4")  # retired
DetachedVisitManagement = SOPClass("1.2.840.10008.3.1.2.2.1")  # retired
DetachedStudyManagement = SOPClass("1.2.840.10008.3.1.2.3.1")  # retired
StudyComponentManagement = SOPClass("1.2.840.10008.3.1.2.3.2")  # retired
ModalityPerformedProcedureStep = SOPClass("1.2.840.10008.3.1.2.3.3")
ModalityPerformedProcedureStepRetrieve = SOPClass("1.2.840.10008.3.1.2.3.4")
ModalityPerformedProcedureStepNotification = SOPClass("1.2.840.10008.3.1.2.3.5")
DetachedResultsManagement = SOPClass("1.2.840.10008.3.1.2.5.1")  # retired
DetachedResultsManagementMeta = SOPClass("1.2.840.10008.3.1.2.5.4")  # retired
DetachedStudyManagementMeta = SOPClass("1.2.840.10008.3.1.2.5.5")  # retired
DetachedInterpretationManagement = SOPClass("1.2.840.10008.3.1.2.6.1")  # retired
BasicFilmSession = SOPClass("1.2.840.10008.5.1.1.1")
BasicFilmBox = SOPClass("1.2.840.10008.5.1.1.2")
BasicGrayscaleImageBox = SOPClass("1.2.840.10008.5.1.1.4")
BasicColorImageBox = SOPClass("1.2.840.10008.5.1.1.4.1")
ReferencedImageBox = SOPClass("1.2.840.10008.5.1.1.4.2")  # retired
BasicGrayscalePrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.9")
ReferencedGrayscalePrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.9.1")  # retired
PrintJob = SOPClass("1.2.840.10008.5.1.1.14")
BasicAnnotationBox = SOPClass("1.2.840.10008.5.1.1.15")
Printer = SOPClass("1.2.840.10008.5.1.1.16")
PrinterConfigurationRetrieval = SOPClass("1.2.840.10008.5.1.1.16.376")
PrinterInstance = UID("1.2.840.10008.5.1.1.17")
PrinterConfigurationRetrievalInstance = UID("1.2.840.10008.5.1.1.17.376")
BasicColorPrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.18")
ReferencedColorPrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.18.1")  # retired
VOILUTBox = SOPClass("1.2.840.10008.5.1.1.22")
PresentationLUT = SOPClass("1.2.840.10008.5.1.1.23")
ImageOverlayBox = SOPClass("1.2.840.10008.5.1.1.24")  # retired
BasicPrintImageOverlayBox = SOPClass("1.2.840.10008.5.1.1.24.1")  # retired
PrintQueueInstance = UID("1.2.840.10008.5.1.1.25")  # retired
PrintQueueManagement = SOPClass("1.2.840.10008.5.1.1.26")  # retired
StoredPrintStorage = SOPClass("1.2.840.10008.5.1.1.27")  # retired
HardcopyGrayscaleImageStorage = SOPClass("1.2.840.10008.5.1.1.29")  # retired
HardcopyColorImageStorage = SOPClass("1.2.840.10008.5.1.1.30")  # retired
PullPrintRequest = SOPClass("1.2.840.10008.5.1.1.31")  # retired
PullStoredPrintManagementMeta = SOPClass("1.2.840.10008.5.1.1.32")  # retired
MediaCreationManagement = SOPClass("1.2.840.10008.5.1.1.33")
DisplaySystem = SOPClass("1.2.840.10008.5.1.1.40")
DisplaySystemInstance = UID("1.2.840.10008.5.1.1.40.1")
ComputedRadiographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.1")
DigitalXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.1.1")
DigitalXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.1.1.1")
DigitalMammographyXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.1.2")
DigitalMammographyXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.1.2.1")
DigitalIntraOralXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.1.3")
DigitalIntraOralXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.1.3.1")
CTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.2")
EnhancedCTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.2.1")
LegacyConvertedEnhancedCTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.2.2")
UltrasoundMultiFrameImageStorageRetired = SOPClass("1.2.840.10008.5.1.4.1.1.3")  # retired
UltrasoundMultiFrameImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.3.1")
MRImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4")
EnhancedMRImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.1")
MRSpectroscopyStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.2")
EnhancedMRColorImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.3")
LegacyConvertedEnhancedMRImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.4.4")
NuclearMedicineImageStorageRetired = SOPClass("1.2.840.10008.5.1.4.1.1.5")  # retired
UltrasoundImageStorageRetired = SOPClass("1.2.840.10008.5.1.4.1.1.6")  # retired
UltrasoundImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.6.1")
EnhancedUSVolumeStorage = SOPClass("1.2.840.10008.5.1.4.1.1.6.2")
PhotoacousticImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.6.3")
SecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7")
MultiFrameSingleBitSecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7.1")
MultiFrameGrayscaleByteSecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7.2")
MultiFrameGrayscaleWordSecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7.3")
MultiFrameTrueColorSecondaryCaptureImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.7.4")
StandaloneOverlayStorage = SOPClass("1.2.840.10008.5.1.4.1.1.8")  # retired
StandaloneCurveStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9")  # retired
WaveformStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.9.1")  # retired
TwelveLeadECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.1")
GeneralECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.2")
AmbulatoryECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.3")
General32bitECGWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.1.4")
HemodynamicWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.2.1")
CardiacElectrophysiologyWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.3.1")
BasicVoiceAudioWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.4.1")
GeneralAudioWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.4.2")
ArterialPulseWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.5.1")
RespiratoryWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.6.1")
MultichannelRespiratoryWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.6.2")
RoutineScalpElectroencephalogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.1")
ElectromyogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.2")
ElectrooculogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.3")
SleepElectroencephalogramWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.7.4")
BodyPositionWaveformStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.8.1")
WaveformPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.100.1")
WaveformAcquisitionPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.9.100.2")
StandaloneModalityLUTStorage = SOPClass("1.2.840.10008.5.1.4.1.1.10")  # retired
StandaloneVOILUTStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11")  # retired
GrayscaleSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.1")
ColorSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.2")
PseudoColorSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.3")
BlendingSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.4")
XAXRFGrayscaleSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.5")
GrayscalePlanarMPRVolumetricPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.6")
CompositingPlanarMPRVolumetricPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.7")
AdvancedBlendingPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.8")
VolumeRenderingVolumetricPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.9")
SegmentedVolumeRenderingVolumetricPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.10")
MultipleVolumeRenderingVolumetricPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.11")
VariableModalityLUTSoftcopyPresentationStateStorage = SOPClass("1.2.840.10008.5.1.4.1.1.11.12")
XRayAngiographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.1")
EnhancedXAImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.1.1")
XRayRadiofluoroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.2")
EnhancedXRFImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.2.1")
XRayAngiographicBiPlaneImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.12.3")  # retired
XRay3DAngiographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.1")
XRay3DCraniofacialImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.2")
BreastTomosynthesisImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.3")
BreastProjectionXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.4")
BreastProjectionXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.13.1.5")
IntravascularOpticalCoherenceTomographyImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.14.1")
IntravascularOpticalCoherenceTomographyImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.14.2")
NuclearMedicineImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.20")
ParametricMapStorage = SOPClass("1.2.840.10008.5.1.4.1.1.30")
RawDataStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66")
SpatialRegistrationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.1")
SpatialFiducialsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.2")
DeformableSpatialRegistrationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.3")
SegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.4")
SurfaceSegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.5")
TractographyResultsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.6")
LabelMapSegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.7")
HeightMapSegmentationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.66.8")
RealWorldValueMappingStorage = SOPClass("1.2.840.10008.5.1.4.1.1.67")
SurfaceScanMeshStorage = SOPClass("1.2.840.10008.5.1.4.1.1.68.1")
SurfaceScanPointCloudStorage = SOPClass("1.2.840.10008.5.1.4.1.1.68.2")
VLImageStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.77.1")  # retired
VLEndoscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.1")
VideoEndoscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.1.1")
VLMicroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.2")
VideoMicroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.2.1")
VLSlideCoordinatesMicroscopicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.3")
VLPhotographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.4")
VideoPhotographicImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.4.1")
OphthalmicPhotography8BitImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.1")
OphthalmicPhotography16BitImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.2")
StereometricRelationshipStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.3")
OphthalmicTomographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.4")
WideFieldOphthalmicPhotographyStereographicProjectionImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.5")
WideFieldOphthalmicPhotography3DCoordinatesImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.6")
OphthalmicOpticalCoherenceTomographyEnFaceImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.7")
OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.5.8")
VLWholeSlideMicroscopyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.6")
DermoscopicPhotographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.7")
ConfocalMicroscopyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.8")
ConfocalMicroscopyTiledPyramidalImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.77.1.9")
VLMultiFrameImageStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.77.2")  # retired
LensometryMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.1")
AutorefractionMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.2")
KeratometryMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.3")
SubjectiveRefractionMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.4")
VisualAcuityMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.5")
SpectaclePrescriptionReportStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.6")
OphthalmicAxialMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.7")
IntraocularLensCalculationsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.78.8")
MacularGridThicknessAndVolumeReportStorage = SOPClass("1.2.840.10008.5.1.4.1.1.79.1")
OphthalmicVisualFieldStaticPerimetryMeasurementsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.80.1")
OphthalmicThicknessMapStorage = SOPClass("1.2.840.10008.5.1.4.1.1.81.1")
CornealTopographyMapStorage = SOPClass("1.2.840.10008.5.1.4.1.1.82.1")
TextSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.1")  # retired
AudioSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.2")  # retired
DetailSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.3")  # retired
ComprehensiveSRStorageTrial = SOPClass("1.2.840.10008.5.1.4.1.1.88.4")  # retired
BasicTextSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.11")
EnhancedSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.22")
ComprehensiveSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.33")
Comprehensive3DSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.34")
ExtensibleSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.35")
ProcedureLogStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.40")
MammographyCADSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.50")
KeyObjectSelectionDocumentStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.59")
ChestCADSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.65")
XRayRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.67")
RadiopharmaceuticalRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.68")
ColonCADSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.69")
ImplantationPlanSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.70")
AcquisitionContextSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.71")
SimplifiedAdultEchoSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.72")
PatientRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.73")
PlannedImagingAgentAdministrationSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.74")
PerformedImagingAgentAdministrationSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.75")
EnhancedXRayRadiationDoseSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.76")
WaveformAnnotationSRStorage = SOPClass("1.2.840.10008.5.1.4.1.1.88.77")
ContentAssessmentResultsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.90.1")
MicroscopyBulkSimpleAnnotationsStorage = SOPClass("1.2.840.10008.5.1.4.1.1.91.1")
EncapsulatedPDFStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.1")
EncapsulatedCDAStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.2")
EncapsulatedSTLStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.3")
EncapsulatedOBJStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.4")
EncapsulatedMTLStorage = SOPClass("1.2.840.10008.5.1.4.1.1.104.5")
PositronEmissionTomographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.128")
LegacyConvertedEnhancedPETImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.128.1")
StandalonePETCurveStorage = SOPClass("1.2.840.10008.5.1.4.1.1.129")  # retired
EnhancedPETImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.130")
BasicStructuredDisplayStorage = SOPClass("1.2.840.10008.5.1.4.1.1.131")
CTDefinedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.1")
CTPerformedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.2")
ProtocolApprovalStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.3")
ProtocolApprovalInformationModelFind = SOPClass("1.2.840.10008.5.1.4.1.1.200.4")
ProtocolApprovalInformationModelMove = SOPClass("1.2.840.10008.5.1.4.1.1.200.5")
ProtocolApprovalInformationModelGet = SOPClass("1.2.840.10008.5.1.4.1.1.200.6")
XADefinedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.7")
XAPerformedProcedureProtocolStorage = SOPClass("1.2.840.10008.5.1.4.1.1.200.8")
InventoryStorage = SOPClass("1.2.840.10008.5.1.4.1.1.201.1")
StorageManagementInstance = UID("1.2.840.10008.5.1.4.1.1.201.1.1")
InventoryFind = SOPClass("1.2.840.10008.5.1.4.1.1.201.2")
InventoryMove = SOPClass("1.2.840.10008.5.1.4.1.1.201.3")
InventoryGet = SOPClass("1.2.840.10008.5.1.4.1.1.201.4")
InventoryCreation = SOPClass("1.2.840.10008.5.1.4.1.1.201.5")
RepositoryQuery = SOPClass("1.2.840.10008.5.1.4.1.1.201.6")
RTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.1")
RTDoseStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.2")
RTStructureSetStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.3")
RTBeamsTreatmentRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.4")
RTPlanStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.5")
RTBrachyTreatmentRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.6")
RTTreatmentSummaryRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.7")
RTIonPlanStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.8")
RTIonBeamsTreatmentRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.9")
RTPhysicianIntentStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.10")
RTSegmentAnnotationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.11")
RTRadiationSetStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.12")
CArmPhotonElectronRadiationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.13")
TomotherapeuticRadiationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.14")
RoboticArmRadiationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.15")
RTRadiationRecordSetStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.16")
RTRadiationSalvageRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.17")
TomotherapeuticRadiationRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.18")
CArmPhotonElectronRadiationRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.19")
RoboticRadiationRecordStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.20")
RTRadiationSetDeliveryInstructionStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.21")
RTTreatmentPreparationStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.22")
EnhancedRTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.23")
EnhancedContinuousRTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.24")
RTPatientPositionAcquisitionInstructionStorage = SOPClass("1.2.840.10008.5.1.4.1.1.481.25")
DICOSCTImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.1")
DICOSDigitalXRayImageStorageForPresentation = SOPClass("1.2.840.10008.5.1.4.1.1.501.2.1")
DICOSDigitalXRayImageStorageForProcessing = SOPClass("1.2.840.10008.5.1.4.1.1.501.2.2")
DICOSThreatDetectionReportStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.3")
DICOS2DAITStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.4")
DICOS3DAITStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.5")
DICOSQuadrupoleResonanceStorage = SOPClass("1.2.840.10008.5.1.4.1.1.501.6")
EddyCurrentImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.601.1")
EddyCurrentMultiFrameImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.601.2")
ThermographyImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.601.3")
ThermographyMultiFrameImageStorage = SOPClass("1.2.840.10008.5.1.4.1.1.601.4")
PatientRootQueryRetrieveInformationModelFind = SOPClass("1.2.840.10008.5.1.4.1.2.1.1")
PatientRootQueryRetrieveInformationModelMove = SOPClass("1.2.840.10008.5.1.4.1.2.1.2")
PatientRootQueryRetrieveInformationModelGet = SOPClass("1.2.840.10008.5.1.4.1.2.1.3")
StudyRootQueryRetrieveInformationModelFind = SOPClass("1.2.840.10008.5.1.4.1.2.2.1")
StudyRootQueryRetrieveInformationModelMove = SOPClass("1.2.840.10008.5.1.4.1.2.2.2")
StudyRootQueryRetrieveInformationModelGet = SOPClass("1.2.840.10008.5.1.4.1.2.2.3")
PatientStudyOnlyQueryRetrieveInformationModelFind = SOPClass("1.2.840.10008.5.1.4.1.2.3.1")  # retired
PatientStudyOnlyQueryRetrieveInformationModelMove = SOPClass("1.2.840.10008.5.1.4.1.2.3.2")  # retired
PatientStudyOnlyQueryRetrieveInformationModelGet = SOPClass("1.2.840.10008.5.1.4.1.2.3.3")  # retired
CompositeInstanceRootRetrieveMove = SOPClass("1.2.840.10008.5.1.4.1.2.4.2")
CompositeInstanceRootRetrieveGet = SOPClass("1.2.840.10008.5.1.4.1.2.4.3")
CompositeInstanceRetrieveWithoutBulkDataGet = SOPClass("1.2.840.10008.5.1.4.1.2.5.3")
DefinedProcedureProtocolInformationModelFind = SOPClass("1.2.840.10008.5.1.4.20.1")
DefinedProcedureProtocolInformationModelMove = SOPClass("1.2.840.10008.5.1.4.20.2")
DefinedProcedureProtocolInformationModelGet = SOPClass("1.2.840.10008.5.1.4.20.3")
ModalityWorklistInformationModelFind = SOPClass("1.2.840.10008.5.1.4.31")
GeneralPurposeWorklistManagementMeta = SOPClass("1.2.840.10008.5.1.4.32")  # retired
GeneralPurposeWorklistInformationModelFind = SOPClass("1.2.840.10008.5.1.4.32.1")  # retired
GeneralPurposeScheduledProcedureStep = SOPClass("1.2.840.10008.5.1.4.32.2")  # retired
GeneralPurposePerformedProcedureStep = SOPClass("1.2.840.10008.5.1.4.32.3")  # retired
InstanceAvailabilityNotification = SOPClass("1.2.840.10008.5.1.4.33")
RTBeamsDeliveryInstructionStorageTrial = SOPClass("1.2.840.10008.5.1.4.34.1")  # retired
RTConventionalMachineVerificationTrial = SOPClass("1.2.840.10008.5.1.4.34.2")  # retired
RTIonMachineVerificationTrial = SOPClass("1.2.840.10008.5.1.4.34.3")  # retired
UnifiedProcedureStepPushTrial = SOPClass("1.2.840.10008.5.1.4.34.4.1")  # retired
UnifiedProcedureStepWatchTrial = SOPClass("1.2.840.10008.5.1.4.34.4.2")  # retired
UnifiedProcedureStepPullTrial = SOPClass("1.2.840.10008.5.1.4.34.4.3")  # retired
UnifiedProcedureStepEventTrial = SOPClass("1.2.840.10008.5.1.4.34.4.4")  # retired
UPSGlobalSubscriptionInstance = UID("1.2.840.10008.5.1.4.34.5")
UPSFilteredGlobalSubscriptionInstance = UID("1.2.840.10008.5.1.4.34.5.1")
UnifiedProcedureStepPush = SOPClass("1.2.840.10008.5.1.4.34.6.1")
UnifiedProcedureStepWatch = SOPClass("1.2.840.10008.5.1.4.34.6.2")
UnifiedProcedureStepPull = SOPClass("1.2.840.10008.5.1.4.34.6.3")
UnifiedProcedureStepEvent = SOPClass("1.2.840.10008.5.1.4.34.6.4")
UnifiedProcedureStepQuery = SOPClass("1.2.840.10008.5.1.4.34.6.5")
RTBeamsDeliveryInstructionStorage = SOPClass("1.2.840.10008.5.1.4.34.7")
RTConventionalMachineVerification = SOPClass("1.2.840.10008.5.1.4.34.8")
RTIonMachineVerification = SOPClass("1.2.840.10008.5.1.4.34.9")
RTBrachyApplicationSetupDeliveryInstructionStorage = SOPClass("1.2.840.10008.5.1.4.34.10")
GeneralRelevantPatientInformationQuery = SOPClass("1.2.840.10008.5.1.4.37.1")
BreastImagingRelevantPatientInformationQuery = SOPClass("1.2.840.10008.5.1.4.37.2")
CardiacRelevantPatientInformationQuery = SOPClass("1.2.840.10008.5.1.4.37.3")
HangingProtocolStorage = SOPClass("1.2.840.10008.5.1.4.38.1")
HangingProtocolInformationModelFind = SOPClass("1.2.840.10008.5.1.4.38.2")
HangingProtocolInformationModelMove = SOPClass("1.2.840.10008.5.1.4.38.3")
HangingProtocolInformationModelGet = SOPClass("1.2.840.10008.5.1.4.38.4")
ColorPaletteStorage = SOPClass("1.2.840.10008.5.1.4.39.1")
ColorPaletteQueryRetrieveInformationModelFind = SOPClass("1.2.840.10008.5.1.4.39.2")
ColorPaletteQueryRetrieveInformationModelMove = SOPClass("1.2.840.10008.5.1.4.39.3")
ColorPaletteQueryRetrieveInformationModelGet = SOPClass("1.2.840.10008.5.1.4.39.4")
ProductCharacteristicsQuery = SOPClass("1.2.840.10008.5.1.4.41")
SubstanceApprovalQuery = SOPClass("1.2.840.10008.5.1.4.42")
GenericImplantTemplateStorage = SOPClass("1.2.840.10008.5.1.4.43.1")
GenericImplantTemplateInformationModelFind = SOPClass("1.2.840.10008.5.1.4.43.2")
GenericImplantTemplateInformationModelMove = SOPClass("1.2.840.10008.5.1.4.43.3")
GenericImplantTemplateInformationModelGet = SOPClass("1.2.840.10008.5.1.4.43.4")
ImplantAssemblyTemplateStorage = SOPClass("1.2.840.10008.5.1.4.44.1")
ImplantAssemblyTemplateInformationModelFind = SOPClass("1.2.840.10008.5.1.4.44.2")
ImplantAssemblyTemplateInformationModelMove = SOPClass("1.2.840.10008.5.1.4.44.3")
ImplantAssemblyTemplateInformationModelGet = SOPClass("1.2.840.10008.5.1.4.44.4")
ImplantTemplateGroupStorage = SOPClass("1.2.840.10008.5.1.4.45.1")
ImplantTemplateGroupInformationModelFind = SOPClass("1.2.840.10008.5.1.4.45.2")
ImplantTemplateGroupInformationModelMove = SOPClass("1.2.840.10008.5.1.4.45.3")
ImplantTemplateGroupInformationModelGet = SOPClass("1.2.840.10008.5.1.4.45.4")
VideoEndoscopicImageRealTimeCommunication = SOPClass("1.2.840.10008.10.1")
VideoPhotographicImageRealTimeCommunication = SOPClass("1.2.840.10008.10.2")
AudioWaveformRealTimeCommunication = SOPClass("1.2.840.10008.10.3")
RenditionSelectionDocumentRealTimeCommunication = SOPClass("1.2.840.10008.10.4")

# Older spellings of the names above.
ModalityWorklistInformationFind = ModalityWorklistInformationModelFind
ColorPaletteInformationModelFind = ColorPaletteQueryRetrieveInformationModelFind
ColorPaletteInformationModelMove = ColorPaletteQueryRetrieveInformationModelMove
ColorPaletteInformationModelGet = ColorPaletteQueryRetrieveInformationModelGet
PseudoColorSoftcopyPresentationStageStorage = PseudoColorSoftcopyPresentationStateStorage
VariableModalityLUTSoftcopyPresentationStageStorage = VariableModalityLUTSoftcopyPresentationStateStorage
OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage = OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage
RoboticArmRadiationRecordStorage = RoboticRadiationRecordStorage
RTBrachyApplicationSetupDeliveryInstructionsStorage = RTBrachyApplicationSetupDeliveryInstructionStorage

# PS3.4 Annex B, with those of DICONDE and DICOS.
STORAGE_CLASSES: tuple[SOPClass, ...] = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalIntraOralXRayImageStorageForPresentation,
    DigitalIntraOralXRayImageStorageForProcessing,
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    UltrasoundMultiFrameImageStorage,
    MRImageStorage,
    EnhancedMRImageStorage,
    MRSpectroscopyStorage,
    EnhancedMRColorImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    UltrasoundImageStorage,
    EnhancedUSVolumeStorage,
    PhotoacousticImageStorage,
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    TwelveLeadECGWaveformStorage,
    GeneralECGWaveformStorage,
    AmbulatoryECGWaveformStorage,
    General32bitECGWaveformStorage,
    HemodynamicWaveformStorage,
    CardiacElectrophysiologyWaveformStorage,
    BasicVoiceAudioWaveformStorage,
    GeneralAudioWaveformStorage,
    ArterialPulseWaveformStorage,
    RespiratoryWaveformStorage,
    MultichannelRespiratoryWaveformStorage,
    RoutineScalpElectroencephalogramWaveformStorage,
    ElectromyogramWaveformStorage,
    ElectrooculogramWaveformStorage,
    SleepElectroencephalogramWaveformStorage,
    BodyPositionWaveformStorage,
    WaveformPresentationStateStorage,
    WaveformAcquisitionPresentationStateStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ColorSoftcopyPresentationStateStorage,
    PseudoColorSoftcopyPresentationStateStorage,
    BlendingSoftcopyPresentationStateStorage,
    XAXRFGrayscaleSoftcopyPresentationStateStorage,
    GrayscalePlanarMPRVolumetricPresentationStateStorage,
    CompositingPlanarMPRVolumetricPresentationStateStorage,
    AdvancedBlendingPresentationStateStorage,
    VolumeRenderingVolumetricPresentationStateStorage,
    SegmentedVolumeRenderingVolumetricPresentationStateStorage,
    MultipleVolumeRenderingVolumetricPresentationStateStorage,
    VariableModalityLUTSoftcopyPresentationStateStorage,
    XRayAngiographicImageStorage,
    EnhancedXAImageStorage,
    XRayRadiofluoroscopicImageStorage,
    EnhancedXRFImageStorage,
    XRay3DAngiographicImageStorage,
    XRay3DCraniofacialImageStorage,
    BreastTomosynthesisImageStorage,
    BreastProjectionXRayImageStorageForPresentation,
    BreastProjectionXRayImageStorageForProcessing,
    IntravascularOpticalCoherenceTomographyImageStorageForPresentation,
    IntravascularOpticalCoherenceTomographyImageStorageForProcessing,
    NuclearMedicineImageStorage,
    ParametricMapStorage,
    RawDataStorage,
    SpatialRegistrationStorage,
    SpatialFiducialsStorage,
    DeformableSpatialRegistrationStorage,
    SegmentationStorage,
    SurfaceSegmentationStorage,
    TractographyResultsStorage,
    LabelMapSegmentationStorage,
    HeightMapSegmentationStorage,
    RealWorldValueMappingStorage,
    SurfaceScanMeshStorage,
    SurfaceScanPointCloudStorage,
    VLEndoscopicImageStorage,
    VideoEndoscopicImageStorage,
    VLMicroscopicImageStorage,
    VideoMicroscopicImageStorage,
    VLSlideCoordinatesMicroscopicImageStorage,
    VLPhotographicImageStorage,
    VideoPhotographicImageStorage,
    OphthalmicPhotography8BitImageStorage,
    OphthalmicPhotography16BitImageStorage,
    StereometricRelationshipStorage,
    OphthalmicTomographyImageStorage,
    WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
    WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
    OphthalmicOpticalCoherenceTomographyEnFaceImageStorage,
    OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage,
    VLWholeSlideMicroscopyImageStorage,
    DermoscopicPhotographyImageStorage,
    ConfocalMicroscopyImageStorage,
    ConfocalMicroscopyTiledPyramidalImageStorage,
    LensometryMeasurementsStorage,
    AutorefractionMeasurementsStorage,
    KeratometryMeasurementsStorage,
    SubjectiveRefractionMeasurementsStorage,
    VisualAcuityMeasurementsStorage,
    SpectaclePrescriptionReportStorage,
    OphthalmicAxialMeasurementsStorage,
    IntraocularLensCalculationsStorage,
    MacularGridThicknessAndVolumeReportStorage,
    OphthalmicVisualFieldStaticPerimetryMeasurementsStorage,
    OphthalmicThicknessMapStorage,
    CornealTopographyMapStorage,
    BasicTextSRStorage,
    EnhancedSRStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    ExtensibleSRStorage,
    ProcedureLogStorage,
    MammographyCADSRStorage,
    KeyObjectSelectionDocumentStorage,
    ChestCADSRStorage,
    XRayRadiationDoseSRStorage,
    RadiopharmaceuticalRadiationDoseSRStorage,
    ColonCADSRStorage,
    ImplantationPlanSRStorage,
    AcquisitionContextSRStorage,
    SimplifiedAdultEchoSRStorage,
    PatientRadiationDoseSRStorage,
    PlannedImagingAgentAdministrationSRStorage,
    PerformedImagingAgentAdministrationSRStorage,
    EnhancedXRayRadiationDoseSRStorage,
    WaveformAnnotationSRStorage,
    ContentAssessmentResultsStorage,
    MicroscopyBulkSimpleAnnotationsStorage,
    EncapsulatedPDFStorage,
    EncapsulatedCDAStorage,
    EncapsulatedSTLStorage,
    EncapsulatedOBJStorage,
    EncapsulatedMTLStorage,
    PositronEmissionTomographyImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    EnhancedPETImageStorage,
    BasicStructuredDisplayStorage,
    CTPerformedProcedureProtocolStorage,
    XAPerformedProcedureProtocolStorage,
    RTImageStorage,
    RTDoseStorage,
    RTStructureSetStorage,
    RTBeamsTreatmentRecordStorage,
    RTPlanStorage,
    RTBrachyTreatmentRecordStorage,
    RTTreatmentSummaryRecordStorage,
    RTIonPlanStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTPhysicianIntentStorage,
    RTSegmentAnnotationStorage,
    RTRadiationSetStorage,
    CArmPhotonElectronRadiationStorage,
    TomotherapeuticRadiationStorage,
    RoboticArmRadiationStorage,
    RTRadiationRecordSetStorage,
    RTRadiationSalvageRecordStorage,
    TomotherapeuticRadiationRecordStorage,
    CArmPhotonElectronRadiationRecordStorage,
    RoboticRadiationRecordStorage,
    RTRadiationSetDeliveryInstructionStorage,
    RTTreatmentPreparationStorage,
    EnhancedRTImageStorage,
    EnhancedContinuousRTImageStorage,
    RTPatientPositionAcquisitionInstructionStorage,
    DICOSCTImageStorage,
    DICOSDigitalXRayImageStorageForPresentation,
    DICOSDigitalXRayImageStorageForProcessing,
    DICOSThreatDetectionReportStorage,
    DICOS2DAITStorage,
    DICOS3DAITStorage,
    DICOSQuadrupoleResonanceStorage,
    EddyCurrentImageStorage,
    EddyCurrentMultiFrameImageStorage,
    ThermographyImageStorage,
    ThermographyMultiFrameImageStorage,
    RTBeamsDeliveryInstructionStorage,
    RTBrachyApplicationSetupDeliveryInstructionStorage,
)

# Still met in archives.
RETIRED_STORAGE_CLASSES: tuple[SOPClass, ...] = (
    StoredPrintStorage,
    HardcopyGrayscaleImageStorage,
    HardcopyColorImageStorage,
    UltrasoundMultiFrameImageStorageRetired,
    NuclearMedicineImageStorageRetired,
    UltrasoundImageStorageRetired,
    StandaloneOverlayStorage,
    StandaloneCurveStorage,
    WaveformStorageTrial,
    StandaloneModalityLUTStorage,
    StandaloneVOILUTStorage,
    XRayAngiographicBiPlaneImageStorage,
    VLImageStorageTrial,
    VLMultiFrameImageStorageTrial,
    TextSRStorageTrial,
    AudioSRStorageTrial,
    DetailSRStorageTrial,
    ComprehensiveSRStorageTrial,
    StandalonePETCurveStorage,
    RTBeamsDeliveryInstructionStorageTrial,
)

# What an SCU proposes by default: at most 128 fit.
COMMON_STORAGE_CLASSES: tuple[SOPClass, ...] = (
    StoredPrintStorage,
    HardcopyGrayscaleImageStorage,
    HardcopyColorImageStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalIntraOralXRayImageStorageForPresentation,
    DigitalIntraOralXRayImageStorageForProcessing,
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    UltrasoundMultiFrameImageStorageRetired,
    UltrasoundMultiFrameImageStorage,
    MRImageStorage,
    EnhancedMRImageStorage,
    MRSpectroscopyStorage,
    EnhancedMRColorImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    NuclearMedicineImageStorageRetired,
    UltrasoundImageStorageRetired,
    UltrasoundImageStorage,
    EnhancedUSVolumeStorage,
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    StandaloneOverlayStorage,
    StandaloneCurveStorage,
    TwelveLeadECGWaveformStorage,
    GeneralECGWaveformStorage,
    AmbulatoryECGWaveformStorage,
    HemodynamicWaveformStorage,
    CardiacElectrophysiologyWaveformStorage,
    BasicVoiceAudioWaveformStorage,
    GeneralAudioWaveformStorage,
    ArterialPulseWaveformStorage,
    RespiratoryWaveformStorage,
    StandaloneModalityLUTStorage,
    StandaloneVOILUTStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ColorSoftcopyPresentationStateStorage,
    PseudoColorSoftcopyPresentationStateStorage,
    BlendingSoftcopyPresentationStateStorage,
    XAXRFGrayscaleSoftcopyPresentationStateStorage,
    XRayAngiographicImageStorage,
    EnhancedXAImageStorage,
    XRayRadiofluoroscopicImageStorage,
    EnhancedXRFImageStorage,
    XRayAngiographicBiPlaneImageStorage,
    XRay3DAngiographicImageStorage,
    XRay3DCraniofacialImageStorage,
    BreastTomosynthesisImageStorage,
    IntravascularOpticalCoherenceTomographyImageStorageForPresentation,
    IntravascularOpticalCoherenceTomographyImageStorageForProcessing,
    NuclearMedicineImageStorage,
    RawDataStorage,
    SpatialRegistrationStorage,
    SpatialFiducialsStorage,
    DeformableSpatialRegistrationStorage,
    SegmentationStorage,
    SurfaceSegmentationStorage,
    RealWorldValueMappingStorage,
    SurfaceScanMeshStorage,
    SurfaceScanPointCloudStorage,
    VLImageStorageTrial,
    VLEndoscopicImageStorage,
    VideoEndoscopicImageStorage,
    VLMicroscopicImageStorage,
    VideoMicroscopicImageStorage,
    VLSlideCoordinatesMicroscopicImageStorage,
    VLPhotographicImageStorage,
    VideoPhotographicImageStorage,
    OphthalmicPhotography8BitImageStorage,
    OphthalmicPhotography16BitImageStorage,
    StereometricRelationshipStorage,
    OphthalmicTomographyImageStorage,
    VLWholeSlideMicroscopyImageStorage,
    VLMultiFrameImageStorageTrial,
    LensometryMeasurementsStorage,
    AutorefractionMeasurementsStorage,
    KeratometryMeasurementsStorage,
    SubjectiveRefractionMeasurementsStorage,
    VisualAcuityMeasurementsStorage,
    SpectaclePrescriptionReportStorage,
    OphthalmicAxialMeasurementsStorage,
    IntraocularLensCalculationsStorage,
    MacularGridThicknessAndVolumeReportStorage,
    OphthalmicVisualFieldStaticPerimetryMeasurementsStorage,
    OphthalmicThicknessMapStorage,
    BasicTextSRStorage,
    EnhancedSRStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    ProcedureLogStorage,
    MammographyCADSRStorage,
    KeyObjectSelectionDocumentStorage,
    ChestCADSRStorage,
    XRayRadiationDoseSRStorage,
    ColonCADSRStorage,
    ImplantationPlanSRStorage,
    EncapsulatedPDFStorage,
    EncapsulatedCDAStorage,
    PositronEmissionTomographyImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    StandalonePETCurveStorage,
    EnhancedPETImageStorage,
    BasicStructuredDisplayStorage,
    RTImageStorage,
    RTDoseStorage,
    RTStructureSetStorage,
    RTBeamsTreatmentRecordStorage,
    RTPlanStorage,
    RTBrachyTreatmentRecordStorage,
    RTTreatmentSummaryRecordStorage,
    RTIonPlanStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTBeamsDeliveryInstructionStorage,
)
