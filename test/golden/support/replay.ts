// Turns scenarios into tests: each on an emptied Redis of the file's own, its keyspace compared in the end.

import { afterAll, beforeAll, test } from 'vitest'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { stopNoting } from '../jobs.mjs'
import { Run } from './run.js'
import { nameOf, type Scenario } from './scenario.js'

/** Some scenarios start several processes, one after the other. */
const TIMEOUT_MS = 120_000

export function replay(scenarios: readonly Scenario[]): void {
  let server: RedisServer | undefined
  beforeAll(async () => {
    server = await startRedis()
    process.env.GOLDEN_REDIS = server.url
  })
  afterAll(async () => {
    await stopNoting()
    await server?.stop()
  })

  for (const scenario of scenarios) {
    test(
      `${nameOf(scenario)}: ${scenario.claim}`,
      async () => {
        if (!server) throw new Error('There is no Redis.')
        await server.client.flushall()
        const run = new Run(server, scenario)
        try {
          await scenario.steps(run)
          await run.finish()
        } finally {
          await run.close()
        }
      },
      TIMEOUT_MS,
    )
  }
}
