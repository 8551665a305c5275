"""The components of the console as template tags: `{% load console %}`. Drawn in every state at /gallery/."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

from django import forms, template
from django.forms import BoundField
from django.template.base import Node, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from backoffice.core import formats
from backoffice.core.confirm import Grid
from backoffice.core.telling import doer, told
from backoffice.core.tones import TONES, look_of

register = template.Library()
register.filter("told", told)

NO_VALUE = mark_safe('<span class="muted">–</span>')
_LEVELS = {"success": "good", "warning": "warn", "error": "danger", "info": "info", "debug": "info"}


# ------------------------------------------------------------------------------------------------ amounts, dates


@register.simple_tag
def money(
    amount: Decimal | None, currency: str = "", *, signed: bool = False, zero: str = "", bare: bool = False
) -> str:
    """An amount in major units: `{% money loan.outstanding loan.currency %}`.

    In a table of one currency say `bare=True`: the symbol is left out, the decimals are the currency's. `zero="–"`
    shows that instead of nothing owed.
    """
    if amount is None:
        return NO_VALUE
    if zero and not amount:
        return format_html('<span class="muted">{}</span>', zero)
    text = formats.amount_text(amount, currency=currency, signed=signed, bare=bare)
    return format_html('<data value="{}">{}</data>', amount, text)


@register.simple_tag
def percent(share: Decimal | None, places: int = 2, *, bare: bool = False) -> str:
    """A fraction as a percentage: 0.1956 is 19.56 %; `bare` writes 18 % instead of 18.00 %."""
    return NO_VALUE if share is None else formats.percent_text(share, places=places, bare=bare)


@register.simple_tag
def count(number: int | None) -> str:
    """A whole number, grouped by thousands."""
    return NO_VALUE if number is None else formats.count_text(number)


@register.simple_tag
def seconds(value: Decimal | float | None) -> str:
    """How long something took."""
    return NO_VALUE if value is None else formats.seconds_text(value)


@register.simple_tag(takes_context=True, name="date")
def date_tag(context: Context, day: date | None, style: str = "full") -> str:
    """A calendar date. Styles: full, short (without the year of the business date), long (with the weekday)."""
    if day is None:
        return NO_VALUE
    text = formats.date_text(day, style=style, today=_today(context))
    return format_html('<time datetime="{}">{}</time>', day.isoformat(), text)


@register.simple_tag(takes_context=True)
def moment(context: Context, at: datetime | None, style: str = "full") -> str:
    """A moment in the lender's zone. Styles: full, short (without the year of the business date), time."""
    if at is None:
        return NO_VALUE
    text = formats.moment_text(at, style=style, today=_today(context))
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), text)


def _today(context: Context) -> date | None:
    day = getattr(context.get("shell"), "day", None)
    return day.today if day else None


@register.simple_tag
def language_name(code: str) -> str:
    """What a language is called in the language of the page; a code nobody knows stays as it is."""
    if not code:
        return NO_VALUE
    try:
        return str(get_language_info(code.lower())["name_translated"])
    except KeyError:
        return code


# ------------------------------------------------------------------------------------------------- states


@register.simple_tag
def badge(state: str | None, family: str, text: str = "") -> str:
    """A state in its declared tone: `{% badge loan.status "repayment.loan" %}`; `text` replaces the declared label."""
    if state in {None, ""}:
        return NO_VALUE
    look = look_of(family=family, state=str(state))
    return _badge(text or look.label, look.tone)


@register.simple_tag
def tag(text: object, tone: str = "neutral") -> str:
    """A badge that is not a state: `{% tag "version 1" "info" %}`."""
    return _badge(text, tone)


def _badge(text: object, tone: str) -> SafeString:
    if tone not in TONES:
        msg = f"unknown tone {tone!r}"
        raise template.TemplateSyntaxError(msg)
    return format_html('<span class="badge{}">{}</span>', "" if tone == "neutral" else f" {tone}", text)


register.filter("doer", doer)


@register.filter
def tone_of_level(level_tag: str) -> str:
    """The tone of a message of django.contrib.messages."""
    return _LEVELS.get(level_tag.split()[-1] if level_tag else "", "info")


@register.simple_tag
def plain(value: object, currency: str = "") -> str:
    """A value of a confirm panel by its kind: amounts, dates and counts as they read everywhere, text as it is."""
    if value is None or value == "":
        return NO_VALUE
    if isinstance(value, Decimal):
        return formats.amount_text(value, currency=currency)
    if isinstance(value, date):
        return formats.date_text(value)
    return formats.count_text(value) if isinstance(value, int) else str(value)


