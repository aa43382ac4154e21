"""Links of asyncio over real sockets, with a peer that is only a socket, within one event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, ClassVar, Self, TypeVar

import model
from raw_peer import CT, ECHO_CONTEXT, HEADER, IMPLICIT, STORE_CONTEXT, VERIFICATION, request

from fastdicom import build_context
from fastdicom._core.buffer import BufferPool
from fastdicom._core.pdata import Message, MessageWriter, Reader, Signal
from fastdicom.net.aio_link import Link
from fastdicom.net.aio_tasks import Starter
from fastdicom.net.sinks import Sinks
from fastdicom.net.store_directory import StoreDirectory
from fastdicom.ul.contexts import negotiate_as_acceptor
from fastdicom.ul.negotiation import build_associate_ac
from fastdicom.ul.provider import AssociateIndication, Provider, ReleaseIndication

Kind = TypeVar("Kind")

MEMORY_LIMIT = 8 << 20


class Peer:
    """A connected socket that speaks in PDUs, or does not."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self._loop = asyncio.get_running_loop()

    async def send(self, *pdus: bytes) -> None:
        await self._loop.sock_sendall(self.socket, b"".join(pdus))

    async def receive(self, length: int) -> bytes:
        """Return so many bytes, fewer at the end of the stream."""
        received = b""
        while len(received) < length:
            try:
                more = await self._loop.sock_recv(self.socket, length - len(received))
            except ConnectionResetError:
                more = b""
            if not more:
                break
            received += more
        return received

    async def receive_pdu(self) -> bytes:
        """Return the next PDU, b"" at the end of the stream."""
        header = await self.receive(HEADER)
        if len(header) < HEADER:
            return header
        return header + await self.receive(int.from_bytes(header[2:6], "big"))

    async def receive_all(self) -> list[bytes]:
        """Return the PDUs up to the end of the stream, which must come."""
        pdus = []
        while pdu := await self.receive_pdu():
            pdus.append(pdu)
        return pdus

    async def receive_until(self, last: bytes) -> list[bytes]:
        """Return the PDUs up to a certain one, which must come."""
        pdus = [await self.receive_pdu()]
        while pdus[-1] != last:
            assert pdus[-1], f"the end of the stream came before {last!r}"
            pdus.append(await self.receive_pdu())
        return pdus

    async def receive_message(self) -> tuple[int, dict[int, object], bytes | None]:
        """Return the next message: context ID, command set, data set or None."""
        pdus: list[bytes] = []
        while True:
            pdus.append(await self.receive_pdu())
            assert pdus[-1][:1] == b"\4", f"P-DATA-TF was expected, not {pdus[-1][:16]!r}"
            _, control, _ = model.read_p_data_tf(pdus[-1])[-1]
            if not control & 2:
                continue
            command = b"".join(
                fragment for pdu in pdus for _, c, fragment in model.read_p_data_tf(pdu) if c & 1
            )
            if not control & 1 or not model.has_data_set(command):
                ((context_id, command, data_set),) = model.read_messages(pdus)
                return context_id, model.read_command_set(command), data_set

    async def associate(self, **options: Any) -> None:
        """Ask for an association, which must be accepted."""
        await self.send(request(**options))
        assert (await self.receive_pdu())[:1] == b"\2"

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


class Told:
    """What a link has told, to be waited for."""

    def __init__(self) -> None:
        self.happenings: list[Any] = []
        self._came = asyncio.Event()

    def __call__(self, happening: object) -> None:
        self.happenings.append(happening)
        self._came.set()

    async def until(self, is_enough: Callable[[list[Any]], Any]) -> list[Any]:
        """Wait until what has been told is enough; return it."""
        while not is_enough(self.happenings):
            self._came.clear()
            await self._came.wait()
        return self.happenings

    async def first(self, kind: type[Kind], number: int = 0) -> Kind:
        """Wait for a happening of a kind."""
        await self.until(lambda all_of_them: len(self.of(kind)) > number)
        return self.of(kind)[number]

    async def closed(self) -> list[Any]:
        """Wait for the end; return all there was."""
        return await self.until(lambda told: Signal.CLOSED in told)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the happenings of a kind."""
        return [happening for happening in self.happenings if isinstance(happening, kind)]

    @property
    def messages(self) -> list[Message]:
        return self.of(Message)


class Pair:
    """An accepting link and its peer."""

    log_fields: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        *,
        artim: float | None = 20,
        directory: StoreDirectory | None = None,
        memory_limit: int = MEMORY_LIMIT,
        maximum_length: int = 16382,
    ) -> None:
        self.told = Told()
        self.ends = 0
        self.closes = 0
        provider = Provider(is_requestor=False, artim_timeout=artim)
        reader = Reader(BufferPool(1 << 20), maximum_length, memory_limit)
        self.sinks = Sinks(directory, lambda command, context_id: b"front", self)
        self.link = Link(provider, reader, None, self.sinks, Starter())
        self.link.on_happening = self.take
        self.link.on_open = lambda: self.link.tell(provider.transport_indication)
        self.link.on_end = self.count_end
        self.link.on_close = self.count_close
        self.accepted = monotonic()

    async def connect(self, peer_options: Sequence[tuple[int, int, int]] = ()) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for option in peer_options:
                listener.setsockopt(*option)
            sock = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        loop = asyncio.get_running_loop()
        self.peer = Peer(accepted)
        sock.setblocking(False)
        await loop.create_connection(lambda: self.link, sock=sock)
        return self

    async def associated(self, **options: Any) -> Self:
        await self.connect()
        await self.peer.associate(**options)
        return self

    def count_end(self) -> None:
        self.ends += 1

    def count_close(self) -> None:
        self.closes += 1

    def take(self, happening: Any) -> None:
        if isinstance(happening, AssociateIndication):
            self.accept(happening)
        elif isinstance(happening, ReleaseIndication):
            self.link.tell(self.link.provider.respond_release)
        self.told(happening)

    def accept(self, indication: AssociateIndication) -> None:
        rq = indication.pdu
        supported = [build_context(VERIFICATION, [IMPLICIT]), build_context(CT, [IMPLICIT])]
        contexts, roles = negotiate_as_acceptor(rq, supported)
        ac = build_associate_ac(
            rq,
            contexts,
            roles,
            maximum_length=16382,
            implementation_class_uid="1.2.3",
            implementation_version_name=None,
        )
        self.link.tell(lambda now: self.link.provider.accept(ac))
        self.link.begin_data_transfer([ECHO_CONTEXT, STORE_CONTEXT], holds_commands=self.sinks.holds_commands)

    async def close(self) -> None:
        """End everything."""
        self.link.close()
        self.peer.close()
        await self.link.wait_closed()


def echo_response(message_id: int = 1) -> MessageWriter:
    command = {0x0002: VERIFICATION, 0x0100: 0x8030, 0x0120: message_id, 0x0800: 0x0101, 0x0900: 0}
    return MessageWriter(ECHO_CONTEXT, model.command_set(command), None, 16384)
