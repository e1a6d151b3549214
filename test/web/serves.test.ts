// Which queues have workers, told from the lists in workers' ids.

import { expect, test } from 'vitest'
import { countServing } from '#built/web/serves.js'

test('a worker counts once for each queue that a pattern of its list means', () => {
  const names = ['mail', 'mail_low', 'low', '.hidden', 'a*b']
  const lists = [
    { queues: ['mail', 'mail', 'mail*'], count: 2 },
    { queues: ['*'], count: 10 },
    { queues: ['?ow', 'gone'], count: 100 },
    { queues: ['.*'], count: 1_000 },
    { queues: ['a*b'], count: 10_000 },
  ]
  expect(countServing(lists, names)).toEqual([12, 12, 110, 1_000, 10_010])
})

test('a list that was cut, or has choices in braces, is taken to mean every queue', () => {
  for (const pattern of ['…', '{mail,low}', '[lm]ow'])
    expect(countServing([{ queues: ['x', pattern], count: 3 }], ['mail', 'low'])).toEqual([3, 3])
})

test('five hundred workers with lists of their own and hostile patterns take no time worth telling', () => {
  const names = Array.from({ length: 200 }, (_, i) => `queue_${i}${'a'.repeat(100)}`)
  const lists = Array.from({ length: 500 }, (_, i) => ({
    queues: [`queue_${i}`, '*a*a*a*a*b', '*'],
    count: 1,
  }))
  const began = performance.now()
  expect(countServing(lists, names)).toEqual(names.map(() => 500))
  expect(performance.now() - began).toBeLessThan(2_000)
})
