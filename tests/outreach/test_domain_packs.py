"""A pack is read into frozen values, or refused with everything that is wrong by rule, field and line."""

from datetime import date, datetime

import pytest
from django.utils import translation

from backoffice.core.telling import told
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.pack_faults import PackFaulty
from backoffice.outreach.domain.packs import PARTIES, Pack, PastConsent, parse
from backoffice.outreach.domain.purposes import Purpose

HEAD = """code = "demo"
title = "Demonstration"
title_zh = "示例"
countries = ["US"]
read = ["A statute"]
not_read = []
"""
COMMON = """channels = ["call", "bot"]
purposes = ["collection"]
actor_scopes = ["third_party"]
parties = ["*"]
source = "section 1"
confidence = "A"
effective_from = 2021-11-30
en = "A rule."
zh = "一条规则。"
"""
HOURS = f"""[[rules]]
id = "demo.hours"
kind = "hours"
from = "08:00"
to = "21:00"
{COMMON}"""
CAP = f"""[[rules]]
id = "demo.cap"
kind = "cap"
limit = 7
per = "debt"
counts = "call"
days = 7
{COMMON}"""
VECTOR = """[[vectors]]
name = "seven calls are enough"
country = "US"
zones = ["America/New_York"]
at = 2026-04-07T10:00:00-04:00
channel = "call"
purpose = "collection"
actor_scope = "third_party"
history = [
    {at = 2026-04-01T10:00:00-04:00, channel = "call", code = "T-NA", corrected = "P-WN"},
]
expect = ["demo.cap"]
"""
PLAIN = HEAD + HOURS + CAP + VECTOR


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(PackFaulty) as refused:
        parse(text)
    return refused.value.fields


def lines_of(text: str) -> dict[str, int | None]:
    with pytest.raises(PackFaulty) as refused:
        parse(text)
    return {fault.path: fault.line for fault in refused.value.faults}


def test_reads_hours_as_minutes_since_midnight_on_every_weekday() -> None:
    rule = parse(PLAIN).rules[0]
    assert (rule.id, rule.kind, rule.from_minute, rule.to_minute) == ("demo.hours", "hours", 480, 1260)
    assert (rule.days, rule.holidays) == (frozenset(range(1, 8)), "open")
    assert rule.channels == {Channel.CALL, Channel.BOT}
    assert rule.purposes == {Purpose.COLLECTION}
    assert rule.actor_scopes == {"third_party"}
    assert rule.parties == set(PARTIES)
    assert (rule.limit, rule.per, rule.counts, rule.after) == (None, None, None, None)


def test_reads_midnight_at_the_end_of_the_day() -> None:
    assert parse(PLAIN.replace('to = "21:00"', 'to = "24:00"')).rules[0].to_minute == 1440


def test_reads_a_cap_and_counts_its_own_purposes() -> None:
    rule = parse(PLAIN).rules[1]
    assert (rule.limit, rule.per, rule.counts, rule.days_window, rule.minutes_window) == (7, "debt", "call", 7, None)
    assert rule.counted_purposes == {Purpose.COLLECTION}


def test_reads_a_rolling_window_and_purposes_counted_beyond_its_own() -> None:
    text = PLAIN.replace("days = 7", 'minutes = 120\ncounted_purposes = ["*"]')
    rule = parse(text).rules[1]
    assert (rule.days_window, rule.minutes_window) == (None, 120)
    assert rule.counted_purposes == set(Purpose)


def test_reads_a_quiet_period_a_consent_and_a_ban() -> None:
    quiet = f'[[rules]]\nid = "demo.quiet"\nkind = "quiet"\nafter = "conversation"\nper = "debt"\ndays = 7\n{COMMON}'
    consent = f'[[rules]]\nid = "demo.consent"\nkind = "consent"\nneeds = "consent"\nwithin_days = 60\n{COMMON}'
    forbid = f'[[rules]]\nid = "demo.forbid"\nkind = "forbid"\nexcepts = ["reply"]\n{COMMON}'
    rules = parse(HEAD + quiet + consent + forbid).rules
    assert (rules[0].after, rules[0].per, rules[0].quiet_days) == ("conversation", "debt", 7)
    assert (rules[1].needs, rules[1].within_days) == ("consent", 60)
    assert (rules[2].kind, rules[2].excepts) == ("forbid", {"reply"})


