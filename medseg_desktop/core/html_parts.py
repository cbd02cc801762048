"""The parts of a self-contained HTML document: no script, nothing loaded from anywhere.

What is called `markup` is HTML already; every other text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as escape

#: Even a text that slipped through unescaped could load or run nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2126; --quiet: #5c666f;
  --line: #d9dee3; --panel: #f5f7f9; --note: #fff6df; --note-line: #d9a514; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181b; --ink: #e4e8eb;
  --quiet: #9aa5ae; --line: #343b41; --panel: #1d2125; --note: #2c2614; --note-line: #b98b10; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 24px; max-width: 1080px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", "Noto Sans CJK SC",
  "Microsoft YaHei", sans-serif; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 36px 0 12px; padding-bottom: 4px; font-size: 18px;
  border-bottom: 1px solid var(--line); }
h3 { margin: 16px 0 8px; font-size: 15px; }
p { margin: 8px 0; max-width: 80ch; }
.quiet, figcaption, caption { color: var(--quiet); font-size: 13px; }
.notice { margin: 16px 0; padding: 10px 14px; background: var(--note);
  border-left: 4px solid var(--note-line); max-width: none; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px;
  margin: 20px 0; }
.figures div { padding: 10px 14px; background: var(--panel); border-radius: 6px; }
.figures b { display: block; font-size: 22px; font-weight: 600; line-height: 1.3; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr));
  gap: 20px 32px; }
.columns { columns: 2 400px; column-gap: 40px; }
.columns > * { break-inside: avoid; padding-top: 16px; }
.columns h3 { margin-top: 0; }
figure { margin: 0; break-inside: avoid; }
figure > b { font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
ul.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 4px 0 0; padding: 0;
  list-style: none; font-size: 13px; }
.swatch { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px;
  vertical-align: -1px; border: 1px solid var(--line); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { font-weight: 600; }
tbody th, .facts th { font-weight: 400; }
td.number, th.number { padding: 4px 0 4px 24px; text-align: right; white-space: nowrap; }
table.facts { width: 100%; }
table.facts th { width: 11em; color: var(--quiet); }
caption { padding-bottom: 4px; text-align: left; }
th code { white-space: nowrap; }
.scroll + .scroll, .legend + .panels { margin-top: 16px; }
code { font: 13px ui-monospace, Consolas, "DejaVu Sans Mono", monospace; }
.pictures, .panels { display: grid; gap: 12px 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr)); }
.panels { gap: 20px 24px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); }
.pictures img, .panels img { display: block; width: 100%; height: auto; background: #000;
  border-radius: 4px; }
footer { margin-top: 40px; padding-top: 8px; border-top: 1px solid var(--line); }
@media print { :root { --ground: #fff; --ink: #000; --quiet: #444; --line: #bbb; --panel: #f3f3f3;
  --note: #fff6df; --note-line: #d9a514; color-scheme: light; }
  body { padding: 0; max-width: none; font-size: 10pt; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
  h2, h3, h2 + p { break-after: avoid; } tr { break-inside: avoid; }
  .columns { columns: 2; } .curves { grid-template-columns: 1fr 1fr; }
  .pictures { grid-template-columns: repeat(3, 1fr); } .panels { grid-template-columns: 1fr 1fr; }
  @page { margin: 15mm; } }
"""


def page(title: str, markup: str) -> str:
    """A whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{markup}\n</body>\n</html>\n"
    )


def section(title: str, *markups: str) -> str:
    """A part with its heading; "" where nothing is in it."""
    inside = "\n".join(markup for markup in markups if markup)
    return f"<section>\n<h2>{escape(title)}</h2>\n{inside}\n</section>" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """One paragraph; `kind` is a class of the style sheet."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def key_figures(rows: Iterable[tuple[str, str]]) -> str:
    """(what, value): the few numbers that are read first."""
    cells = "".join(
        f'<div><b>{escape(value)}</b><span class="quiet">{escape(what)}</span></div>'
        for what, value in rows
    )
    return f'<div class="figures">{cells}</div>'


def facts(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """(what, value) below each other; "" without rows."""
    lines = "".join(
        f'<tr><th scope="row">{escape(what)}</th><td>{escape(value)}</td></tr>'
        for what, value in rows
    )
    if not lines:
        return ""
    return f'<div><h3>{escape(title)}</h3><table class="facts">{lines}</table></div>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", *, is_code: bool = False
) -> str:
    """A table whose first column is text (`is_code`: set as code) and whose others are numbers."""
    first, *others = [escape(name) for name in head]
    names = "".join(f'<th scope="col" class="number">{name}</th>' for name in others)
    lines = "".join(_row(row, is_code) for row in rows)
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{above}<thead><tr><th scope="col">{first}</th>{names}</tr>'
        f"</thead><tbody>{lines}</tbody></table></div>"
    )


def _row(row: Sequence[str], is_code: bool) -> str:
    first, *others = [escape(cell) for cell in row]
    first = f"<code>{first}</code>" if is_code else first
    cells = "".join(f'<td class="number">{cell}</td>' for cell in others)
    return f'<tr><th scope="row">{first}</th>{cells}</tr>'


def legend(rows: Iterable[tuple[str, str]]) -> str:
    """(name, CSS colour) beside each other."""
    items = "".join(
        f'<li><span class="swatch" style="background: {escape(color)}"></span>{escape(name)}</li>'
        for name, color in rows
    )
    return f'<ul class="legend">{items}</ul>' if items else ""


def figure(title: str, markup: str, *, caption: str = "", below: str = "") -> str:
    """A picture with its title and what explains it; `below` is markup, such as a legend."""
    if not markup:
        return ""
    under = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><b>{escape(title)}</b>{markup}{below}{under}</figure>"


def picture(uri: str, description: str) -> str:
    """An `<img>` of a data URI."""
    return f'<img src="{escape(uri)}" alt="{escape(description)}">'


def grid(kind: str, markups: Iterable[str]) -> str:
    """Figures in columns; `kind` is "curves", "pictures" or, for wide ones, "panels"; "" without
    any."""
    inside = "\n".join(markup for markup in markups if markup)
    return f'<div class="{kind}">\n{inside}\n</div>' if inside else ""
