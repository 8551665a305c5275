"""manage.py quote: terms as JSON on standard input, the schedule as JSON on standard output; nothing is stored."""

import io
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError
from rest_framework.exceptions import ParseError

from backoffice.core.api.parsing import DecimalJSONParser
from backoffice.core.api.problems import problem_of
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.quote import Quote, make_quote, quote_to_json
from backoffice.repayment.domain.terms_form import quote_from_json
from backoffice.repayment.selectors.quotes import quote_asked_for

REFUSED = 2


class Command(BaseCommand):
    """Exit status 0 with the answer; 2 with a problem document that names the values at fault."""

    help = (
        "Read a quote request as JSON from standard input and print its schedule, yearly cost and cap verdict as JSON. "
        "The keys are those of POST /api/v1/repayment/quotes/."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises SystemExit with status 2 when the request cannot be used."""
        try:
            asked = DecimalJSONParser().parse(io.BytesIO(sys.stdin.buffer.read()))
            answer = quote_to_json(self._quote(asked))
        except (Refusal, ParseError) as error:
            problem = problem_of(error)
            self._print({} if problem is None else problem.body(None))
            raise SystemExit(REFUSED) from error
        self._print(answer)

    def _quote(self, asked: Any) -> Quote:
        """The quote with the days the lender declared; by the published calendar alone where no database is."""
        try:
            return quote_asked_for(body=asked)
        except DatabaseError:
            self.stderr.write("No database of a lender answers: no day is taken to be declared over the calendar.")
            return make_quote(quote_from_json(asked))

    def _print(self, answer: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
