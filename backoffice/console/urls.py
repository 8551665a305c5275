"""Addresses of the shell, of search and of the page of a borrower."""

from django.urls import path

from backoffice.console import borrowers, gallery, holds, searching, views

app_name = "console"

urlpatterns = [
    path("", views.home, name="home"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("language/", views.language, name="language"),
    path("theme/", views.theme, name="theme"),
    path("search/", searching.search, name="search"),
    path("borrowers/<int:borrower_id>/", borrowers.borrower, name="borrower"),
    path("borrowers/<int:borrower_id>/reveal/<str:field>/", borrowers.reveal, name="reveal"),
    path("borrowers/<int:borrower_id>/hold/", holds.PlaceHold.as_view(), name="place_hold"),
    path("holds/", holds.holds, name="holds"),
    path("holds/matrix/", holds.matrix, name="hold_matrix"),
    path("holds/<int:hold_id>/lift/", holds.LiftHold.as_view(), name="lift_hold"),
    path("holds/<int:hold_id>/review/", holds.ReviewHold.as_view(), name="review_hold"),
]
