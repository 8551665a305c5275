"""Charts drawn on the server: safe under the policy of the console, coloured by its tokens, linked to rows."""

import altair as alt

from backoffice.core.charts import INK, legend_of, svg_of

BARS = [
    {"bill": 1, "amount": 920.16, "part": "principal", "href": "#bill-1"},
    {"bill": 1, "amount": 180.0, "part": "<script>", "href": "#bill-1"},
]


def drawn() -> str:
    chart = alt.Chart(alt.Data(values=BARS), width=200, height=80)
    return svg_of(
        chart.mark_bar().encode(
            x="bill:O",
            y="amount:Q",
            color=alt.Color("part:N", scale=alt.Scale(range=[INK["accent"], INK["warn"]])),
            href="href:N",
        )
    )


def test_the_picture_has_no_style_no_script_and_nothing_for_readers() -> None:
    svg = drawn()
    assert svg.startswith('<svg class="chart" viewBox="0 0 ')
    assert svg.endswith("</svg>")
    for refused in ("style=", "<style", "<script", "role=", "font-family", "http", "onclick"):
        assert refused not in svg
    assert "&lt;script&gt;" in svg


def test_colours_are_the_tokens_of_the_stylesheet() -> None:
    svg = drawn()
    assert 'fill="var(--accent)"' in svg
    assert 'fill="var(--warn-fill)"' in svg
    assert 'stroke="var(--line)"' in svg
    assert "#0001" not in svg


def test_a_mark_leads_to_its_row_without_a_stop_for_the_keyboard() -> None:
    assert '<a tabindex="-1" href="#bill-1">' in drawn()


def test_a_legend_has_the_colours_of_the_picture() -> None:
    assert legend_of((("principal", "accent"),)) == ({"label": "principal", "colour": "var(--accent)"},)
