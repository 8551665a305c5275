"""Addresses of the page of the sandbox's bank; each answers 404 where there is no sandbox."""

from django.urls import path

from backoffice.repayment.console.autopay import sandbox, sandbox_verbs

_bank = "autopay/sandbox-bank/"

urlpatterns = [
    path(_bank, sandbox.sandbox_bank, name="sandbox_bank"),
    path(f"{_bank}script/<slug:rail>/", sandbox_verbs.ChangeScript.as_view(), name="change_sandbox_script"),
    path(f"{_bank}preset/", sandbox_verbs.TakePreset.as_view(), name="take_sandbox_preset"),
    path(f"{_bank}account/", sandbox_verbs.SetAccount.as_view(), name="set_sandbox_account"),
    path(f"{_bank}day/", sandbox_verbs.TurnDay.as_view(), name="turn_sandbox_day"),
    path(f"{_bank}clock/", sandbox_verbs.SetClock.as_view(), name="set_sandbox_clock"),
]
