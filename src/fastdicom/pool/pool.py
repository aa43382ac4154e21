"""Associations with one destination, opened on demand, lent, kept for the next one, and closed in the end.

`lending` decides who gets which; here they are opened, looked after and released, without holding anybody up.
A pool has a thread only while some of its associations are idle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from random import Random
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

from fastdicom.ae import ApplicationEntity
from fastdicom.association import Association
from fastdicom.association.outgoing import NO_CONTEXTS, Means
from fastdicom.association.pipelining import StoreArguments
from fastdicom.checks import checked_ae_title, checked_positive, checked_requested_contexts, checked_timeout
from fastdicom.errors import AssociationError, AssociationRejected, PoolClosed
from fastdicom.log import get_logger
from fastdicom.pool.breaker import BackOff, Breaker
from fastdicom.pool.hosts import Host, HostAddress
from fastdicom.pool.lending import Lending, Member, Opening
from fastdicom.pool.needs import Need, Proposals, need_of, pairs_of, proposal_of
from fastdicom.pool.quirks import Quirks
from fastdicom.pool.statistics import PoolStatistics
from fastdicom.pool.storing import Crew, PooledStores, Sending
from fastdicom.presentation import PresentationContext
from fastdicom.services.outcomes import Stored
from fastdicom.sop_class import Verification
from fastdicom.watching.metrics import Gauge

LOGGER = get_logger(__name__)

Item = TypeVar("Item")

# PS3.8 Table 9-21
REJECTED_TRANSIENTLY = 2

# Seconds for a C-ECHO that is to tell whether an association is still there.
CHECK_TIMEOUT = 5.0


class AssociationPool:
    """Associations with one destination, lent to whoever needs one. Any thread may use it.

    Parameters
    ----------
    address
        The host and port of the destination, or a list of them when it has several.
    ae
        Who requests the associations; an AE of its own unless given.
    ae_title
        The AE title of the destination.
    contexts
        What every association proposes. Further presentation contexts are proposed as they are needed.
    limit
        How many associations may be open at once, over all hosts; 4.
    longest_wait
        For how many seconds one is waited for when all are lent; 30. None for ever.
    idle_timeout
        After how many seconds an association that nobody has borrowed is released; 30.
    check_after
        After how many seconds of being idle it is checked with a C-ECHO before it is lent; 10.
    retries
        How often an object is sent once more when an association broke before all of it had been sent; 2.
    resends_unknown
        Whether to send an object once more as well that may be stored already. Nothing does so unless asked.
    window
        How many operations to propose to have outstanding on each association; 16. 1 for no such proposal.
    quirks
        What the destination needs to be treated with.
    back_off
        When a host is taken for broken, and for how long it is left alone.
    clock, random
        The time of a monotonic clock in seconds, and the source of the jitter.
    options
        Further arguments of `AE.associate`: `tls_args`, `ext_neg`, `evt_handlers`, `bind_address`, `proxy`.

    Raises
    ------
    ValueError
        When there is no host, or a number is out of its range.
    """

    def __init__(
        self,
        address: HostAddress | Sequence[HostAddress],
        ae: ApplicationEntity | None = None,
        *,
        ae_title: str = "ANY-SCP",
        contexts: Sequence[PresentationContext] = (),
        limit: int = 4,
        longest_wait: float | None = 30,
        idle_timeout: float = 30,
        check_after: float = 10,
        retries: int = 2,
        resends_unknown: bool = False,
        window: int = 16,
        quirks: Quirks | None = None,
        back_off: BackOff | None = None,
        clock: Callable[[], float] = monotonic,
        random: Random | None = None,
        **options: Any,
    ) -> None:
        addresses = [address] if isinstance(address, tuple) else list(address)
        if not addresses:
            raise ValueError("a pool needs the address of at least one host")
        if limit < 1:
            raise ValueError(f"limit is {limit}; it must be at least 1")
        if window < 1:
            raise ValueError(f"window is {window}; it must be at least 1")
        self.ae = ApplicationEntity() if ae is None else ae
        self._ae_title = checked_ae_title(ae_title)
        self._longest_wait = checked_timeout("longest_wait", longest_wait)
        self._idle_timeout = checked_positive("idle_timeout", idle_timeout)
        self._check_after = checked_positive("check_after", check_after)
        self._limit = limit
        self._sending = Sending(int(checked_positive("retries", retries)), resends_unknown)
        self._clock = clock
        self._proposals = Proposals(checked_requested_contexts(contexts))
        self._options = self._options_for(quirks or Quirks(), window, options)
        random, back_off = random or Random(), back_off or BackOff()
        hosts = [Host(each, Breaker(back_off, random)) for each in addresses]
        name = ", ".join(f"{host}:{port}" for host, port in addresses)
        self._lending = Lending(hosts, limit, clock, name)
        self._keeper_lock = threading.Lock()
        self._is_kept = False
        self._is_closed = threading.Event()
        self._label = f"{self._ae_title}@{name}"
        self.ae.add_gauges(self._gauges)

    @staticmethod
    def _options_for(quirks: Quirks, window: int, options: dict[str, Any]) -> dict[str, Any]:
        return {
            **options,
            **quirks.arguments(),
            "ext_neg": quirks.items(window, options.get("ext_neg") or ()),
            "evt_handlers": [*(options.get("evt_handlers") or ()), *quirks.handlers()],
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # For its users.

    @contextmanager
    def association(
        self, sop_class: str | None = None, transfer_syntax: str | Sequence[str] | None = None
    ) -> Iterator[Association]:
        """Lend an association, for a ``with`` block.

        It is to be left as it was found: what is still in progress at the end of the block is cancelled, and
        the association released. After an exception it is aborted then; one that is idle is kept in any case.

        Parameters
        ----------
        sop_class
            The SOP class that it is needed for; None when any association will do.
        transfer_syntax
            In which transfer syntax, or in any one of which; the default ones unless given.

        Raises
        ------
        PoolTimeout
            When all were lent for as long as `longest_wait` says.
        HostsUnavailable
            When all hosts have failed before, and it is too early to try them again.
        AssociationRejected, AssociationAborted, ConnectionFailed
            When none of the hosts accepted an association.
        NoAcceptedContext
            When the peer does not accept the SOP class in that transfer syntax.
        PoolClosed
            When the pool has been closed.
        """
        with self._lent(need_of(sop_class, transfer_syntax)) as member:
            yield member.association

    def send_c_store(
        self,
        dataset: Item,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> Stored[Item]:
        """Send an object with C-STORE on an association of the pool, once more where that is safe.

        Parameters
        ----------
        dataset, priority, originator_aet, originator_id, transfer_syntax
            As for `Association.send_c_store`.

        Returns
        -------
        Stored
            What has become of it: ``(dataset, status)``, with `outcome`, `error` and `verdict`. It does not
            raise for what is wrong with the object, the association or the peer.
        """
        arguments = StoreArguments(priority, originator_aet, originator_id)
        return self._crew([dataset], 1, arguments, transfer_syntax).run()

    def send_c_store_many(
        self,
        items: Iterable[Item],
        associations: int | None = None,
        window: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> PooledStores[Item]:
        """Send many objects with C-STORE over several associations at once.

        Parameters
        ----------
        items
            As for `Association.send_c_store_many`. It is read by one thread at a time, not always the same.
        associations
            Over how many at most; as many as the pool may have unless given.
        window, priority, originator_aet, originator_id, transfer_syntax
            As for `Association.send_c_store_many`.

        Returns
        -------
        PooledStores
            An iterator over `Stored`, as that of `Association.send_c_store_many`.

        Raises
        ------
        ValueError
            When `associations` or `window` is less than 1.
        """
        for name, value in (("associations", associations), ("window", window)):
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        arguments = StoreArguments(priority, originator_aet, originator_id)
        size = min(associations or self._limit, self._limit)
        return PooledStores(self._crew(items, window, arguments, transfer_syntax), size)

    def statistics(self) -> PoolStatistics:
        """Return how it is used at this moment."""
        return self._lending.statistics()

    def tidy(self) -> None:
        """Release the associations that have been idle for too long; a thread of the pool does so in time."""
        now = self._clock()
        for member in self._lending.take_idle(lambda each: now - each.idle_since >= self._idle_timeout):
            member.association.release()

    def close(self, drain: float | None = None) -> int:
        """Lend no more, and end all associations.

        Parameters
        ----------
        drain
            For how many seconds those that are lent may go on. None aborts them at once.

        Returns
        -------
        int
            How many were aborted.
        """
        idle, lent = self._lending.close(drain)
        self._is_closed.set()
        self.ae.remove_gauges(self._gauges)
        for member in lent:
            member.association.abort()
        for member in idle:
            member.association.release()
        return len(lent)

    def _gauges(self) -> Iterator[Gauge]:
        now = self.statistics()
        for state, number in (("lent", now.lent), ("idle", now.idle), ("opening", now.opening)):
            yield "pooled_associations", (self._label, state), number
        yield "pool_queue", (self._label,), now.waiting

    # For those who store.

    def _crew(
        self,
        items: Iterable[Item],
        window: int | None,
        arguments: StoreArguments,
        transfer_syntax: str | None,
    ) -> Crew[Item]:
        means = Means(NO_CONTEXTS, self.ae.buffer_pool, self.ae.transcoding)
        sending = self._sending._replace(window=window, arguments=arguments, transfer_syntax=transfer_syntax)
        return Crew(items, self._lent, means, sending)

    @contextmanager
    def _lent(self, need: Need) -> Iterator[Member]:
        member = self._borrow(need)
        try:
            yield member
        except BaseException:
            self._take_back(member, is_clean=False)
            raise
        else:
            self._take_back(member, is_clean=True)

    def _borrow(self, need: Need) -> Member:
        deadline = None if self._longest_wait is None else self._clock() + self._longest_wait
        while True:
            granted = self._lending.request(need, deadline)
            if isinstance(granted, Member):
                if self._is_well(granted):
                    return granted
                self._lending.forget(granted)
                granted.association.abort()
            else:
                member = self._open(granted, need)
                if member is not None:
                    return member

    # Opening.

    def _open(self, opening: Opening, need: Need) -> Member | None:
        """Open an association at the host, or at another one; None when there is no room for it just now."""
        if opening.instead is not None:
            opening.instead.association.release()
        while True:
            contexts = self._proposals.with_need(need)
            try:
                association = self.ae.associate(
                    *opening.host.address, contexts, self._ae_title, **self._options
                )
            except BaseException:
                self._lending.give_up(opening)
                raise
            if association.is_established:
                return self._add(opening, association, contexts, need)
            if association.rejected_contexts and not association.accepted_contexts:
                self._lending.give_up(opening)
                raise need.refusal()
            error = _failure_of(association)
            is_full = isinstance(error, AssociationRejected) and error.result == REJECTED_TRANSIENTLY
            has_others = is_full and opening.host.open > 0
            if not self._lending.fail(opening, is_full=is_full):
                if has_others:
                    return None
                raise error

    def _add(
        self,
        opening: Opening,
        association: Association,
        contexts: Sequence[PresentationContext],
        need: Need,
    ) -> Member:
        accepted = [proposal_of(context) for context in association.accepted_contexts if context.as_scu]
        proposed = pairs_of([proposal_of(context) for context in contexts])
        member = Member(association, opening.host, proposed, pairs_of(accepted), self._clock())
        if not self._lending.add(opening, member):
            association.release()
            raise PoolClosed("the pool has been closed")
        if not need.fits(member.accepted):
            self._take_back(member, is_clean=True)
            raise need.refusal()
        return member

    def _is_well(self, member: Member) -> bool:
        """Whether an association that has been idle is still there."""
        association = member.association
        if not association.is_established:
            return False
        is_fresh = self._clock() - member.idle_since < self._check_after
        if is_fresh or all(uid != Verification for uid, _ in member.accepted):
            return True
        association.dimse_timeout = CHECK_TIMEOUT
        try:
            return "Status" in association.send_c_echo()
        except AssociationError:
            return False
        finally:
            association.follow_timeouts("dimse_timeout")

    # Giving back.

    def _take_back(self, member: Member, *, is_clean: bool) -> None:
        association = member.association
        if association.is_established and not association.is_invoking:
            self._lending.succeed(member.host)
            if self._lending.give_back(member):
                self._see_to_keeper()
                return
        elif association.is_aborted:
            self._lending.blame(member.host)
        try:
            association.release() if is_clean else association.abort()
        finally:
            self._lending.forget(member)

    def _see_to_keeper(self) -> None:
        """Have a thread that releases what is idle for too long."""
        with self._keeper_lock:
            if self._is_kept:
                return
            thread = threading.Thread(target=self._keep, name="fastdicom-pool", daemon=True)
            with suppress(RuntimeError):  # none can be had: then the next one to be given back starts it
                thread.start()
                self._is_kept = True

    def _keep(self) -> None:
        while True:
            self.tidy()
            with self._keeper_lock:
                since = self._lending.idle_since()
                if since is None:
                    self._is_kept = False
                    return
            # Who becomes idle meanwhile is so for longer. The end of the pool is not to be waited with.
            self._is_closed.wait(max(since + self._idle_timeout - self._clock(), 0.0))


def _failure_of(association: Association) -> Exception:
    """Return why an association has not been established."""
    try:
        association.__enter__()
    except Exception as error:
        return error
    return AssociationError("the association was not established")
