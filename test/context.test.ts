// The running job, seen from below its `perform`.

import { currentJob, defineJob, type JobContext, Resque } from 'resque-ts'
import { expect, test } from 'vitest'

const resque = new Resque({ inline: true })

test('there is no current job outside of one', () => {
  expect(currentJob()).toBeUndefined()
})

test('currentJob is the context of the job, also after an await and in a timer', async () => {
  const seen: unknown[] = []
  let context: JobContext | undefined
  const Look = defineJob({
    name: 'Look',
    queue: 'q',
    async perform() {
      context = this
      seen.push(currentJob())
      await null
      seen.push(currentJob())
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          seen.push(currentJob())
          resolve()
        }, 1)
      })
    },
  })
  await resque.enqueue(Look)
  expect(context).toBeDefined()
  expect(seen).toEqual([context, context, context])
  expect(currentJob()).toBeUndefined()
})

test('jobs that run at the same time do not see each other', async () => {
  const seen: Record<string, (string | undefined)[]> = { a: [], b: [] }
  const Look = defineJob({
    name: 'Look',
    queue: 'q',
    async perform(mine: 'a' | 'b') {
      for (let i = 0; i < 3; i++) {
        seen[mine]?.push(currentJob()?.payload)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  })
  await Promise.all([resque.enqueue(Look, 'a'), resque.enqueue(Look, 'b')])
  for (const mine of ['a', 'b']) {
    expect(seen[mine]).toEqual(Array(3).fill(`{"class":"Look","args":["${mine}"]}`))
  }
})

test('hooks of a job see it too', async () => {
  const seen: (string | undefined)[] = []
  const Hooked = defineJob({
    name: 'Hooked',
    queue: 'q',
    beforePerform: () => seen.push(currentJob()?.class),
    afterPerform: () => seen.push(currentJob()?.class),
    beforeEnqueue: () => void seen.push(currentJob()?.class),
    perform() {},
  })
  await resque.enqueue(Hooked)
  expect(seen).toEqual([undefined, 'Hooked', 'Hooked'])
})
