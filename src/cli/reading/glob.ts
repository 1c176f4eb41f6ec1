import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** So many files match at most: a pattern that matches more is a mistake. */
const MOST_FILES = 100_000

/**
 * The files that match `pattern`, in order of their names: `*` and `?` within a name, `[a-z]`, `{a,b}`, and `**` for any
 * folders. For shells that do not do this themselves, and for patterns in quotes.
 */
export async function glob(pattern: string): Promise<string[]> {
  const found: string[] = []
  for (const plain of alternatives(pattern)) {
    const parts = plain.split('/')
    await walk(parts[0] === '' ? '/' : '', parts[0] === '' ? parts.slice(1) : parts, found)
  }
  return [...new Set(found)].sort()
}

export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path)
}

async function walk(folder: string, parts: readonly string[], found: string[]): Promise<void> {
  const [part = '', ...rest] = parts
  if (found.length >= MOST_FILES) return
  if (part === '**') {
    await walk(folder, rest, found)
    for (const entry of await entries(folder)) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) {
        await walk(join(folder, entry.name), parts, found)
      }
    }
    return
  }
  if (!isPattern(part) && rest.length > 0) return walk(join(folder, part), rest, found)
  const matches = expression(part)
  for (const { name, ...entry } of (await entries(folder)).map(flat)) {
    if (!matches.test(name) || (name.startsWith('.') && !part.startsWith('.'))) continue
    if (rest.length > 0) {
      if (!entry.file) await walk(join(folder, name), rest, found)
    } else if (entry.file) {
      found.push(join(folder, name))
    }
  }
}

type Entry = Awaited<ReturnType<typeof entries>>[number]

function flat(entry: Entry): { name: string; file: boolean } {
  return { name: entry.name, file: !entry.isDirectory() }
}

async function entries(folder: string) {
  try {
    return await readdir(folder === '' ? '.' : folder, { withFileTypes: true })
  } catch {
    // What cannot be looked into has no files that match.
    return []
  }
}

/** `a{b,c}d` as `abd` and `acd`. */
function alternatives(pattern: string): string[] {
  const match = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(pattern)
  if (match === null) return [pattern]
  const [, before = '', list = '', after = ''] = match
  return list.split(',').flatMap((choice) => alternatives(before + choice + after))
}

function expression(part: string): RegExp {
  const source = part.replace(/\[!?[^\]]+\]|[*?]|[^*?[]|\[/g, (token) => {
    if (token === '*') return '.*'
    if (token === '?') return '.'
    if (token.length > 1) return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    return token.replace(/[.+^${}()|[\]\\]/, '\\$&')
  })
  return new RegExp(`^${source}$`, 's')
}
