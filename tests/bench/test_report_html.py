"""The page is self-contained and its text is escaped."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest

from fastdicom.bench import report_html
from fastdicom.bench.run import Result

Machine = dict[str, str | int | None]


class Page(HTMLParser):
    """Collects what a browser would fetch, and the text it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in {"src", "href", "srcset"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(machine: Machine, versions: dict[str, str], results: list[Result]) -> str:
    return report_html.render(machine, versions, results)


def test_nothing_is_outside_the_page(page: str) -> None:
    pytest.importorskip("matplotlib")
    assert "://" not in page
    addresses = Page(page).addresses
    assert len(addresses) == 4  # two scenarios, light and dark
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)


def test_what_the_plots_show(page: str) -> None:
    pytest.importorskip("matplotlib")
    for address in Page(page).addresses:
        svg = base64.b64decode(address.partition(",")[2]).decode()
        assert svg.lstrip().startswith("<?xml")
        assert not re.search(r"<image|<script|@import", svg)


def test_text_is_escaped(page: str) -> None:
    assert "Abacus &lt;&amp; Sons&gt;" in page
    assert "fastdicom&gt;dcmtk" in page
    shown = Page(page)
    assert "the <server> & the client disagree" in shown.text
    assert "server" not in shown.tags


def test_without_matplotlib_it_says_what_to_install(
    machine: Machine, versions: dict[str, str], results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    text = report_html.render(machine, versions, results)
    assert "fastdicom-net[bench]" in text
    assert Page(text).addresses == []
    assert "2,000" in text
