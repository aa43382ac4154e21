"""Who gets which association, and when: the one lock of a pool, and what is counted under it.

Nothing is sent or received here. Who asks first is served first: with an idle association that fits, by
opening another one, by closing an idle one that does not fit and opening another, or once one is given back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastdicom.association import Association
from fastdicom.errors import HostsUnavailable, PoolClosed, PoolTimeout
from fastdicom.pool.hosts import Host, choose, retry_after
from fastdicom.pool.needs import Need, Pair
from fastdicom.pool.statistics import HostStatistics, PoolStatistics


@dataclass(eq=False)
class Member:
    """An association of the pool.

    Attributes
    ----------
    association
        The association.
    host
        Where it goes.
    proposed, accepted
        The abstract syntaxes with the transfer syntaxes that were proposed, and those that were accepted.
    idle_since
        When it was last given back, or opened.
    """

    association: Association
    host: Host
    proposed: frozenset[Pair]
    accepted: frozenset[Pair]
    idle_since: float


@dataclass(eq=False)
class Opening:
    """Leave to open an association.

    Attributes
    ----------
    host
        Where to.
    instead
        An idle association to be closed before, as there are as many as may be; None when there is none.
    tried
        The hosts that have been tried in vain, with this one.
    """

    host: Host
    instead: Member | None = None
    tried: list[Host] = field(default_factory=list)


class Lending:
    """The associations of a pool.

    Parameters
    ----------
    hosts
        Where they may go.
    limit
        How many there may be.
    clock
        The time, in seconds, of a monotonic clock.
    name
        Of the destination, for errors.
    """

    def __init__(self, hosts: Sequence[Host], limit: int, clock: Callable[[], float], name: str) -> None:
        self._hosts = list(hosts)
        self._limit = limit
        self._clock = clock
        self._name = name
        self._change = threading.Condition()
        self._idle: list[Member] = []  # who has been idle for longest, first
        self._lent: set[Member] = set()
        self._queue: deque[object] = deque()
        self._opening = 0
        self._is_closed = False

    # Borrowing.

    def request(self, need: Need, deadline: float | None) -> Member | Opening:
        """Wait for an association that fits, or for leave to open one, until a time of the clock.

        Raises
        ------
        NoAcceptedContext
            When the peer is known not to accept what is needed.
        HostsUnavailable
            When no host may be tried, and none has an association that may be waited for.
        PoolTimeout
            When there is none until then.
        PoolClosed
            When the pool has been closed.
        """
        ticket = object()
        with self._change:
            self._queue.append(ticket)
            try:
                while True:
                    if self._is_closed:
                        raise PoolClosed(f"the pool of {self._name} has been closed")
                    granted = self._grant(need) if self._queue[0] is ticket else None
                    if granted is not None:
                        return granted
                    left = None if deadline is None else deadline - self._clock()
                    if left is not None and left <= 0:
                        raise PoolTimeout(
                            f"no association with {self._name} in time: "
                            f"{len(self._lent)} are lent, and {self._limit} may be open"
                        )
                    soon = retry_after(self._hosts, self._clock()) or None
                    self._change.wait(min((each for each in (left, soon) if each is not None), default=None))
            finally:
                self._queue.remove(ticket)
                self._change.notify_all()

    def _grant(self, need: Need) -> Member | Opening | None:
        """Return what there is for the first in the queue; None when it has to wait."""
        now = self._clock()
        fitting = [member for member in self._idle if need.fits(member.accepted)]
        if fitting:
            # Of hosts with equal loads, the one used last: the others become idle for long, and are closed.
            member = min(reversed(fitting), key=lambda each: each.host.lent)
            self._idle.remove(member)
            self._lend(member)
            return member
        everybody = [*self._idle, *self._lent]
        if any(need.is_among(each.proposed) and not need.fits(each.accepted) for each in everybody):
            raise need.refusal()
        opening = self._leave_to_open(now, is_full=len(everybody) + self._opening >= self._limit)
        if opening is None and not self._lent and not self._opening:
            seconds = retry_after(self._hosts, now)
            raise HostsUnavailable(
                f"{self._name} has failed before, and is tried again in {seconds:.1f} s", seconds
            )
        return opening

    def _leave_to_open(self, now: float, *, is_full: bool) -> Opening | None:
        """Return leave to open one, if need be in the place of an idle one that does not fit."""
        host = None if is_full else choose(self._hosts, now)
        if host is not None:
            self._begin(host)
            return Opening(host, None, [host])
        for instead in self._idle:
            instead.host.open -= 1  # which may be what makes room there
            host = choose(self._hosts, now)
            if host is not None:
                self._idle.remove(instead)
                self._begin(host)
                return Opening(host, instead, [host])
            instead.host.open += 1
        return None

    def _lend(self, member: Member) -> None:
        self._lent.add(member)
        member.host.lent += 1

    def _begin(self, host: Host) -> None:
        host.breaker.begin(self._clock())
        host.opening += 1
        self._opening += 1

    def _end(self, opening: Opening) -> None:
        opening.host.opening -= 1
        self._opening -= 1

    # Opening.

    def add(self, opening: Opening, member: Member) -> bool:
        """Take an association that has been opened; it is lent. False when the pool has been closed."""
        with self._change:
            self._end(opening)
            member.host.breaker.accept()
            member.host.opened += 1
            if not self._is_closed:
                member.host.open += 1
                self._lend(member)
            self._change.notify_all()
            return not self._is_closed

    def fail(self, opening: Opening, *, is_full: bool) -> bool:
        """Take note that a host has not accepted an association.

        Parameters
        ----------
        is_full
            Whether it said that it has no room just now. That is no failure while it has others of ours.

        Returns
        -------
        bool
            Whether to try `opening.host`, which is another one now.
        """
        with self._change:
            now = self._clock()
            host = opening.host
            self._end(opening)
            host.failed += 1
            if is_full and host.open:
                host.breaker.give_up()
                host.refuse_more(now)
            else:
                host.breaker.fail(now)
            other = None if self._is_closed else choose(self._hosts, now, opening.tried)
            if other is not None:
                self._begin(other)
                opening.host = other
                opening.tried.append(other)
            self._change.notify_all()
            return other is not None

    def give_up(self, opening: Opening) -> None:
        """Take note that no association came about, for no fault of the host's."""
        with self._change:
            self._end(opening)
            opening.host.breaker.give_up()
            self._change.notify_all()

    # Giving back.

    def give_back(self, member: Member) -> bool:
        """Take an association back; False when it is to be released, as the pool has been closed."""
        with self._change:
            if self._is_closed:
                return False
            self._lent.discard(member)
            member.host.lent -= 1
            member.idle_since = self._clock()
            self._idle.append(member)
            self._change.notify_all()
            return True

    def forget(self, member: Member) -> None:
        """Take note that a lent association is gone."""
        with self._change:
            self._lent.discard(member)
            member.host.lent -= 1
            member.host.open -= 1
            self._change.notify_all()

    def succeed(self, host: Host) -> None:
        """Take note that a host does what it should."""
        with self._change:
            host.breaker.succeed()

    def blame(self, host: Host) -> None:
        """Take note that an association broke while it was lent."""
        with self._change:
            host.failed += 1
            host.breaker.fail(self._clock())

    # Idle ones, and the end.

    def take_idle(self, is_wanted: Callable[[Member], bool]) -> list[Member]:
        """Take those of the idle associations that are wanted out of the pool."""
        with self._change:
            taken = [member for member in self._idle if is_wanted(member)]
            for member in taken:
                self._idle.remove(member)
                member.host.open -= 1
            if taken:
                self._change.notify_all()
            return taken

    def idle_since(self) -> float | None:
        """Return since when the association has been idle that is so for longest; None when there is none."""
        with self._change:
            return self._idle[0].idle_since if self._idle else None

    def close(self, drain: float | None) -> tuple[list[Member], list[Member]]:
        """Lend no more, and wait for what is lent.

        Parameters
        ----------
        drain
            For how many seconds; None for not at all.

        Returns
        -------
        idle, lent
            What is to be released, and what is still lent.
        """
        with self._change:
            self._is_closed = True
            self._change.notify_all()
            if drain is not None:
                self._change.wait_for(lambda: not self._lent and not self._opening, drain)
        return self.take_idle(lambda member: True), list(self._lent)

    def statistics(self) -> PoolStatistics:
        """Return how it is used at this moment."""
        with self._change:
            now = self._clock()
            hosts = tuple(
                HostStatistics(
                    host.address,
                    host.breaker.state(now),
                    host.breaker.retry_after(now),
                    host.open,
                    host.opening,
                    host.lent,
                    host.opened,
                    host.failed,
                )
                for host in self._hosts
            )
            return PoolStatistics(
                open=len(self._idle) + len(self._lent),
                opening=self._opening,
                lent=len(self._lent),
                idle=len(self._idle),
                waiting=len(self._queue),
                opened=sum(host.opened for host in hosts),
                failed=sum(host.failed for host in hosts),
                hosts=hosts,
            )
