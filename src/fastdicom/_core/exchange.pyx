"""Which operations are in progress on one association, and how many there may be (PS3.7 D.3.3.3).

Invoked operations are ours, and wait for their responses; performed ones are the peer's, and wait for ours.
A response finds its operation by Message ID and presentation context. Each method is one step that no other
thread sees half of, and none waits.
"""

cimport cython

from collections import deque

from fastdicom._core.command cimport fd_command_us
from fastdicom._core.pdata cimport Message

from fastdicom.errors import AssociationError, MessageError

# A Message ID is two bytes (PS3.7 E.1); 0 is left out, as some peers take it for none.
cdef enum:
    MESSAGE_ID_LIMIT = 0xFFFF

# Responses that wait for a thread which asks for them, while another one receives.
cdef enum:
    RESPONSES_LIMIT = 10000
    RESPONSES_LENGTH_LIMIT = 1 << 28


cdef class Goal:
    """What a thread of an association waits for.

    Attributes
    ----------
    is_reached
        Whether it is so.
    """


@cython.final
cdef class Answers(Goal):
    """Which of several operations have been answered, in that order.

    It is reached whenever there is one to be taken.

    Attributes
    ----------
    answered
        The operations that nobody has taken yet.
    """

    def __cinit__(self):
        self.answered = deque()

    cdef int note(self, object invocation) except -1:
        with cython.critical_section(self):
            self.answered.append(invocation)
            self.is_reached = True
        return 0

    @cython.critical_section
    def take(self):
        """Return the next operation that has been answered; None when there is none."""
        if not self.answered:
            return None
        invocation = self.answered.popleft()
        self.is_reached = len(self.answered) > 0
        return invocation


cdef class Invocation(Goal):
    """An operation that the peer has been asked for; reached once it has been answered.

    Attributes
    ----------
    context_id, command_field, message_id
        Of the request.
    thread
        Who waits for it, as `threading.get_ident` names it.
    started
        When it was invoked: time of the monotonic clock.
    begun
        When it was invoked, or the peer last answered anything to it: time of the monotonic clock.
    response
        The message that answers it; None while there is none.
    is_abandoned
        Whether nobody wants its responses any more. It goes on until the last one has come.
    answers
        Takes note of it once it has been answered; None when its response is waited for by itself.
    """

    @property
    def is_answered(self):
        """Whether its last response has come."""
        return self.has_last()

    @property
    def ending(self):
        """What is reached once the last response has come."""
        return self

    cdef bint has_last(self) noexcept:
        return self.response is not None

    cdef int add(self, Message message, uint16_t status) except -1:
        self.response = message
        self.is_reached = True
        if self.answers is not None:
            self.answers.note(self)
        return 0


@cython.final
cdef class Inquiry(Invocation):
    """An operation that is answered by any number of pending responses and a final one.

    It is reached whenever there is a response to be taken.

    Attributes
    ----------
    responses
        Those that nobody has taken yet.
    end
        Reached once the final one has come.
    """

    def __cinit__(self):
        self.responses = deque()
        self.end = Goal()

    @property
    def ending(self):
        return self.end

    cdef bint has_last(self) noexcept:
        return self.end.is_reached

    cdef int add(self, Message message, uint16_t status) except -1:
        # PS3.4 Table C.4-1: there is more to come
        cdef bint is_last = status != 0xFF00 and status != 0xFF01
        with cython.critical_section(self):
            if not self.is_abandoned:
                self.keep(message)
        if is_last:
            self.end.is_reached = True
        return 0

    cdef int keep(self, Message message) except -1:
        if len(self.responses) >= RESPONSES_LIMIT:
            raise MessageError(f"{RESPONSES_LIMIT} responses to one request have not been asked for yet")
        if self.responses and self.waiting_length + message.data_set_length > RESPONSES_LENGTH_LIMIT:
            raise MessageError(
                f"responses to one request, which have not been asked for yet, have more than "
                f"{RESPONSES_LENGTH_LIMIT} bytes"
            )
        self.waiting_length += message.data_set_length
        self.responses.append(message)
        self.is_reached = True
        return 0

    @cython.critical_section
    def take(self):
        """Return the next response; None when none has come. For the one who asks."""
        if not self.responses:
            return None
        cdef Message message = self.responses.popleft()
        self.waiting_length -= message.data_set_length
        self.is_reached = False
        if self.responses:  # looked at after the line above: who adds one now says so afterwards
            self.is_reached = True
        return message


