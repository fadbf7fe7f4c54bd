"""Reading a bank's XML piece by piece: each record is handed over when it ends, so that any size takes the same memory.

Whatever could make more of a file than its own bytes (a document type, an entity, another file) ends the reading, and so
does what is nested too deep or is too long for a record. Source: reliability.md section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import BinaryIO
from xml.parsers import expat

from sync.files.faults import bad_file

CHUNK_BYTES = 64 * 1024
DEPTH_MAX = 40
NODES_MAX = 2_000
TEXT_MAX = 4_000
PIECE_MAX = 256 * 1024
"""So many bytes may follow each other without the end of a tag, comment or text: the parser looks at all of an unfinished
piece again with each chunk."""
HEAD_MAX = 20_000
"""So many elements may stand outside the records: a head, and what stands between them."""


@cache
def _names(path: str) -> tuple[str, ...]:
    """The names of a path; there are only those that the program itself writes."""
    return tuple(path.split("/"))


@dataclass(slots=True)
class Node:
    """An element: its name without a namespace, its attributes, its text, and what stands in it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def find(self, path: str) -> Node | None:
        """The first element at ``path``, names with slashes between."""
        found = self
        for name in _names(path):
            for child in found.children:
                if child.name == name:
                    found = child
                    break
            else:
                return None
        return found

    def every(self, path: str) -> Iterator[Node]:
        """Every element at ``path``."""
        first, _, rest = path.partition("/")
        for child in self.children:
            if child.name == first:
                if rest:
                    yield from child.every(rest)
                else:
                    yield child

    def told(self, *paths: str) -> str:
        """The text at the first of ``paths`` that has one, without blanks around it."""
        for path in paths:
            found = self.find(path)
            if found is not None and found.text.strip():
                return found.text.strip()
        return ""


@dataclass(slots=True)
class Record:
    """An element that stands for itself, with the elements that it stands in, the outermost first."""

    node: Node
    within: tuple[Node, ...]


@dataclass(slots=True)
class _Reading:
    is_record: Callable[[str], bool]
    namespace: str = ""
    root: Node | None = None
    stack: list[Node] = field(default_factory=list)
    ended: list[Record] = field(default_factory=list)
    under_way: list[list[int]] = field(default_factory=list)
    """Of each record that has begun, the innermost last: how deep it began, and how many elements it has."""
    head_nodes: int = 0


def read_records(file: BinaryIO, record_names: frozenset[str]) -> Iterator[Record | Node]:
    """Each record of ``file`` as it ends, then the root with all that stood outside of records. A record may stand in
    another one, which ends behind it and does not hold it any more.

    The root comes first too, as soon as it is open: its ``attributes`` have the namespace under ``xmlns``.
    Raises Refused ``bad_file``.
    """
    reading = _Reading(is_record=record_names.__contains__)
    parser = _parser(reading)
    told_root = False
    fed = 0
    while True:
        chunk = file.read(CHUNK_BYTES)
        fed += len(chunk)
        try:
            parser.Parse(chunk, not chunk)
        except (expat.ExpatError, ValueError, LookupError) as error:
            where = (
                f"line {getattr(error, 'lineno', '?')}"
                if isinstance(error, expat.ExpatError)
                else "its encoding"
            )
            raise bad_file(f"it is no whole XML ({where}).") from None
        if fed - parser.CurrentByteIndex > PIECE_MAX:
            raise bad_file(f"a piece of it has more than {PIECE_MAX} bytes.")
        if reading.root is not None and not told_root:
            told_root = True
            yield reading.root
        yield from reading.ended
        reading.ended.clear()
        if not chunk:
            break
    assert reading.root is not None, "an XML document has a root"
    yield reading.root


def _parser(reading: _Reading) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def no_document_type(*_: object) -> None:
        raise bad_file("it has a document type of its own, which banks' files have not.")

    def no_entity(*_: object) -> bool:
        raise bad_file("it refers to something outside of itself.")

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = name.rpartition(" ")[2]
        node = Node(plain, attributes)
        if len(reading.stack) >= DEPTH_MAX:
            raise bad_file(f"it is nested deeper than {DEPTH_MAX} elements.")
        if reading.root is None:
            reading.root = node
            node.attributes = {**attributes, "xmlns": name.rpartition(" ")[0]}
        if reading.is_record(plain) and reading.stack:
            reading.under_way.append([len(reading.stack) + 1, 1])
        elif reading.under_way:
            reading.under_way[-1][1] += 1
            if reading.under_way[-1][1] > NODES_MAX:
                raise bad_file(f"a record of it has more than {NODES_MAX} elements.")
            reading.stack[-1].children.append(node)
        else:
            reading.head_nodes += 1
            if reading.head_nodes > HEAD_MAX:
                raise bad_file("it has too much beside its records.")
            if reading.stack:
                reading.stack[-1].children.append(node)
        reading.stack.append(node)

    def end(_: str) -> None:
        node = reading.stack.pop()
        if reading.under_way and reading.under_way[-1][0] == len(reading.stack) + 1:
            reading.under_way.pop()
            reading.ended.append(Record(node, tuple(reading.stack)))

    def text(told: str) -> None:
        node = reading.stack[-1]
        if len(node.text) + len(told) > TEXT_MAX:
            if told.isspace():
                return
            raise bad_file(f"a text of it has more than {TEXT_MAX} signs.")
        node.text += told

    parser.StartDoctypeDeclHandler = no_document_type
    parser.EntityDeclHandler = no_document_type
    parser.ExternalEntityRefHandler = no_entity
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    return parser
