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

const slow = ['test/browser/**/*.test.ts', 'test/frameworks/**/*.test.ts', 'test/web/scale.test.ts']

export default defineConfig({
  test: {
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      {
        test: {
          ...shared,
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: ['test/faults/**', ...slow, '**/node_modules/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // A browser, or a million jobs, takes both cores of a small machine: one file at a time.
        test: {
          ...shared,
          name: 'browser',
          include: slow,
          testTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Faults kill processes and measure how long the rest takes to recover: one file at a time.
        test: {
          ...shared,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
