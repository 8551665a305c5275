"""The verbs of experiments: declare, start with a second person, take units in, stop, decide."""

from backoffice.outreach.services.experiments.bringing_in import bring_in_hillstrom
from backoffice.outreach.services.experiments.declaring import (
    add_layer,
    add_metric,
    change_draft,
    confirmation_arms,
    declare_confirmation,
    declare_experiment,
    discard_draft,
    mark_of_declaration,
)
from backoffice.outreach.services.experiments.locking import START
from backoffice.outreach.services.experiments.recording import NewOutcome, TakenIn, record_outcomes, take_in
from backoffice.outreach.services.experiments.running import (
    consequence_of,
    decide,
    start_as_approved,
    stop,
    stop_due,
    stop_speechless,
    submit_start,
)
from backoffice.outreach.services.experiments.wording import WordsOfOthers, code_of_words, draft_rows

__all__ = [
    "START",
    "NewOutcome",
    "TakenIn",
    "WordsOfOthers",
    "add_layer",
    "add_metric",
    "bring_in_hillstrom",
    "change_draft",
    "code_of_words",
    "confirmation_arms",
    "consequence_of",
    "decide",
    "declare_confirmation",
    "declare_experiment",
    "discard_draft",
    "draft_rows",
    "mark_of_declaration",
    "record_outcomes",
    "start_as_approved",
    "stop",
    "stop_due",
    "stop_speechless",
    "submit_start",
    "take_in",
]
