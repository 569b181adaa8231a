"""What tests of pages do in a browser."""

from collections.abc import Callable

from playwright.sync_api import Page

Opened = Callable[..., Page]
NUMBER = r"Number(document.querySelector('[data-part=\"%s\"]').dataset.value)"
PHONE = 390


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
