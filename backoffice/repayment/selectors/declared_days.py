"""Terms as a loan made now would copy them: with the days the lender has declared over the published calendars."""

from collections.abc import Sequence

from backoffice.calendars.domain.working_days import NO_OVERRIDES
from backoffice.calendars.selectors import holiday_overrides
from backoffice.repayment.domain.due_dates import with_declared_days
from backoffice.repayment.domain.terms import Terms


def as_made_now(*, terms: Sequence[Terms]) -> list[Terms]:
    """Each of the terms with today's declared days, in the order given; what was one object stays one object.

    One query when bills of any of them move off holidays, none otherwise.
    """
    distinct = {id(each): each for each in terms}
    does_any_move = any(each.holiday_shift != "none" for each in distinct.values())
    overrides = holiday_overrides() if does_any_move else NO_OVERRIDES
    made = {key: with_declared_days(each, overrides=overrides) for key, each in distinct.items()}
    return [made[id(each)] for each in terms]
