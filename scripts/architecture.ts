// Draws docs/architecture.svg from the imports in src/: `npm run docs:architecture`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './package/entries.ts'

const src = `${root}src`
export const PICTURE = 'docs/architecture.svg'

/** Which folders of src/ each folder imports; `index.ts` stands for the file of that name, which exports all. */
export function folderImports(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const path of readdirSync(src, { recursive: true, encoding: 'utf8' }).sort()) {
    // The browser's page is bundled by itself.
    if (!path.endsWith('.ts') || path.startsWith('dashboard/page')) continue
    const folder = folderOf(path)
    const targets = found.get(folder) ?? new Set()
    found.set(folder, targets)
    const text = readFileSync(`${src}/${path}`, 'utf8').replace(/^\s*\*.*$/gm, '')
    for (const [, to = ''] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const target = folderOf(relative(src, resolve(src, dirname(path), to)))
      if (target !== folder) targets.add(target)
    }
  }
  return found
}

function folderOf(path: string): string {
  return path.split('/')[0] as string
}

/** The picture: each folder above all that it imports; an import that goes by way of another is not drawn. */
export function picture(
  imports: ReadonlyMap<string, ReadonlySet<string>> = folderImports(),
): string {
  const targetsOf = (folder: string) => [...(imports.get(folder) ?? [])]
  const level = (folder: string): number =>
    Math.max(-1, ...targetsOf(folder).map((target) => level(target))) + 1
  const reaches = (from: string, to: string): boolean =>
    targetsOf(from).some((target) => target === to || reaches(target, to))
  const rows: string[][] = []
  for (const folder of [...imports.keys()].sort()) {
    const row = rows[level(folder)] ?? []
    rows[level(folder)] = row
    row.push(folder)
  }
  const [width, high, wide, gap] = [920, 38, 118, 92]
  const height = rows.length * gap + 20
  const place = new Map<string, { x: number; y: number }>()
  for (const [depth, row] of rows.entries()) {
    // Above the middle of what it imports: lines cross less.
    const middle = (folder: string) => {
      const below = targetsOf(folder).map((target) => place.get(target)?.x ?? 0)
      return below.reduce((sum, x) => sum + x, 0) / Math.max(1, below.length)
    }
    row.sort((a, b) => middle(a) - middle(b))
    for (const [i, folder] of row.entries()) {
      const x = ((i + 0.5) * width) / row.length
      place.set(folder, { x, y: height - depth * gap - gap / 2 - 10 })
    }
  }
  const at = (folder: string) => place.get(folder) as { x: number; y: number }
  const lines = [...imports].flatMap(([from, targets]) =>
    [...targets]
      .filter((to) => ![...targets].some((other) => other !== to && reaches(other, to)))
      .map((to) => {
        const [a, b] = [at(from), at(to)]
        const [y1, y2] = [a.y + high / 2, b.y - high / 2]
        const bend = (y2 - y1) / 2
        return `<path d="M${fixed(a.x)} ${fixed(y1)} C${fixed(a.x)} ${fixed(y1 + bend)} ${fixed(b.x)} ${fixed(y2 - bend)} ${fixed(b.x)} ${fixed(y2)}"/>`
      }),
  )
  const boxes = [...place].map(
    ([folder, { x, y }]) =>
      `<rect x="${fixed(x - wide / 2)}" y="${fixed(y - high / 2)}" width="${wide}" height="${high}" rx="8"/>` +
      `<text x="${fixed(x)}" y="${fixed(y + 5)}">${folder}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">
  <title id="title">The folders of src/: each one imports folders below it</title>
  <style>
    path { fill: none; stroke: #8c959f; stroke-width: 1.3 }
    .boxes rect { fill: #e7f0fd; stroke: #3b78c9; stroke-width: 1.4 }
    text { font-size: 15px; fill: #1f2328; text-anchor: middle }
  </style>
  <rect width="${width}" height="${height}" rx="14" fill="#ffffff"/>
  ${lines.join('\n  ')}
  <g class="boxes">
    ${boxes.join('\n    ')}
  </g>
</svg>
`
}

function fixed(number: number): string {
  return String(Math.round(number))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(root + PICTURE, picture())
