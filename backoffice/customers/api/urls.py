"""Addresses below /api/v1/customers/; two more are in `repayment.api.hold_urls`."""

from django.urls import path

from backoffice.customers.api import borrowers, holds

app_name = "customers-api"

urlpatterns = [
    path("borrowers/", borrowers.BorrowersView.as_view(), name="borrowers"),
    path("search/", borrowers.SearchView.as_view(), name="search"),
    path("borrowers/<int:borrower_id>/", borrowers.BorrowerPageView.as_view(), name="borrower"),
    path("borrowers/<int:borrower_id>/reveal/", borrowers.RevealView.as_view(), name="reveal"),
    path("borrowers/<int:borrower_id>/correct-name/", borrowers.CorrectNameView.as_view(), name="correct-name"),
    path(
        "borrowers/<int:borrower_id>/correct-identity/",
        borrowers.CorrectIdentityView.as_view(),
        name="correct-identity",
    ),
    path("borrowers/<int:borrower_id>/contact-points/", borrowers.ContactPointsView.as_view(), name="contact-points"),
    path(
        "borrowers/<int:borrower_id>/contact-points/<int:contact_point_id>/end/",
        borrowers.EndContactPointView.as_view(),
        name="end-contact-point",
    ),
    path(
        "borrowers/<int:borrower_id>/contact-points/<int:contact_point_id>/judge/",
        borrowers.JudgeContactPointView.as_view(),
        name="judge-contact-point",
    ),
    path("holds/", holds.HeldView.as_view(), name="held"),
    path("holds/policies/", holds.HoldPoliciesView.as_view(), name="hold-policies"),
    path("holds/<int:hold_id>/review/", holds.ReviewHoldView.as_view(), name="review-hold"),
    path("borrowers/<int:borrower_id>/merge/", holds.MergeView.as_view(), name="merge"),
    path("borrowers/<int:borrower_id>/merges/<int:merge_id>/undo/", holds.UndoMergeView.as_view(), name="undo-merge"),
]
