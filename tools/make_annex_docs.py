"""Write `docs/sop_classes.md` and `docs/statuses.md` from the annexes.

Run it from the top directory after a change in `src/fastdicom/annexes`; `--check` writes nothing and fails
when a file is not what would be written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydicom.uid import UID

from fastdicom import _sop_classes
from fastdicom.annexes import general
from fastdicom.annexes.registry import ANNEXES, rows_of
from fastdicom.annexes.table import Annex, Operation, ServiceClass, SOPClassRow, StatusRow

SOP_CLASSES = Path("docs/sop_classes.md")
STATUSES = Path("docs/statuses.md")

# The first name of each UID; older spellings come after.
KEYWORDS: Mapping[str, str] = {
    uid: keyword for keyword, uid in reversed(vars(_sop_classes).items()) if isinstance(uid, UID)
}

SOP_CLASSES_HEAD = """# SOP classes by service

<!-- Written by tools/make_annex_docs.py from src/fastdicom/annexes: change those, not this. -->

Each SOP class is a constant of `fastdicom.sop_class`, and each service class a member of
`sop_class.ServiceClass`. An association is asked, in the SCP role, what the table says that an SCU invokes;
in the SCU role, what an SCP invokes. Any other request is refused: with 0122H when it is a C-service, with
0211H when it is an N-service. An N-request that names a SOP class which does not go with its presentation
context is answered 0118H, a C-FIND, C-GET or C-MOVE of that kind 0122H; C-STORE and C-ECHO are not looked
at that closely.

- A Meta SOP Class is negotiated as one presentation context, which carries the services of its members.
- *also as*: commands may name this SOP class instead. Unified procedure steps go by the name of Push on any
  context.
- *may call back*: an SCP opens an association of its own to notify an SCU, for which it proposes the SCP
  role with `build_role`. Many SCPs do not propose it, so these notifications are taken without it.
- C-GET and C-MOVE have the instances sent by C-STORE: C-GET on the same association, on presentation
  contexts of their storage classes for which the requestor proposes the SCP role; C-MOVE on another
  association.
- A private SOP class has the services of the service class that `register_uid` gives it; one that is not
  registered is a storage class.
"""

STATUSES_HEAD = """# Status codes

<!-- Written by tools/make_annex_docs.py from src/fastdicom/annexes: change those, not this. -->

A status is (0000,0900) of a response. `fastdicom.status.code_to_category` tells its category, also of codes
that are in no table; the tables are in `fastdicom.status`, as `STORAGE_SERVICE_CLASS_STATUS` and the like,
from code to category and meaning. The statuses in the first table are those of PS3.7 Annex C, which any
service may answer; the others are those of PS3.4, by service class.
"""


def names(uids: Iterable[str]) -> str:
    """Return the keywords of some UIDs."""
    return ", ".join(KEYWORDS[uid] for uid in uids)


def remarks(row: SOPClassRow) -> Iterator[str]:
    """Yield what there is to say of a SOP class beside its services."""
    if row.is_retired:
        yield "retired"
    if row.members:
        yield f"members: {names(row.members)}"
    for title, numbers in (("actions", row.actions), ("events", row.events)):
        if numbers:
            yield f"{title}: " + ", ".join(f"{number} {name}" for number, name in numbers.items())
    if row.instances:
        yield f"instance: {names(row.instances)}"
    if row.goes_by:
        yield f"also as {names(row.goes_by)}"
    if row.scp_may_associate:
        yield "may call back"
    options = [option for option in row.extended_negotiation if option != "reserved"]
    if options:
        yield "negotiates " + ", ".join(options)


def sop_class_table(annex: Annex) -> Iterator[str]:
    """Yield the lines about one service class of an annex."""
    yield f"\n## {annex.service_class} (PS3.4 Annex {annex.label})\n"
    common = {tuple(remarks(row)) for row in annex.rows if not row.is_retired}
    shared = common.pop() if len(common) == 1 and len(annex.rows) > 20 else ()
    if shared:
        yield f"Each {'; '.join(shared)}.\n"
    yield "| SOP class | UID | SCU invokes | SCP invokes | |"
    yield "| --- | --- | --- | --- | --- |"
    for row in annex.rows:
        invoked = (", ".join(map(str, sorted(side))) for side in (row.scu_invokes, row.scp_invokes))
        said = "; ".join(remark for remark in remarks(row) if remark not in shared)
        cells = (KEYWORDS[row.sop_class], str(row.sop_class), *invoked, said)
        yield "| " + " | ".join(cells) + " |"


def status_table(title: str, rows: Mapping[StatusRow, str]) -> Iterator[str]:
    """Yield the lines of one table of statuses, with what answers each."""
    yield f"\n## {title}\n"
    answered_by = any(rows.values())
    yield "| code | category | meaning |" + (" answered to |" if answered_by else "")
    yield "| --- | --- | --- |" + (" --- |" if answered_by else "")
    for row, services in sorted(rows.items()):
        codes = f"{row.first:04X}" if row.first == row.last else f"{row.first:04X} to {row.last:04X}"
        line = f"| {codes} | {general.category_of(row.first)} | {row.meaning} |"
        yield line + (f" {services} |" if answered_by else "")


def services_by_status(service_class: ServiceClass) -> dict[StatusRow, str]:
    """Return each status of a service class with the services that it is answered to."""
    answered: dict[StatusRow, dict[Operation, list[str]]] = {}
    having: dict[Operation, list[str]] = {}
    rows = rows_of(service_class)
    for row in [row for row in rows if not row.is_retired] or rows:
        for operation, statuses in (*row.scu_invokes.items(), *row.scp_invokes.items()):
            having.setdefault(operation, []).append(row.sop_class)
            for status in statuses:
                answered.setdefault(status, {}).setdefault(operation, []).append(row.sop_class)
    return {
        status: ", ".join(
            str(operation) if uids == having[operation] else f"{operation} ({names(uids)})"
            for operation, uids in sorted(operations.items())
        )
        for status, operations in answered.items()
    }


def sop_classes() -> str:
    """Return the text of `docs/sop_classes.md`."""
    lines = [line for annex in ANNEXES for line in sop_class_table(annex)]
    return SOP_CLASSES_HEAD + "\n".join(lines) + "\n"


def statuses() -> str:
    """Return the text of `docs/statuses.md`."""
    lines = list(status_table("Any service class", dict.fromkeys(general.STATUSES, "")))
    for service_class in dict.fromkeys(annex.service_class for annex in ANNEXES):
        rows = services_by_status(service_class)
        if rows:
            lines += status_table(service_class, rows)
    return STATUSES_HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Write the two files, or compare them with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a file is out of date")
    is_check = parser.parse_args().check
    for path, text in ((SOP_CLASSES, sop_classes()), (STATUSES, statuses())):
        if not is_check:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            print(f"{path} is out of date", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
