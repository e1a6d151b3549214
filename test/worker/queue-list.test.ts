// Queue lists by example (protocol 5). Against a naive model stands properties/queue-list.test.ts.

import { NoQueueError } from 'resque-ts'
import { expect, test } from 'vitest'
import { QueueList } from '#built/worker/queue-list.js'

const known = ['low', 'high', 'Mail', 'mail_b', 'mail_a', 'mail:x', 'mail/y', '.hidden', 'é']
const expand = (list: string | string[], names = known) => new QueueList(list).expand(names)

test('plain names keep their order, whether or not these queues exist', () => {
  expect(expand('high,nowhere,low')).toEqual(['high', 'nowhere', 'low'])
  expect(expand(['high', ' low '])).toEqual(['high', 'low'])
  expect(new QueueList('high,low').isDynamic).toBe(false)
})

test('* stands for all queues, sorted as bytes, but for those with a leading dot', () => {
  expect(expand('*')).toEqual(['Mail', 'high', 'low', 'mail/y', 'mail:x', 'mail_a', 'mail_b', 'é'])
  expect(expand('.*')).toEqual(['.hidden'])
})

test('each entry is expanded in its turn, and a queue is taken from once', () => {
  expect(expand('low,*')).toEqual(['low', 'Mail', 'high', 'mail/y', 'mail:x', 'mail_a', 'mail_b', 'é'])
  expect(expand('mail_*,high,mail*')).toEqual(['mail_a', 'mail_b', 'high', 'mail/y', 'mail:x'])
})

test('a plain name in a list with patterns counts only if the queue exists', () => {
  expect(expand('nowhere,l*')).toEqual(['low'])
})

test('? is one character, [ab] one of a set, [!a] any but these', () => {
  expect(expand('mail_?')).toEqual(['mail_a', 'mail_b'])
  expect(expand('mail_[ab]')).toEqual(['mail_a', 'mail_b'])
  expect(expand('mail_[!a]')).toEqual(['mail_b'])
  expect(expand('mail_[^a]')).toEqual(['mail_b'])
  expect(expand('[a-m]*')).toEqual(['high', 'low', 'mail/y', 'mail:x', 'mail_a', 'mail_b'])
  expect(expand('?')).toEqual(['é'])
})

test('{a,b} means a or b, also in a list of one string', () => {
  expect(expand('{high,low}')).toEqual(['high', 'low'])
  expect(expand('mail_{a,b},low')).toEqual(['mail_a', 'mail_b', 'low'])
  expect(expand(['{h*,mail{_a,:*}}'])).toEqual(['high', 'mail:x', 'mail_a'])
})

test('!name and !pattern leave queues out, wherever they stand', () => {
  expect(expand('*,!mail*')).toEqual(['Mail', 'high', 'low', 'é'])
  expect(expand('!low,*,!Mail,!mail?*')).toEqual(['high', 'é'])
  expect(expand('low,!low')).toEqual([])
})

test('the label is the list without what is left out, as it stands in ids', () => {
  expect(new QueueList('*,!low').label).toBe('*')
  expect(new QueueList(['high', 'mail_*']).label).toBe('high,mail_*')
})

test.each(['', ' , ', '!low', '!', ['!a', '!b'], []])('a list that names no queue is refused: %j', (list) => {
  expect(() => new QueueList(list)).toThrow(new NoQueueError('Please give each worker at least one queue.'))
})

test('characters that mean something in regular expressions mean nothing here', () => {
  const names = ['a.b', 'axb', 'a+b', 'a(b', 'a|b', 'a$', '^a', 'a\\b', 'a b', 'a-b']
  for (const name of names) expect(expand([name, 'zzz*'], names)).toEqual([name])
  expect(expand('a?b', names)).toEqual(['a b', 'a(b', 'a+b', 'a-b', 'a.b', 'a\\b', 'axb', 'a|b'])
})

test('includes says whether a queue would be taken from, if it existed', () => {
  const list = new QueueList('critical,mail_*,!mail_old')
  expect(['critical', 'mail_new', 'mail_old', 'other'].map((name) => list.includes(name))).toEqual([
    ...[true, true, false, false],
  ])
})

test('a very long list is cut at a name in the label, and says so', () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `queue-${i}`)
  const { label } = new QueueList(names)
  expect(label.length).toBeLessThanOrEqual(1_002)
  const shown = label.split(',')
  expect(shown.at(-1)).toBe('…')
  expect(names.slice(0, shown.length - 1)).toEqual(shown.slice(0, -1))
  expect(new QueueList(names.slice(0, 50)).label).toBe(names.slice(0, 50).join(','))
})

test('one name is never cut, however long', () => {
  expect(new QueueList(['x'.repeat(3_000)]).label).toBe('x'.repeat(3_000))
})
