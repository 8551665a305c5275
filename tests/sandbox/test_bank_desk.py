"""The pages by which somebody plays the bank: presets, files, closed days."""

from backoffice.sandbox.bank.behaviour import BAD_DAY
from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import Lender, pain_008


def test_a_preset_sets_everything_and_shares_beside_it_count_over_it(lender: Lender, sandbox: Sandbox) -> None:
    lender.script(rail="http", stuck=1)

    lender.script(preset="bad_day", latency=0)

    for rail in ("http", "iso20022"):
        conduct = sandbox.bank.script.of(rail)
        assert (conduct.stuck, conduct.drop_after, conduct.latency) == (BAD_DAY.stuck, BAD_DAY.drop_after, 0)


def test_a_preset_of_one_rail_leaves_the_other_alone(lender: Lender, sandbox: Sandbox) -> None:
    lender.script(rail="iso20022", preset="bad_day")

    assert sandbox.bank.script.of("iso20022") == BAD_DAY
    assert sandbox.bank.script.of("http").unmapped == 0


def test_an_unknown_preset_is_refused_and_changes_nothing(lender: Lender, sandbox: Sandbox) -> None:
    status, said = lender.call("POST", "/bank/script", {"preset": "worse", "busy": 1})

    assert (status, said) == (400, {"error": "there is no preset 'worse'"})
    assert sandbox.bank.script.usual.busy == 0


def test_tells_its_presets(lender: Lender) -> None:
    presets = lender.call("GET", "/bank/presets")[1]

    assert list(presets) == ["fine", "lifelike", "bad_day"]
    assert (presets["fine"]["drop_after"], presets["bad_day"]["unmapped"]) == (0, 0.03)


def test_tells_the_days_it_closed_with_what_was_put_into_them(lender: Lender) -> None:
    assert lender.call("GET", "/bank/days") == (200, {"days": []})
    lender.script(settle_missing=1)
    lender.debit("D1")
    lender.close("2026-03-17")
    lender.close("2026-03-18")

    difference = {"order_no": "D1", "kind": "debit", "what": "settle_missing", "rail": "http"}
    assert lender.call("GET", "/bank/days")[1] == {
        "days": [{"day": "2026-03-18", "differences": []}, {"day": "2026-03-17", "differences": [difference]}]
    }


def test_lists_the_files_it_wrote_the_newest_first(lender: Lender) -> None:
    lender.debit("D1")
    lender.close("2026-03-17")
    lender.close("2026-03-18")

    files = lender.call("GET", "/bank/files")[1]

    assert files["waiting"] == []
    assert [(one["rail"], one["name"], one["kind"]) for one in files["written"]] == [
        ("http", "2026-03-18", "settlement"), ("http", "2026-03-17", "settlement"),
    ]  # fmt: skip
    assert files["written"][1]["size"] == len(lender.settlement("2026-03-17"))


def test_shows_an_account_whose_token_needs_escaping(lender: Lender) -> None:
    lender.call("POST", "/bank/accounts", {"account": "a/b c", "balance": "1.00"})

    assert lender.call("GET", "/bank/accounts/a%2Fb%20c")[1]["account"] == "a/b c"


def test_lists_the_files_that_wait(lender: Lender, sandbox: Sandbox) -> None:
    message = pain_008("M1", [("D1", "AG-1", "10.00")]).encode()
    with sandbox.bank.files._working:
        assert lender.call("PUT", "/rails/iso20022/files/one.xml", message)[0] == 202

        [waiting] = lender.call("GET", "/bank/files")[1]["waiting"]

    assert (waiting["name"], waiting["size"]) == ("one.xml", len(message))
    assert waiting["at"].startswith("2026-03-17T07:00:")
