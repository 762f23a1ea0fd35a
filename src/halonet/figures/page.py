"""The page of the report: one file without scripts, fonts or images from elsewhere."""

from html import escape
from string import Template

STYLE = """
:root { --ink: #1f2933; --soft: #52606d; --line: #e4e7eb; --accent: #0072b2; --paper: #ffffff; --tint: #f5f7fa; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--tint); color: var(--ink); line-height: 1.5;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .8rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p.lead { font-size: 1.05rem; color: var(--soft); margin: 0 0 1.2rem; max-width: 62rem; }
nav { font-size: .9rem; margin-bottom: 1rem; }
nav a { margin-right: 1rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem; }
.first { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 1.1rem; margin-top: 1.1rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 1.1rem; }
.wide { grid-column: 1 / -1; }
figure { margin: 0; }
figure img { width: 100%; height: auto; display: block; }
figure.narrow img { max-width: 560px; margin: 0 auto; }
figcaption { color: var(--soft); font-size: .84rem; margin-top: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { text-align: left; padding: .38rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .8rem; }
td.value { white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 600; }
td small { color: var(--soft); display: block; font-size: .78rem; line-height: 1.35; }
td.reference { color: var(--soft); font-size: .8rem; }
.verdict { font-weight: 600; font-size: .76rem; white-space: nowrap; }
.good { color: #00664b; } .fair { color: #8a5a00; } .poor { color: #b3261e; } .shown { color: #7b8794; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; overflow-x: auto;
  font-size: .78rem; line-height: 1.4; }
summary { cursor: pointer; font-weight: 600; }
p.legend { color: var(--soft); font-size: .78rem; line-height: 1.4; margin: .7rem 0 0; }
details { margin-bottom: .8rem; }
@media (max-width: 860px) { .first { grid-template-columns: 1fr; } }
@media print { body { background: white; } .card { break-inside: avoid; } }
"""

DOCUMENT = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<h1>$title</h1>
$parts
</main>
</body>
</html>
""")

REPORT = Template("""$navigation
$comparison
$networks
$bias
$truths
<h2 id="settings">Settings and provenance</h2>
<div class="card">
$provenance
</div>""")

COMPARISON = Template("""<h2 id="comparison">Networks side by side</h2>
<div class="card">
<table>
<thead><tr><th>Quantity</th>$names</tr></thead>
<tbody>
$rows
</tbody>
</table>
<p class="legend">$legend</p>
</div>""")

NETWORK = Template("""<section id="$anchor">
$heading
<p class="lead">$headline</p>
<div class="card">$slice</div>
<div class="first">
<div class="card">$mass_function</div>
<div class="card">
<h3>Key numbers</h3>
$key_numbers
<p class="legend">$legend</p>
</div>
</div>
<h2>More figures</h2>
<div class="grid">
$figures
<div class="card wide">
<h3>More numbers</h3>
$more_numbers
</div>
</div>
</section>
""")

BIAS = Template("""<section id="neural-bias">
<h2>Neural bias model</h2>
<p class="lead">$headline</p>
<div class="first">
<div class="card">$mass_functions</div>
<div class="card">
<h3>Key numbers</h3>
$numbers
</div>
</div>
<div class="grid" style="margin-top: 1.1rem">
$figures
</div>
</section>
""")

TRUTHS = Template("""<section id="truths">
<h2>Peak Patch and simulation</h2>
<div class="card">$figure</div>
</section>
""")

TABLE = Template("""<table>
<thead><tr><th>Quantity</th><th>Measured</th><th>Compare</th><th></th></tr></thead>
<tbody>
$rows
</tbody>
</table>""")

ROW = Template("""<tr><td>$name<small>$meaning</small></td><td class="value">$value</td>
<td class="reference">$reference</td><td class="verdict $verdict">$word</td></tr>""")

FIGURE = Template("""<figure class="$shape"><h3>$title</h3>
<img alt="$title" src="data:image/png;base64,$data">
<figcaption>$caption</figcaption></figure>""")

DETAILS = Template("""<details$opened><summary>$title</summary><pre>$text</pre></details>""")


def document(title: str, parts: str) -> str:
    """A page with the style of the report; ``parts`` is HTML, ``title`` text."""
    return DOCUMENT.substitute(title=escape(title), style=STYLE, parts=parts)
