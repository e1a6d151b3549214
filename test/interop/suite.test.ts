// What the other files of this folder stand on: that they run where they can, and beside what they say.

import { expect, test } from 'vitest'
import { startRedis } from '../support/redis-server.js'
import { Ruby } from './support/ruby.js'
import { stacks, whySkipped } from './support/stacks.js'

test('the tests beside Ruby run wherever Ruby and its gems can be had', ({ skip }) => {
  if (whySkipped === undefined) return
  // The one loud line; every other file only counts as skipped.
  console.warn(`\n${whySkipped}\n`)
  skip(whySkipped)
})

test.skipIf(whySkipped)('each stack loads the very versions it is named after', async () => {
  const redis = await startRedis()
  try {
    for (const stack of stacks) {
      const ruby = await Ruby.start(stack, redis.url)
      expect(ruby.versions).toMatchObject({ resque: stack.resque, redis: stack.redis })
      expect(await ruby.run('[Resque.redis.ping, arg]', { a: 1 })).toEqual(['PONG', { a: 1 }])
      await expect(ruby.run('raise "so what"')).rejects.toThrow('RuntimeError: so what')
      await ruby.end()
    }
  } finally {
    await redis.stop()
  }
})
