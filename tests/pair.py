"""Two upper layers joined without a network: what one sends, the other gets, cut wherever a test likes."""

from __future__ import annotations

from fastdicom.errors import ProtocolError
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ
from fastdicom.ul.provider import Provider

DEFAULT_LIMIT = 1 << 20


class Splitter:
    """Finds the PDUs in bytes that arrive in any pieces."""

    def __init__(self, limit=DEFAULT_LIMIT):
        self.limit = limit
        self.buffer = b""

    def feed(self, data):
        """Yield the PDUs that are now complete."""
        self.buffer += data
        while len(self.buffer) >= 6:
            length = int.from_bytes(self.buffer[2:6], "big")
            if length > self.limit:
                raise ProtocolError(f"PDU is {length} bytes long; limit {self.limit}", 6)
            if len(self.buffer) < 6 + length:
                break
            pdu, self.buffer = self.buffer[: 6 + length], self.buffer[6 + length :]
            yield pdu


class End:
    """One upper layer with what it has received, been told and done."""

    def __init__(self, *, is_requestor, artim_timeout):
        self.provider = Provider(is_requestor=is_requestor, artim_timeout=artim_timeout)
        self.provider.on_transition = lambda *step: self.transitions.append(step)
        self.splitter = Splitter()
        self.transitions = []
        self.delivered = []
        self.to_send = b""
        self.is_closed = False

    @property
    def state(self):
        return self.provider.state

    @property
    def actions(self):
        return [action for action, _, _, _ in self.transitions]

    def indications(self):
        """Everything the user has been told since the last call."""
        return list(iter(self.provider.next_indication, None))

    def indication(self):
        """The one thing the user has been told since the last call."""
        (only,) = self.indications()
        return only

    def send_p_data(self, encoded):
        """Send encoded P-DATA-TF, as a driver does: the provider only says whether it may."""
        self.provider.request_p_data()
        self.collect()
        self.to_send += encoded

    def collect(self):
        self.to_send += self.provider.data_to_send()

    def receive(self, data, now):
        """Take bytes from the peer."""
        try:
            for pdu in self.splitter.feed(data):
                if pdu[0] == 4:
                    if self.provider.receive_p_data(now):
                        self.delivered.append(pdu)
                else:
                    self.provider.receive_pdu(pdu, now)
        except ProtocolError as error:
            self.splitter.buffer = b""
            self.provider.receive_invalid(error, now)


class Pair:
    """A requestor and an acceptor with a transport connection between them.

    Parameters
    ----------
    piece
        How many bytes arrive at a time; None for all at once.
    """

    def __init__(self, *, piece=None, artim_timeout=30.0):
        self.requestor = End(is_requestor=True, artim_timeout=artim_timeout)
        self.acceptor = End(is_requestor=False, artim_timeout=artim_timeout)
        self.piece = piece
        self.now = 0.0

    def connect(self, rq):
        """Open the transport connection and have `rq` wait at the acceptor's user."""
        self.requestor.provider.request_associate(rq)
        self.acceptor.provider.transport_indication(self.now)
        self.requestor.provider.transport_confirm(self.now)
        self.exchange()

    def establish(self, rq, ac):
        """Open an association; return what the users were told."""
        self.connect(rq)
        indication = self.acceptor.indication()
        if isinstance(ac, A_ASSOCIATE_AC):
            self.acceptor.provider.accept(ac)
        elif isinstance(ac, A_ASSOCIATE_RJ):
            self.acceptor.provider.reject(ac, self.now)
        self.exchange()
        return indication, self.requestor.indication()

    def exchange(self):
        """Carry bytes both ways until there are none, and close where an end asks for it."""
        while self._carry(self.requestor, self.acceptor) or self._carry(self.acceptor, self.requestor):
            pass

    def _carry(self, sender, receiver):
        sender.collect()
        if sender.to_send:
            size = len(sender.to_send) if self.piece is None else self.piece
            data, sender.to_send = sender.to_send[:size], sender.to_send[size:]
            if not receiver.is_closed:
                receiver.receive(data, self.now)
            return True
        if sender.provider.closes_transport and not sender.is_closed:
            sender.is_closed = True
            if not receiver.is_closed:
                receiver.provider.transport_closed(self.now)
            return True
        return False
