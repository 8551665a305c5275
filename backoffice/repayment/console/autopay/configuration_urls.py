"""Addresses of the pages of autopay configurations."""

from django.urls import path

from backoffice.repayment.console.autopay import configuration_verbs as verbs
from backoffice.repayment.console.autopay import configurations as pages

_one = "autopay/configurations/<int:configuration_id>/"
_version = "autopay/configurations/versions/<int:version_id>/"

urlpatterns = [
    path("autopay/configurations/", pages.configurations, name="autopay_configurations"),
    path("autopay/configurations/new/", pages.new_configuration, name="new_autopay_configuration"),
    path(_one, pages.configuration, name="autopay_configuration"),
    path(f"{_one}draft/", pages.draft, name="draft_autopay"),
    path(_version, pages.version, name="autopay_version"),
    path(f"{_version}edit/", pages.edit, name="edit_autopay"),
    path(f"{_version}check/", pages.check, name="check_autopay"),
    path(f"{_version}simulate/", pages.simulate, name="simulate_autopay"),
    path(f"{_version}simulation/", pages.simulation, name="autopay_simulation"),
    path(f"{_version}simulation/progress/", pages.simulation_progress, name="autopay_simulation_progress"),
    path(f"{_version}against/<int:other_id>/", pages.difference, name="autopay_difference"),
    path(f"{_version}submit/", verbs.Submit.as_view(), name="submit_autopay"),
    path(f"{_version}take-back/", verbs.TakeBack.as_view(), name="take_back_autopay"),
    path(f"{_version}discard/", verbs.Discard.as_view(), name="discard_autopay"),
    path(f"{_version}promote/", verbs.Promote.as_view(), name="promote_autopay"),
    path(f"{_version}roll-back/", verbs.RollBack.as_view(), name="roll_back_autopay"),
]
