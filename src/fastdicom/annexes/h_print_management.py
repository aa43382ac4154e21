"""PS3.4 Annex H: Print Management, with the boxes, queues and pull printing that are retired."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    Annex,
    ServiceClass,
    SOPClassRow,
    meta,
    status_rows,
    without_statuses,
)

MEMORY = status_rows("B600 Memory allocation not supported")
DENSITY = status_rows("""
    B605  Requested Min Density or Max Density outside of the printer's operating range
""")
# What becomes of an image that is too large for its box.
IMAGE_SIZE = status_rows("""
    B604  Image size is larger than Image Box size, the Image has been demagnified
    B609  Image size is larger than Image Box size, the Image has been cropped to fit
    B60A  Image size or Combined Print Image size is larger than Image Box size, it has been decimated to fit
    C603  Image size is larger than Image Box size
    C613  Combined Print Image size is larger than Image Box size
""")

# H.4.1.2
FILM_SESSION = {
    N_CREATE: MEMORY,
    N_SET: MEMORY,
    N_DELETE: (),
    N_ACTION: status_rows("""
        B601  Film Session printing (collation) is not supported
        B602  Film Session SOP Instance hierarchy does not contain Image Box SOP Instances (empty page)
        C600  Film Session SOP Instance hierarchy does not contain Film Box SOP Instances
        C601  Unable to create Print Job SOP Instance; print queue is full
    """)
    + IMAGE_SIZE,
}

# H.4.2.2
FILM_BOX = {
    N_CREATE: DENSITY
    + status_rows("""
        C616  There is an existing Film Box that has not been printed, and a further one cannot be created
    """),
    N_SET: DENSITY,
    N_DELETE: (),
    N_ACTION: status_rows("""
        B603  Film Box SOP Instance hierarchy does not contain Image Box SOP Instances (empty page)
        C602  Unable to create Print Job SOP Instance; print queue is full
    """)
    + IMAGE_SIZE,
}

# H.4.3
IMAGE_BOX = {
    N_SET: DENSITY + IMAGE_SIZE + status_rows("C605 Insufficient memory in printer to store the image")
}

BOX = without_statuses(N_CREATE, N_SET, N_DELETE)
PRINT = {1: "Print"}
CURRENT_BOXES = (sop.BasicFilmSession, sop.BasicFilmBox)

ANNEX = Annex(
    "H",
    ServiceClass.PRINT_MANAGEMENT,
    (
        SOPClassRow(sop.BasicFilmSession, FILM_SESSION, actions=PRINT),
        SOPClassRow(sop.BasicFilmBox, FILM_BOX, actions=PRINT),
        SOPClassRow(sop.BasicGrayscaleImageBox, IMAGE_BOX),
        SOPClassRow(sop.BasicColorImageBox, IMAGE_BOX),
        SOPClassRow(sop.BasicAnnotationBox, without_statuses(N_SET)),
        SOPClassRow(
            sop.PrintJob,
            without_statuses(N_GET),
            without_statuses(N_EVENT_REPORT),
            # Table H.4.5.2.1-1
            events={1: "Pending", 2: "Printing", 3: "Done", 4: "Failure"},
        ),
        SOPClassRow(
            sop.Printer,
            without_statuses(N_GET),
            without_statuses(N_EVENT_REPORT),
            # Table H.4.6.2.1-1
            events={1: "Normal", 2: "Warning", 3: "Failure"},
            instances=(sop.PrinterInstance,),
        ),
        SOPClassRow(
            sop.PrinterConfigurationRetrieval,
            without_statuses(N_GET),
            instances=(sop.PrinterConfigurationRetrievalInstance,),
        ),
        SOPClassRow(sop.VOILUTBox, BOX),
        SOPClassRow(sop.PresentationLUT, {N_CREATE: DENSITY, N_DELETE: ()}),
        meta(sop.BasicGrayscalePrintManagementMeta, *CURRENT_BOXES, sop.BasicGrayscaleImageBox, sop.Printer),
        meta(sop.BasicColorPrintManagementMeta, *CURRENT_BOXES, sop.BasicColorImageBox, sop.Printer),
        # Retired since PS3.4-1998 and 2006; what they answer is in PS3.4-1998.
        SOPClassRow(sop.ReferencedImageBox, IMAGE_BOX, is_retired=True),
        SOPClassRow(sop.ImageOverlayBox, BOX, is_retired=True),
        SOPClassRow(sop.BasicPrintImageOverlayBox, BOX, is_retired=True),
        SOPClassRow(
            sop.PrintQueueManagement,
            without_statuses(N_GET, N_ACTION),
            without_statuses(N_EVENT_REPORT),
            instances=(sop.PrintQueueInstance,),
            is_retired=True,
        ),
        SOPClassRow(
            sop.PullPrintRequest,
            without_statuses(N_CREATE, N_DELETE, N_ACTION),
            actions=PRINT,
            is_retired=True,
        ),
        meta(
            sop.ReferencedGrayscalePrintManagementMeta,
            *CURRENT_BOXES,
            sop.ReferencedImageBox,
            sop.Printer,
            is_retired=True,
        ),
        meta(
            sop.ReferencedColorPrintManagementMeta,
            *CURRENT_BOXES,
            sop.ReferencedImageBox,
            sop.Printer,
            is_retired=True,
        ),
        meta(sop.PullStoredPrintManagementMeta, sop.PullPrintRequest, sop.Printer, is_retired=True),
    ),
)
