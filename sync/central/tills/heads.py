"""How far each terminal's books had come when it last told: a store that was put back, or copied, tells another story.

What was told stays. A number told with two marks, or a lower one after a higher one in the same enrolment, is kept too, is
answered 409 and is a finding of ``pos central verify``. One that was merely long on its way is none: it says what central
had heard before it was sent. A terminal asks which head was told last and tells its own mark of that link, so that a copy
which went on differs there. A mark travels in letters: it is never taken for a card number.
Source: reliability.md sections 0.8 and 5.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.http.answers import json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.wire.dealer_view import dealer_asking
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import plain_text
from sync.central.wire.links import HEAD_PATH, RESOURCE_ID
from sync.wire_json import BadField

NUMBER_MAX = 2**53
NUMBER_DIGITS = 15
MARK_LETTERS = 55
TOLD_MAX = 10_000


def head_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the heads."""

    async def told(request: Request) -> Response:
        return _tell(desk, read_object(await read_body(request)))

    async def asked(request: Request) -> Response:
        return _of_terminal(desk, request.query_params)

    return [Route(HEAD_PATH, told, methods=["POST"]), Route(HEAD_PATH, asked, methods=["GET"])]


def _tell(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    """201 for a head that is new, 200 for one told before, 409 for one that does not fit those told before."""
    terminal, mark = plain_text(body, "terminal"), plain_text(body, "mark")
    if terminal is None or RESOURCE_ID.fullmatch(terminal) is None:
        raise BadField("terminal", "must be plain letters, digits, dots and dashes")
    letters = (
        mark is not None
        and len(mark) <= MARK_LETTERS
        and mark.isascii()
        and mark.isupper()
        and mark.isalpha()
    )
    if not letters:
        raise BadField("mark", f"must be up to {MARK_LETTERS} capital letters")
    number = _number(body, "chainNumber")
    after = _number(body, "after") if "after" in body else None
    head = {"terminal": terminal, "epoch": _number(body, "epoch"), "chain_no": number, "mark": mark}
    with desk.store.write() as connection:
        known = [row.mark for row in connection.execute(FIND, head)]
        highest = connection.execute(HIGHEST, head).scalar_one_or_none() or 0
        # Told when central had not heard as much: it was on its way for long, and its till has not gone back.
        late = not known and number < highest and after is not None and after < number
        if mark not in known and not late:
            at = desk.clock.now().isoformat(timespec="microseconds")
            connection.execute(TELL, head | {"told_at": at})
    if mark in known or late:
        return json_answer({"@type": "CounterfoilHead"}, status=200)
    if known:
        raise ApiError(
            409, "head_differs", "This terminal told another mark of this link. Is there a copy of the till?"
        )
    if number < highest:
        raise ApiError(
            409, "head_went_back", "This terminal told a later link before. Was an older store put back?"
        )
    return json_answer({"@type": "CounterfoilHead"}, status=201)


def _number(body: Mapping[str, object], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= NUMBER_MAX:
        raise BadField(name, "must be a whole number")
    return value


def _of_terminal(desk: CentralDesk, asked: Mapping[str, str]) -> Response:
    """What a terminal told, the newest enrolment first and in it the highest link; of one ``epoch``, and up to ``limit``."""
    terminal = asked.get("terminal", "")
    if RESOURCE_ID.fullmatch(terminal) is None:
        raise BadField("terminal", "must be plain letters, digits, dots and dashes")
    epoch, limit = _asked_number(asked, "epoch"), _asked_number(asked, "limit")
    most = TOLD_MAX if limit is None else min(limit, TOLD_MAX)
    of_terminal = {"terminal": terminal, "epoch": epoch, "most": most, "dealer": dealer_asking()}
    with desk.store.read() as connection:
        rows = connection.execute(OF_TERMINAL, of_terminal).all()
    return json_answer(
        [
            {"epoch": row.epoch, "chainNumber": row.chain_no, "mark": row.mark, "toldAt": row.told_at}
            for row in rows
        ]
    )


def _asked_number(asked: Mapping[str, str], name: str) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS):
        raise BadField(name, "must be a whole number")
    return int(text)


def head_faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """(terminal, what) of every terminal whose books went another way, or back, within one enrolment."""
    for row in connection.execute(FORKS):
        yield row.terminal, f"epoch {row.epoch}: two marks were told of link {row.chain_no}"
    for row in connection.execute(GONE_BACK):
        # An older store that goes on selling tells every link of its own: the lowest of them says when it was made.
        yield row.terminal, f"epoch {row.epoch}: link {row.chain_no} was told after a later one"


TELL = text(
    "INSERT INTO terminal_head (terminal, epoch, chain_no, mark, told_at)"
    " VALUES (:terminal, :epoch, :chain_no, :mark, :told_at)"
)
FIND = text(
    "SELECT mark FROM terminal_head WHERE terminal = :terminal AND epoch = :epoch AND chain_no = :chain_no"
)
HIGHEST = text("SELECT max(chain_no) FROM terminal_head WHERE terminal = :terminal AND epoch = :epoch")
OF_TERMINAL = text(
    "SELECT epoch, chain_no, mark, told_at FROM terminal_head WHERE terminal = :terminal"
    " AND (CAST(:epoch AS BIGINT) IS NULL OR epoch = :epoch) AND (CAST(:dealer AS TEXT) IS NULL"
    " OR terminal IN (SELECT till.id FROM terminal AS till WHERE till.dealer = :dealer))"
    " ORDER BY epoch DESC, chain_no DESC LIMIT :most"
)
FORKS = text(
    "SELECT terminal, epoch, chain_no FROM terminal_head GROUP BY terminal, epoch, chain_no HAVING count(*) > 1"
    " ORDER BY terminal, epoch, chain_no"
)
GONE_BACK = text(
    "SELECT terminal, epoch, min(chain_no) AS chain_no FROM (SELECT terminal, epoch, chain_no, max(chain_no) OVER"
    " (PARTITION BY terminal, epoch ORDER BY told_at, chain_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before"
    " FROM terminal_head) AS told WHERE before > chain_no GROUP BY terminal, epoch ORDER BY terminal, epoch"
)
