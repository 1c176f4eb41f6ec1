import { configDefaults, defineConfig } from 'vitest/config'
import { alias } from './test/support/alias.ts'

const short = process.env['AIOFLUX_SHORT'] === '1'

/** Tests that kill, freeze and starve real servers for seconds, one file after the other: npm run test:faults; with AIOFLUX_SHORT=1 for half a minute. */
export default defineConfig({
  resolve: { alias },
  test: {
    name: 'faults',
    restoreMocks: true,
    include: ['test/faults/**/*.test.ts'],
    // In short, what the tests themselves are made of is not tested.
    exclude: [...configDefaults.exclude, ...(short ? ['test/faults/support.test.ts'] : [])],
    globalSetup: 'test/support/global-setup.ts',
    fileParallelism: short,
    maxWorkers: 2,
    // The figures as they are, without a heading for each.
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
