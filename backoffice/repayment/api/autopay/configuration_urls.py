"""Addresses below /api/v1/repayment/autopay/configurations/."""

from django.urls import path

from backoffice.repayment.api.autopay import configurations as views

_all = "autopay/configurations/"
_one = f"{_all}<int:configuration_id>/"
_version = f"{_all}versions/<int:version_id>/"

urlpatterns = [
    path(_all, views.ConfigurationsView.as_view(), name="autopay-configurations"),
    path(_one, views.ConfigurationView.as_view(), name="autopay-configuration"),
    path(f"{_one}versions/", views.ConfigurationVersionsView.as_view(), name="autopay-versions"),
    path(_version, views.VersionView.as_view(), name="autopay-version"),
    path(f"{_version}check/", views.CheckView.as_view(), name="check-autopay"),
    path(f"{_version}simulation/", views.SimulationView.as_view(), name="simulate-autopay"),
    path(f"{_version}simulation/bills/", views.SimulatedBillsView.as_view(), name="autopay-simulated-bills"),
    path(f"{_version}submit/", views.SubmitView.as_view(), name="submit-autopay"),
    path(f"{_version}take-back/", views.TakeBackView.as_view(), name="take-back-autopay"),
    path(f"{_version}discard/", views.DiscardView.as_view(), name="discard-autopay"),
    path(f"{_version}promote/", views.PromoteView.as_view(), name="promote-autopay"),
    path(f"{_version}roll-back/", views.RollBackView.as_view(), name="roll-back-autopay"),
    path(f"{_version}against/<int:other_id>/", views.DifferenceView.as_view(), name="autopay-difference"),
]
