"""Which operations are in progress on one association, and how many there may be (PS3.7 D.3.3.3).

Invoked operations are ours, and wait for their responses; performed ones are the peer's, and wait for ours.
A response finds its operation by Message ID and presentation context. An exchange belongs to one thread at
a time: the association guards it.
"""

from __future__ import annotations

from collections import deque

from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import message_name
from fastdicom.errors import AssociationError, MessageError

# PS3.7 C.1.1.2.3, PS3.4 Table C.4-1: there is more to come
PENDING = (0xFF00, 0xFF01)

# Responses that wait for a thread which asks for them, while another one receives.
RESPONSES_LIMIT = 10_000

# A Message ID is two bytes (PS3.7 E.1); 0 is left out, as some peers take it for none.
MESSAGE_ID_LIMIT = 0xFFFF


class Goal:
    """What a thread of an association waits for.

    Attributes
    ----------
    is_reached
        Whether it is so.
    """

    __slots__ = ("is_reached",)

    def __init__(self) -> None:
        self.is_reached = False


class Invocation(Goal):
    """An operation that the peer has been asked for; reached once it has been answered.

    Attributes
    ----------
    context_id, command_field, message_id
        Of the request.
    thread
        Who waits for it, as `threading.get_ident` names it.
    begun
        When it was invoked, or the peer last answered anything to it: time of the monotonic clock.
    response
        The message that answers it; None while there is none.
    """

    __slots__ = ("begun", "command_field", "context_id", "message_id", "response", "thread")

    is_abandoned = False

    def __init__(self, context_id: int, command_field: int, message_id: int, thread: int, now: float) -> None:
        self.is_reached = False
        self.context_id = context_id
        self.command_field = command_field
        self.message_id = message_id
        self.thread = thread
        self.begun = now
        self.response: Message | None = None

    @property
    def is_answered(self) -> bool:
        """Whether its last response has come."""
        return self.response is not None

    def add(self, message: Message) -> None:
        """Take note of a response. For who receives."""
        self.response = message
        self.is_reached = True


class Inquiry(Invocation):
    """An operation that is answered by any number of pending responses and a final one.

    It is reached whenever there is a response to be taken.

    Attributes
    ----------
    responses
        Those that nobody has taken yet.
    ending
        Reached once the final one has come.
    is_abandoned
        Whether nobody wants its responses any more. It goes on until the final one has come.
    """

    __slots__ = ("ending", "is_abandoned", "responses")

    def __init__(self, context_id: int, command_field: int, message_id: int, thread: int, now: float) -> None:
        super().__init__(context_id, command_field, message_id, thread, now)
        self.responses: deque[Message] = deque()
        self.ending = Goal()
        self.is_abandoned = False

    @property
    def is_answered(self) -> bool:
        """Whether its last response has come."""
        return self.ending.is_reached

    def add(self, message: Message) -> None:
        """Take note of a response. For who receives.

        Raises
        ------
        MessageError
            When too many are waiting already.
        """
        self.ending.is_reached = message.command.status not in PENDING
        if self.is_abandoned:
            return
        if len(self.responses) >= RESPONSES_LIMIT:
            raise MessageError(f"{RESPONSES_LIMIT} responses to one request have not been asked for yet")
        self.responses.append(message)
        self.is_reached = True

    def take(self) -> Message | None:
        """Return the next response; None when none has come. For the one who asks."""
        if not self.responses:
            return None
        message = self.responses.popleft()
        self.is_reached = False
        if self.responses:  # looked at after the line above: who adds one now says so afterwards
            self.is_reached = True
        return message


