"""The whole bank of one sandbox: its books, its two rails, its pages, and the threads that work meanwhile."""

import threading
from pathlib import Path

from backoffice.sandbox.bank import file_rail, http_rail, pages
from backoffice.sandbox.bank.behaviour import LIFELIKE, BankScript, Conduct
from backoffice.sandbox.bank.books import Books
from backoffice.sandbox.bank.file_rail import FileRail
from backoffice.sandbox.bank.http_rail import HttpRail
from backoffice.sandbox.bank.night import SCHEMES
from backoffice.sandbox.bank.notices import NoticeCourier
from backoffice.sandbox.bank.pages import Pages
from backoffice.sandbox.bank.teller import UNIONPAY, Teller
from backoffice.sandbox.catalogue import Partner

LOOK_SECONDS = 0.1


class Branch:
    """The bank, started and stopped with the sandbox. A script kept in its books goes before the seed it is given."""

    def __init__(
        self, *, state: Path | None, seed: int, is_lifelike: bool, secret: str, hooks: str, code: str = http_rail.RAIL
    ) -> None:
        self.script = BankScript(seed=seed, usual=LIFELIKE if is_lifelike else Conduct())
        self.books = Books(file=state)
        if self.books.script:
            self.script.restore(self.books.script)
        self.teller = Teller(books=self.books, script=self.script)
        self.files = FileRail(teller=self.teller, secret=secret)
        address = f"{hooks.rstrip('/')}/{code}/" if hooks else ""
        self.courier = NoticeCourier(
            teller=self.teller, rail=http_rail.RAIL, scheme=UNIONPAY, address=address, secret=secret
        )
        rail = HttpRail(teller=self.teller, secret=secret)
        self.rails = (
            Partner(prefix=http_rail.PREFIX, description="agreement payment over HTTP", answer=rail.answer),
            Partner(prefix=file_rail.PREFIX, description="direct debits in ISO 20022 files", answer=self.files.answer),
        )
        desk = Pages(teller=self.teller, files=self.files, courier=self.courier)
        self.desk = Partner(prefix=pages.PREFIX, description="the bank's own books", answer=desk.answer)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="bank", daemon=True)

    def start(self) -> None:
        """Begins to work, and to tell what was not told yet."""
        self.courier.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends after the work at hand."""
        self._stopped = True
        self.teller.woken.set()
        self.courier.stop()
        self._thread.join(timeout=10)
        self.books.close()

    def work(self) -> None:
        """Does what is due by the bank's clock."""
        self.teller.settle_due(until=self.teller.now(), schemes=SCHEMES)
        self.files.work()

    def _run(self) -> None:
        while not self._stopped:
            self.teller.woken.wait(timeout=LOOK_SECONDS)
            self.teller.woken.clear()
            if not self._stopped:
                self.work()
