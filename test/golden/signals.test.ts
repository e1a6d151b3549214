// The recordings of scenarios/signals.ts, replayed.

import { signals } from './scenarios/signals.js'
import { replay } from './support/replay.js'

replay(signals)
