"""P-DATA-TF PDUs to DIMSE messages and back, PS3.8 Annex E, without a network.

`Reader` takes bytes as they come (`get_buffer`, `commit`) and tells of whole messages and PDUs
(`next_event`); `MessageWriter` gives a message out as PDUs. The socket loop drives the same two in C.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy

from fastdicom._core.buffer cimport Buffer

from fastdicom._core.signals import Signal
from fastdicom.errors import AbortReason, MessageError, ProtocolError

cdef extern from "Python.h":
    const int PyBUF_WRITE

# PS3.8 9.3.2 sets no limit. 128 contexts of 45 transfer syntaxes and an identity of 64 KiB need a quarter.
ASSOCIATE_PDU_LIMIT = 1 << 20

# Bytes of a message that are copied at once for a caller who sends them by itself.
cdef enum:
    AT_ONCE = 128 << 10

cdef dict SIGNALS = {
    FD_NEED_DATA: Signal.NEED_DATA,
    FD_EVENT_P_DATA: Signal.P_DATA,
    FD_EVENT_COMMAND: Signal.COMMAND,
    FD_EVENT_FULL: Signal.FULL,
    FD_EVENT_LOOK: Signal.LOOK,
    FD_EVENT_NO_ROOM: Signal.NO_ROOM,
    FD_EVENT_SINK_FAILED: Signal.SINK_FAILED,
}

INVALID = AbortReason.INVALID_PARAMETER_VALUE

# code: (reason for the A-ABORT, text)
cdef dict ERRORS = {
    FD_E_PDU_TYPE: (AbortReason.UNRECOGNIZED_PDU, "a PDU of type {value:02X}H; there is none (PS3.8 9.3.1)"),
    FD_E_PDU_LENGTH: (INVALID, "a PDU is {value} bytes long; the limit is {limit}"),
    FD_E_PDV_LENGTH: (
        INVALID,
        "a PDV claims {value} bytes; at least 2 are needed and its P-DATA-TF has {limit} left",
    ),
    FD_E_PDV_EMPTY: (INVALID, "more than {limit} PDVs without a byte of data in a row"),
    FD_E_PDV_COUNT: (INVALID, "a P-DATA-TF is {value} bytes long; the shortest PDV has 6"),
    FD_E_CONTEXT: (INVALID, "a PDV on presentation context {value}, which was not accepted"),
    FD_E_CONTEXT_CHANGE: (
        INVALID,
        "a PDV on presentation context {value} within a message on {limit}",
    ),
    FD_E_ORDER: (
        AbortReason.UNEXPECTED_PARAMETER,
        "a data set fragment before its command set, or a command within a data set",
    ),
}


@cython.final
cdef class Message:
    """A whole DIMSE message as it came.

    Attributes
    ----------
    context_id
        The presentation context.
    command
        The command set.
    data_set
        The encoded data set; None when there is none, or when it did not stay in memory. What is left of it
        where pieces of it have been taken.
    data_set_length
        The length of all of it in bytes, wherever it went.
    sink_errno
        Why it could not be written; 0 when it could.
    is_in_memory
        Whether `data_set` is all of it.
    """

    def __repr__(self):
        return (
            f"Message(context_id={self.context_id}, command={self.command!r}, "
            f"data_set: {self.data_set_length} bytes)"
        )


@cython.final
cdef class ObservedPdu:
    """A P-DATA-TF PDU, shown before it is taken apart.

    Attributes
    ----------
    encoded
        The whole PDU.
    """

    cdef readonly bytes encoded


@cython.final
cdef class Reader:
    """Bytes in; messages, PDUs and signals out.

    Parameters
    ----------
    pool
        Where memory for data sets comes from.
    maximum_length
        The longest P-DATA-TF that is taken (PS3.8 D.1), in bytes without its header; 0 for no limit.
    memory_limit
        The longest data set that is kept in memory, in bytes.
    """

    def __cinit__(self, BufferPool pool not None, uint32_t maximum_length, size_t memory_limit):
        self.pool = pool
        if fd_reader_open(&self.reader, &pool.pool, maximum_length, ASSOCIATE_PDU_LIMIT,
                          memory_limit) != FD_OK:
            raise MemoryError("no memory for the receive buffer")
        self.reader.sink_write = fd_file_write

    def __dealloc__(self):
        fd_reader_close(&self.reader)
        if self.pool is not None and self.pool.waiting:
            self.pool.tell_room()

    def begin_data_transfer(self, context_ids, bint holds_commands=False):
        """Take P-DATA-TF PDUs apart from now on.

        Parameters
        ----------
        context_ids
            The accepted presentation contexts.
        holds_commands
            Tell `Signal.COMMAND` before a data set is received, for `write_to` or `discard`.
        """
        for context_id in context_ids:
            self.reader.is_accepted[<uint8_t>context_id] = 1
        self.reader.holds_commands = holds_commands
        self.reader.mode = FD_MODE_DATA

    def end_data_transfer(self):
        """P-DATA-TF is not expected any more: `Signal.P_DATA`."""
        self.reader.mode = FD_MODE_ASSOCIATE

    def ignore_everything(self):
        """Drop whatever comes (Sta13, AA-6)."""
        self.reader.mode = FD_MODE_DISCARD

    @property
    def is_observed(self):
        """Whether each P-DATA-TF PDU is shown before it is taken apart."""
        return bool(self.reader.is_observed)

    @is_observed.setter
    def is_observed(self, bint value):
        self.reader.is_observed = value

    @property
    def is_mid_message(self):
        """Whether a PDU or a message has begun and not ended."""
        return bool(fd_reader_is_mid_message(&self.reader))

    @property
    def has_more(self):
        """Whether bytes have come behind the last event."""
        return fd_reader_staged(&self.reader) != 0

    def get_buffer(self, Py_ssize_t size_hint=-1):
        """Return a writable buffer for the next bytes. It is valid until the next call of any method.

        Parameters
        ----------
        size_hint
            How many bytes there may be; with -1, which is not known, the place where they are to stay is
            preferred to room for many.
        """
        cdef fd_target target
        if size_hint > 0:
            count = fd_reader_staging(&self.reader, &target)
        else:
            count = fd_reader_targets(&self.reader, &target, 1)
        if count == 0:
            raise MemoryError("no memory for received bytes")
        self.room = target.n
        return PyMemoryView_FromMemory(<char *>target.p, <Py_ssize_t>target.n, PyBUF_WRITE)

    def commit(self, size_t n):
        """Say that n bytes have been put into the buffer."""
        if n > self.room:
            raise ValueError(f"{n} bytes in a buffer of {self.room}")
        self.room = 0
        fd_reader_commit(&self.reader, n)

    def next_event(self):
        """Return the next `Message`, PDU (bytes), `ObservedPdu` or `Signal`.

        Raises
        ------
        ProtocolError
            The peer broke PS3.8 or PS3.7; the association is to be aborted.
        """
        cdef int code
        with nogil:
            code = fd_reader_next(&self.reader)
        return self.translate(code)

    def rest(self):
        """Give back memory that is not needed until something comes."""
        fd_reader_rest(&self.reader)

    @property
    def held_command(self):
        """The command set whose data set is being received, and its presentation context."""
        command = CommandSet.copy(self.reader.command_bytes, self.reader.command_length)
        return command, self.reader.message_context

    @property
    def held_data_set(self):
        """A copy of what has come of the data set that is being received into memory."""
        cdef Py_ssize_t length = <Py_ssize_t>fd_reader_held(&self.reader)
        return PyBytes_FromStringAndSize(<const char *>self.reader.data.p, length)

    @property
    def memory_limit(self):
        """The longest data set that is kept in memory, in bytes."""
        return self.reader.memory_limit

    @memory_limit.setter
    def memory_limit(self, size_t value):
        held = fd_reader_held(&self.reader)
        if self.reader.sink == FD_SINK_MEMORY and value < held:
            raise ValueError(f"memory_limit is {value}; {held} bytes are in memory")
        self.reader.memory_limit = value

    def cut(self, size_t length):
        """Have the data set that is being received into memory taken in pieces from here on.

        Parameters
        ----------
        length
            How long a piece may be, in bytes. There is `Signal.FULL` when one is, or nothing more comes for a
            moment.
        """
        if length == 0:
            raise ValueError("a piece of 0 bytes")
        fd_reader_cut(&self.reader, length)

    def look(self, size_t length):
        """Have `Signal.LOOK` told when there are so many bytes of the data set in memory; 0 for not at all.

        Once there is a quarter of that, it is told when nothing more comes for a moment, too.
        """
        fd_reader_look(&self.reader, length)

    @property
    def at_pause(self):
        """What is to be told when nothing more comes for a moment: `Signal.FULL`, `LOOK` or None."""
        cdef int code = fd_reader_at_pause(&self.reader)
        return None if code == 0 else SIGNALS[code]

    def take_piece(self):
        """Return what there is of the data set, a Buffer; it is not part of the message any more."""
        cdef fd_block block
        cdef size_t length
        if fd_reader_take_piece(&self.reader, &block, &length) != FD_OK:
            raise MemoryError("no memory for a piece of a data set")
        return Buffer.adopt(self.pool, block, length)

    @property
    def wanted(self):
        """How many bytes there was no room for: `Signal.NO_ROOM`."""
        return self.reader.wanted

    def write_to(self, int descriptor):
        """Write the data set to a file from here on, what is in memory first.

        Raises
        ------
        OSError
            When that cannot be written; the data set is discarded.
        """
        cdef int failure
        with nogil:
            failure = fd_reader_write_to(&self.reader, descriptor)
        self.pool.tell_next()
        if failure:
            raise OSError(failure, "the received data set could not be written")

    def discard(self):
        """Receive the rest of the data set and drop it."""
        fd_reader_discard(&self.reader)
        self.pool.tell_next()

    cdef object translate(self, int code):
        cdef ObservedPdu observed
        if code == FD_EVENT_MESSAGE:
            return self.take_message()
        if code == FD_EVENT_PDU or code == FD_EVENT_SHOWN:
            encoded = PyBytes_FromStringAndSize(<const char *>self.reader.pdu.p,
                                                <Py_ssize_t>self.reader.pdu.n)
            if code == FD_EVENT_PDU:
                return encoded
            observed = ObservedPdu.__new__(ObservedPdu)
            observed.encoded = encoded
            return observed
        if code >= 0:
            return SIGNALS[code]
        if code == FD_E_MEMORY:
            raise MemoryError("no memory for a received data set")
        if code == FD_E_COMMAND:
            raise MessageError(f"a command set of {self.reader.command_length} bytes cannot be decoded")
        if code == FD_E_COMMAND_LENGTH:
            length = self.reader.command_length + <uint64_t>self.reader.error_value
            limit = self.reader.error_limit
            raise MessageError(f"a command set is {length} bytes long; the limit is {limit}")
        reason, text = ERRORS[code]
        raise ProtocolError(text.format(value=self.reader.error_value, limit=self.reader.error_limit), reason)

    cdef Message take_message(self):
        cdef fd_block block
        cdef size_t length
        cdef bint has_data_set = self.reader.is_in_data_set
        cdef Message message = Message.__new__(Message)
        message.context_id = self.reader.message_context
        message.command = CommandSet.copy(self.reader.command_bytes, self.reader.command_length)
        message.sink_errno = self.reader.sink_errno
        message.is_in_memory = self.reader.sink == FD_SINK_MEMORY
        message.data_set_length = self.reader.data_length if has_data_set else 0
        fd_reader_take(&self.reader, &block, &length)
        if has_data_set:
            if message.is_in_memory:
                message.data_set = Buffer.adopt(self.pool, block, length)
        return message


@cython.final
cdef class MessageWriter:
    """A message to be sent as P-DATA-TF PDUs, one PDV each.

    Parameters
    ----------
    context_id
        The presentation context.
    command
        The encoded command set.
    data_set
        None, or buffers that hold the encoded data set one after the other. They stay locked until the
        writer is gone; nothing of them is copied by the socket loop.
    peer_maximum_length
        The peer's maximum length, 0 for no limit (PS3.8 D.1).
    is_open
        Whether there is a data set that comes by `add`; `data_set` is None then.

    Raises
    ------
    ValueError
        When the peer's maximum length has no room for a fragment.
    """

    def __cinit__(self, uint8_t context_id, bytes command not None, data_set, uint32_t peer_maximum_length,
                  bint is_open=False):
        cdef uint32_t fragment_maximum = fd_writer_fragment_maximum(peer_maximum_length)
        cdef fd_span command_span
        if fragment_maximum == 0:
            raise ValueError(f"the peer's maximum length is {peer_maximum_length}; a PDV needs 8 bytes")
        self.command = command
        self.context_id = context_id
        command_span.p = <const uint8_t *>PyBytes_AS_STRING(command)
        command_span.n = <size_t>PyBytes_GET_SIZE(command)
        if is_open:
            fd_writer_begin(&self.writer, context_id, fragment_maximum, command_span)
            return
        if data_set is not None:
            self.lock(data_set)
        fd_writer_open(&self.writer, context_id, fragment_maximum, command_span,
                       self.spans + 1 if self.count else NULL, <size_t>self.count, data_set is not None)

    @property
    def is_open(self):
        """Whether more of the data set is to come."""
        return self.writer.is_open

    def add(self, buffers, bint is_last):
        """Go on with what has come of the data set, once all that was added before has been sent.

        All of it is sent but for a byte or two, which go first the next time: the last fragment must not be
        empty, and the others are even (PS3.8 E.1). What was added before is let go of.

        Parameters
        ----------
        buffers
            What comes next of the encoded data set.
        is_last
            Whether it ends with these.

        Raises
        ------
        RuntimeError
            When not all that was added before has been sent, or the end has been.
        ValueError
            When the data set ends without a byte in it.
        """
        cdef size_t held
        if not self.writer.is_open or fd_writer_left(&self.writer) > FD_WRITER_HELD:
            raise RuntimeError("what was added before has not been sent")
        held = fd_writer_copy_left(&self.writer, self.left)
        fd_writer_add(&self.writer, NULL, 0, False)
        self.unlock()
        self.lock(buffers)
        self.spans[0].p = self.left
        self.spans[0].n = held
        fd_writer_add(&self.writer, self.spans, <size_t>self.count + 1, is_last)
        if is_last and fd_writer_left(&self.writer) == 0:
            raise ValueError("a data set of 0 bytes")

    cdef int lock(self, data_set) except -1:
        cdef Py_ssize_t n = len(data_set)
        cdef Py_buffer *view
        # Room for one at least: malloc(0) may be NULL. The first span is for what `add` has left.
        self.views = <Py_buffer *>PyMem_Malloc((n + 1) * sizeof(Py_buffer))
        self.spans = <fd_span *>PyMem_Malloc((n + 1) * sizeof(fd_span))
        if self.views == NULL or self.spans == NULL:
            raise MemoryError()
        self.spans[0].n = 0
        for buffer in data_set:
            if self.count == n:
                raise RuntimeError("the list of buffers grew while it was read")
            view = &self.views[self.count]
            PyObject_GetBuffer(buffer, view, PyBUF_SIMPLE)
            self.count += 1
            self.spans[self.count].p = <const uint8_t *>view.buf
            self.spans[self.count].n = <size_t>view.len

    cdef void unlock(self) noexcept:
        cdef Py_ssize_t i
        for i in range(self.count):
            PyBuffer_Release(&self.views[i])
        self.count = 0
        PyMem_Free(self.views)
        PyMem_Free(self.spans)
        self.views = NULL
        self.spans = NULL

    def __dealloc__(self):
        self.unlock()

    @property
    def is_complete(self):
        """Whether all of the message has been given out."""
        return bool(self.writer.is_command_sent and self.writer.is_data_sent)

    def data_to_send(self, Py_ssize_t pdu_count=0):
        """Return the next PDUs as bytes, at most so many, 16 at most; b"" when there are none.

        With 0 they are as many as `AT_ONCE` bytes hold, and one at least: the network works on them while the
        next ones are made.
        """
        cdef uint8_t headers[16 * 12]
        cdef fd_span spans[64]
        cdef size_t room, count, i, total = 0
        cdef char *to
        if pdu_count == 0:
            pdu_count = AT_ONCE // (self.writer.fragment_maximum + FD_PREFIX)
        room = <size_t>min(max(pdu_count, 1), 16) * FD_PREFIX
        count = fd_writer_fill(&self.writer, headers, room, spans, 64)
        for i in range(count):
            total += spans[i].n
        data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>total)
        to = PyBytes_AS_STRING(data)
        with nogil:
            for i in range(count):
                memcpy(to, spans[i].p, spans[i].n)
                to += spans[i].n
        return data
