"""What is wrong with a request, told to whoever sent it: where, what is there, what is expected.

From the errors of pydantic, once there are any: a request in order pays nothing for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from pydantic.fields import FieldInfo
from pydantic_core import from_json, to_json

from mlops_spec.diagnostics.suggest import nearest
from mlops_spec.runtime.service.expecting import expected, helped
from mlops_spec.runtime.service.found import found, listed, place, quoted

SHOWN: Final = 20  # problems named in one answer
UNKNOWN: Final = 20  # keys of a row that are looked at
_NAMED: Final = 12  # columns
_OF_CODE: Final = frozenset({"missing", "extra_forbidden", "model_type"})  # rather than of data
# Names compared for all suggestions of one answer: a compare takes up to 50 µs, and a client may
# send thousands of names to a model of thousands of columns.
_COMPARED: Final = 1_000
_LONGEST_NAME: Final = 100  # characters of a name that may be a slip
_STATUS: Final = {"json_invalid": 400, "too_long": 413}
_BODY: Final = '{"rows": [{…}, …]} or one row is expected, as /openapi.json describes it'
_AT: Final = re.compile(r"^(.*) at line (\d+) column (\d+)$")
_AROUND: Final = 12  # bytes before and after the place where JSON ends to be any


Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, such as `rows[0].distance`."""

    field: str
    message: str


class BadRequest(Exception):
    """The request cannot be answered; nothing is wrong with the service."""

    def __init__(self, status: int, problems: tuple[Problem, ...], more: int = 0) -> None:
        """`more`: how many problems there are beside those that are named."""
        said = [f"{p.field}: {p.message}" if p.field else p.message for p in problems]
        if more:
            said.append(f"and {more:,} more")
        super().__init__("; ".join(said))
        self.status = status
        self.problems = problems
        self.more = more


class _Wrong(NamedTuple):
    """An error of pydantic, its place without the member of a union that it is about."""

    kind: str
    where: Location
    value: Any
    context: Mapping[str, Any]

    @property
    def column(self) -> str | None:
        """The key of a row or of the request that it is about."""
        last = self.where[-1] if self.where else None
        return last if isinstance(last, str) else None


def refused(
    errors: Sequence[Mapping[str, Any]], columns: Mapping[str, FieldInfo], body: bytes, many: bool
) -> BadRequest:
    """What to tell of these `errors`: all of them, or as many kinds of them as are shown.

    `columns`: the fields of a row by their names in a request. `many`: whether it is for rows.
    """
    wrongs = list(_wrongs(errors))
    status = next((_STATUS[each.kind] for each in wrongs if each.kind in _STATUS), 422)
    if not many and "rows" not in columns:
        wrongs = [each for each in wrongs if _holds_rows(each)] or wrongs
    groups: dict[object, list[_Wrong]] = {}
    for each in wrongs:
        groups.setdefault(_alike(each), []).append(each)
    told = _Telling(columns, body, many, wrongs)
    problems = tuple(told.problem(group) for group in _shown(list(groups.values())))
    return BadRequest(status, problems, len(groups) - len(problems))


def few_keys(body: bytes, many: bool, columns: Collection[str]) -> bytes:
    """The request without most of the keys that it should not have."""
    request: Any = from_json(body)
    request = _fewer(request, ("rows",) if many else columns)
    # The last of two equal keys counts, which need not be a list as the first one was.
    if many and isinstance(request["rows"], list):
        request["rows"] = [_fewer(row, columns) for row in request["rows"]]
    return to_json(request, inf_nan_mode="constants")


def _fewer(row: Any, columns: Collection[str]) -> Any:
    if not isinstance(row, dict):
        return row
    unknown = islice((name for name in row if name not in columns), UNKNOWN)
    kept = {name: row[name] for name in columns if name in row}
    return kept | {name: row[name] for name in unknown}


def _wrongs(errors: Iterable[Mapping[str, Any]]) -> Iterator[_Wrong]:
    seen = set()
    for each in errors:
        where = where_of(each["loc"])
        if where not in seen:
            seen.add(where)
            yield _Wrong(each["type"], where, each["input"], each.get("ctx", {}))


def where_of(location: Location) -> Location:
    """The place of a value in a request: `("rows", 0, "id")`.

    A key may be text or an integer: pydantic tells of each, and names it after the key.
    """
    in_row = location[:1] == ("rows",) and len(location) > 1 and isinstance(location[1], int)
    return location[: 3 if in_row else 1]


