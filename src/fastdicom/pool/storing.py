"""Storing many objects over several associations of a pool.

Each thread of a crew borrows an association, and stores over it what it takes from the items. An object that
does not fit it, or was not sent as it broke, is taken by the next thread that has one for it. So every object
is told of once, and none is sent twice that may be stored, unless asked for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeAlias, TypeVar

from fastdicom.association.outgoing import Means, content_of
from fastdicom.association.pipelining import PipelinedStores, StoreArguments
from fastdicom.errors import AssociationError, NoAcceptedContext, PoolTimeout
from fastdicom.pool.lending import Member
from fastdicom.pool.needs import Need, need_instead, need_of_object
from fastdicom.services.outcomes import Outcome, Stored, unanswered

Item = TypeVar("Item")

Lend: TypeAlias = Callable[[Need], AbstractContextManager[Member]]

# Results for each thread that nobody has taken yet: with more, the threads wait.
UNTAKEN = 4


class Sending(NamedTuple):
    """How objects are sent.

    Attributes
    ----------
    retries
        How often once more, where that is safe.
    resends_unknown
        Whether also where the object may be stored.
    window, arguments, transfer_syntax
        As `Association.send_c_store_many` takes them.
    """

    retries: int
    resends_unknown: bool
    window: int | None = None
    arguments: StoreArguments = StoreArguments(2, None, None)
    transfer_syntax: str | None = None


@dataclass(eq=False)
class Parcel(Generic[Item]):
    """An item on its way.

    Attributes
    ----------
    item
        As it was given.
    need
        What it needs an association for; None before that is known.
    failures
        How often it got lost.
    """

    item: Item
    need: Need | None = None
    failures: int = 0
    _content: Any = None

    def content(self) -> Any:
        """Return what is sent: of an open file what is read from it, once."""
        if self._content is None:
            self._content = content_of(self.item)
        return self._content


class Crew(Generic[Item]):
    """What the threads share that store the same items.

    Parameters
    ----------
    items
        What is to be stored.
    lend
        Lends an association, for a ``with`` block.
    means
        What objects are looked at with.
    sending
        How they are sent.
    """

    def __init__(self, items: Iterable[Item], lend: Lend, means: Means, sending: Sending) -> None:
        self._items: Iterator[Item] = iter(items)
        self._lend = lend
        self._means = means
        self._sending = sending
        self._source = threading.Lock()  # for asking for items, which may take long
        self._change = threading.Condition()  # for all that follows
        self._again: deque[Parcel[Item]] = deque()
        self._told: deque[Stored[Item]] = deque()
        self._failure: BaseException | None = None
        self._is_exhausted = False
        self._is_stopped = False
        self._active = 0
        self._size = 0

    # For who wants the results.

    def start(self, size: int) -> None:
        """Begin, with so many threads; with fewer when there are no more to be had.

        Raises
        ------
        RuntimeError
            When there is none at all.
        """
        self._active = self._size = size
        for started in range(size):
            thread = threading.Thread(target=self.work, name="fastdicom-stores", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if not started:
                    raise
                with self._change:
                    self._active -= size - started
                return

    def run(self) -> Stored[Item]:
        """Do it all in this thread, for one item; return what has become of it."""
        self._active = self._size = 1
        self.work()
        stored = self.take()
        if stored is None:
            raise RuntimeError("there was no item")
        return stored

    def take(self) -> Stored[Item] | None:
        """Wait for a result; None when there are no more. Raises what the items have raised."""
        with self._change:
            self._change.wait_for(lambda: self._told or not self._active)
            if self._told:
                self._change.notify_all()
                return self._told.popleft()
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return None

    def stop(self) -> None:
        """Ask for no more items."""
        # Without the lock, as a finalizer may call it: who waits for room looks again in the end.
        self._is_stopped = True

    def hurry(self) -> None:
        """Have those who wait for room look again."""
        with self._change:
            self._change.notify_all()

    # The threads.

    def work(self) -> None:
        """Store items until there are no more."""
        try:
            while (parcel := self._next()) is not None:
                if not self._serve(parcel):
                    return
        except BaseException as error:
            with self._change:
                self._failure = self._failure or error
                self._leave()

    def _leave(self) -> None:
        self._active -= 1
        self._change.notify_all()

    def _next(self) -> Parcel[Item] | None:
        """Return what is to be stored next; None when this thread has nothing more to do, and has left."""
        while True:
            with self._change:
                parcel = self._again.popleft() if self._again else None
            parcel = parcel or self._ask()
            if parcel is None:
                with self._change:
                    if not self._again:
                        self._leave()
                        return None
            elif self._is_stopped:
                self._tell(unanswered(parcel.item, Outcome.NOT_SENT, None))
            else:
                return parcel

    def _next_for(self, member: Member) -> Parcel[Item] | None:
        """Return what is to be stored next over an association; None when that is to be another one."""
        with self._change:
            if self._again:
                need = self._again[0].need
                return self._again.popleft() if need is None or need.fits(member.accepted) else None
        return self._ask()

    def _ask(self) -> Parcel[Item] | None:
        with self._source:
            if self._is_exhausted or self._is_stopped:
                return None
            try:
                return Parcel(next(self._items))
            except StopIteration:
                self._is_exhausted = True
            except Exception as error:  # which is raised once everything else has been told
                self._is_exhausted = True
                with self._change:
                    self._failure = error
        return None

    def _serve(self, parcel: Parcel[Item]) -> bool:
        """Borrow an association for an object, and store over it; False when the others are to do that."""
        with ExitStack() as stack:
            try:
                if parcel.need is None:
                    parcel.need = need_of_object(parcel.content(), self._sending.transfer_syntax, self._means)
                member = stack.enter_context(self._lend(parcel.need))
            except PoolTimeout as error:
                if self._leaves_to_others(parcel):
                    return False
                self._tell(unanswered(parcel.item, Outcome.NOT_SENT, error))
            except AssociationError as error:
                self._tell(unanswered(parcel.item, Outcome.NOT_SENT, error))
            except Exception as error:  # whatever is wrong with it, the others can be sent
                self._tell(unanswered(parcel.item, Outcome.FAILED, error))
            else:
                self._store_over(member, parcel)
        return True

    def _leaves_to_others(self, parcel: Parcel[Item]) -> bool:
        """Leave an object to the other threads, if there are any: they have associations."""
        with self._change:
            if self._active == 1:
                return False
            self._again.appendleft(parcel)
            self._leave()
            return True

    def _store_over(self, member: Member, first: Parcel[Item]) -> None:
        is_in_order = True

        def parcels() -> Iterator[Parcel[Item]]:
            parcel: Parcel[Item] | None = first
            while parcel is not None:
                yield parcel
                parcel = self._next_for(member) if is_in_order and not self._is_stopped else None

        sending = self._sending
        stores = PipelinedStores(
            member.association,
            parcels(),
            sending.window,
            sending.arguments,
            sending.transfer_syntax,
            Parcel.content,
        )
        for stored in stores:
            if stored.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT):
                is_in_order = False
            self._judge(stored, member)

    def _judge(self, stored: Stored[Parcel[Item]], member: Member) -> None:
        """Tell what has become of an object, or have it sent once more."""
        parcel, error = stored.item, stored.error
        if isinstance(error, NoAcceptedContext):
            try:
                parcel.need = need_instead(error, self._means)
            except ValueError:  # what it says of itself cannot be proposed
                is_to_go = False
            else:
                is_to_go = not parcel.need.is_among(member.proposed)
        else:
            is_to_go = error is not None and self._may_send_again(stored)
            parcel.failures += is_to_go
        if is_to_go:
            with self._change:
                self._again.append(parcel)
        else:
            self._tell(Stored(parcel.item, stored.status, stored.outcome, error))

    def _may_send_again(self, stored: Stored[Parcel[Item]]) -> bool:
        if stored.item.failures >= self._sending.retries:
            return False
        is_unknown = stored.outcome is Outcome.UNKNOWN
        return stored.outcome is Outcome.NOT_SENT or (is_unknown and self._sending.resends_unknown)

    def _tell(self, stored: Stored[Item]) -> None:
        with self._change:
            while len(self._told) >= UNTAKEN * self._size and not self._is_stopped:
                self._change.wait(1.0)
            self._told.append(stored)
            self._change.notify_all()


class PooledStores(Generic[Item]):
    """An iterator over what has become of many objects, in the order in which the responses come.

    Each result unpacks to ``(item, status)``; see `Stored` for the rest. Nothing is sent before the first is
    asked for. It belongs to one thread at a time. As a context manager it is closed at the end.
    """

    def __init__(self, crew: Crew[Item], size: int) -> None:
        self._crew = crew
        self._size = size
        self._is_begun = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Stored[Item]:
        if not self._is_begun:
            self._crew.start(self._size)
            self._is_begun = True
        stored = self._crew.take()
        if stored is None:
            raise StopIteration
        return stored

    def close(self) -> list[Stored[Item]]:
        """Ask for no more items, and wait for the responses to what is under way.

        Returns
        -------
        list of Stored
            What has become of all items that had been asked for and not been told of.
        """
        if not self._is_begun:
            return []
        self._crew.stop()
        self._crew.hurry()
        return list(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._crew.stop()
