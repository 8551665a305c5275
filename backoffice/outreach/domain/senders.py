"""Who a reply says it is from, as the gateway writes it: a phone number or an e-mail address."""

from dataclasses import dataclass

from backoffice.customers.domain.contacts import NotAnEmail, NotAPhone, mask_email, read_email, read_phone


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender as contact points are kept: `kind` "phone" or "email"; both empty when it is neither."""

    kind: str
    text: str
    masked: str


UNREADABLE = Sender(kind="", text="", masked="•••")


def read_sender(given: str) -> Sender:
    """The sender in a reply. One that cannot be read is no reason to drop the reply: nobody is matched by it."""
    try:
        if "@" in given:
            address = read_email(given)
            return Sender(kind="email", text=address, masked=mask_email(address))
        phone = read_phone(given, country="")
        return Sender(kind="phone", text=phone.e164, masked=phone.masked)
    except (NotAPhone, NotAnEmail):
        return UNREADABLE
