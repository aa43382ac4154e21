"""Both ends of a route, with a tap at each side of the middle: when the first byte of an object is out.

A fastdicom AE sends one object to the middle through the one tap, which lets a PDU pass, and waits for the
other tap, behind the middle, to see the first fragment of a data set: for a moment, so that what is under way
arrives. How much of the data set had passed by then is what is told. The clock only says how long the moment
is: a slow machine lets pass too much, never too little.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from fastdicom import AE, evt
from fastdicom.bench.peers.conversations import support_contexts
from fastdicom.bench.peers.knock import P_DATA_TF, PDU_HEADER
from fastdicom.bench.peers.side import Channel, Job, check

# Seconds that a PDU has to get through the middle.
MOMENT = 0.1

PDV_HEADER = 6
# PS3.8 E.2: bit 0 of the message control header says that a fragment is of a command.
IS_COMMAND = 1


def pdus(connection: socket.socket) -> Iterator[bytes]:
    """Yield the PDUs that come, whole, until the connection is closed."""
    received = bytearray()
    while piece := connection.recv(1 << 20):
        received += piece
        while len(received) >= PDU_HEADER:
            length = PDU_HEADER + int.from_bytes(received[2:PDU_HEADER], "big")
            if len(received) < length:
                break
            yield bytes(received[:length])
            del received[:length]


def data_length(pdu: bytes) -> int:
    """Return how many bytes of a data set a PDU has."""
    total, at = 0, PDU_HEADER
    while pdu[0] == P_DATA_TF and at + PDV_HEADER <= len(pdu):
        length = int.from_bytes(pdu[at : at + 4], "big")
        if not pdu[at + 5] & IS_COMMAND:
            total += length - 2
        at += 4 + length
    return total


class Tap:
    """Connections to one port go through here to another one.

    Parameters
    ----------
    target
        Where to.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listening.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, target, is_inward in ((near, far, True), (far, near, False)):
                for each in (source, target):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(source, target, is_inward), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_inward: bool) -> None:
        try:
            for pdu in pdus(source):
                target.sendall(pdu)
                if is_inward:
                    self.passed(data_length(pdu))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()  # the other end has gone

    def passed(self, length: int) -> None:
        """Take note of so many bytes of a data set that have passed inward."""


class Pacing(Tap):
    """The tap in front of the middle: after each PDU of a data set it waits a moment for the other tap."""

    def __init__(self, target: int, is_out: threading.Event) -> None:
        super().__init__(target)
        self._is_out = is_out
        self.sent_before = 0

    def passed(self, length: int) -> None:
        if length and not self._is_out.is_set():
            self.sent_before += length
            self._is_out.wait(MOMENT)


class Watching(Tap):
    """The tap behind the middle: says when the first byte of a data set has come by."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.is_out = threading.Event()

    def passed(self, length: int) -> None:
        if length:
            self.is_out.set()


class Ends:
    """The sender and the receiver."""

    def __init__(self, job: Job) -> None:
        self._job = job
        ae = AE()
        support_contexts(ae, job)
        handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self._watching = Watching(server.server_address[1])

    def answer(self, command: dict[str, Any]) -> dict[str, object]:
        """Do what the runner asks: ``listen``, and ``send`` with the port of the middle."""
        if command["do"] == "listen":
            return {"port": self._watching.port}
        pacing = Pacing(command["port"], self._watching.is_out)
        instance, data_set = self._job.instances[0], self._job.data_sets[0]
        ae = AE()
        ae.dimse_timeout = None
        ae.add_requested_context(instance.sop_class, instance.transfer_syntax)
        with ae.associate("127.0.0.1", pacing.port) as association:
            check(association.send_c_store(data_set, transfer_syntax=instance.transfer_syntax))
        if not self._watching.is_out.is_set():
            raise RuntimeError("nothing came out of the middle")
        return {"share": pacing.sent_before / len(data_set)}


if __name__ == "__main__":
    Channel().serve(Ends(Job(sys.argv[2])).answer)
