"""People with a browser: headless Chromium with a camera and a microphone that Chromium makes up.

Playwright has an event loop of its own, in a thread here: those that tests run for a question must not meet it.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Page, Playwright

T = TypeVar("T")

PATIENCE_SECONDS = 60
ARGUMENTS = (
    "--use-fake-device-for-media-stream=fps=5",  # a moving picture, cheap to encode, and a beep every second
    "--use-fake-ui-for-media-stream",  # nobody is there to allow it, or to choose a screen
    "--allow-loopback-in-peer-connection",  # LiveKit is on this machine, which may have no other network
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
# Keeps every connection for media, so that it can be asked what has come through it.
KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
"""
RECEIVED = """async () => {
  const sums = { frames: 0, energy: 0 };
  for (const connection of window.connections) {
    for (const one of (await connection.getStats()).values()) {
      if (one.type !== "inbound-rtp") continue;
      sums.frames += one.framesDecoded ?? 0;
      sums.energy += one.totalAudioEnergy ?? 0;
    }
  }
  return sums;
}"""
SENT_HINTS = """() => window.connections.flatMap((connection) => connection.getSenders())
  .filter((sender) => sender.track).map((sender) => sender.track.contentHint)"""


class Received(NamedTuple):
    """What has come through on all tracks that a page receives now, as the browser counts it."""

    frames: int
    """Pictures that were decoded."""
    energy: float
    """Of the sound: 0 for silence."""


class Tab:
    """One page that somebody looks at."""

    def __init__(self, browsers: Browsers, page: Page) -> None:
        self._browsers = browsers
        self._page = page

    def click(self, button: str) -> None:
        """Click the button of that name, as soon as it is there."""
        self._run(self._page.get_by_role("button", name=button, exact=True).click())

    def photograph(self, target: Path) -> None:
        """Keep what is seen now."""
        self._run(self._page.screenshot(path=target))

    def write(self, field: str, text: str) -> None:
        """Write into a field and press Enter."""
        entry = self._page.get_by_label(field, exact=True)
        self._run(entry.fill(text))
        self._run(entry.press("Enter"))

    def text(self) -> str:
        """Return all that is to be read."""
        return self._run(self._page.locator("body").inner_text())

    def buttons(self) -> list[str]:
        """Return the names of all buttons."""
        return self._run(self._page.get_by_role("button").all_inner_texts())

    def count(self, selector: str) -> int:
        """Return how many elements there are of a kind."""
        return self._run(self._page.locator(selector).count())

    def received(self) -> Received:
        """Return what has arrived of the others."""
        return Received(**self._run(self._page.evaluate(RECEIVED)))

    def sent_hints(self) -> list[str]:
        """Return what each track that is sent says of its content."""
        return self._run(self._page.evaluate(SENT_HINTS))  # type: ignore[no-any-return]

    def another(self) -> Tab:
        """Open the same page in another tab of the same browser."""
        return self._run(self._browsers.open_in(self._page.context, self._page.url))

    def reload(self) -> None:
        """Load the page again."""
        self._run(self._page.reload())

    def screenshot(self, path: Path) -> None:
        """Take a picture of what is seen."""
        self._run(self._page.screenshot(path=path))

    def close(self) -> None:
        """Close it as people do."""
        self._run(self._page.close())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._browsers.run(work)


class Browsers:
    """One Chromium in which everybody has a browser of their own: cookies and permissions are not shared."""

    def __init__(self, *, width: int = 1280, height: int = 720) -> None:
        self._size = {"width": width, "height": height}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self.said: list[str] = []
        """What pages have written to their consoles."""

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self._launch())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have Playwright do something, and return what came of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    def open(self, url: str) -> Tab:
        """Open a page in somebody's browser."""
        return self.run(self._open(url))

    def close_all(self) -> None:
        """Close every browser that somebody has; the program itself goes on."""
        self.run(self._close_all())

    async def _launch(self) -> None:
        self._playwright = await async_playwright().start()
        program = shutil.which("chromium")
        assert program, "There is no chromium on PATH: apt-get install --no-install-recommends chromium"
        self._browser = await self._playwright.chromium.launch(
            executable_path=program, args=list(ARGUMENTS), chromium_sandbox=False
        )

    async def _end(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def _close_all(self) -> None:
        assert self._browser is not None
        await asyncio.gather(*(context.close() for context in self._browser.contexts))

    async def _open(self, url: str) -> Tab:
        assert self._browser is not None
        context = await self._browser.new_context(viewport=self._size)  # type: ignore[arg-type]
        await context.grant_permissions(["camera", "microphone"])
        await context.add_init_script(KEEP_CONNECTIONS)
        return await self.open_in(context, url)

    async def open_in(self, context: BrowserContext, url: str) -> Tab:
        """Open a page in a browser that is there; for Tab."""
        page = await context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        await page.goto(url)
        return Tab(self, page)
