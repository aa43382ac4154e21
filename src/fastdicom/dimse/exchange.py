"""Which operations are in progress on one association, and how many there may be (PS3.7 D.3.3.3).

Invoked operations are ours, and wait for their responses; performed ones are the peer's, and wait for ours.
A response finds its operation by Message ID and presentation context. An exchange belongs to one thread at
a time: the association guards it.
"""

from __future__ import annotations

from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import message_name
from fastdicom.errors import AssociationError, MessageError

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

    def __init__(self, context_id: int, command_field: int, message_id: int, thread: int, now: float) -> None:
        self.is_reached = False
        self.context_id = context_id
        self.command_field = command_field
        self.message_id = message_id
        self.thread = thread
        self.begun = now
        self.response: Message | None = None


class Exchange:
    """The operations in progress.

    Attributes
    ----------
    invoked_limit, performed_limit
        How many there may be at once; 0 for no limit, 1 unless negotiated otherwise.
    invoked, performed
        Those of ours, and the Message IDs of those of the peer. Out of both any thread may take, at any time.
    """

    def __init__(self) -> None:
        self.invoked_limit = 1
        self.performed_limit = 1
        self.invoked: dict[int, Invocation] = {}
        self.performed: set[int] = set()
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
        self, context_id: int, command_field: int, message_id: int | None, thread: int, now: float
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
        invocation = Invocation(context_id, command_field, message_id, thread, now)
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
            or invocation.is_reached
            or invocation.context_id != message.context_id
            or not command.answers(invocation.command_field, invocation.message_id)
        ):
            raise MessageError(
                f"{message_name(command.command_field)} answers nothing that was asked (PS3.7 8.1)"
            )
        invocation.response = message
        invocation.is_reached = True
        return invocation

    def oldest(self) -> float | None:
        """Return when the operation was begun that has waited longest; None when there is none."""
        return min((each.begun for each in self.invoked.values() if not each.is_reached), default=None)

    def end(self, invocation: Invocation) -> None:
        """Forget an operation of ours. Any thread may, at any time."""
        self.invoked.pop(invocation.message_id, None)

    def begin(self, message_id: int) -> bool:
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
        self.performed.add(message_id)
        return True
