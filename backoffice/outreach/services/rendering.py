"""The text a borrower reads: the version's words with every variable in place."""

from dataclasses import dataclass

from backoffice.customers.domain.sealing import Unopenable
from backoffice.customers.fields import text_of
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.domain.sms import length_of
from backoffice.outreach.domain.variables import Fault, a_customer, fault_in, faults_of, fill
from backoffice.outreach.models import Message, TemplateVersion
from backoffice.outreach.selectors.house import house_values


class CannotRender(ValueError):
    """A variable of the text has no usable value; `faults` names each."""

    def __init__(self, faults: dict[str, Fault]) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is sent; `units` are the segments of an SMS, one for anything else."""

    subject: str
    body: str
    units: int


def render_message(message: Message) -> Rendered:
    """The text of a message for its borrower. Raises CannotRender, Unopenable."""
    values = read_variables(text_of(message, "variables"))
    name = name_of(message.borrower, language=message.template_version.language)
    return render(version=message.template_version, values=values, name=name)


def render(*, version: TemplateVersion, values: dict[str, str], name: str) -> Rendered:
    """The text of a version with values given and a name. Raises CannotRender."""
    everything = {**values, **house_values(), "name": name}
    faults = faults_of({name: everything.get(name, "") for name in version.variables}, needed=tuple(version.variables))
    if faults:
        raise CannotRender(faults)
    body = fill(version.body, values=everything, language=version.language)
    subject = fill(version.subject, values=everything, language=version.language)
    return Rendered(subject=subject, body=body, units=units_of(channel=version.channel, body=body))


def units_of(*, channel: str, body: str) -> int:
    """What the gateway counts: segments of an SMS, one of anything else."""
    return length_of(body).segments if channel == Channel.SMS else 1


def name_of(borrower: Borrower, *, language: str) -> str:
    """The name to write; a word for anybody where there is none, or one that cannot be written."""
    try:
        name = text_of(borrower, "full_name").strip()
    except Unopenable:
        name = ""
    if not name or fault_in("name", name) is not None:
        return a_customer(language=language)
    return name
