"""The transfer syntaxes that contexts propose unless told otherwise (PS3.6 Table A-1).

Facts only: which syntaxes there are. What an encoding means is pydicom's business.
"""

from __future__ import annotations

from pydicom.uid import UID

DEFAULT_TRANSFER_SYNTAXES = [
    UID("1.2.840.10008.1.2"),  # Implicit VR Little Endian
    UID("1.2.840.10008.1.2.1"),  # Explicit VR Little Endian
    UID("1.2.840.10008.1.2.1.99"),  # Deflated Explicit VR Little Endian
    UID("1.2.840.10008.1.2.2"),  # Explicit VR Big Endian (retired)
]
"""What a presentation context proposes or supports when nothing else is said."""

ALL_TRANSFER_SYNTAXES = [
    *DEFAULT_TRANSFER_SYNTAXES,
    UID("1.2.840.10008.1.2.1.98"),  # Encapsulated Uncompressed Explicit VR Little Endian
    UID("1.2.840.10008.1.2.4.50"),  # JPEG Baseline (Process 1)
    UID("1.2.840.10008.1.2.4.51"),  # JPEG Extended (Process 2 and 4)
    UID("1.2.840.10008.1.2.4.57"),  # JPEG Lossless (Process 14)
    UID("1.2.840.10008.1.2.4.70"),  # JPEG Lossless, First-Order Prediction (Process 14, SV 1)
    UID("1.2.840.10008.1.2.4.80"),  # JPEG-LS Lossless
    UID("1.2.840.10008.1.2.4.81"),  # JPEG-LS Near-Lossless
    UID("1.2.840.10008.1.2.4.90"),  # JPEG 2000 (Lossless Only)
    UID("1.2.840.10008.1.2.4.91"),  # JPEG 2000
    UID("1.2.840.10008.1.2.4.92"),  # JPEG 2000 Part 2 Multi-component (Lossless Only)
    UID("1.2.840.10008.1.2.4.93"),  # JPEG 2000 Part 2 Multi-component
    UID("1.2.840.10008.1.2.4.94"),  # JPIP Referenced
    UID("1.2.840.10008.1.2.4.95"),  # JPIP Referenced Deflate
    UID("1.2.840.10008.1.2.4.100"),  # MPEG2 Main Profile / Main Level
    UID("1.2.840.10008.1.2.4.100.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.101"),  # MPEG2 Main Profile / High Level
    UID("1.2.840.10008.1.2.4.101.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.102"),  # MPEG-4 AVC/H.264 High Profile / Level 4.1
    UID("1.2.840.10008.1.2.4.102.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.103"),  # MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1
    UID("1.2.840.10008.1.2.4.103.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.104"),  # MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video
    UID("1.2.840.10008.1.2.4.104.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.105"),  # MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video
    UID("1.2.840.10008.1.2.4.105.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.106"),  # MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2
    UID("1.2.840.10008.1.2.4.106.1"),  # the same, fragmentable
    UID("1.2.840.10008.1.2.4.107"),  # HEVC/H.265 Main Profile / Level 5.1
    UID("1.2.840.10008.1.2.4.108"),  # HEVC/H.265 Main 10 Profile / Level 5.1
    UID("1.2.840.10008.1.2.4.110"),  # JPEG XL Lossless
    UID("1.2.840.10008.1.2.4.111"),  # JPEG XL JPEG Recompression
    UID("1.2.840.10008.1.2.4.112"),  # JPEG XL
    UID("1.2.840.10008.1.2.4.201"),  # High-Throughput JPEG 2000 (Lossless Only)
    UID("1.2.840.10008.1.2.4.202"),  # High-Throughput JPEG 2000 with RPCL Options (Lossless Only)
    UID("1.2.840.10008.1.2.4.203"),  # High-Throughput JPEG 2000
    UID("1.2.840.10008.1.2.4.204"),  # JPIP HTJ2K Referenced
    UID("1.2.840.10008.1.2.4.205"),  # JPIP HTJ2K Referenced Deflate
    UID("1.2.840.10008.1.2.5"),  # RLE Lossless
    UID("1.2.840.10008.1.2.7.1"),  # SMPTE ST 2110-20 Uncompressed Progressive Active Video
    UID("1.2.840.10008.1.2.7.2"),  # SMPTE ST 2110-20 Uncompressed Interlaced Active Video
    UID("1.2.840.10008.1.2.7.3"),  # SMPTE ST 2110-30 PCM Digital Audio
    UID("1.2.840.10008.1.2.8.1"),  # Deflated Image Frame Compression
]
"""Every transfer syntax that is not retired, and Explicit VR Big Endian, which is still met."""
