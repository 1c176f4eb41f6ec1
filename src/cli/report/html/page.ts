import { grouped, shown } from '../../../terminal/terminal.ts'

/** Markup that is safe to put into a page as it is. Made by {@link html}, or of text that the program itself has written. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * Markup, with every value escaped. Values come from a log, so each is a text that a stranger chose; only what this
 * function has made goes in as it is.
 */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[])[]
): Markup {
  const text = parts.map((part, i) => part + (i < values.length ? inserted(values[i]) : ''))
  return new Markup(text.join(''))
}

function inserted(value: unknown): string {
  if (value instanceof Markup) return value.text
  if (Array.isArray(value)) return value.map(inserted).join('')
  return escaped(typeof value === 'number' ? grouped(value) : String(value))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  // Control characters, and those that turn the direction of what follows, are shown as dots.
  return shown(text, 300).replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
}

/** One page that loads nothing from elsewhere and runs no scripts; its own policy forbids both. */
export function page(title: string, body: readonly Markup[]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`.text
}

const STYLE = new Markup(`
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
p { margin: .2rem 0; }
.dim { opacity: .7; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; }
th { font-weight: 600; }
svg { width: 100%; height: auto; display: block; }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid #8884; }
`)

/** A table with its heads; the first column is text, the others are numbers. */
export function tableOf(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): Markup {
  return html`<table>
<tr>${heads.map((head) => html`<th>${head}</th>`)}</tr>
${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</table>`
}

/** The notes of a report as a list; nothing where there are none. */
export function noteList(notes: readonly string[]): Markup {
  if (notes.length === 0) return html``
  return html`<h2>Notes</h2>
<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>`
}
