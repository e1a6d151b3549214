// The recordings of scenarios/jobs.ts, replayed.

import { jobs } from './scenarios/jobs.js'
import { replay } from './support/replay.js'

replay(jobs)