def test_reads_a_vector_whose_past_shares_what_it_does_not_say() -> None:
    vector = parse(PLAIN).vectors[0]
    assert vector.at == datetime.fromisoformat("2026-04-07T10:00:00-04:00")
    assert vector.expect == {"demo.cap"}
    assert (vector.endpoint, vector.loan, vector.party) == (1, 1, "borrower")
    (past,) = vector.history
    assert (past.code, past.corrected, past.direction) == ("T-NA", "P-WN", "out")
    assert (past.purpose, past.actor_scope, past.endpoint, past.loan) == (Purpose.COLLECTION, "third_party", 1, 1)


def test_reads_consents_callbacks_and_the_lack_of_a_contact_point() -> None:
    more = """consents = [{at = 2026-04-01T10:00:00Z, channel = "email"}]
callback_at = 2026-04-07T14:00:00Z
"""
    vector = parse(PLAIN.replace('channel = "call"\n', 'channel = "push"\n') + more).vectors[0]
    assert vector.endpoint is None
    assert vector.consents == (
        PastConsent(at=datetime.fromisoformat("2026-04-01T10:00:00+00:00"), channel=Channel.EMAIL, endpoint=1),
    )
    assert vector.callback_at == datetime.fromisoformat("2026-04-07T14:00:00+00:00")


def test_names_a_contact_in_another_matter_on_no_loan() -> None:
    text = PLAIN.replace('code = "T-NA", corrected', 'code = "T-NA", loan = 0, purpose = "service", corrected')
    assert parse(text).vectors[0].history[0].loan is None
    assert parse(text).vectors[0].history[0].purpose == Purpose.SERVICE


def test_is_in_force_from_its_first_day_to_before_its_last() -> None:
    text = PLAIN.replace("effective_from = 2021-11-30", "effective_from = 2021-11-30\neffective_to = 2026-01-01")
    rule = parse(text).rules[0]
    assert [rule.is_in_force(on=date(2021, 11, 29)), rule.is_in_force(on=date(2021, 11, 30))] == [False, True]
    assert [rule.is_in_force(on=date(2025, 12, 31)), rule.is_in_force(on=date(2026, 1, 1))] == [True, False]


def test_finds_a_rule_by_its_id_and_the_rules_no_vector_shows() -> None:
    pack: Pack = parse(PLAIN)
    assert pack.rule(id="demo.cap") == pack.rules[1]
    assert pack.rule(id="demo.none") is None
    assert pack.untested() == ("demo.hours",)


