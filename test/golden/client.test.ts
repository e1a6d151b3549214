// The recordings of scenarios/client.ts, replayed.

import { client } from './scenarios/client.js'
import { replay } from './support/replay.js'

replay(client)
