"""A client of Daystar, written from docs/PROTOCOL.md alone. It knows frames and sessions, and no game."""

import asyncio
import hashlib
import ssl
import struct

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived
from cryptography.hazmat.primitives.serialization import Encoding

VERSION = 3
HELLO, SEND, CALL, GOODBYE, ACK = 0x01, 0x02, 0x03, 0x04, 0x06
WELCOME, REJECTED, EVENT, REPLY, REFUSED, CLOSING, RESUMED, ACKED = range(0x81, 0x89)
COUNTED = {EVENT, REPLY, REFUSED}
CLOSE_GOODBYE, CLOSE_DETACHED = 0, 11
ACK_FRAMES, ACK_BYTES = 64, 32 * 1024


class Rejected(Exception):
    """The server does not let the client join, or go on."""


class Refused(Exception):
    """A call has had no effect."""


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def text(string):
    data = string.encode()
    return varint(len(data)) + data


def frame(kind, body=b""):
    return struct.pack("<IB", len(body) + 1, kind) + body


class Fields:
    """Takes fields off the front of some bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        if self.at > len(self.data):
            raise ValueError("cut short")
        return self.data[self.at - count : self.at]

    def u8(self):
        return self.take(1)[0]

    def le32(self):
        return struct.unpack("<I", self.take(4))[0]

    def varint(self):
        number = shift = 0
        while True:
            byte = self.u8()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def text(self):
        return self.take(self.varint()).decode()

    def rest(self):
        return self.take(len(self.data) - self.at)


class Connection(QuicConnectionProtocol):
    """A connection with the client's first stream, the only one."""

    STREAM = 0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.reader = asyncio.StreamReader()
        self.ended = None  # the code that it was closed with

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.reader.feed_data(event.data)
            if event.end_stream:
                self.reader.feed_eof()
        elif isinstance(event, ConnectionTerminated):
            self.ended = event.error_code
            self.reader.feed_eof()

    def write(self, data, end_stream=False):
        self._quic.send_stream_data(self.STREAM, data, end_stream)
        self.transmit()


class Session:
    """One session, over one connection after another."""

    def __init__(self, host, port, fingerprint, game, name):
        self.host, self.port, self.fingerprint, self.game, self.name = host, port, fingerprint, game, name
        self.session = self.secret = None
        self.window_ms = 0
        self.received = self.received_bytes = self.acknowledged = 0  # of the server's counted frames
        self.sent, self.kept = 0, []  # of our own; those that are not acknowledged yet
        self.calls, self.answers, self.events = 0, {}, asyncio.Queue()

    async def join(self):
        """Joins, or goes on with the session."""
        settings = QuicConfiguration(is_client=True, alpn_protocols=["daystar/1"], idle_timeout=30.0)
        settings.verify_mode = ssl.CERT_NONE  # it is known by its fingerprint
        settings.max_datagram_frame_size = None  # all is to come by stream
        self.connecting = connect(self.host, self.port, configuration=settings, create_protocol=Connection)
        self.connection = await self.connecting.__aenter__()
        certificate = self.connection._quic.tls._peer_certificate.public_bytes(Encoding.DER)
        if hashlib.sha256(certificate).hexdigest() != self.fingerprint:
            raise Rejected("this is not the server that was expected")
        if self.session is None:
            credentials = varint(0) + text(self.name)
        else:
            credentials = varint(3) + varint(self.session) + self.secret + varint(self.received)
        self.connection.write(frame(HELLO, varint(VERSION) + text(self.game) + credentials))
        kind, body = await self.next_frame()
        if kind == WELCOME:
            self.session, self.secret, self.window_ms = body.varint(), body.take(32), body.varint()
        elif kind == RESUMED:
            self.secret = body.take(32)
            self.forget(body.varint())
            self.acknowledge()
            self.connection.write(b"".join(self.kept))
        elif kind == REJECTED:
            raise Rejected(f"{body.u8()}: {body.text()}")
        self.reading = asyncio.create_task(self.read())
        self.keeping_alive = asyncio.create_task(self.keep_alive())

    async def next_frame(self):
        (length,) = struct.unpack("<I", await self.connection.reader.readexactly(4))
        body = Fields(await self.connection.reader.readexactly(length))
        return body.u8(), body

    async def read(self):
        while True:
            try:
                kind, body = await self.next_frame()
            except asyncio.IncompleteReadError:
                return
            if kind in COUNTED:
                self.received += 1
                self.received_bytes += len(body.data) + 4
            if kind == EVENT:
                self.events.put_nowait(body.rest())
            elif kind == REPLY:
                answer = self.answers.pop(body.le32())
                answer.set_result(body.rest() if body.u8() else None)
            elif kind == REFUSED:
                call, reason = body.varint(), body.text()
                if call:
                    self.answers.pop(call).set_exception(Refused(reason))
            elif kind == ACKED:
                self.forget(body.varint())
            elif kind == CLOSING:
                self.events.put_nowait(None)
            if self.received - self.acknowledged >= ACK_FRAMES or self.received_bytes >= ACK_BYTES:
                self.acknowledge()

    async def keep_alive(self):
        while True:
            await asyncio.sleep(10)
            await self.connection.ping()

    def acknowledge(self):
        self.acknowledged, self.received_bytes = self.received, 0
        self.connection.write(frame(ACK, varint(self.received)))

    def forget(self, received):
        """The server has received so many of our counted frames."""
        del self.kept[: len(self.kept) - (self.sent - received)]

    def push(self, counted):
        self.sent += 1
        self.kept.append(counted)
        self.connection.write(counted)

    def send(self, message):
        self.push(frame(SEND, message))

    async def call(self, message):
        self.calls += 1
        answer = self.answers[self.calls] = asyncio.get_running_loop().create_future()
        self.push(frame(CALL, struct.pack("<I", self.calls) + message))
        return await answer

    async def lose(self):
        """Ends the connection as if it had been lost, and keeps the session."""
        self.connection.close(error_code=CLOSE_DETACHED)
        await self.over()

    async def leave(self):
        """Says goodbye, and gives the code with which the server closes the connection."""
        self.connection.write(frame(GOODBYE), end_stream=True)
        await self.over()
        return self.connection.ended

    async def over(self):
        await self.connection.wait_closed()
        self.keeping_alive.cancel()
        await self.reading
        await self.connecting.__aexit__(None, None, None)
