"""Rates by their definitions: the worked examples of the metrics, and what is not known left out of both sums."""

import csv
import gzip
import json
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.repayment.tape.measuring.rates import PaidBill, Rate, by_name, delays, entry_and_exit, habits
from backoffice.repayment.tape.measuring.repeats import repeat_rates, settled_repeat_rates
from backoffice.repayment.tape.measuring.report import CONSTANTS, constants_of, page_of
from backoffice.repayment.tape.measuring.rolls import BALANCES, STATES, flow_rates, roll_matrix

DUE = date(2026, 3, 5)
END = date(2026, 12, 31)


def write_source(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """A file of a set."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / name, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def bill(days: int | None, amount: str = "1000", *, seen_until: date = END, parts: int = 1) -> PaidBill:
    """A bill due on 5 March, paid so many days later; None is not paid."""
    paid_on = None if days is None else DUE + timedelta(days=days)
    return PaidBill(due=DUE, amount=Decimal(amount), paid_on=paid_on, seen_until=seen_until, parts=parts)


def value(rates: list[Rate], metric: str, name: str, unit: str = "count") -> tuple[int, int]:
    """Numerator and denominator of one of the rates."""
    rate = by_name(rates)[metric, name, "set", unit]
    return int(rate.numerator), int(rate.denominator)


def test_entry_and_exit_of_the_worked_example() -> None:
    # Metrics 1.8 C: 1,000 bills due on 5 March; 45 (42,000) unpaid at the end of the day; 20 of them (19,000) pay by
    # the 8th; 27 (22,000) are cured by 13 March, seven days after entry.
    bills = [bill(0)] * 955
    bills += [bill(3, "950")] * 20 + [bill(8, "428")] * 6 + [bill(8, "432")] + [bill(60, "1111")] * 18
    rates = entry_and_exit("set", bills)
    assert value(rates, "M39", "unpaid at the end of the due date") == (45, 1000)
    assert value(rates, "M39", "unpaid 3 days after the due date") == (25, 1000)
    assert value(rates, "M40", "paid in full within 7 days of entry") == (27, 45)
    assert value(rates, "M40", "paid in full within 7 days of entry", "amount") == (22_000, 41_998)


def test_a_bill_too_young_for_the_window_counts_on_neither_side() -> None:
    young = bill(None, seen_until=DUE + timedelta(days=2))
    rates = entry_and_exit("set", [young, bill(10)])
    assert value(rates, "M39", "unpaid at the end of the due date") == (2, 2)
    assert value(rates, "M39", "unpaid 3 days after the due date") == (1, 1)
    assert value(rates, "M40", "paid in full within 15 days of entry") == (1, 1)


def test_habits_count_bills_paid_in_full() -> None:
    rates = habits("set", [bill(-2), bill(0), bill(4, parts=3), bill(None)])
    assert value(rates, "habit", "paid before the due date") == (1, 3)
    assert value(rates, "habit", "paid on the due date") == (1, 3)
    assert value(rates, "habit", "paid after the due date") == (1, 3)
    assert value(rates, "habit", "paid in more than one payment") == (1, 3)


def test_every_paid_bill_falls_in_one_band() -> None:
    bills = [bill(days) for days in range(-300, 300)]
    assert sum(int(rate.numerator) for rate in delays("set", bills)) == 600


def test_nothing_to_divide_by_is_no_rate() -> None:
    assert Rate("M39", "x", "set", "count", Decimal(0), Decimal(0)).value is None
    assert Rate("M39", "x", "set", "count", Decimal(1), Decimal(3)).value == Decimal("0.3333")


def test_repeats_leave_out_cohorts_younger_than_the_window() -> None:
    loans = {
        "quick": [date(2026, 1, 1), date(2026, 1, 20)],
        "slow": [date(2026, 1, 1), date(2026, 3, 20)],
        "once": [date(2026, 1, 1)],
        "young": [date(2026, 6, 20)],
    }
    rates = repeat_rates("set", loans, last_day=date(2026, 7, 1))
    assert value(rates, "M33", "second loan within 30 days of the first") == (1, 3)
    assert value(rates, "M33", "second loan within 90 days of the first") == (2, 3)
    assert value(rates, "M33", "second loan within 180 days of the first") == (2, 3)


def test_a_settlement_beside_another_open_loan_is_none() -> None:
    spans = {"a": [(date(2026, 1, 1), date(2026, 1, 10)), (date(2026, 1, 5), date(2026, 2, 1))]}
    loans = {"a": [date(2026, 1, 1), date(2026, 1, 5), date(2026, 2, 20)]}
    rates = settled_repeat_rates("set", spans, loans, last_day=date(2026, 12, 31))
    assert value(rates, "M35", "new loan within 30 days of settlement") == (1, 1)


def test_flows_follow_each_account() -> None:
    cards = [([0, 0, 2, 3, 0, 0], [Decimal(100)] * 6), ([0, 0, 0, 0, 0, 0], [Decimal(50)] * 6)]
    rates = by_name(flow_rates(cards))
    entry = rates["M41", "M0 to any past due", "uci_taiwan", "count"]
    assert (entry.numerator, entry.denominator) == (1, 8)
    deeper = rates["M41", "M2 to deeper", "uci_taiwan", "amount"]
    assert (deeper.numerator, deeper.denominator) == (100, 100)
    cured = rates["M41", "M3 back to M0", "uci_taiwan", "count"]
    assert (cured.numerator, cured.denominator) == (1, 1)
    row = by_name(roll_matrix(cards))["M42", "worst M2 then worst M3", "uci_taiwan", "count"]
    assert (row.numerator, row.denominator) == (1, 1)


def test_the_page_and_the_file_say_the_same() -> None:
    rates = entry_and_exit("superlender", [bill(0), bill(3)])
    said = constants_of(rates)["superlender"]["M39"]["unpaid at the end of the due date"]["count"]
    assert said == {"value": "0.5000", "numerator": "1", "denominator": "2"}
    assert "| superlender | unpaid at the end of the due date | count | 50.00 % | 1 | 2 |" in page_of(rates)


def test_the_rates_written_down_are_those_the_page_shows() -> None:
    kept = json.loads(CONSTANTS.read_text(encoding="utf-8"))
    page = (Path(__file__).parents[2] / "docs" / "measured_rates.md").read_text(encoding="utf-8")
    rate = kept["superlender"]["M39"]["unpaid at the end of the due date"]["count"]
    assert f"| {Decimal(rate['value']) * 100:.2f} % | {rate['numerator']} | {rate['denominator']} |" in page


def made_up_sets(folder: Path) -> None:
    """Every set `measure` reads, a few made-up rows each."""
    previous = {
        "customerid": "c1", "termdays": "30", "totaldue": "115.0", "approveddate": "2017-01-01 08:00:00",
        "firstduedate": "2017-01-31 00:00:00", "firstrepaiddate": "2017-02-02 00:00:00",
        "closeddate": "2017-02-02 10:00:00",
    }  # fmt: skip
    superlender = folder / "superlender_digital_loans"
    write_source(superlender, "previous_loans.csv.gz", [previous, previous | {"firstrepaiddate": "2017-01-30 00:00"}])
    write_source(
        superlender,
        "latest_loans.csv.gz",
        [
            {"customerid": "c1", "approveddate": "2017-02-20 08:00:00", "good_bad_flag": "Bad"},
            {"customerid": "c2", "approveddate": "", "good_bad_flag": ""},
        ],
    )
    payback = {
        "TransactionStatus": "1", "LoanId": "X1", "PayBackId": "P1", "IsFinalPayBack": "1.0", "Value": "1000.0",
        "IssuedDateLoan": "2019-01-01 10:00:00", "DueDate": "", "PaidOnDate": "2019-01-31 10:00:00",
    }  # fmt: skip
    open_loan = payback | {"LoanId": "X2", "PayBackId": "P2", "IsFinalPayBack": "0.0"}
    write_source(
        folder / "xente_paylater_uganda", "loans_train.csv.gz",
        [payback, open_loan, payback | {"TransactionStatus": "0"}],
    )  # fmt: skip
    instalment = {
        "SK_ID_PREV": "7", "NUM_INSTALMENT_VERSION": "1", "NUM_INSTALMENT_NUMBER": "1", "DAYS_INSTALMENT": "-30",
        "DAYS_ENTRY_PAYMENT": "-31", "AMT_INSTALMENT": "10.0", "AMT_PAYMENT": "10.0",
    }  # fmt: skip
    rows = [
        instalment,
        instalment | {"NUM_INSTALMENT_NUMBER": "2", "AMT_PAYMENT": "4.0"},
        instalment | {"NUM_INSTALMENT_NUMBER": "3", "NUM_INSTALMENT_VERSION": "0"},
    ]
    write_source(folder / "home_credit_sample", "installments_payments.csv.gz", rows)
    write_source(
        folder / "home_credit_sample", "installments_payments_random20000.csv.gz",
        [instalment | {"DAYS_ENTRY_PAYMENT": "-28.0"}, instalment | {"DAYS_ENTRY_PAYMENT": ""}],
    )  # fmt: skip
    card = dict.fromkeys(STATES, "0") | dict.fromkeys(BALANCES, "100.0")
    write_source(folder / "uci_credit_card_taiwan", "clients.csv.gz", [card | {"PAY_0": "2"}])


def test_measures_every_set_and_writes_it_down(tmp_path: Path) -> None:
    made_up_sets(tmp_path / "data")
    page, constants = tmp_path / "page.md", tmp_path / "rates.json"
    out = StringIO()
    call_command(
        "measure_rates",
        "--data",
        str(tmp_path / "data"),
        "--page",
        str(page),
        "--constants",
        str(constants),
        stdout=out,
    )
    kept = json.loads(constants.read_text(encoding="utf-8"))
    late = kept["superlender"]["M39"]["unpaid at the end of the due date"]
    assert late["count"] == {"value": "0.5000", "numerator": "1", "denominator": "2"}
    assert kept["superlender"]["flag"]["newest loan flagged bad"]["count"]["numerator"] == "1"
    assert kept["superlender"]["M35"]["new loan within 30 days of settlement"]["count"]["numerator"] == "2"
    assert kept["xente"]["flag"]["no final payback by the end of the set"]["count"]["value"] == "0.5000"
    assert kept["xente"]["habit"]["paid on the due date"]["count"]["value"] == "1.0000"
    short = kept["home_credit"]["habit"]["short on record"]["count"]
    assert (short["numerator"], short["denominator"]) == ("1", "2")
    assert kept["home_credit_random"]["habit"]["paid after the due date"]["count"]["denominator"] == "1"
    assert kept["uci_taiwan"]["M41"]["M0 to any past due"]["count"]["denominator"] == "5"
    assert "rates written to" in out.getvalue()
    assert "| uci_taiwan | M0 to any past due | count | 20.00 % | 1 | 5 |" in page.read_text(encoding="utf-8")


def test_says_which_set_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not in"):
        call_command("measure_rates", "--data", str(tmp_path), "--page", str(tmp_path / "p"))
