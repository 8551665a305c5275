"""Compute a schedule over the API without storing it: the same reading and arithmetic as `manage.py quote`."""

from typing import Any, ClassVar, get_args

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars.domain.working_days import CALENDARS
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, currency_field
from backoffice.core.api.views import ApiView
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.domain.quote import quote_to_json
from backoffice.repayment.domain.terms import (
    DayCount,
    FeeWay,
    FutureRule,
    HolidayShift,
    InstallmentBasis,
    Method,
    Rounding,
    Unit,
)
from backoffice.repayment.domain.terms_form import MOST_PERIODS
from backoffice.repayment.selectors.quotes import quote_asked_for

_RATE = r"^(0|[1-9][0-9]?|100)(\.[0-9]{1,8})?$"


class RateField(serializers.RegexField):
    """A fraction of one as a decimal string: "0.18" is 18 %."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_RATE, **kwargs)


class FeeSerializer(BodySerializer):
    """One fee. `amount` is money, or a share from 0 to 1 in the ways that end in of_principal and of_balance."""

    code = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]{0,39}$")
    component = serializers.ChoiceField(choices=["fee", "guarantee_fee"], default="fee")
    payee = serializers.CharField(max_length=80, default="lender")
    way = serializers.ChoiceField(choices=get_args(FeeWay))
    amount = serializers.CharField(help_text="decimal string")


class CostCapSerializer(BodySerializer):
    """The line the yearly cost is held against. The default is 24 % by apr_irr for CNY, none for other currencies."""

    regime = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]{0,39}$", required=False)
    rate = RateField(required=False, allow_null=True)
    formula = serializers.ChoiceField(choices=["apr_irr", "ear", "xirr"], required=False)


class GraceSerializer(BodySerializer):
    """Days without penalty: forgiven when paid within them, or the penalty starts after them."""

    days = serializers.IntegerField(min_value=0, max_value=366, required=False)
    mode = serializers.ChoiceField(choices=["waive", "shift"], required=False)


class PenaltyRuleSerializer(BodySerializer):
    """Contract rate times one and the uplift, at most `rate_cap`, on the overdue base by actual days."""

    base = serializers.ChoiceField(choices=["principal", "principal_and_interest"], required=False)
    uplift = RateField(required=False)
    rate_cap = RateField(required=False, allow_null=True)
    compounding = serializers.ChoiceField(choices=["none", "monthly"], required=False)
    day_basis = serializers.ChoiceField(choices=[360, 365], required=False)


class AllocationRuleSerializer(BodySerializer):
    """Which bill and component money pays first; `order` names every component once."""

    order = serializers.ListField(
        child=serializers.ChoiceField(choices=COMPONENTS),
        min_length=len(COMPONENTS),
        max_length=len(COMPONENTS),
        required=False,
    )
    mode = serializers.ChoiceField(choices=["vertical", "horizontal"], required=False)
    principal_first_after_dpd = serializers.IntegerField(min_value=0, max_value=3660, required=False, allow_null=True)
    future = serializers.ChoiceField(choices=get_args(FutureRule), required=False)


class PrepaymentRuleSerializer(BodySerializer):
    """What settling early costs beside the interest earned: a share, days of interest, or an amount."""

    fee = serializers.ChoiceField(choices=["none", "percent", "days_interest", "fixed"], required=False)
    value = serializers.CharField(required=False, help_text="decimal string")
    fee_cap = MoneyField(allow_zero=True, required=False, allow_null=True)


class ToleranceSerializer(BodySerializer):
    """What is too little to count as unpaid, and how many days a bucket entry waits."""

    days = serializers.IntegerField(min_value=0, max_value=366, required=False)
    floor = MoneyField(allow_zero=True, required=False)
    percent = RateField(required=False)


class BandSerializer(BodySerializer):
    """One bucket: days past due from `first` to `last`, null for the open end."""

    code = serializers.RegexField(r"^[^\s\u0000]{1,8}$")
    first = serializers.IntegerField(min_value=0, max_value=36_600)
    last = serializers.IntegerField(min_value=0, max_value=36_600, allow_null=True)


class QuoteRequestSerializer(BodySerializer):
    """What a quote is asked for. Describes the body; `terms_form` reads it and names every value at fault at once.

    The terms of a product are taken whole; those that change no quote (`grace` to `bands`) may be left out.
    """

    principal = MoneyField()
    currency = currency_field()
    disbursed_on = DayField()
    method = serializers.ChoiceField(choices=get_args(Method))
    annual_rate = RateField(help_text="0.18 is 18 %")
    periods = serializers.IntegerField(min_value=1, max_value=MOST_PERIODS)
    day_count = serializers.ChoiceField(choices=get_args(DayCount), default="monthly")
    every = serializers.IntegerField(min_value=1, max_value=366, default=1)
    unit = serializers.ChoiceField(choices=get_args(Unit), default="month")
    first_due_date = DayField(required=False, allow_null=True)
    due_day = serializers.IntegerField(min_value=1, max_value=31, required=False, allow_null=True)
    due_dates = serializers.ListField(
        child=DayField(), required=False, allow_null=True, help_text="one date per bill, instead of a grid"
    )
    first_period_min_days = serializers.IntegerField(min_value=0, max_value=366, default=15)
    rounding = serializers.ChoiceField(choices=get_args(Rounding), default="half_up")
    multiple_of = MoneyField(default="0.01", help_text="the equal installment is rounded to it")
    installment_basis = serializers.ChoiceField(choices=get_args(InstallmentBasis), default="solved")
    fees = FeeSerializer(many=True, required=False)
    holiday_shift = serializers.ChoiceField(choices=get_args(HolidayShift), default="none")
    calendar = serializers.ChoiceField(
        choices=CALENDARS, required=False, help_text="default: of the currency's country"
    )
    cost_cap = CostCapSerializer(required=False)
    grace = GraceSerializer(required=False)
    penalty = PenaltyRuleSerializer(required=False)
    allocation = AllocationRuleSerializer(required=False)
    prepayment = PrepaymentRuleSerializer(required=False)
    tolerance = ToleranceSerializer(required=False)
    bands = BandSerializer(many=True, required=False)


class QuoteRowSerializer(serializers.Serializer):
    """One bill."""

    number = serializers.IntegerField()
    due_date = DayField()
    days = serializers.IntegerField(help_text="actual days since the bill before, or the payout")
    principal = MoneyField(allow_zero=True)
    interest = MoneyField(allow_zero=True)
    fees = MoneyField(allow_zero=True)
    total = MoneyField(allow_zero=True)
    balance = MoneyField(allow_zero=True, help_text="principal left after the bill")


class QuoteTotalsSerializer(serializers.Serializer):
    """The sums of the columns, and what was taken at payout."""

    principal = MoneyField(allow_zero=True)
    interest = MoneyField(allow_zero=True)
    fees = MoneyField(allow_zero=True, help_text="billed fees")
    total = MoneyField(allow_zero=True)
    upfront_fees = MoneyField(allow_zero=True, help_text="deducted at payout, on no bill")
    net_disbursed = MoneyField(help_text="what the borrower receives")


class CapVerdictSerializer(serializers.Serializer):
    """The cost by the cap's formula at two decimals of a percent, against the cap."""

    regime = serializers.CharField()
    rate = serializers.CharField(allow_null=True)
    formula = serializers.ChoiceField(choices=["apr_irr", "ear", "xirr"])
    value = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["within", "above", "no_cap"])


class QuoteSerializer(serializers.Serializer):
    """A computed schedule. Rates are fractions of one with 8 decimals."""

    currency = currency_field()
    rows = QuoteRowSerializer(many=True)
    totals = QuoteTotalsSerializer()
    apr_irr = serializers.CharField(help_text="rate per period x periods in a year")
    ear = serializers.CharField(help_text="rate per period compounded over a year")
    xirr = serializers.CharField(help_text="by actual days / 365")
    cost_cap = CapVerdictSerializer()


class QuotesView(ApiView):
    """Compute a schedule from terms without storing anything."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.quote.compute"}
    request_serializer_class = QuoteRequestSerializer
    serializer_class = QuoteSerializer

    def post(self, request: Request) -> Response:
        """Every bill to the minor unit, what the loan costs a year by three conventions, and the cap's verdict."""
        return Response(quote_to_json(quote_asked_for(body=request.data)))