@pytest.mark.parametrize(
    ("was", "now", "path", "message"),
    [
        ('kind = "cap"', 'kind = "limit"', "demo.cap.kind", '“limit” is not one of: cap, consent, forbid, hours'),
        ('id = "demo.cap"', 'id = "core.cap"', "core.cap.id", "must be words of a-z"),
        ('id = "demo.cap"', 'id = "Demo"', "Demo.id", "must be words of a-z"),
        ('id = "demo.cap"\n', "", "rules.1.id", "is required"),
        ('id = "demo.cap"', 'id = "demo.hours"', "demo.hours.id", "is used twice"),
        ('counts = "call"', 'counts = "rings"', "demo.cap.counts", '“rings” is not one of: attempt, call'),
        ('per = "debt"', 'per = "day"', "demo.cap.per", '“day” is not one of: debt, number, person'),
        ("limit = 7", "limit = 0", "demo.cap.limit", "must be a whole number from 1 to 100000"),
        ("limit = 7\n", "", "demo.cap.limit", "is required"),
        ("limit = 7", "limit = true", "demo.cap.limit", "must be a whole number"),
        ("days = 7\n", "", "demo.cap.days", "needs one window: days or minutes"),
        ("days = 7\n", "days = 7\nminutes = 5\n", "demo.cap.minutes", "has both days and minutes"),
        ("days = 7\n", "days = 7\nfrom = 9\n", "demo.cap.from", "is not known here"),
        ('from = "08:00"', 'from = "21:00"', "demo.hours.from", "inconsistent window: from is not before to"),
        ('from = "08:00"', 'from = "22:00"', "demo.hours.from", "inconsistent window: from is not before to"),
        ('to = "21:00"', 'to = "24:30"', "demo.hours.to", 'must be a time of day written “08:00”'),
        ('to = "21:00"', 'to = "25:00"', "demo.hours.to", 'must be a time of day written “08:00”'),
        ('to = "21:00"', "to = 21", "demo.hours.to", 'must be a time of day written “08:00”'),
        ('to = "21:00"', 'to = "21:00"\ndays = [0]', "demo.hours.days", "must be a whole number from 1 to 7"),
        ('to = "21:00"', 'to = "21:00"\ndays = 7', "demo.hours.days", "must be a list that names something"),
        ('to = "21:00"', 'to = "21:00"\nholidays = "off"', "demo.hours.holidays", '“off” is not one of: closed, open'),
        ('countries = ["US"]', 'countries = ["us"]', "countries", '“us” is not a country code'),
        ('countries = ["US"]', "countries = []", "countries", "must be a list that names something"),
        ('countries = ["US"]', 'countries = ["US"]\ndefault = true', "countries", "the default pack names no country"),
        ('countries = ["US"]', "countries = 1", "countries", "must be a list that names something"),
        ('countries = ["US"]', 'countries = ["US"]\ndefault = "no"', "default", "must be true or false"),
        ('title = "Demonstration"', 'title = "Compliant with all"', "title", "never call a pack compliant"),
        ('title_zh = "示例"', 'title_zh = "完全合规"', "title_zh", "never call a pack compliant"),
        ('title = "Demonstration"\n', "", "title", "is required"),
        ('code = "demo"', 'code = "De mo"', "code", "must be 1 to 40 of a-z, 0-9 and _"),
        ('read = ["A statute"]', "read = []", "read", "must be a list that names something"),
        ('read = ["A statute"]', "read = [1]", "read", "must be a list that names something"),
        ('read = ["A statute"]', 'read = ["A"]\nread_zh = ["甲", "乙"]', "read_zh", "must have as many entries"),
        ('country = "US"', 'country = "USA"', "seven calls are enough.country", '“USA” is not a country code'),
        ('zones = ["America/New_York"]', 'zones = ["Mars"]', "seven calls are enough.zones", '“Mars” is no time zone'),
        ('zones = ["America/New_York"]', "zones = []", "seven calls are enough.zones", "must be a list that names"),
        ("T10:00:00-04:00\n", "T10:00:00\n", "seven calls are enough.at", "must be a moment with its offset"),
        ('code = "T-NA"', 'code = "na"', "seven calls are enough.history.0.code", "must be the code of what became"),
        ('{at = 2026', '{loan = -1, at = 2026', "seven calls are enough.history.0.loan", "must be a whole number"),
        ("history = [\n", "history = [ 1,\n", "seven calls are enough.history.0", "must be a table"),
        ('expect = ["demo.cap"]', 'expect = ["us.cap"]', "seven calls are enough.expect", '“us.cap” is no rule'),
        ('expect = ["demo.cap"]\n', "", "seven calls are enough.expect", "is required"),
    ],
)  # fmt: skip
def test_names_what_is_wrong_by_rule_and_field(was: str, now: str, path: str, message: str) -> None:
    assert was in PLAIN
    start = PLAIN.rindex(was) if was in CAP or was in VECTOR else PLAIN.index(was)
    faults = faults_of(PLAIN[:start] + now + PLAIN[start + len(was) :])
    assert message in faults[path]


@pytest.mark.parametrize(
    ("field", "now", "message"),
    [
        ("channels", '["phone"]', "“phone” is not one of: bot, call, email, inbox, letter, popup, push, sms"),
        ("channels", "[]", "must be a list that names something"),
        ("purposes", '["dunning"]', "“dunning” is not one of: collection"),
        ("actor_scopes", '["agency"]', "“agency” is not one of: first_party, third_party"),
        ("parties", '["mother"]', "“mother” is not one of: borrower, guarantor, other, representative"),
        ("confidence", '"E"', "“E” is not one of: A, B, C, D, policy"),
        ("effective_from", '"2021"', "must be a date written 2026-03-02, without quotes"),
        ("effective_from", "2021-11-30T10:00:00Z", "must be a date written 2026-03-02, without quotes"),
        ("source", '" "', "must be a text of 1 to 500 characters"),
    ],
)
def test_names_a_wrong_word_in_what_every_rule_has(field: str, now: str, message: str) -> None:
    rule = "".join(f"{field} = {now}\n" if line.startswith(field) else f"{line}\n" for line in HOURS.splitlines())
    assert message in faults_of(HEAD + rule)[f"demo.hours.{field}"]


@pytest.mark.parametrize("field", ["source", "confidence", "en", "zh", "effective_from", "channels", "parties"])
def test_requires_source_confidence_dates_and_both_wordings(field: str) -> None:
    rule = "".join(f"{line}\n" for line in HOURS.splitlines() if not line.startswith(f"{field} ="))
    assert faults_of(HEAD + rule) == {f"demo.hours.{field}": "is required"}


def test_says_of_a_rule_of_no_known_kind_only_that() -> None:
    assert list(faults_of(PLAIN.replace('kind = "cap"', 'kind = "limit"'))) == ["demo.cap.kind"]


