import { fileURLToPath } from 'node:url'

const src = (path: string) => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))

/** Tests import the package by its name and run its sources. */
export const alias = [
  { find: /^aioflux$/, replacement: src('index.ts') },
  { find: /^aioflux\/(\w+)$/, replacement: src('$1/index.ts') },
]
