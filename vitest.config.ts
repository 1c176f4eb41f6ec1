import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^aioflux$/, replacement: src('index.ts') },
      { find: /^aioflux\/(\w+)$/, replacement: src('$1/index.ts') },
    ],
  },
  test: {
    restoreMocks: true,
    include: ['test/**/*.test.ts'],
    coverage: { include: ['src/**'], exclude: ['src/**/index.ts'] },
  },
})