class Exchange:
    """The operations in progress.

    Attributes
    ----------
    invoked_limit, performed_limit
        How many there may be at once; 0 for no limit, 1 unless negotiated otherwise.
    invoked, performed
        Those of ours, and of those of the peer the threads that serve them; by Message ID. Out of both any
        thread may take, at any time.
    cancelled
        The Message IDs of those of the peer that it has asked to cancel.
    """

    def __init__(self) -> None:
        self.invoked_limit = 1
        self.performed_limit = 1
        self.invoked: dict[int, Invocation] = {}
        self.performed: dict[int, int] = {}
        self.cancelled: set[int] = set()
        self._last_message_id = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in progress."""
        return not (self.invoked or self.performed)

    @property
    def is_full(self) -> bool:
        """Whether no further operation may be invoked."""
        return 0 < self.invoked_limit <= len(self.invoked)

    @property
    def is_invoking(self) -> bool:
        """Whether the peer owes a response."""
        return bool(self.invoked)

    def check_may_wait(self, thread: int) -> None:
        """Make sure that a thread does not wait for the end of its own operation.

        Raises
        ------
        AssociationError
            When it would: a handler that runs within an operation asks for another one.
        """
        if any(invocation.thread == thread for invocation in self.invoked.values()):
            raise AssociationError(
                f"{len(self.invoked)} operations are in progress, one of them of this thread, and "
                f"{self.invoked_limit} may be; nothing was sent"
            )

    def invoke(
        self,
        context_id: int,
        command_field: int,
        message_id: int | None,
        thread: int,
        now: float,
        kind: type[Invocation] = Invocation,
    ) -> Invocation | None:
        """Begin an operation of ours; None when there is no room for it.

        Parameters
        ----------
        context_id, command_field
            Of the request.
        message_id
            Its Message ID; chosen when None.
        thread, now
            Who asks, and when.
        kind
            `Inquiry` when there may be several responses.

        Raises
        ------
        ValueError
            When the Message ID is not possible, or in use.
        """
        if 0 < self.invoked_limit <= len(self.invoked):
            return None
        if message_id is None:
            message_id = self._last_message_id % MESSAGE_ID_LIMIT + 1
            while message_id in self.invoked:
                message_id = message_id % MESSAGE_ID_LIMIT + 1
            self._last_message_id = message_id
        elif not 1 <= message_id <= MESSAGE_ID_LIMIT:
            raise ValueError(f"msg_id is {message_id}; 1 to {MESSAGE_ID_LIMIT} are allowed")
        elif message_id in self.invoked:
            raise ValueError(f"msg_id {message_id} belongs to an operation that is in progress")
        invocation = kind(context_id, command_field, message_id, thread, now)
        self.invoked[message_id] = invocation
        return invocation

    def answer(self, message: Message) -> Invocation:
        """Give a response to the operation that it answers.

        Raises
        ------
        MessageError
            When there is none.
        """
        command = message.command
        invocation = self.invoked.get(command.get(0x0120, 0))
        if (
            invocation is None
            or invocation.is_answered
            or invocation.context_id != message.context_id
            or not command.answers(invocation.command_field, invocation.message_id)
        ):
            raise MessageError(
                f"{message_name(command.command_field)} answers nothing that was asked (PS3.7 8.1)"
            )
        invocation.add(message)
        if invocation.is_abandoned:
            self._end_answered(invocation)
        return invocation

    def _end_answered(self, invocation: Invocation) -> None:
        if invocation.is_answered:
            self.end(invocation)

    def inquiry_of(self, thread: int) -> Inquiry | None:
        """Return an operation that this thread need not ask for, to see it end: its own, or one of nobody.

        Raises
        ------
        AssociationError
            When the thread is about to answer the peer, who answers nothing before that.
        """
        inquiries = [
            each
            for each in self.invoked.values()
            if isinstance(each, Inquiry) and (each.thread == thread or each.is_abandoned)
        ]
        if inquiries and thread in self.performed.values():
            raise AssociationError(
                f"{len(self.invoked)} operations are in progress, and {self.invoked_limit} may be; "
                "a handler runs within one of them. Nothing was sent"
            )
        return inquiries[0] if inquiries else None

    def cancel(self, message_id: int | None) -> None:
        """Take note that the peer wants no more of an operation (PS3.7 9.3.2.3); what is over is over."""
        if message_id in self.performed:
            self.cancelled.add(message_id)

    def oldest(self) -> float | None:
        """Return when the operation was begun that has waited longest; None when there is none."""
        return min((each.begun for each in self.invoked.values() if not each.is_answered), default=None)

    def end(self, invocation: Invocation) -> None:
        """Forget an operation of ours. Any thread may, at any time."""
        self.invoked.pop(invocation.message_id, None)

    def begin(self, message_id: int, thread: int) -> bool:
        """Begin an operation of the peer's; False when one with this Message ID is in progress.

        Raises
        ------
        MessageError
            When there are as many as may be.
        """
        if 0 < self.performed_limit <= len(self.performed):
            raise MessageError(
                f"{len(self.performed) + 1} operations at once; {self.performed_limit} were agreed on "
                "(PS3.7 D.3.3.3)"
            )
        if message_id in self.performed:
            return False
        self.performed[message_id] = thread
        return True

    def finish(self, message_id: int | None) -> None:
        """Forget an operation of the peer's. Any thread may, at any time."""
        self.performed.pop(message_id, None)  # type: ignore[arg-type]
        if self.cancelled:
            self.cancelled.discard(message_id)
