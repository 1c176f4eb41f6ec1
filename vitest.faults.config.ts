import { configDefaults, defineConfig } from 'vitest/config'
import { alias } from './test/support/alias.ts'

const short = process.env['AIOFLUX_SHORT'] === '1'

/** What the tests themselves are made of, and the site, which takes a minute to build. */
const NOT_IN_SHORT = ['test/faults/support.test.ts', 'test/faults/site.test.ts']

/** Errors that a busy machine can cause: all but figures of what was lost, done twice or left behind (see `figure`). */
const BUSY = /^(?!.*\b(lost|twice|two valid claims|audit|differences)\b.*, bound )/

/** Tests that kill, freeze and starve real servers, one file after the other: minutes, or one with AIOFLUX_SHORT=1. */
export default defineConfig({
  resolve: { alias },
  test: {
    name: 'faults',
    restoreMocks: true,
    // The page in a real browser takes two minutes too.
    include: ['test/faults/**/*.test.ts', 'test/dashboard/browser.test.ts'],
    exclude: [...configDefaults.exclude, ...(short ? NOT_IN_SHORT : [])],
    globalSetup: 'test/support/global-setup.ts',
    fileParallelism: false,
    // Files share what they import: reading all of it anew took a quarter of the short form.
    isolate: false,
    // The short form runs unattended, where a busy machine must not look like a fault. What was lost or done twice is one on any machine.
    retry: short ? { count: 3, condition: BUSY } : 0,
    // The figures as they are, without a heading for each.
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
