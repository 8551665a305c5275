"""Fees taken from the payout are booked when the loan is opened, shares of the principal like amounts."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backoffice.repayment.domain.terms import FeeRule
from backoffice.repayment.models import Transfer
from backoffice.repayment.selectors.verification import verify_book
from tests.repayment.cases import TWELVE_MONTHS
from tests.repayment.factories import DISBURSED, open_loan


@pytest.mark.django_db
def test_what_is_deducted_is_booked_against_the_cash_paid_out() -> None:
    fees = (
        FeeRule("membership", "fee", "lender", "upfront_deducted", Decimal("199.00")),
        FeeRule("origination", "fee", "lender", "upfront_deducted_of_principal", Decimal("0.01")),
        FeeRule("guarantee", "guarantee_fee", "guarantor", "upfront_deducted_of_principal", Decimal("0.005")),
    )
    loan_id = open_loan(terms=replace(TWELVE_MONTHS, fees=fees), principal="12000.00")
    booked = Transfer.objects.filter(loan_id=loan_id, kind="disbursement").order_by("id")
    assert list(booked.values_list("debit", "credit", "component", "amount")) == [
        ("principal_receivable", "cash", "principal", Decimal("12000.00")),
        ("cash", "unearned_fee", "fee", Decimal("319.00")),
        ("cash", "guarantee_fee_payable", "guarantee_fee", Decimal("60.00")),
    ]
    assert list(verify_book(business_date=DISBURSED)) == []
