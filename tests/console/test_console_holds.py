"""The work list of holds, and placing, lifting and reviewing one from a page."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit.models import Approval
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Hold
from backoffice.customers.services import place_hold
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of


def _address(book):
    return f"{reverse('console:place_hold', args=[book.late.borrower_id])}?loan={book.late.pk}"


def _look(client, book, **values):
    address = _address(book)
    form = fields_of(client.get(address).content.decode()) | values
    return form, client.post(address, {**form, "look": "1"}).content.decode()


def _place(client, book, **values):
    form, looked = _look(client, book, **({"reason": "told on the phone"} | values))
    return client.post(_address(book), {**form, **fields_of(looked)} | values)


def _held(book, **changes):
    return place_hold(
        **{
            "borrower_id": book.late.borrower_id,
            "loan_id": book.late.pk,
            "start": date(2026, 10, 20),
            "reason": "hardship",
            "note": "lost the job",
            "actor": SYSTEM,
        }
        | changes
    ).hold_ids[0]


class TestPlacing:
    def test_places_what_the_reason_demands_and_says_it_in_words(self, book):
        client = as_role("agent")
        response = _place(client, book, cause="hardship", evidence="letter of the employer")
        assert (response.status_code, response.url) == (303, reverse("repayment:loan", args=[book.late.pk]))
        rows = Hold.objects.order_by("id").values_list("scope", "effect", "loan_id", "reason", "note", "evidence")
        assert [row[:2] for row in rows] == [
            ("calls", "pause"),
            ("texts", "status_only"),
            ("debit", "ask_first"),
            ("penalty", "stop"),
        ]
        assert {row[2:] for row in rows} == {(book.late.pk, "hardship", "told on the phone", "letter of the employer")}
        words = text_of(client.get(response.url).content.decode())
        assert (
            "Hardship in force review lift calls pause; texts: status only; debits: ask first; penalty stops" in words
        )
        assert "22 Nov 2026 – until lifted · review 22 Dec 2026" in words
        assert "owner Senior agent" in words
        assert "waits for: the hardship is reviewed" in words

    def test_shows_what_follows_as_the_reason_changes(self, book):
        client = as_role("agent")
        _form, html = _look(client, book, cause="dispute")
        words = text_of(html)
        for line in (
            "Calls stop",
            "Texts facts only",
            "Debits go on unless asked",
            "Penalty stop",
            "Days until lifted",
            "Review on 22 Dec 2026",
            "It waits for the verification is sent",
            "Owner Agent",
            "Open loans it is about 1",
            "Due today, loan L-LATE ¥ 2,225.37",
        ):
            assert line in words, line
        _form, html = _look(client, book, cause="complaint", scopes=["aging"])
        words = text_of(html)
        assert "Texts replies only" in words
        assert "Aging stop, added" in words
        assert "Days past due stand still while it is in force" in words
        assert not Hold.objects.exists()

    def test_shows_what_a_hold_in_the_past_does_to_days_and_money_before_it_is_placed(self, book):
        client = as_role("agent")
        values = {"cause": "illness", "scopes": ["aging", "penalty"], "start": "2026-10-20", "last": "2026-11-08"}
        address = _address(book)
        form = fields_of(client.get(address).content.decode()) | values | {"look": "1"}
        panel = client.post(address, form).context["panel"].consequence
        shown = {str(line.label): (line.before, line.value) for line in panel.lines}
        assert shown["Days past due, loan L-LATE"] == (35, 15)
        assert shown["Bucket, loan L-LATE"] == ("M2", "M1")
        assert shown["Due today, loan L-LATE"] == (Decimal("2225.37"), Decimal("2212.54"))
        assert str(panel.warnings[-1]).endswith("taken back and worked out again.")
        assert not Hold.objects.exists()
        # What was foreseen is what becomes of it.
        _place(client, book, **values)
        words = text_of(client.get(reverse("repayment:loan", args=[book.late.pk])).content.decode())
        assert "M1 · 15 days" in words
        assert "Due today ¥ 2,212.54" in words
        hold = Hold.objects.get(scope="aging")
        lift = client.get(reverse("console:lift_hold", args=[hold.pk]), {"on": "2026-10-20"})
        shown = {str(line.label): (line.before, line.value) for line in lift.context["panel"].consequence.lines}
        assert shown["Days past due, loan L-LATE"] == (15, 35)

    def test_names_what_the_reason_also_knows_and_what_it_needs(self, book):
        client = as_role("agent")
        _form, html = _look(client, book, cause="illness")
        assert "Choose what the hold is about" in text_of(html)
        _form, html = _look(client, book, cause="moratorium")
        assert "A hold for this reason has a date: say when it ends." in text_of(html)
        _form, html = _look(client, book, cause="disaster", last="2026-12-05")
        assert "This reason also knows: debits stop; aging stops. Tick what is wanted." in text_of(html)

    def test_leaving_a_part_out_asks_a_second_person_and_holds_it_meanwhile(self, book):
        client = as_role("agent")
        form, html = _look(client, book, cause="dispute", leave_out=["penalty"], reason="the fee only")
        words = text_of(html)
        assert "Penalty stop, to be left out" in words
        assert "The hold is placed whole; leaving a part out waits for a second person." in words
        client.post(_address(book), {**form, **fields_of(html), "leave_out": ["penalty"]})
        assert (Hold.objects.filter(lifted_at=None).count(), Approval.objects.count()) == (4, 1)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"cause": "dispute", "last": "2026-11-01"}, "The last day lies before the first."),
            ({"cause": "dispute", "review_on": "2027-06-01"}, "is reviewed by 2026-12-22 at the latest"),
            ({"cause": "other", "scopes": ["calls"], "reason": ""}, "This field is required."),
            ({"cause": ""}, "This field is required."),
        ],
    )
    def test_refuses_what_makes_no_sense_at_the_field(self, book, values, said):
        client = as_role("agent")
        form, looked = _look(client, book, **({"reason": "told on the phone"} | values))
        response = client.post(_address(book), {**form, **fields_of(looked)} | values)
        assert response.status_code == 422
        assert said in response.content.decode()
        assert not Hold.objects.exists()

    def test_a_second_hold_of_the_same_reason_is_refused_with_the_next_step(self, book):
        client = as_role("agent")
        _place(client, book, cause="dispute")
        response = _place(client, book, cause="dispute")
        assert response.status_code == 409
        assert "Review that hold, choose another period, or lift it first." in response.content.decode()


class TestLifting:
    def _lift(self, client, hold, **values):
        address = reverse("console:lift_hold", args=[hold])
        form = fields_of(client.get(address).content.decode()) | values
        return client.post(address, form)

    def test_asks_a_second_person_and_says_what_ends_and_what_stays(self, book):
        hold = _held(book)
        client = as_role("agent")
        address = reverse("console:lift_hold", args=[hold])
        html = client.get(address).content.decode()
        assert "A second person has to agree; the hold stays until they do." in text_of(html)
        form = fields_of(html) | {"scopes": ["penalty"], "look": "1"}
        looked = client.post(address, form).content.decode()
        assert "Ends penalty stops" in text_of(looked)
        assert "Stays calls pause; texts: status only; debits: ask first" in text_of(looked)

        form.pop("look")
        response = client.post(address, {**form, **fields_of(looked), "scopes": ["penalty"], "reason": "agreed"})
        assert response.status_code == 303
        request = Approval.objects.get()
        assert request.subject_id == str(Hold.objects.get(pk=hold).group_id)
        assert request.payload["hold_ids"] == [Hold.objects.get(scope="penalty").pk]
        assert "lift asked for" in text_of(client.get(response.url).content.decode())

    def test_of_what_the_borrower_asked_for_is_done_at_once(self, book):
        hold = _held(book, reason="request", scopes=["calls"])
        client = as_role("agent")
        address = reverse("console:lift_hold", args=[hold])
        html = client.get(address).content.decode()
        seen = re.search(r'name="seen" value="(\w+)"', html)[1]
        form = fields_of(html) | {"scopes": ["calls"], "reason": "asks to be called", "seen": seen}
        assert client.post(address, form).status_code == 303
        assert Hold.objects.get().lifted_at is not None

    def test_is_not_for_other_portfolios(self, book):
        client, hold = as_role("agent", "south"), _held(book)
        for name in ("console:lift_hold", "console:review_hold"):
            assert client.get(reverse(name, args=[hold])).status_code == 404


class TestReviewing:
    def test_keeps_the_hold_running_with_what_was_found(self, book):
        hold = _held(book)
        client = as_role("senior_agent")
        address = reverse("console:review_hold", args=[hold])
        html = client.get(address).content.decode()
        words = text_of(html)
        assert "Runs on calls pause; texts: status only; debits: ask first; penalty stops" in words
        form = fields_of(html) | {"reason": "still looking for work", "take": "on", "review_on": "2026-12-10"}
        looked = client.post(address, form | {"look": "1"}).content.decode()
        response = client.post(address, form | fields_of(looked))
        assert response.status_code == 303
        assert set(Hold.objects.values_list("review_on", flat=True)) == {date(2026, 12, 10)}
        assert set(Hold.objects.values_list("owner_id", flat=True)) != {None}

    def test_is_refused_to_another_role(self, book):
        client = as_role("agent")
        address = reverse("console:review_hold", args=[_held(book)])
        form = fields_of(client.get(address).content.decode()) | {"reason": "still looking for work"}
        response = client.post(address, form)
        assert response.status_code == 403
        assert "This hold is reviewed by another role." in response.content.decode()


class TestTheList:
    def test_shows_what_is_to_be_reviewed_with_owner_reason_and_age(self, book):
        _held(book)  # reviewed by 19 November
        _held(book, reason="deceased", start=date(2026, 11, 20))
        client = as_role("agent")

        html = client.get(reverse("console:holds")).content.decode()

        assert rows_of(html, caption="Holds") == [
            [
                "BR-1", "L-LATE", "hardship", "calls pause; texts: status only; debits: ask first; penalty stops",
                "Senior agent", "33", "19 Nov 2026", "–", "–",
            ]
        ]  # fmt: skip
        assert "To review 1" in text_of(html)
        assert "Holds 1" in text_of(html)
        running = client.get(reverse("console:holds"), {"tab": "running"}).content.decode()
        assert [row[2:3] + row[8:] for row in rows_of(running, caption="Holds")] == [
            ["deceased", "missing"],
            ["hardship", "–"],
        ]

    def test_filters_by_reason_and_keeps_the_tab(self, book):
        _held(book)
        client = as_role("agent")
        html = client.get(reverse("console:holds"), {"tab": "all", "reason": "dispute"}).content.decode()
        assert "Nothing matches the filters" in text_of(html)
        assert 'name="tab" value="all"' in html
        assert client.get(reverse("console:holds"), {"reason": "x"}).status_code == 400

    def test_says_what_to_do_when_nothing_waits(self, book):
        words = text_of(as_role("agent").get(reverse("console:holds")).content.decode())
        assert "No hold waits" in words

    def test_reads_in_a_fixed_number_of_queries(self, book):
        client, address = as_role("agent"), reverse("console:holds")
        _held(book)
        client.get(address)
        with CaptureQueriesContext(connection) as few:
            client.get(address)
        for reason in ("dispute", "complaint", "cease"):
            _held(book, reason=reason, start=date(2026, 1, 1))
        with CaptureQueriesContext(connection) as many:
            client.get(address)
        assert len(many) == len(few)

    def test_the_matrix_is_shown_as_the_rules_have_it(self, book):
        html = as_role("agent").get(reverse("console:hold_matrix")).content.decode()
        rows = {row[0]: row for row in rows_of(html, caption="What each reason does")}
        assert len(rows) == 18
        assert rows["Hardship"][1:7] == ["pause", "status only", "ask first", "stop", "–", "30"]
        assert rows["Disaster"][3:7] == ["+ stop", "stop", "+ stop", "30 and an end"]