@cython.final
cdef class Exchange:
    """The operations in progress.

    Attributes
    ----------
    invoked_limit, performed_limit
        How many there may be at once; 0 for no limit, 1 unless negotiated otherwise.
    invoked, performed
        Those of ours, and of those of the peer the threads that serve them; by Message ID.
    cancelled
        The Message IDs of those of the peer that it has asked to cancel.
    """

    def __cinit__(self):
        self.invoked_limit = 1
        self.performed_limit = 1
        self.invoked = {}
        self.performed = {}
        self.cancelled = set()

    @property
    def is_idle(self):
        """Whether nothing is in progress."""
        return not self.invoked and not self.performed

    @property
    def is_full(self):
        """Whether no further operation may be invoked."""
        return self.has_no_room()

    @property
    def is_invoking(self):
        """Whether the peer owes a response."""
        return len(self.invoked) > 0

    cdef bint has_no_room(self) noexcept:
        return 0 < self.invoked_limit <= len(self.invoked)

    @cython.critical_section
    def check_may_wait(self, thread):
        """Make sure that a thread does not wait for the end of its own operation.

        Raises
        ------
        AssociationError
            When it would: a handler that runs within an operation asks for another one.
        """
        for invocation in self.invoked.values():
            if invocation.thread == thread and not invocation.is_abandoned:
                raise AssociationError(
                    f"{len(self.invoked)} operations are in progress, one of them of this thread, and "
                    f"{self.invoked_limit} may be; nothing was sent"
                )

    @cython.critical_section
    def invoke(self, int context_id, uint16_t command_field, message_id, thread, double now, kind=Invocation):
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
        # Before anything is looked at: what is thrown away meanwhile may invoke and end operations itself.
        cdef Invocation invocation = Inquiry() if kind is Inquiry else Invocation()
        if self.has_no_room():
            return None
        if message_id is None:
            message_id = self.choose()
        elif not 1 <= message_id <= MESSAGE_ID_LIMIT:
            raise ValueError(f"msg_id is {message_id}; 1 to {MESSAGE_ID_LIMIT} are allowed")
        elif message_id in self.invoked:
            raise ValueError(f"msg_id {message_id} belongs to an operation that is in progress")
        invocation.message_id = message_id
        invocation.key = message_id
        invocation.context_id = context_id
        invocation.command_field = command_field
        invocation.thread = thread
        invocation.started = now
        invocation.begun = now
        self.invoked[message_id] = self.latest = invocation
        return invocation

    cdef int choose(self) except -1:
        """Return a Message ID that is not in use; at most so many are as there are operations."""
        cdef int message_id = self.last_message_id % MESSAGE_ID_LIMIT + 1
        while self.invoked and message_id in self.invoked:
            message_id = message_id % MESSAGE_ID_LIMIT + 1
        self.last_message_id = message_id
        return message_id

    @cython.critical_section
    def answer(self, Message message not None):
        """Give a response to the operation that it answers.

        Raises
        ------
        MessageError
            When there is none.
        """
        cdef uint16_t command_field = fd_command_us(&message.command.command, 0x0100, 0)
        cdef int message_id = fd_command_us(&message.command.command, 0x0120, 0)
        cdef Invocation invocation = self.latest
        if invocation is None or invocation.message_id != message_id:
            invocation = self.invoked.get(message_id)
        if (
            invocation is None
            or invocation.has_last()
            or invocation.context_id != message.context_id
            or not message.command.is_answer(invocation.command_field, invocation.message_id)
        ):
            raise MessageError(f"response {command_field:04X}H answers nothing that was asked (PS3.7 8.1)")
        invocation.add(message, fd_command_us(&message.command.command, 0x0900, 0))
        if invocation.is_abandoned and invocation.has_last():
            self.forget(invocation)
        return invocation

    @cython.critical_section
    def inquiry_of(self, thread):
        """Return an operation that this thread need not ask for, to see it end: its own, or one of nobody.

        Raises
        ------
        AssociationError
            When the thread is about to answer the peer, who answers nothing before that.
        """
        cdef Invocation invocation
        for invocation in self.invoked.values():
            if (type(invocation) is Inquiry or invocation.answers is not None) and (
                invocation.is_abandoned or invocation.thread == thread
            ):
                if thread in self.performed.values():
                    raise AssociationError(
                        f"{len(self.invoked)} operations are in progress, and {self.invoked_limit} may be; "
                        "a handler runs within one of them. Nothing was sent"
                    )
                return invocation
        return None

    @cython.critical_section
    def oldest(self):
        """Return when the operation was begun that has waited longest; None when there is none."""
        cdef Invocation invocation
        oldest = None
        for invocation in self.invoked.values():
            if not invocation.has_last() and (oldest is None or invocation.begun < oldest):
                oldest = invocation.begun
        return oldest

    @cython.critical_section
    def end(self, Invocation invocation not None):
        """Forget an operation of ours. Any thread may, at any time."""
        self.forget(invocation)

    cdef int forget(self, Invocation invocation) except -1:
        if self.latest is invocation:
            self.latest = None
        # Once it is forgotten, another one may have its Message ID.
        if self.invoked.get(invocation.key) is invocation:
            del self.invoked[invocation.key]
        return 0

    @cython.critical_section
    def begin(self, message_id, thread):
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

    @cython.critical_section
    def cancel(self, message_id):
        """Take note that the peer wants no more of an operation (PS3.7 9.3.2.3); what is over is over."""
        if message_id in self.performed:
            self.cancelled.add(message_id)

    @cython.critical_section
    def finish(self, message_id):
        """Forget an operation of the peer's. Any thread may, at any time."""
        self.performed.pop(message_id, None)
        if self.cancelled:
            self.cancelled.discard(message_id)
