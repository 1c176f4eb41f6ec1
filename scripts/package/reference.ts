import { readFileSync } from 'node:fs'
import { type Entry, root } from './entries.ts'
import { body, type Statement } from './statements.ts'
import { type Declared, publicCode, publicMembers, type Surface } from './surface.ts'

const NOTE = '<!-- Written by `npm run api` from the docstrings; change those. -->'

export function pathOf({ name }: Entry): string {
  return `${name.replaceAll('/', '-')}.md`
}

/** The first page: every name of every entry. */
export function index(all: Surface[]): string {
  const lists = all.map(({ entry, exported }) => {
    const anchors = anchorsOf(entry, exported)
    const names = exported.map(({ name }) => `[${name}](${pathOf(entry)}#${anchors.get(name)})`)
    return `## [${entry.name}](${pathOf(entry)})\n\n${names.join(' · ')}`
  })
  return `${[NOTE, '# API reference', ...lists].join('\n\n')}\n`
}

/** The reference of one entry, in the order and under the headings of its own file. */
export function page({ entry, exported }: Surface, all: Surface[]): string {
  const headings = groups(entry)
  const link = links(entry, all)
  const parts = [NOTE, `# ${entry.name}`]
  let under: string | undefined
  for (const declared of exported) {
    const heading = headings.get(declared.name)
    if (heading !== undefined && heading !== under) parts.push(`## ${heading}`)
    under = heading ?? under
    parts.push(...section(declared, link))
  }
  return `${parts.join('\n\n')}\n`
}

type Link = (text: string) => string

function section({ name, doc, declarations }: Declared, link: Link): string[] {
  const code = declarations.map(publicCode).join('\n')
  const members = declarations
    .flatMap((one) => publicMembers(body(one.text)?.inside ?? ''))
    .filter((member) => member.doc !== '')
  const list = members.map(
    (member) => `- \`${signature(member)}\`  \n${indent(prose(member.doc, link))}`,
  )
  return [
    `### ${name}`,
    prose(doc, link),
    fence(code),
    ...(list.length > 0 ? [list.join('\n')] : []),
  ]
}

/** A docstring as Markdown: links, tags as words, examples in fences. */
function prose(doc: string, link: Link): string {
  const [text = '', ...tags] = ` ${doc}`.split(
    /\s(?=@(?:default|param|throws|returns|example|see)\b)/,
  )
  return link([text, ...tags.map(tag)].join('\n\n').trim())
}

function tag(text: string): string {
  const [, name = '', rest = ''] = text.match(/^@(\w+)\s*([\s\S]*)$/) ?? []
  if (name === 'example') return fence(rest.trimEnd())
  if (name === 'default') return `Default: ${rest}`
  if (name === 'throws') return `Throws ${rest}`
  if (name === 'returns') return `Returns ${rest}`
  if (name === 'param') return rest.replace(/^(\S+)\s*/, '`$1`: ')
  return `See ${rest}`
}

function fence(code: string): string {
  return `\`\`\`ts\n${code}\n\`\`\``
}

function signature({ code }: Statement): string {
  return code.replace(/\s+/g, ' ').replace(/;$/, '')
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}

/**
 * The anchor of each name on the page of its entry. Anchors are in small letters, so `Dashboard` and `dashboard` would have one: GitHub and
 * VitePress count headings that look alike, and the second one is `dashboard-1`.
 */
function anchorsOf(entry: Entry, exported: readonly Declared[]): Map<string, string> {
  const anchors = new Map<string, string>()
  const seen = new Map<string, number>()
  const anchor = (heading: string) => {
    const plain = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-')
    const before = seen.get(plain) ?? 0
    seen.set(plain, before + 1)
    return before === 0 ? plain : `${plain}-${before}`
  }
  anchor(entry.name)
  const headings = groups(entry)
  let under: string | undefined
  for (const { name } of exported) {
    const heading = headings.get(name)
    if (heading !== undefined && heading !== under) anchor(heading)
    under = heading ?? under
    anchors.set(name, anchor(name))
  }
  return anchors
}

/** `{@link X}` becomes a link where X is exported by some entry, and code elsewhere. */
function links(here: Entry, all: Surface[]): Link {
  const homes = new Map<string, string>()
  for (const { entry, exported } of all) {
    for (const [name, anchor] of anchorsOf(entry, exported)) {
      const page = entry.name === here.name ? '' : pathOf(entry)
      if (page === '' || !homes.has(name)) homes.set(name, `${page}#${anchor}`)
    }
  }
  return (text) =>
    text.replace(/\{@link ([\w$.]+)\s*([^}]*)\}/g, (_, name: string, label: string) => {
      const home = homes.get(name.split('.')[0] as string)
      return home === undefined ? label || `\`${name}\`` : `[${label || name}](${home})`
    })
}

/** Under which comment of the entry's own file a name is exported: `// How fast work may go.` */
function groups({ source }: Entry): Map<string, string> {
  const found = new Map<string, string>()
  let heading: string | undefined
  for (const line of readFileSync(root + source, 'utf8').split('\n')) {
    const title = line.match(/^\/\/ ([A-Z].*)\.$/)?.[1]
    if (title !== undefined && !title.includes(': ')) heading = title
    else if (heading !== undefined) {
      for (const word of line.match(/[\w$]+/g) ?? []) if (!found.has(word)) found.set(word, heading)
    }
  }
  return found
}
