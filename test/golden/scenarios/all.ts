// Every scenario, by the test file that replays it.

import { child } from './child.js'
import { client } from './client.js'
import { failedJobs } from './failed.js'
import { jobs } from './jobs.js'
import { prune } from './prune.js'
import { signals } from './signals.js'
import { worker } from './worker.js'

export const scenarios = {
  'child.test.ts': child,
  'client.test.ts': client,
  'failed.test.ts': failedJobs,
  'jobs.test.ts': jobs,
  'prune.test.ts': prune,
  'signals.test.ts': signals,
  'worker.test.ts': worker,
} as const
