import { configDefaults, defineConfig } from 'vitest/config'
import { alias } from './test/support/alias.ts'

// Tests of a real browser run with the faults: `npm test` stays short.
const needServer = ['test/redis/**', 'test/faults/**', 'test/dashboard/browser.test.ts']

export default defineConfig({
  resolve: { alias },
  test: {
    restoreMocks: true,
    // Both of two processors: with the default, one of them rests.
    maxWorkers: '100%',
    // The files of a process share its modules: to load them for each file took a third of the whole run.
    isolate: false,
    hookTimeout: 30_000,
    testTimeout: 20_000, // a guard against hanging, not a claim about speed: a million keys on a busy machine take 5 s
    coverage: { include: ['src/**'], exclude: ['src/**/index.ts'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...needServer],
          // A machine may be busy; no test here waits for anything.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: ['test/redis/**/*.test.ts'],
          globalSetup: 'test/support/global-setup.ts',
        },
      },
    ],
  },
})