def _holds_rows(wrong: _Wrong) -> bool:
    """Whether rows are meant by what stands in the place of a column.

    Every column is missing beside it, which says less.
    """
    if wrong.kind != "extra_forbidden":
        return False
    value = wrong.value
    return wrong.column == "rows" or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def _alike(wrong: _Wrong) -> object:
    """Equal for what is wrong with the code of a client, and not with one row."""
    of_code = wrong.kind in _OF_CODE and len(wrong.where) > 1
    return (wrong.kind, wrong.column) if of_code else wrong.where


def _shown(groups: list[list[_Wrong]]) -> list[list[_Wrong]]:
    """As many as are told, in their order: of each column and mistake one, before more of one."""
    count: Counter[object] = Counter()
    ranked = []
    for number, (first, *_) in enumerate(groups):
        bucket = first.kind, None if first.kind in _OF_CODE else first.column
        ranked.append((count[bucket], number))
        count[bucket] += 1
    return [groups[number] for number in sorted(n for _, n in sorted(ranked)[:SHOWN])]


class _Telling:
    """Finds words for the errors of one request."""

    def __init__(
        self, columns: Mapping[str, FieldInfo], body: bytes, many: bool, wrongs: Sequence[_Wrong]
    ) -> None:
        self._columns = columns
        self._body = body
        self._many = many
        self._left = _COMPARED
        unknown = (each.column for each in wrongs if each.kind == "extra_forbidden")
        self._unknown = list(dict.fromkeys(name for name in unknown if name))[:SHOWN]

    def problem(self, group: Sequence[_Wrong]) -> Problem:
        first = group[0]
        said = self._said(first)
        if len(group) > 1:
            said += f" (so in {len(group):,} rows)"
        return Problem(place(first.where), said)

    def _said(self, wrong: _Wrong) -> str:
        words = _OF_FORM.get(wrong.kind)
        if words is not None:
            return words(wrong)
        field = self._columns.get(wrong.column or "")
        match wrong.kind:
            case "json_invalid":
                return _no_json(self._body, str(wrong.context.get("error", "")))
            case "extra_forbidden":
                return self._unexpected(wrong)
            case "missing":
                return f"is missing; expected {expected(field)}{self._meant(wrong)}"
            case _:
                near = partial(self._near, wrong.value)
                said = f"found {found(wrong.value)}, expected {expected(field)}"
                return said + helped(field, wrong.value, near)

    def _unexpected(self, wrong: _Wrong) -> str:
        if self._many and len(wrong.where) == 1:
            return "a request for several rows has no other key than 'rows'; leave this one out"
        if _holds_rows(wrong) and "rows" not in self._columns:
            return f"found {found(wrong.value)} in the place of a column; {_BODY}"
        meant = self._near(wrong.column, self._columns)
        if meant is not None:
            return f"there is no such column; did you mean {quoted(meant)}?"
        return f"there is no such column; there are {listed(tuple(self._columns), _NAMED)}"

    def _meant(self, wrong: _Wrong) -> str:
        """What the row has instead, where that is likely."""
        meant = self._near(wrong.column, self._unknown)
        return "" if meant is None else f"; the request has {quoted(meant)} instead"

    def _near(self, name: object, known: Iterable[str]) -> str | None:
        names = [each for each in known if len(each) <= _LONGEST_NAME]
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not names:
            return None
        self._left -= len(names)
        return nearest(name, names) if self._left >= 0 else None


def _no_rows(wrong: _Wrong) -> str:
    return f"found {found(wrong.value)}, expected a list of rows, one at least"


def _too_many_rows(wrong: _Wrong) -> str:
    count, most = len(wrong.value), wrong.context["max_length"]
    return f"found {count:,} rows, expected {most:,} at most; send fewer at a time"


def _no_object(wrong: _Wrong) -> str:
    if wrong.where:
        return f"found {found(wrong.value)}, expected an object with a key for each column"
    return f"found {found(wrong.value)}; {_BODY}"


_OF_FORM: Final[Mapping[str, Callable[[_Wrong], str]]] = {
    "too_short": _no_rows, "list_type": _no_rows, "too_long": _too_many_rows,
    "model_type": _no_object,
}  # fmt: skip


def _no_json(body: bytes, why: str) -> str:
    if not body.strip():
        return f"the body is empty; {_BODY}"
    at = _AT.match(why)
    if at is None:
        return f"the body is no JSON: {why}; {_BODY}"
    line, column = int(at[2]), int(at[3])
    lines = body.split(b"\n", line)
    near = lines[line - 1] if line <= len(lines) else b""
    part = near[max(0, column - 1 - _AROUND) : column - 1 + _AROUND].decode("utf-8", "replace")
    said = f" near {quoted(part)}" if part.strip() else ""
    return f"the body is no JSON: {why}{said}; {_BODY}"
