"""The socket loop of POSIX systems: one call for a whole message, without the GIL.

A `Wire` belongs to one thread at a time. Its socket must be in non-blocking mode or blocking, as it
comes: every call is made with MSG_DONTWAIT and every wait is a poll with an end.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals

from fastdicom._core.linger cimport Linger
from fastdicom._core.pdata cimport FD_EVENT_MESSAGE, FD_NEED_DATA

from fastdicom._core.pdata import Signal

cdef dict SIGNALS = {
    FD_SOCKET_TIMEOUT: Signal.TIMED_OUT,
    FD_SOCKET_CLOSED: Signal.CLOSED,
    FD_SOCKET_FAILED: Signal.FAILED,
    FD_SOCKET_WOKEN: Signal.WOKEN,
    FD_SOCKET_SENT: Signal.SENT,
    FD_SOCKET_TOO_SLOW: Signal.TOO_SLOW,
    FD_SOCKET_QUIET: Signal.QUIET,
}


cdef int milliseconds(seconds) except -2:
    # None waits for ever; rounded up, so that a short timeout is not none at all.
    if seconds is None:
        return -1
    return <int>min(max(int(seconds * 1000 + 0.999), 0), 0x7FFFFFFF)


@cython.final
cdef class Wire:
    """A connected TCP socket with a reader behind it.

    Parameters
    ----------
    descriptor
        The socket. It stays the caller's to close.
    wake_descriptor
        Becomes readable when another thread wants attention: `Signal.WOKEN`. The caller drains it. -1 for
        none.
    reader
        What takes the received bytes apart.
    """

    def __cinit__(self, int descriptor, int wake_descriptor, Reader reader not None):
        self.reader = reader
        self.queued = []
        fd_socket_open(&self.socket, descriptor, wake_descriptor)
        self.timeouts.idle = -1
        self.timeouts.progress = -1
        self.timeouts.deadline = FD_NO_DEADLINE

    def __dealloc__(self):
        fd_socket_close(&self.socket)

    def set_wake_descriptor(self, int descriptor):
        """Have another descriptor wake the waits that follow; -1 for none."""
        self.socket.wake_descriptor = descriptor

    def set_timeouts(self, idle, progress):
        """Bound the waits that follow.

        Parameters
        ----------
        idle
            Seconds to wait for a message to begin; None for ever.
        progress
            Seconds without a byte moved once it has begun, and while sending; None for ever.
        """
        self.timeouts.idle = milliseconds(idle)
        self.timeouts.progress = milliseconds(progress)

    def set_deadline(self, deadline):
        """Bound all waits that follow by a time of the monotonic clock, in seconds; None for no bound."""
        self.timeouts.deadline = FD_NO_DEADLINE if deadline is None else <int64_t>(deadline * 1000 + 0.999)

    def set_minimum_throughput(self, bytes_per_second, seconds):
        """End a message with `Signal.TOO_SLOW` when less is moved within a window.

        Parameters
        ----------
        bytes_per_second
            The least, on the average of a window; 0 for no such rule.
        seconds
            How long a window is.
        """
        self.timeouts.window = milliseconds(seconds) if bytes_per_second > 0 else 0
        self.timeouts.window_least = <uint64_t>(bytes_per_second * seconds)

    @property
    def failure(self):
        """The errno of the last `Signal.FAILED`."""
        return self.socket.failure

    @property
    def bytes_received(self):
        return self.socket.bytes_received

    @property
    def bytes_sent(self):
        return self.socket.bytes_sent

    @property
    def holds_bytes(self):
        """Whether bytes have been taken from the socket that `receive` has not told of."""
        return self.reader.has_more

    @property
    def has_unsent(self):
        """Whether the socket has not taken all of what was begun to be sent."""
        return self.socket.span_index != self.socket.span_count

    def has_news(self):
        """Whether `receive` has something to tell at once, or may have."""
        return self.reader.has_more or fd_socket_has_news(&self.socket) != 0

    @property
    def due(self):
        """When a wait that goes on elsewhere ends, in seconds of the monotonic clock; None for never."""
        cdef int64_t due = fd_socket_due(&self.socket, &self.reader.reader, &self.timeouts)
        return None if due == FD_NO_DEADLINE else due / 1000.0

    def rest(self):
        """Give back memory that is not needed until something is sent or comes."""
        fd_socket_rest(&self.socket)
        self.reader.rest()

    def receive(self, Linger linger=None, MessageWriter first=None):
        """Wait for the next `Message`, PDU (bytes), `ObservedPdu` or `Signal`.

        Parameters
        ----------
        linger
            For how long to stay at most when nothing comes: then it is `Signal.QUIET`. The wait may go on
            elsewhere, for the descriptor and until `due`; the next call continues it.
        first
            A message that is sent before, in the same go: while `is_sending` after that, what is returned
            has come in the middle of it, and `send` goes on.

        Raises
        ------
        ProtocolError
            The peer broke PS3.8 or PS3.7; the association is to be aborted.
        RuntimeError
            When another message has been begun and not been sent whole.
        """
        cdef int code = FD_SOCKET_SENT
        cdef fd_writer *writer = NULL
        cdef const volatile int64_t *moment = NULL if linger is None else &linger.moment
        if first is not None:
            self.begin(first)
            writer = &first.writer
        while True:
            # Every time that the GIL is let go of, a thread may have to wait for it and be woken.
            with nogil:
                if writer != NULL:
                    code = fd_socket_send(&self.socket, &self.reader.reader, writer, &self.timeouts, True)
                if code == FD_SOCKET_SENT:
                    writer = NULL
                    code = fd_socket_receive(&self.socket, &self.reader.reader, &self.timeouts, moment)
            if first is not None and writer == NULL:
                self.end_sending()
            if code != FD_SOCKET_SIGNAL:
                return self.outcome(code)
            PyErr_CheckSignals()
            code = FD_SOCKET_SENT

    @property
    def is_sending(self):
        """Whether a message has been begun and not been sent whole."""
        return self.sending is not None

    def send(self, MessageWriter message not None, bint listens=True):
        """Send a message: `Signal.SENT`, or what `receive` would have told meanwhile.

        After that, the same call with the same writer goes on where it stopped. Without `listens` nothing
        is received.

        Raises
        ------
        RuntimeError
            When another message has been begun and not been sent whole.
        """
        self.begin(message)
        return self.send_all(&message.writer, listens)

    def send_pdu(self, bytes pdu not None):
        """Send a PDU that is not P-DATA-TF; what is left of a message beyond the current PDU is dropped."""
        fd_socket_cut(&self.socket)
        # All of them stay: what was queued before may not have gone yet.
        self.queued.append(pdu)
        if fd_socket_queue(&self.socket, <const unsigned char *>PyBytes_AS_STRING(pdu),
                           <size_t>PyBytes_GET_SIZE(pdu)) != 0:
            raise RuntimeError("too many PDUs wait to be sent")
        return self.flush()

    def flush(self):
        """Go on with `send_pdu` after it told something else than `Signal.SENT`."""
        return self.send_all(NULL, True)

    def forget(self):
        """Let go of what has not been sent: it never will be."""
        self.socket.span_count = self.socket.span_index = 0
        self.sending = None
        self.queued = []

    cdef int begin(self, MessageWriter message) except -1:
        if self.sending is not None and self.sending is not message:
            raise RuntimeError("another message has not been sent whole")
        self.sending = message
        return 0

    cdef void end_sending(self) noexcept:
        self.sending = None
        if self.queued:
            self.queued = []

    cdef object send_all(self, fd_writer *writer, bint listens):
        cdef int code
        while True:
            # The same here: a short one is handed over in less time than that takes.
            code = fd_socket_send_short(&self.socket, &self.reader.reader, writer)
            if code == FD_NEED_DATA:
                with nogil:
                    code = fd_socket_send(&self.socket, &self.reader.reader, writer, &self.timeouts, listens)
            if code == FD_SOCKET_SENT:
                self.end_sending()
            if code != FD_SOCKET_SIGNAL:
                return self.outcome(code)
            PyErr_CheckSignals()

    cdef object outcome(self, int code):
        if code == FD_EVENT_MESSAGE:
            return self.reader.take_message()
        signal = SIGNALS.get(code)
        return self.reader.translate(code) if signal is None else signal
