"""What is planned to leave: what a change of the rules is judged on before it is published."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Verdict, Wanted

# The endpoint is the one the message names, else the one it would leave by.
PLANNED = """
SELECT message.borrower_id, message.channel, message.purpose, message.send_after, message.loan_id, message.id,
       coalesce(message.endpoint_id, point.id), message.send_before
FROM outreach_message message
LEFT JOIN LATERAL (
    SELECT id FROM customers_contactpoint
    WHERE borrower_id = message.borrower_id AND ended_at IS NULL AND quality IN ('unknown', 'good')
      AND kind = (%(kinds)s::jsonb ->> message.channel)
    ORDER BY is_primary DESC, id LIMIT 1
) point ON message.endpoint_id IS NULL
WHERE message.state = 'planned' AND message.send_after < %(end)s
ORDER BY message.id
"""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A message that has still to leave: what is wanted from its first minute on, and when its time is over."""

    wanted: Wanted
    until: datetime

    def can_leave(self, *, verdict: Verdict) -> bool:
        """Whether it leaves at its first minute, or once all that denies it lets go before its time is over."""
        return all(denial.release_at is not None and denial.release_at < self.until for denial in verdict.denials)


def planned_contacts(*, through: date) -> list[Leaving]:
    """Every message that has still to leave, through a day of the lender's zone."""
    end = datetime.combine(through + timedelta(days=1), time.min, tzinfo=ZoneInfo(settings.LENDER_TIME_ZONE))
    return [
        Leaving(
            Wanted(
                borrower_id=borrower_id,
                channel=Channel(channel),
                purpose=Purpose(purpose),
                at=at,
                endpoint_id=endpoint_id,
                loan_id=loan_id,
                message_id=message_id,
            ),
            until,
        )
        for borrower_id, channel, purpose, at, loan_id, message_id, endpoint_id, until in fetch(
            PLANNED, {"end": end, "kinds": _KINDS}
        )
    ]


_KINDS = json.dumps({channel.value: kind for channel, kind in ENDPOINT_KIND.items()})
