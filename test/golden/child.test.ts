// The recordings of scenarios/child.ts, replayed.

import { child } from './scenarios/child.js'
import { replay } from './support/replay.js'

replay(child)
