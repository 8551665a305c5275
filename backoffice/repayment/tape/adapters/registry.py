"""The adapters by name: what `manage.py ingest SOURCE` and `load_demo` know how to read besides a tape itself."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from backoffice.repayment.tape.adapters import berka, home_credit, lending_club, superlender, xente
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter
from backoffice.repayment.tape.synthetic import book as synthetic


class Convert(Protocol):
    """Writes a set's folder as a tape whose last day is `book_end`."""

    def __call__(self, *, folder: Path, tape: TapeWriter, book_end: date) -> Conversion: ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """One data set: its name on the command line (and of its book), the folder it is published in, its title."""

    name: str
    folder: str
    title: str
    convert: Convert


SYNTHETIC = synthetic.PORTFOLIO
ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        Adapter(superlender.PORTFOLIO, superlender.FOLDER, "SuperLender, Nigeria", superlender.convert),
        Adapter(home_credit.PORTFOLIO, home_credit.FOLDER, "Home Credit sample", home_credit.convert),
        Adapter(xente.PORTFOLIO, xente.FOLDER, "Xente, Uganda", xente.convert),
        Adapter(lending_club.PORTFOLIO, lending_club.FOLDER, "Lending Club, 2018 Q1", lending_club.convert),
        Adapter(SYNTHETIC, "", "Synthetic demo book", synthetic.convert),
        Adapter(berka.PORTFOLIO, berka.FOLDER, "Berka, Czech bank", berka.convert),
    )
}
