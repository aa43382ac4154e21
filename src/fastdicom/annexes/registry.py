"""The annexes together: the row of a SOP class, the members of a Meta SOP Class, what a role may be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from fastdicom._sop_classes import SOPClass
from fastdicom.annexes import (
    a_verification,
    b_storage,
    bb_implant_template,
    c_query_retrieve,
    cc_unified_procedure_step,
    d_study_content,
    dd_machine_verification,
    e_patient_management,
    ee_display_system,
    f_procedure_step,
    g_results_management,
    general,
    gg_non_patient_object,
    h_print_management,
    hh_defined_procedure_protocol,
    i_media_storage,
    ii_protocol_approval,
    j_storage_commitment,
    jj_inventory,
    k_worklist,
    kk_storage_management,
    p_event_logging,
    q_relevant_patient,
    r_instance_availability,
    s_media_creation,
    u_hanging_protocol,
    v_substance,
    x_color_palette,
    y_composite_instance_root,
    z_without_bulk_data,
)
from fastdicom.annexes.table import Annex, Operation, ServiceClass, SOPClassRow, StatusRows

# In the order of PS3.4.
ANNEXES: tuple[Annex, ...] = (
    a_verification.ANNEX,
    b_storage.ANNEX,
    c_query_retrieve.ANNEX,
    d_study_content.ANNEX,
    e_patient_management.ANNEX,
    f_procedure_step.ANNEX,
    f_procedure_step.STUDY_MANAGEMENT,
    g_results_management.ANNEX,
    h_print_management.ANNEX,
    i_media_storage.ANNEX,
    j_storage_commitment.ANNEX,
    k_worklist.ANNEX,
    k_worklist.GENERAL_PURPOSE,
    p_event_logging.ANNEX,
    q_relevant_patient.ANNEX,
    r_instance_availability.ANNEX,
    s_media_creation.ANNEX,
    u_hanging_protocol.ANNEX,
    v_substance.ANNEX,
    x_color_palette.ANNEX,
    y_composite_instance_root.ANNEX,
    z_without_bulk_data.ANNEX,
    bb_implant_template.ANNEX,
    cc_unified_procedure_step.ANNEX,
    dd_machine_verification.ANNEX,
    ee_display_system.ANNEX,
    gg_non_patient_object.ANNEX,
    hh_defined_procedure_protocol.ANNEX,
    ii_protocol_approval.ANNEX,
    jj_inventory.ANNEX,
    kk_storage_management.ANNEX,
)

ROWS: Mapping[str, SOPClassRow] = MappingProxyType(
    {row.sop_class: row for annex in ANNEXES for row in annex.rows}
)

SERVICE_CLASSES: Mapping[str, ServiceClass] = MappingProxyType(
    {row.sop_class: annex.service_class for annex in ANNEXES for row in annex.rows}
)


# By SOP class, the others whose presentation contexts may carry a command that names it.
OTHER_CARRIERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        name: tuple(row.sop_class for row in ROWS.values() if name in row.goes_by)
        for name in {name for row in ROWS.values() for name in row.goes_by}
    }
)


def rows_of(service_class: ServiceClass) -> tuple[SOPClassRow, ...]:
    """Return the SOP classes of a service class, of whichever annexes."""
    return tuple(row for annex in ANNEXES if annex.service_class is service_class for row in annex.rows)


def members_of(sop_class: str) -> tuple[SOPClass, ...]:
    """Return the SOP classes that a Meta SOP Class is made of; none for any other."""
    row = ROWS.get(sop_class)
    return () if row is None else row.members


def carriers(sop_class: str, operation: int, kind: int | None = None) -> Sequence[str]:
    """Return the SOP classes whose presentation contexts may carry a command that names this one.

    Parameters
    ----------
    sop_class
        What the command names.
    operation
        Its Command Field.
    kind
        Its Action or Event Type ID, if it has one.

    Returns
    -------
    Sequence
        Those that allow the command first, and the SOP class itself before others.
    """
    others = OTHER_CARRIERS.get(sop_class)
    if others is None:
        return (sop_class,)
    return sorted((sop_class, *others), key=lambda name: not _allows(ROWS[name], operation, kind))


def _allows(row: SOPClassRow, operation: int, kind: int | None) -> bool:
    if operation == Operation.N_EVENT_REPORT:
        return operation in row.scp_invokes and kind in row.events
    return operation in row.scu_invokes and (operation != Operation.N_ACTION or kind in row.actions)


def operations(row: SOPClassRow, *, as_scp: bool, as_scu: bool) -> Mapping[Operation, StatusRows]:
    """Return what a side may be asked about this SOP class; of a Meta SOP Class, ask for its members.

    Parameters
    ----------
    row
        The SOP class.
    as_scp, as_scu
        The roles of this side: as SCP it is asked what an SCU invokes, as SCU it is notified.

    Returns
    -------
    Mapping
        The services, by Command Field, each with its statuses.
    """
    allowed = dict(row.scu_invokes) if as_scp else {}
    # PS3.7 D.3.3.4: who opens an association to notify proposes the role of SCP; many leave that out
    if as_scu or row.scp_may_associate:
        allowed |= row.scp_invokes
    return allowed


def expanded(tables: Iterable[StatusRows]) -> dict[int, tuple[str, str]]:
    """Return status tables as one: the code to its category and its meaning.

    Where several rows have a code, PS3.7 goes before PS3.4, and a code of its own before a range.
    """
    rows = {row: row.last - row.first for table in tables for row in table}
    expansion: dict[int, tuple[str, str]] = {}
    for first, last, meaning in (*sorted(rows, key=rows.__getitem__, reverse=True), *general.STATUSES):
        expansion |= dict.fromkeys(range(first, last + 1), (general.category_of(first), meaning))
    return expansion
