// How the tests run: against the built package in dist/, natively, each file in a process of its own.

import { defineConfig } from 'vitest/config'

const shared = {
  environment: 'node',
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
  teardownTimeout: 10_000,
  retry: 0,
  // The package under test is what a user installs: node loads it, vite does not touch it.
  server: { deps: { external: [/\/dist\//] } },
}

/** Those that wait for browsers, for processes that die, for a million jobs. */
const long = [
  ...['test/browser/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/frameworks/**/*.test.ts'],
  'test/web/scale.test.ts',
]

export default defineConfig({
  test: {
    // One for each core of a small machine: tests of time and of memory have to hold beside any other file.
    maxWorkers: 2,
    passWithNoTests: false,
    // Taken in the order of their names, and in each the longest file first: the short ones of the last fill what is left
    // of both workers, and none of them waits for the end of one long file.
    projects: [
      { test: { ...shared, name: 'long', include: long, testTimeout: 180_000 } },
      {
        test: {
          ...shared,
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: [...long, '**/node_modules/**'],
        },
      },
    ],
  },
})
