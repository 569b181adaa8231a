"""What tests of pages do in a browser."""

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

NUMBER = r"Number(document.querySelector('[data-part=\"%s\"]').dataset.value)"
PHONE = 390


@dataclass
class Pages:
    """Pages in a browser, and what any of them said or asked for that it must not."""

    browser: Browser
    wrong: list[str] = field(default_factory=list)
    open: list[Page] = field(default_factory=list)

    def __call__(self, path: Path, width: int = 1400) -> Page:
        """Open a page at a width."""
        page = self.browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda said: self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda one: self._asked(one.url))
        page.goto(path.as_uri())
        self.open.append(page)
        return page

    def close_from(self, place: int) -> None:
        """Close those opened after the first ones."""
        while len(self.open) > place:
            self.open.pop().close()

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:")):
            self.wrong.append(url)


def width_of(page: Page) -> int:
    """How wide the page is: as wide as the window, unless it scrolls sideways."""
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


def move(page: Page, slider: str, value: float) -> None:
    """Move a slider."""
    page.locator(f"input[data-part='{slider}']").evaluate(
        "(one, v) => { one.value = v; one.dispatchEvent(new Event('input')); }", value
    )


def choose(page: Page, part: str, value: int) -> None:
    """Choose an entry of a list by its place."""
    found = page.locator(f"select[data-part='{part}']")
    found.focus()
    found.select_option(str(value))
