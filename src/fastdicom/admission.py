"""Who is let in by an AE, and who is in: the policy, and the count that is exact however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from fastdicom.association.life import Life
from fastdicom.checks import checked_ae_title
from fastdicom.log import get_logger
from fastdicom.ul.admission import (
    LOCAL_LIMIT_EXCEEDED,
    AdmissionPolicy,
    Applicant,
    Census,
    check_admission,
)
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

LOGGER = get_logger(__name__)


class AssociationLimit:
    """How many associations several AEs may accept at once, together.

    Give the same object to each of them as `AE.association_limit`. Beyond it they refuse: transient, 3, 2.

    Parameters
    ----------
    maximum
        How many; it may be changed at any time, which ends no association.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self._lock = threading.RLock()
        self._active = 0

    @property
    def active(self) -> int:
        """How many there are."""
        return self._active

    def take(self) -> bool:
        """Count one more, if there is room."""
        with self._lock:
            has_room = self._active < self.maximum
            self._active += has_room
            return has_room

    def give_back(self) -> None:
        """Count one less."""
        with self._lock:
            self._active -= 1


class AdmissionControl:
    """What an AE decides when an association is requested.

    Attributes
    ----------
    association_limit
        A limit that this AE shares with others; None.
    maximum_waiting_per_address
        How many connections of one remote address may wait without having sent their request; 1024, which
        is plenty for a hospital behind one address, since a request follows its connection at once. Beyond
        it the one that has waited longest is closed. None for no limit but the one of the process.
    """

    def __init__(self) -> None:
        self.association_limit: AssociationLimit | None = None
        self.maximum_waiting_per_address: int | None = 1024
        # Reentrant: a signal handler may shut down what it has interrupted.
        self._admission_lock = threading.RLock()
        self._admission = AdmissionPolicy()
        self._census = Census()
        self._admitted: dict[Life, tuple[str, str, AssociationLimit | None]] = {}

    @property
    def admission(self) -> AdmissionPolicy:
        """Whom this AE lets in, and how many: what the next request meets. Replace it as a whole.

        ``ae.admission = dataclasses.replace(ae.admission, networks=["10.0.0.0/8"])`` while running, for
        instance. `require_called_aet`, `require_calling_aet` and `maximum_associations` are parts of it.

        Raises
        ------
        TypeError, ValueError
            When set to what is none, or to one with an AE title that is none.
        """
        return self._admission

    @admission.setter
    def admission(self, policy: AdmissionPolicy) -> None:
        if not isinstance(policy, AdmissionPolicy):
            raise TypeError(f"the admission of an AE is an AdmissionPolicy, not {type(policy).__name__}")
        for title in policy.calling_ae_titles:
            checked_ae_title(title)
        with self._admission_lock:
            self._admission = policy

    def _replace(self, **changes: Any) -> None:
        with self._admission_lock:
            self._admission = replace(self._admission, **changes)

    @property
    def require_called_aet(self) -> bool:
        """Whether a requestor must call this AE by its title; False. Refused: permanent, 1, 7."""
        return self._admission.require_called_aet

    @require_called_aet.setter
    def require_called_aet(self, value: bool) -> None:
        self._replace(require_called_aet=value)

    @property
    def require_calling_aet(self) -> list[str]:
        """The AE titles that may request associations; anybody when empty. Refused: permanent, 1, 3.

        Set it to change it: the list is a copy.
        """
        return list(self._admission.calling_ae_titles)

    @require_calling_aet.setter
    def require_calling_aet(self, value: Iterable[str]) -> None:
        self._replace(calling_ae_titles=[checked_ae_title(title) for title in value])

    @property
    def maximum_associations(self) -> int:
        """How many associations may be accepted at once; 10. Refused: transient, 3, 2."""
        return self._admission.maximum_associations

    @maximum_associations.setter
    def maximum_associations(self, value: int) -> None:
        self._replace(maximum_associations=value)

    def admit(self, association: Life, rq: A_ASSOCIATE_RQ) -> A_ASSOCIATE_RJ | None:
        """Decide on an association, one at a time.

        Parameters
        ----------
        association
            It counts as accepted from now on, until it is dismissed, unless it is refused.
        rq
            What its requestor sent.

        Returns
        -------
        A_ASSOCIATE_RJ or None
            The refusal, if it is refused.
        """
        policy, limit = self._admission, self.association_limit
        certified = _certified_titles(policy, association)
        applicant = Applicant(rq, association.requestor.address or "", certified)
        place = rq.calling_ae_title.strip(" "), applicant.address, limit
        with self._admission_lock:
            rejection = check_admission(
                applicant, policy, ae_title=association.acceptor.ae_title, census=self._census
            )
            if rejection is None and limit is not None and not limit.take():
                rejection = LOCAL_LIMIT_EXCEEDED
            if rejection is None:
                self._admitted[association] = place
                self._census.count(*place[:2], 1)
        return rejection

    def is_admitted(self, association: Life) -> bool:
        """Whether an association counts as accepted."""
        return association in self._admitted

    def dismiss(self, association: Life) -> None:
        """Take note that an association is not established any more: another may take its place."""
        if association not in self._admitted:
            return
        with self._admission_lock:
            place = self._admitted.pop(association, None)
            if place is None:
                return
            title, address, limit = place
            self._census.count(title, address, -1)
            if limit is not None:
                limit.give_back()


def _certified_titles(policy: AdmissionPolicy, association: Life) -> Collection[str] | None:
    """Return the calling AE titles that the peer's certificate allows; None for any."""
    if policy.certificate_titles is None:
        return None
    certificate = None if association.tls is None else association.tls.peer_certificate
    try:
        return policy.certified_titles(certificate)
    except Exception:
        LOGGER.exception("certificate_titles raised: the association is refused")
        return ()
