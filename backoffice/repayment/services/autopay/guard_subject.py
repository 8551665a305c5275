"""What the guards of a version look at, read once: whose loans, which days, the content, and the rows it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from backoffice.calendars.selectors import business_date
from backoffice.repayment.domain.autopay.configuration import Configuration
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json as terms_from_json
from backoffice.repayment.models import Payee, ProductVersion, Rail
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion


@dataclass(frozen=True, slots=True)
class Checked:
    """What the guards look at: whose loans, which days, what the content says, and the rows it names."""

    configuration: AutopayConfiguration
    version: AutopayVersion
    content: Configuration
    rails: Mapping[str, Rail]
    payees: Mapping[str, Payee]
    terms: tuple[Terms, ...]
    today: date

    @property
    def first_day(self) -> date:
        """The day the version is looked at for: its first one, or today where it holds already or names none."""
        return max(self.version.effective_from or self.today, self.today)

    def paid(self, component: str) -> list[Payee]:
        """The payees of a component that are there."""
        shares = self.content.payees[component]
        return [self.payees[share.payee] for share in shares if share.payee in self.payees]


def subject_of(version: AutopayVersion, content: Configuration) -> Checked:
    """What the guards look at for a version; its `configuration` is read already. Three queries and the day."""
    configuration = version.configuration
    products = ProductVersion.objects.filter(
        state=ProductVersion.State.ACTIVE, product__portfolio=configuration.portfolio
    )
    if configuration.product_id:
        products = products.filter(product_id=configuration.product_id)
    codes = {share.payee for shares in content.payees.values() for share in shares} | {content.keeper}
    return Checked(
        configuration=configuration,
        version=version,
        content=content,
        rails={rail.code: rail for rail in Rail.objects.filter(code__in=content.rails)},
        payees={payee.code: payee for payee in Payee.objects.filter(code__in=codes)},
        terms=tuple(terms_from_json(each) for each in products.order_by("pk").values_list("terms", flat=True)),
        today=business_date(),
    )
