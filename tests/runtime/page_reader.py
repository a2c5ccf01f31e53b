"""Pages as a strict reader sees them."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "hr", "input", "wbr"}


class Wellformed(HTMLParser):
    """Every tag that opens closes, in order; no attribute reaches out of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.said = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        found = [str(v) for k, v in attrs if k in ("src", "href", "xlink:href")]
        self.outside += [address for address in found if not address.startswith("#")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


def parsed(page: str) -> Wellformed:
    """The page, read to its end."""
    parser = Wellformed()
    parser.feed(page)
    assert parser.open == []
    return parser
