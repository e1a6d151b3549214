// Compiled, never run: what may be enqueued with which arguments. A line after @ts-expect-error must not compile.

import { type AnyJob, type ArgsOf, defineJob, Resque } from 'resque-ts'

const resque = new Resque()

const Archive = defineJob({
  name: 'Archive',
  queue: 'file_serve',
  async perform(repoId: number, branch = 'master') {
    repoId.toFixed()
    branch.toUpperCase()
  },
})
const Optional = defineJob({ name: 'Optional', queue: 'q', perform(_a: string, _b?: { c: number }) {} })
const Rest = defineJob({ name: 'Rest', queue: () => 'q', perform(..._ids: number[]) {} })
const Union = defineJob({ name: 'Union', queue: 'q', perform: async (_how: 'fast' | 'slow') => {} })
const Nothing = defineJob({ name: 'Nothing', queue: 'q', perform() {} })

class Thumbnail {
  static queue = 'images'
  static async perform(id: number, size?: 'small' | 'large') {
    return [id, size]
  }
}
class Heir extends Thumbnail {}

/** Exactly these. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
export const inferred: [
  Same<ArgsOf<typeof Archive>, [repoId: number, branch?: string | undefined]>,
  Same<ArgsOf<typeof Optional>, [_a: string, _b?: { c: number } | undefined]>,
  Same<ArgsOf<typeof Rest>, number[]>,
  Same<ArgsOf<typeof Union>, [_how: 'fast' | 'slow']>,
  Same<ArgsOf<typeof Nothing>, []>,
  Same<ArgsOf<typeof Thumbnail>, [id: number, size?: 'small' | 'large' | undefined]>,
  Same<ArgsOf<typeof Heir>, [id: number, size?: 'small' | 'large' | undefined]>,
] = [true, true, true, true, true, true, true]

export async function enqueue(): Promise<boolean> {
  await resque.enqueue(Archive, 44)
  await resque.enqueue(Archive, 44, 'masterbrew')
  await resque.enqueue(Optional, 'a')
  await resque.enqueue(Optional, 'a', { c: 1 })
  await resque.enqueue(Rest)
  await resque.enqueue(Rest, 1, 2, 3)
  await resque.enqueue(Union, 'fast')
  await resque.enqueue(Nothing)
  await resque.enqueue(Thumbnail, 7)
  await resque.enqueue(Heir, 7, 'small')

  // @ts-expect-error an argument is missing
  await resque.enqueue(Archive)
  // @ts-expect-error a string is no number
  await resque.enqueue(Archive, '44')
  // @ts-expect-error the branch is a string
  await resque.enqueue(Archive, 44, 1)
  // @ts-expect-error there is no third argument
  await resque.enqueue(Archive, 44, 'a', 'b')
  // @ts-expect-error c is a number
  await resque.enqueue(Optional, 'a', { c: 'x' })
  // @ts-expect-error all of them are numbers
  await resque.enqueue(Rest, 1, '2')
  // @ts-expect-error not one of the two
  await resque.enqueue(Union, 'medium')
  // @ts-expect-error it takes no arguments
  await resque.enqueue(Nothing, 1)
  // @ts-expect-error a class with a typed perform
  await resque.enqueue(Thumbnail, 'x')
  // @ts-expect-error no such size
  await resque.enqueue(Heir, 7, 'medium')
  // @ts-expect-error no job at all
  await resque.enqueue({ queue: 'q' })
  // @ts-expect-error a name has no queue
  await resque.enqueue('Archive', 44)
  return resque.enqueue(Archive, 44)
}

export async function enqueueTo(): Promise<void> {
  await resque.enqueueTo('urgent', Archive, 44)
  await resque.enqueueTo('urgent', Thumbnail, 7, 'large')
  await resque.enqueueTo('urgent', 'Other::Language', 1, { anything: ['goes'] })
  // @ts-expect-error a string is no number
  await resque.enqueueTo('urgent', Archive, '44')
  // @ts-expect-error an argument is missing
  await resque.enqueueTo('urgent', Thumbnail)
  // @ts-expect-error a queue is a string
  await resque.enqueueTo(1, Archive, 44)
}

export async function enqueueMany(): Promise<number> {
  await resque.enqueueMany([[Archive, 1], [Archive, 2, 'dev'], [Thumbnail, 3], [Nothing]])
  await resque.enqueueMany([])
  await resque.enqueueMany([1, 2, 3].map((id) => [Archive, id] as const))
  await resque.enqueueMany([
    [Archive, 1],
    // @ts-expect-error the second has a wrong argument
    [Archive, 'x'],
  ])
  // @ts-expect-error the class has a wrong argument
  await resque.enqueueMany([[Thumbnail, 1, 'medium']])
  // @ts-expect-error an argument is missing
  await resque.enqueueMany([[Archive]])
  // @ts-expect-error one too many
  await resque.enqueueMany([[Nothing, 1]])
  return resque.enqueueMany([[Archive, 1]])
}

export async function dequeue(): Promise<number | null> {
  await resque.dequeue(Archive)
  await resque.dequeue(Archive, 44)
  await resque.dequeue(Archive, 44, 'dev')
  await resque.dequeueFrom('urgent', Archive, 44)
  await resque.dequeueFrom('urgent', 'Other::Language', 1)
  // @ts-expect-error a string is no number
  await resque.dequeue(Archive, '44')
  // @ts-expect-error there is no third argument
  await resque.dequeue(Archive, 44, 'dev', 1)
  return resque.dequeue(Thumbnail)
}

export const jobs: AnyJob[] = [Archive, Optional, Rest, Union, Nothing, Thumbnail, Heir]
