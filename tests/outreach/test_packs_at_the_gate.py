"""What the gate judges by is what is published at that moment, however long ago a process read the packs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Reserved, Verdict, Wanted
from backoffice.outreach.models import CompiledRule, ContactEntry, RulePackVersion
from backoffice.outreach.selectors.packs import GENERATION, NoPacksInForce
from backoffice.outreach.services import gate
from tests.outreach.people import phone_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 4, 8, 4, tzinfo=UTC)  # twelve in Shanghai
NIGHT = datetime(2026, 4, 7, 19, tzinfo=UTC)  # three in the morning there


@pytest.fixture
def call() -> Wanted:
    borrower = Borrower.objects.create(external_id="B-1", source="gate", portfolio="cash", country="CN")
    phone = phone_of(borrower, zones=("Asia/Shanghai",))
    return Wanted(
        borrower_id=borrower.pk, channel=Channel.CALL, purpose=Purpose.COLLECTION, at=NIGHT, endpoint_id=phone.pk
    )


def reserve(wanted: Wanted) -> Reserved | Verdict:
    return gate.reserve_contact(wanted=wanted, actor=SYSTEM)


def rules_of(answer: Reserved | Verdict) -> list[str]:
    assert isinstance(answer, Verdict)
    return [denial.rule for denial in answer.denials]


def test_a_version_rolled_back_elsewhere_binds_no_longer(call: Wanted) -> None:
    assert "cn.hours" in rules_of(reserve(call))

    with connection.cursor() as cursor:  # as another process does it
        cursor.execute(
            "UPDATE outreach_rulepackversion SET state = 'retired', withdrawn_at = now() "
            "WHERE pack_id IN (SELECT id FROM outreach_rulepack WHERE code = 'cn')"
        )

    answer = reserve(call)
    assert "cn.hours" not in rules_of(answer)
    assert not any(label.startswith("cn ") for label in answer.packs)


def test_without_a_default_pack_nobody_is_reached_though_this_process_knew_one(call: Wanted) -> None:
    reserve(call)
    RulePackVersion.objects.filter(pack__code="strict_common").update(state="retired", effective_from=None)

    with pytest.raises(NoPacksInForce):
        reserve(call)
    assert not ContactEntry.objects.exists()


def test_a_change_that_was_taken_back_leaves_the_packs_as_they_were(call: Wanted) -> None:
    before = rules_of(reserve(call))
    with transaction.atomic():
        RulePackVersion.objects.filter(pack__code="cn").update(state="retired", effective_from=None)
        assert rules_of(reserve(call)) != before
        transaction.set_rollback(True)

    assert rules_of(reserve(call)) == before


def test_rules_of_which_one_is_missing_are_never_judged_by(call: Wanted) -> None:
    before = rules_of(reserve(call))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE outreach_compiledrule DISABLE TRIGGER outreach_compiledrule_only_grows")
        cursor.execute("DELETE FROM outreach_compiledrule WHERE rule = 'cn.hours'")

    assert rules_of(reserve(call)) == before
    assert CompiledRule.objects.filter(rule="cn.hours").exists()


def test_rules_that_are_kept_cannot_be_changed(call: Wanted) -> None:
    reserve(call)
    with pytest.raises(DatabaseError), transaction.atomic():
        CompiledRule.objects.update(kind="none")


def test_packs_that_change_each_time_they_are_read_let_nobody_through(
    call: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "fetch", lambda *_args: RulePackVersion.objects.filter(pk=0).update(note="") or [])

    with pytest.raises(gate.PacksKeepChanging):
        reserve(call)
    assert not ContactEntry.objects.exists()


def test_every_change_of_a_version_gives_the_packs_a_new_generation() -> None:
    before = fetch(GENERATION)
    RulePackVersion.objects.filter(pack__code="cn").update(note="looked at again")
    assert fetch(GENERATION) != before


def test_versions_that_were_never_committed_are_read_again(call: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that read the packs in a transaction which was rolled back holds versions nobody else ever saw."""
    before = rules_of(reserve(call))
    generation, versions = gate.PACKS._read
    gone = tuple(replace(version, id=-version.id) for version in versions)
    monkeypatch.setattr(gate.PACKS, "_read", (generation, gone))

    assert rules_of(reserve(call)) == before
