// The recordings of scenarios/prune.ts, replayed.

import { prune } from './scenarios/prune.js'
import { replay } from './support/replay.js'

replay(prune)
