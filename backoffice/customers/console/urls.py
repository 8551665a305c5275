"""Addresses of a borrower's record."""

from django.urls import path

from backoffice.customers.console import merges, record

app_name = "customers"

urlpatterns = [
    path("borrowers/<int:borrower_id>/record/", record.page, name="record"),
    path("borrowers/<int:borrower_id>/record/name/", record.CorrectName.as_view(), name="correct_name"),
    path("borrowers/<int:borrower_id>/record/identity/", record.CorrectIdentity.as_view(), name="correct_identity"),
    path("borrowers/<int:borrower_id>/record/contact/", record.AddContact.as_view(), name="add_contact"),
    path(
        "borrowers/<int:borrower_id>/record/contact/<int:contact_point_id>/judge/",
        record.JudgeContact.as_view(),
        name="judge_contact",
    ),
    path(
        "borrowers/<int:borrower_id>/record/contact/<int:contact_point_id>/end/",
        record.EndContact.as_view(),
        name="end_contact",
    ),
    path("borrowers/<int:borrower_id>/merge/", merges.MergeDuplicate.as_view(), name="merge"),
    path("borrowers/<int:borrower_id>/merges/<int:merge_id>/undo/", merges.UndoMerge.as_view(), name="undo_merge"),
]
