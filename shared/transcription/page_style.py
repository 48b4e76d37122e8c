"""Hold the style of the HTML transcript: for screens, light and dark, wide and narrow, and for paper.

Apart from `page`, which writes the content.
"""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --ink: #22211f; --quiet: #6b6861; --line: #e5e1d9; --link: #2f5d8a; --mark: #fbf1d0;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #191a1c; --ink: #dcdad5; --quiet: #97948d; --line: #34353a; --link: #8fb8e0; --mark: #35301f; }
}
* { box-sizing: border-box; }
html { font-size: 106.25%; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; padding: 4rem 1.5rem 6rem; background: var(--paper); color: var(--ink);
  font-family: Charter, "Bitstream Charter", "Iowan Old Style", "Source Serif 4", Georgia, "Noto Serif", serif;
  line-height: 1.65; text-rendering: optimizeLegibility; overflow-wrap: break-word;
}
main, body > header, body > footer { max-width: 44rem; margin-inline: auto; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; text-underline-offset: .2em; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; font-weight: 600; text-wrap: balance; }
h2 { margin: 0; font-size: 1.3rem; line-height: 1.35; font-weight: 600; text-wrap: balance; }
.facts, nav, footer, .time {
  font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; color: var(--quiet);
}
.facts { margin: .6rem 0 0; font-size: .85rem; }
nav { margin-top: 2rem; padding: 1.1rem 0; border-block: 1px solid var(--line); font-size: .9rem; }
nav ol { margin: 0; padding: 0; list-style: none; }
nav a { display: grid; grid-template-columns: 5rem 1fr; padding: .2rem 0; color: inherit; }
nav a span:last-child { color: var(--ink); }
nav span:first-child, .time { font-variant-numeric: tabular-nums; }
section { margin-top: 3rem; }
section > h2, .said { padding-inline-start: 5rem; }
.said { position: relative; margin-top: 1.15rem; scroll-margin-top: 2rem; }
.said p { margin: 0; hyphens: auto; text-wrap: pretty; }
.said:target p { background: var(--mark); box-shadow: 0 0 0 .4rem var(--mark); border-radius: .1rem; }
.time { position: absolute; inset-inline-start: 0; top: .28em; font-size: .8rem; color: var(--quiet); }
.speaker { font-weight: 600; }
footer { margin-top: 4rem; padding-top: 1.1rem; border-top: 1px solid var(--line); font-size: .8rem; }
footer p { margin: 0; }
@media (max-width: 40rem) {
  body { padding: 2rem 1.15rem 4rem; }
  h1 { font-size: 1.6rem; }
  section > h2, .said { padding-inline-start: 0; }
  .said { margin-top: 1.4rem; }
  .time { position: static; display: block; margin-bottom: .1rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --quiet: #555; --line: #bbb; --link: #000; --mark: transparent;
  }
  @page { margin: 20mm 18mm 22mm; }
  html { font-size: 10.5pt; }
  body { padding: 0; line-height: 1.5; }
  main, body > header, body > footer { max-width: none; }
  h1 { font-size: 20pt; }
  section { margin-top: 2rem; }
  h2 { break-after: avoid; }
  nav, .said p { orphans: 3; widows: 3; }
  footer, nav li { break-inside: avoid; }
}
""".strip()