@register.simple_tag
def grid_cell(value: object, grid: Grid, position: int) -> str:
    """A cell of the small table of a confirm panel, aligned by the kind of its column."""
    kind = grid.columns[position][1]
    if isinstance(value, Decimal):
        text = formats.amount_text(value, currency=grid.currency, bare=True)
    else:
        text = "" if value is None else plain(value)
    return format_html('<td class="money">{}</td>' if kind == "money" else "<td>{}</td>", text)


# ------------------------------------------------------------------------------------------------- pictures


@register.simple_tag
def icon(name: str, label: str = "") -> str:
    """An icon of icons.svg; without a label it is decoration and hidden from readers."""
    href = f"{static('console/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


@register.simple_tag
def brand_mark() -> str:
    """The three bars beside the name."""
    return mark_safe(
        '<svg width="20" height="20" viewBox="0 0 20 20" fill="currentColor" aria-hidden="true">'
        '<path d="M3 4h14v3H3zM3 8.5h9v3H3zM3 13h12v3H3z"/></svg>'
    )


@register.simple_tag
def key(name: str) -> str:
    """A key of the keyboard, beside the verb it starts."""
    return format_html('<kbd aria-hidden="true">{}</kbd>', name)


@register.simple_tag
def bar(value: Decimal | int, total: Decimal | int, tone: str = "accent", label: str = "") -> str:
    """A horizontal share of `total`, as SVG: widths never need an inline style."""
    width = _share(value, total)
    return format_html(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="track" width="100" height="8"/><rect class="{}" width="{}" height="8"/></svg>',
        label or f"{formats.percent_text(width / 100, places=0)}",
        tone,
        width,
    )


@register.simple_tag
def stacked_bar(parts: Sequence[tuple[str, Decimal | int, str]]) -> str:
    """Parts of one whole, `(label, value, tone)` each, as one bar and its legend."""
    total = sum((Decimal(value) for _label, value, _tone in parts), Decimal(0))
    rects, left = [], Decimal(0)
    for _label, value, tone in parts:
        width = _share(value, total)
        rects.append((left, width, tone))
        left += width
    body = format_html_join("", '<rect x="{}" width="{}" height="8" class="{}"/>', rects)
    legend = format_html_join(
        "",
        '<li><svg class="bar" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" class="{}"/></svg>'
        '{} <b class="strong">{}</b></li>',
        [(tone, label, value) for label, value, tone in parts],
    )
    return format_html(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
        '<ul class="legend">{}</ul>',
        body,
        legend,
    )


