/** A declaration, or a member of one, as `tsc` writes it into a .d.ts. */
export interface Statement {
  /** The docstring before it, without its stars; '' for none. */
  doc: string
  /** The code, without comments. */
  code: string
  /** The code as it was, with the docstrings of its members. */
  text: string
}

/**
 * Cuts declarations apart: a .d.ts, or the inside of a class or an interface.
 *
 * Text is enough, as only what `tsc` prints is read: there is no code in it, no regular expression, and every
 * statement ends with `;` or, where it has a body, with a brace at the end of a line. (TypeScript 7 has no stable API.)
 */
export function statements(text: string): Statement[] {
  const found: Statement[] = []
  let doc = ''
  let code = ''
  let start = 0
  let depth = 0
  const end = (at: number) => {
    if (code.trim() !== '') found.push({ doc, code: tidy(code), text: text.slice(start, at) })
    doc = ''
    code = ''
    start = at
  }
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (text.startsWith('/*', i)) {
      const close = text.indexOf('*/', i)
      if (code.trim() === '') {
        if (text.startsWith('/**', i)) doc = docText(text.slice(i + 3, close))
        start = close + 2
      }
      i = close + 1
    } else if (text.startsWith('//', i)) {
      i = endOfLine(text, i)
    } else if (char === '"' || char === "'" || char === '`') {
      const close = endOfString(text, i)
      code += text.slice(i, close + 1)
      i = close
    } else {
      code += char
      if ('([{'.includes(char)) depth += 1
      if (')]}'.includes(char)) depth -= 1
      const over = char === ';' || (char === '}' && hasBody(code) && endOfLine(text, i) === i + 1)
      if (depth === 0 && over) end(i + 1)
    }
  }
  end(text.length)
  return found
}

/** The head of a class or interface, and its members; `undefined` for any other declaration. */
export function body(text: string): { head: string; inside: string } | undefined {
  if (!hasBody(text)) return undefined
  const open = openingBrace(text)
  return { head: text.slice(0, open).trim(), inside: text.slice(open + 1, text.lastIndexOf('}')) }
}

function hasBody(code: string): boolean {
  return /^\s*(export )?(declare )?(abstract )?(class|interface|namespace) /.test(code)
}

/** Where the body opens: the brace that is closed last of all. */
function openingBrace(text: string): number {
  let depth = 0
  let open = -1
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char === '"' || char === "'" || char === '`') i = endOfString(text, i)
    if (text.startsWith('/*', i)) i = text.indexOf('*/', i)
    if (char === '{' && depth++ === 0) open = i
    if (char === '}') depth -= 1
  }
  return open
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

function endOfString(text: string, from: number): number {
  let i = from + 1
  while (i < text.length && text[i] !== text[from]) i += text[i] === '\\' ? 2 : 1
  return i
}

function docText(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
}

/** Without the empty lines that comments leave behind. */
function tidy(code: string): string {
  return code
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n')
    .trim()
}
