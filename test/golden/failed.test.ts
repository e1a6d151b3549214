// The recordings of scenarios/failed.ts, replayed.

import { failedJobs } from './scenarios/failed.js'
import { replay } from './support/replay.js'

replay(failedJobs)
