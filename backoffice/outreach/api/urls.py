"""Addresses below /api/v1/outreach/."""

from django.urls import URLPattern, path

from backoffice.outreach.api import consents, contacts, experiments, messages, packs, replays, replies, templates

app_name = "outreach-api"

_one = "experiments/<int:experiment_id>/"

_borrower = "borrowers/<int:borrower_id>/"

urlpatterns: list[URLPattern] = [
    path("may-contact/", contacts.MayContactView.as_view(), name="may-contact"),
    path("contacts/", contacts.ContactsView.as_view(), name="contacts"),
    path("contacts/<int:entry_id>/facts/", contacts.FactsView.as_view(), name="contact-facts"),
    path("blocked-contacts/", contacts.BlockedView.as_view(), name="blocked-contacts"),
    path(f"{_borrower}contacts/", contacts.BorrowerContactsView.as_view(), name="borrower-contacts"),
    path(f"{_borrower}contacts/proof/", contacts.ProofView.as_view(), name="contact-proof"),
    path(f"{_borrower}calls/", contacts.ReserveCallView.as_view(), name="reserve-call"),
    path(f"{_borrower}consents/", consents.ConsentsView.as_view(), name="consents"),
    path(f"{_borrower}preferences/", consents.PreferencesView.as_view(), name="preferences"),
    path(
        f"{_borrower}preferences/<int:preference_id>/end/",
        consents.EndPreferenceView.as_view(),
        name="end-preference",
    ),
    path("replays/", replays.ReplaysView.as_view(), name="replays"),
    path("replays/<int:report_id>/", replays.ReplayView.as_view(), name="replay"),
    path("replays/<int:report_id>/stop/", replays.StopReplayView.as_view(), name="stop-replay"),
    path("replays/<int:report_id>/go-on/", replays.GoOnWithReplayView.as_view(), name="go-on-with-replay"),
    path("replays/<int:report_id>/findings/", replays.FindingsView.as_view(), name="replay-findings"),
    path("messages/", messages.MessagesView.as_view(), name="messages"),
    path("messages/<int:message_id>/", messages.MessageView.as_view(), name="message"),
    path("messages/<int:message_id>/stop/", messages.StopMessageView.as_view(), name="stop-message"),
    path("replies/", replies.RepliesView.as_view(), name="replies"),
    path("replies/<int:reply_id>/", replies.ReplyView.as_view(), name="reply"),
    path("replies/<int:reply_id>/reveal/", replies.RevealReplyView.as_view(), name="reveal-reply"),
    path("replies/<int:reply_id>/done/", replies.DealWithReplyView.as_view(), name="deal-with-reply"),
    path("inbox/<int:borrower_id>/", messages.InboxView.as_view(), name="inbox"),
    path("inbox/<int:borrower_id>/<int:message_id>/read/", messages.ReadInboxView.as_view(), name="read-inbox"),
    path("template-versions/", templates.TemplateVersionsView.as_view(), name="template-versions"),
    path("templates/preview/", templates.PreviewView.as_view(), name="preview"),
    path("gateways/", templates.GatewaysView.as_view(), name="gateways"),
    path("gateways/<int:gateway_id>/pause/", templates.PauseGatewayView.as_view(), name="pause-gateway"),
    path("gateways/<int:gateway_id>/resume/", templates.ResumeGatewayView.as_view(), name="resume-gateway"),
    path("layers/", experiments.LayersView.as_view(), name="layers"),
    path("metrics/", experiments.MetricsView.as_view(), name="metrics"),
    path("sample-size/", experiments.SampleSizeView.as_view(), name="sample_size"),
    path("outcomes/", experiments.OutcomesView.as_view(), name="outcomes"),
    path("experiments/", experiments.ExperimentsView.as_view(), name="experiments"),
    path(_one, experiments.ExperimentPageView.as_view(), name="experiment"),
    path(f"{_one}results/", experiments.ResultsView.as_view(), name="experiment_results"),
    path(f"{_one}change/", experiments.ChangeView.as_view(), name="change_experiment"),
    path(f"{_one}draft-words/", experiments.DraftWordsView.as_view(), name="draft_experiment_words"),
    path(f"{_one}start/", experiments.StartView.as_view(), name="start_experiment"),
    path(f"{_one}stop/", experiments.StopView.as_view(), name="stop_experiment"),
    path(f"{_one}decide/", experiments.DecideView.as_view(), name="decide_experiment"),
    path(f"{_one}discard/", experiments.DiscardView.as_view(), name="discard_experiment"),
    path(f"{_one}units/", experiments.UnitsView.as_view(), name="experiment_units"),
    path("packs/", packs.PacksView.as_view(), name="packs"),
    path("packs/<str:code>/versions/", packs.PackVersionsView.as_view(), name="pack-versions"),
    path("pack-versions/<int:version_id>/", packs.PackVersionView.as_view(), name="pack-version"),
    path("pack-versions/<int:version_id>/check/", packs.CheckPackView.as_view(), name="check-pack"),
    path("pack-versions/<int:version_id>/submit/", packs.SubmitPackView.as_view(), name="submit-pack"),
]
