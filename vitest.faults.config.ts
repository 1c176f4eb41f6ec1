import { configDefaults, defineConfig } from 'vitest/config'
import { alias } from './test/support/alias.ts'

const short = process.env['AIOFLUX_SHORT'] === '1'

/** Tests that kill, freeze and starve real servers, one file after the other: minutes, or one with AIOFLUX_SHORT=1. */
export default defineConfig({
  resolve: { alias },
  test: {
    name: 'faults',
    restoreMocks: true,
    // The page in a real browser takes two minutes too.
    include: ['test/faults/**/*.test.ts', 'test/dashboard/browser.test.ts'],
    // In short, what the tests themselves are made of is not tested.
    exclude: [...configDefaults.exclude, ...(short ? ['test/faults/support.test.ts'] : [])],
    globalSetup: 'test/support/global-setup.ts',
    fileParallelism: false,
    // Files share what they import: reading all of it anew took a quarter of the short form.
    isolate: false,
    // The short form runs unattended, where a busy machine must not look like a fault.
    retry: short ? 3 : 0,
    // The figures as they are, without a heading for each.
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