def test_lists_every_fault_at_once_with_its_line() -> None:
    text = HEAD + HOURS.replace('"08:00"', '"21:00"') + CAP.replace("limit = 7", "limit = 0").replace('"A"', '"Z"')
    assert lines_of(text) == {"demo.hours.from": 10, "demo.cap.limit": 24, "demo.cap.confidence": 33}


def test_points_at_the_heading_of_a_rule_whose_field_is_missing() -> None:
    assert lines_of(HEAD + HOURS.replace('to = "21:00"\n', "")) == {"demo.hours.to": 7, "demo.hours.from": 10}


def test_names_the_line_of_a_text_that_is_no_toml() -> None:
    with pytest.raises(PackFaulty) as refused:
        parse(HEAD + "limit == 7\n")
    (fault,) = refused.value.faults
    assert (fault.path, fault.line, fault.problem) == ("", 7, "syntax")
    assert refused.value.message == "This pack cannot be used: text."


def test_reads_what_a_pack_leaves_to_others() -> None:
    pack = parse('notes = ["Holds"]\nnotes_zh = ["冻结"]\n' + PLAIN)
    assert (pack.notes, pack.notes_zh) == (("Holds",), ("冻结",))


def test_refuses_a_pack_without_rules() -> None:
    assert faults_of(HEAD) == {"rules": "must be a list that names something"}


def test_refuses_rules_that_are_no_tables() -> None:
    assert faults_of(HEAD + "rules = [1]\n")["rules.0"] == "must be a table"


def test_refuses_two_vectors_of_one_name() -> None:
    assert faults_of(PLAIN + VECTOR) == {"seven calls are enough.name": "is used twice"}


def test_refuses_an_end_before_the_beginning() -> None:
    text = HEAD + HOURS + "effective_to = 2021-11-30\n"
    assert faults_of(text) == {
        "demo.hours.effective_to": "inconsistent window: effective_to is not after effective_from"
    }


def test_refuses_hours_that_leave_no_minute_beside_each_other() -> None:
    late = HOURS.replace("demo.hours", "demo.late").replace("08:00", "21:00").replace('to = "21:00"', 'to = "22:00"')
    assert faults_of(HEAD + HOURS + late) == {
        "demo.late.from": "inconsistent window: beside demo.hours no minute is left"
    }


def test_refuses_hours_that_leave_no_day_beside_each_other() -> None:
    weekdays = HOURS + "days = [1, 2, 3, 4, 5]\n"
    weekend = HOURS.replace("demo.hours", "demo.weekend") + "days = [6, 7]\n"
    assert faults_of(HEAD + weekdays + weekend) == {
        "demo.weekend.from": "inconsistent window: beside demo.hours no minute is left"
    }


def test_takes_hours_that_never_hold_for_the_same_contact() -> None:
    ended = HOURS + "effective_to = 2026-01-01\n"
    later = HOURS.replace("demo.hours", "demo.later").replace("2021-11-30", "2026-01-01").replace('"08:00"', '"20:00"')
    assert [rule.id for rule in parse(HEAD + ended + later).rules] == ["demo.hours", "demo.later"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("limit == 7", "what stands after the equals sign is no value"),
        ("limit 7", "an equals sign is missing after the name of a field"),
        ("limit = 7 8", "something follows where a line should end"),
        ("limit = [1, 2", "a list is not closed"),
        ("limit = {a = 1", "a table in braces is not closed"),
        ("limit = 7\nlimit = 8", "a field is written twice"),
        ("[[rules]\n", "a heading does not end with ]]"),
        ("[texts]\n[texts]\n", "texts is written twice"),
        ("limit = 'seven", '"\'" is missing'),
        ('limit = "\x01"', "the character '\\x01' cannot stand here"),
        ('limit = "\\ud800"', "Escaped character is not a Unicode scalar value"),
    ],
)
def test_says_in_words_why_a_text_is_no_toml(line: str, said: str) -> None:
    assert faults_of(f"{HEAD}{line}") == {"": f"the text is no TOML: {said}"}


def test_tells_every_fault_in_the_readers_language() -> None:
    with pytest.raises(PackFaulty) as refused:
        parse(HEAD + HOURS.replace('"08:00"', '"22:00"').replace('confidence = "A"', 'confidence = "Z"'))
    with translation.override("zh-hans"):
        told_of = {path: told(words) for path, words in refused.value.fields.items()}
    assert told_of == {
        "demo.hours.from": "时段自相矛盾：from 不早于 to",
        "demo.hours.confidence": "“Z”不在可选值之内：A, B, C, D, policy",
    }
