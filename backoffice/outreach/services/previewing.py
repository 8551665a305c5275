"""Words as a borrower would read them, with everything that is wrong with them; nothing is written."""

from dataclasses import dataclass

from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.copywriting import WordsFault
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.replies import lacks_opt_out
from backoffice.outreach.selectors.templates import Preview, masked_name_for_preview, preview_of
from backoffice.outreach.selectors.wording import findings_in
from backoffice.outreach.services.checking import FAULT_WORDS, faults_in_words, finding_in_words, sample_values
from backoffice.outreach.services.templates import Wording, body_of
from backoffice.staff.models import User


@dataclass(frozen=True, slots=True)
class Previewed:
    """`preview` None when a variable is unknown; `faults` by field, `findings` of the wording list in sentences."""

    preview: Preview | None
    body: str
    faults: dict[str, str]
    findings: tuple[str, ...]


def preview_words(
    *,
    channel: Channel,
    language: str,
    wording: Wording,
    user: User,
    borrower: str = "",
    purpose: Purpose | None = None,
) -> Previewed:
    """The words with sample values; `borrower` (external id) lends their masked name. Never raises for the words.

    `purpose`: what the words are for, None when that is not known; then nothing is said of a missing opt-out.
    """
    faults: dict[str, str] = {}
    try:
        body = body_of(wording=wording, language=language)
    except Refusal as refusal:
        return Previewed(preview=None, body="", faults=dict(refusal.fields), findings=())
    name = ""
    if borrower.strip():
        try:
            name = masked_name_for_preview(external_id=borrower, language=language, user=user)
        except Refusal as refusal:
            faults |= refusal.fields
    wrong = faults_in_words(channel=channel, language=language, subject=wording.subject, body=body)
    if not wrong and purpose is not None and lacks_opt_out(body, channel=channel, purpose=purpose):
        wrong["body"] = str(FAULT_WORDS[WordsFault.NO_OPT_OUT])
    found = findings_in(text=f"{wording.subject}\n{body}", language=language, is_legal=wording.is_legal)
    samples = sample_values(language=language, name=name)
    try:
        preview = preview_of(
            channel=channel,
            language=language,
            subject=wording.subject,
            body=body,
            samples=samples,
            name=samples["name"],
        )
    except KeyError:
        preview = None
    return Previewed(
        preview=preview,
        body=body,
        faults=faults | wrong,
        findings=tuple(finding_in_words(finding) for finding in found),
    )
