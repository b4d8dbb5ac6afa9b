"""From what a report or a notice says to the page and the mail that it is read as."""

import base64
from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from warehouse.links import page_link
from warehouse.mail import Mail
from warehouse.numbers import fmt
from warehouse.reports.parts import Cell, Report, Table

STYLE = {
    "font": "font-family:'Source Sans 3','Source Sans Pro','Segoe UI',Helvetica,Arial,sans-serif;",
    "text": "#0F1728",
    "muted": "#5B6472",
    "line": "#E3E6EB",
    "page": "#F4F5F7",
    "data": "#2F5BEA",
    "good": "#0B7A5B",
    "bad": "#C2331D",
}
"""Colours of the dashboards, as far as a mail needs them. Green and red say good and bad, and never alone."""


def environment() -> Environment:
    """Templates in which every value is escaped, and a name that does not exist is an error."""
    made = Environment(
        loader=PackageLoader("warehouse.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["fmt"] = fmt
    made.globals["style"] = STYLE
    return made


def render_report(report: Report, dashboards_url: str = "") -> Mail:
    """Write a report as text and as HTML with images beside it.

    Parameters
    ----------
    dashboards_url
        Address of the dashboards; no links where it is empty.
    """
    # Charts need a second to load, which notices of alerts do without.
    from warehouse.reports import charts

    images = {
        section.chart.name: charts.draw(section.chart, report.currency)
        for section in report.sections
        if section.chart is not None and charts.font()
    }
    links = {
        section.page: page_link(dashboards_url, section.page, tenant=report.tenant_id) for section in report.sections
    }
    sources = {name: f"cid:{name}" for name in images}
    # The name of a tenant may hold what is not allowed in a Message-ID.
    tenant = base64.b32encode(report.tenant_id.encode()).decode().strip("=").lower()
    return Mail(
        subject=report.subject,
        text=_text(report, links),
        html=environment().get_template("report.html.j2").render(report=report, sources=sources, links=links),
        images=images,
        message_id=f"report.{report.period.slug}.{tenant}.{report.version}",
    )


def standalone(mail: Mail) -> str:
    """HTML of a mail as a page of its own, with the images in it."""
    page = mail.html
    for name, png in mail.images.items():
        page = page.replace(f'src="cid:{name}"', f'src="data:image/png;base64,{base64.b64encode(png).decode()}"')
    return page


def text_table(table: Table) -> str:
    """Write a table with aligned columns; numbers to the right."""
    lines = [list(table.heads), *([_plain(cell) for cell in row] for row in table.rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(table.heads))]
    written = [
        "  ".join(
            text.ljust(width) if number < table.texts else text.rjust(width)
            for number, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    if table.left_out:
        written.append(f"… and {table.left_out:,} more")
    return "\n".join(written)


def _plain(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def _text(report: Report, links: Mapping[str, str]) -> str:
    parts = [
        f"{report.period.label} · {report.tenant_id}" + ("" if report.is_complete else " (not over yet)"),
        report.headline,
        "\n".join(_figure_lines(report)),
    ]
    for section in report.sections:
        title = section.title + (f" ({section.caption})" if section.caption else "")
        body = [title, "-" * len(title)]
        if section.table is not None:
            body.append(text_table(section.table))
        if links.get(section.page):
            body.append(links[section.page])
        parts.append("\n".join(body))
    parts.append(
        f"Data as of {fmt(report.as_of, 'instant')}; amounts in {report.currency}; publication {report.version}."
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure_lines(report: Report) -> Sequence[str]:
    return [
        f"{figure.label}: {_plain(figure.value)}" + (f", before {figure.before}" if figure.before else "")
        for figure in report.figures
    ]
