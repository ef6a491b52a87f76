"""A visit to Tideland: joins, walks, chats, goes on over a second connection, leaves.

    tideland.py 127.0.0.1:4433 FINGERPRINT [NAME]

Fails, and says why, if the island does not behave as docs/PROTOCOL.md and Tideland's messages say.
"""

import asyncio
import sys

from daystar import CLOSE_GOODBYE, Fields, Refused, Rejected, Session, text, varint

# Requests and events, by their place in sample-game/src/messages.rs.
ME, WALK, LOOK, SAY = range(4)
YOU, WALKED, SEEN = range(3)
MOVED, SAID = 7, 9
DIRECTIONS = 4


def position(fields):
    return fields.varint(), fields.varint()


async def event(session, wanted):
    """The fields of the next event of that kind; others are passed over."""
    while True:
        payload = await asyncio.wait_for(session.events.get(), 10)
        assert payload is not None, "the server ended the session"
        fields = Fields(payload)
        if fields.varint() == wanted:
            return fields


async def answer(session, wanted, request):
    fields = Fields(await asyncio.wait_for(session.call(request), 10))
    kind = fields.varint()
    assert kind == wanted, f"answered with event {kind}, not {wanted}"
    return fields


async def said(session):
    """What this player is next heard to say."""
    while True:
        fields = await event(session, SAID)
        if fields.text() == session.name:
            return fields.text()


async def visit(session):
    await session.join()
    you = await event(session, YOU)
    assert you.text() == session.name
    print(f"joined as {session.name} at {position(you)}, with {you.varint()} gold")

    for direction in range(DIRECTIONS):
        try:
            here = position(await answer(session, WALKED, varint(WALK) + varint(direction)))
            break
        except Refused as refusal:
            print(f"cannot walk there: {refusal}")
    else:
        raise AssertionError("there is no way to walk")
    moved = await event(session, MOVED)
    while moved.text() != session.name:
        moved = await event(session, MOVED)
    assert position(moved) == here
    print(f"walked to {here}")

    seen = await answer(session, SEEN, varint(LOOK))
    print(f"sees {seen.varint()} players")
    try:
        await session.call(varint(SAY) + text(""))
        raise AssertionError("nothing was said, and it was not refused")
    except Refused as refusal:
        print(f"refused: {refusal}")

    # Enough for both sides to acknowledge some of it, and no more than may be said at once.
    words = [f"hello {number}" for number in range(100)]
    for word in words[:50]:
        session.send(varint(SAY) + text(word))
    if session.window_ms:
        assert await said(session) == words[0]
        await session.lose()
        old = session.secret
        await session.join()
        assert session.secret != old
        heard = [words[0]]
        print("went on over a second connection")
    else:
        heard = []
    for word in words[50:]:
        session.send(varint(SAY) + text(word))
    while len(heard) < len(words):
        heard.append(await said(session))
    assert heard == words, "something was lost, doubled or out of order"
    assert len(session.kept) < len(words), "the server acknowledges nothing"
    print(f"said and heard {len(words)} words in order")

    assert await session.leave() == CLOSE_GOODBYE
    print("left")


async def turned_away(host, port, fingerprint):
    try:
        await Session(host, port, fingerprint, "another game", "eve").join()
        raise AssertionError("a client of another game was let in")
    except Rejected as rejection:
        assert str(rejection).startswith("1:"), rejection
        print(f"turned away: {rejection}")


async def main(address, fingerprint, name="snake"):
    host, port = address.rsplit(":", 1)
    await visit(Session(host, int(port), fingerprint, "tideland", name))
    await turned_away(host, int(port), fingerprint)
    print("all went well")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
