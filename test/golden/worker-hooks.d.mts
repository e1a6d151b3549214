// The types of worker-hooks.mjs, for the tests.

import type { WorkerHooks } from 'resque-ts'

export declare const notingHooks: WorkerHooks
