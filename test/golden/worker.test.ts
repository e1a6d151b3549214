// The recordings of scenarios/worker.ts, replayed.

import { worker } from './scenarios/worker.js'
import { replay } from './support/replay.js'

replay(worker)