@register.simple_tag
def spark(values: Sequence[Decimal | int], label: str = "") -> str:
    """A small line over time, without axes: at least two values, oldest first."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    reach = Decimal(high - low) or Decimal(1)
    step = Decimal(100) / (len(values) - 1)
    points = [f"{(step * i):.2f} {(30 - 26 * Decimal(value - low) / reach):.2f}" for i, value in enumerate(values)]
    line = "M" + " L".join(points)
    return format_html(
        '<svg class="spark" viewBox="0 0 100 34" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="area" d="{} L100 34 L0 34 Z"/><path d="{}"/></svg>',
        label or _("Course over time"),
        line,
        line,
    )


def _share(value: Decimal | int, total: Decimal | int) -> Decimal:
    if not total:
        return Decimal(0)
    share = Decimal(value) / Decimal(total) * 100
    return min(max(share, Decimal(0)), Decimal(100)).quantize(Decimal("0.01"))


# ------------------------------------------------------------------------------------------------- containers


@register.simple_block_tag
def notice(content: str, tone: str = "info") -> str:
    """`{% notice "warn" %}<p>What is the matter.</p><p class="next">What to do.</p>{% endnotice %}`."""
    shape = {"good": "done", "info": "info"}.get(tone, "alert")
    role = "alert" if tone == "danger" else "note"
    return format_html(
        '<div class="notice {}" role="{}">{}<div>{}</div></div>', tone, role, icon(shape), conditional_escape(content)
    )


@register.simple_block_tag
def fact(content: str, label: str, css: str = "") -> str:
    """One label and value, inside `<dl class="facts">` or `<dl class="facts lines">`."""
    wrap = format_html(' class="{}"', css) if css else ""
    return format_html("<div{}><dt>{}</dt><dd>{}</dd></div>", wrap, label, conditional_escape(content))


@register.inclusion_tag("console/_empty.html")
def empty(title: str, text: str = "", *, url: str = "", action: str = "", icon: str = "inbox") -> dict[str, str]:
    """Nothing to show: what that means and what to do. Never leave a table or panel merely blank."""
    return {"title": title, "text": text, "url": url, "action": action, "icon": icon}


@register.inclusion_tag("console/_field.html")
def field(bound: BoundField, *, unit: str = "", css: str = "", help: str = "") -> dict[str, Any]:
    """A form field with its label, help and errors: `{% field form.amount unit="¥" %}`."""
    is_group = isinstance(bound.field.widget, forms.RadioSelect)
    is_check = isinstance(bound.field.widget, forms.CheckboxInput)
    attrs: dict[str, str | bool] = {}
    described = [f"{bound.auto_id}_error"] * bool(bound.errors) + [f"{bound.auto_id}_help"] * bool(
        help or bound.help_text
    )
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attrs),
        "unit": unit,
        "css": css,
        "help": help or bound.help_text,
        "is_check": is_check,
        "is_group": is_group,
    }


@register.inclusion_tag("console/_meter.html")
def meter(
    label: str, value: int, maximum: int, *, warn_at: int | None = None, stop_at: int | None = None
) -> dict[str, Any]:
    """A count against its limit, worded: `{% meter "Tries today" 2 6 warn_at=4 stop_at=6 %}`."""
    return {
        "label": label,
        "value": value,
        "maximum": maximum,
        "low": maximum if warn_at is None else warn_at,
        "high": maximum if stop_at is None else stop_at,
    }


class PanelNode(Node):
    """A panel with a head, a body and, after `{% tools %}`, what stands at the right of the head. No title, no head."""

    def __init__(self, title: Any, options: dict[str, Any], body: NodeList, tools: NodeList | None) -> None:
        self.title, self.options, self.body, self.tools = title, options, body, tools

    def render(self, context: Context) -> SafeString:
        """The panel; options: id, css, flush (tables), tight (timelines), badge (text), tone (of the badge)."""
        options = {name: value.resolve(context) for name, value in self.options.items()}
        title = self.title.resolve(context)
        kind = "flush" if options.get("flush") else "body tight" if options.get("tight") else "body"
        body = self.body.render(context)
        mark = _badge(options["badge"], options.get("tone", "info")) if options.get("badge") else ""
        tools = format_html('<div class="tools">{}</div>', self.tools.render(context)) if self.tools else ""
        filling = body if kind == "flush" else format_html('<div class="{}">{}</div>', kind, body)
        css = " ".join(filter(None, ("panel", options.get("css", ""))))
        own_id = format_html(' id="{}"', options["id"]) if options.get("id") else ""
        if not title:
            return format_html('<section class="{}"{}>{}</section>', css, own_id, filling)
        heading_id = options.get("id") or f"panel-{crc32(str(title).encode()):08x}"
        return format_html(
            '<section class="{}"{} aria-labelledby="{}-title">'
            '<header><h2 id="{}-title">{}</h2>{}{}</header>{}</section>',
            css,
            own_id,
            heading_id,
            heading_id,
            title,
            mark,
            tools,
            filling,
        )


@register.tag(name="panel")
def panel(parser: Parser, token: Token) -> PanelNode:
    """`{% panel "Ledger" tight=True %}body{% tools %}<a href="...">all</a>{% endpanel %}`."""
    bits = token.split_contents()[1:]
    if not bits:
        msg = "panel needs a title"
        raise template.TemplateSyntaxError(msg)
    title = parser.compile_filter(bits.pop(0))
    options = token_kwargs(bits, parser)
    if bits:
        msg = f"panel does not know {bits}"
        raise template.TemplateSyntaxError(msg)
    body = parser.parse(("tools", "endpanel"))
    tools = None
    if parser.next_token().contents == "tools":
        tools = parser.parse(("endpanel",))
        parser.delete_first_token()
    return PanelNode(title, options, body, tools)


class RepeatBlockNode(Node):
    """Renders a block of the template a second time: the title of the window is the heading of the page."""

    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, context: Context) -> SafeString:
        """The most derived block of that name."""
        blocks = context.render_context[BLOCK_CONTEXT_KEY]
        return blocks.get_block(self.name).render(context)


@register.tag
def repeat_block(parser: Parser, token: Token) -> RepeatBlockNode:
    """`{% repeat_block "title" %}`."""
    _name, block = token.split_contents()
    return RepeatBlockNode(block.strip("\"'"))


# ------------------------------------------------------------------------------------------------- addresses


@register.simple_tag(takes_context=True)
def with_query(context: Context, **changes: object) -> str:
    """The query string of this page with some values changed; None takes one out: `href="{% with_query page=2 %}"`."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None or value == "":
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"
