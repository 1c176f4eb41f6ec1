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
    // The short form runs unattended, where a busy machine must not look like a fault.
    retry: process.env['AIOFLUX_SHORT'] ? 2 : 0,
    // The figures as they are, without a heading for each.
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
