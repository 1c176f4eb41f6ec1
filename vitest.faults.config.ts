import { defineConfig } from 'vitest/config'
import { alias } from './test/support/alias.ts'

/** Tests that kill, freeze and starve real servers for seconds, one file after the other: npm run test:faults. */
export default defineConfig({
  resolve: { alias },
  test: {
    name: 'faults',
    restoreMocks: true,
    include: ['test/faults/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
