/**
 * The trash of the web pages: what was removed, for a quarter of an hour, and how it comes back.
 *
 * It lies outside `queues`, so nobody takes it for a queue. A trash is a hash, `web:trash:<id>`, of parts, each a list,
 * `web:trash:<id>:<number>`. What a part is stands in the hash: `<layout> <kind> <name>`. `placed`: entries with the
 * index they had, `<index>:<entry>`, by falling index. `whole`: a list that was renamed. `delayed` and `schedule` as
 * `delayed.ts` and `schedules.ts` write them.
 *
 * An entry is at every instant either in the trash or back, so an undo may be broken off, and done again or twice.
 */
import type { Connection } from './connection.js'
import type { Source } from './entries.js'
import { luaWithhold } from './hands.js'
import type { Keys } from './keys.js'
import { script } from './scripts.js'

/** How long removed entries are kept. */
export const TRASH_TTL_MS = 15 * 60_000

/** `expired`: nothing is left of it, or it never was. */
export interface Undone {
  restored: number
  state: 'restored' | 'expired'
}

/** More new entries than this are not moved behind those that come back: then the old are put before them. */
const MOVABLE = 1_000
/** How many steps along the list one call may take, to put entries where they were. */
const STEPS = 100_000
/** Beyond so many steps in all, entries are put at the head, in order, instead of each at its place. */
const ALL_STEPS = 50_000_000
/** From so near to the tail on, what comes back and what is there are merged in one call. */
const NEAR = 5_000

/**
 * KEYS  1 the list  2 trash  3 its part  4 queues  5 queues:paused
 * ARGV  1 ms the trash is kept  2 number of the part  3 what the part is
 *       4 name of a queue to unlist with its list, or ''
 *       5 digest of the list's last entry, or '' for any
 * Reply how many entries went into the trash; -1 where the list ends with another entry, and nothing was done
 * Cost  constant
 */
const clearScript = script(`
local count = redis.call('LLEN', KEYS[1])
if ARGV[5] ~= '' and count > 0 then
  if string.sub(redis.sha1hex(redis.call('LINDEX', KEYS[1], -1)), 1, 16) ~= ARGV[5] then return -1 end
end
local flags = ''
if ARGV[4] ~= '' then
  if redis.call('SREM', KEYS[4], ARGV[4]) == 1 then flags = flags .. 'l' end
  if redis.call('SREM', KEYS[5], ARGV[4]) == 1 then flags = flags .. 'p' end
end
if count > 0 then
  redis.call('RENAME', KEYS[1], KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[1])
end
if count > 0 or flags ~= '' then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  if flags ~= '' then redis.call('HSET', KEYS[2], 'flags:' .. ARGV[2], flags) end
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
  for i = 0, tonumber(ARGV[2]) - 1 do
    redis.call('PEXPIRE', string.sub(KEYS[3], 1, -#ARGV[2] - 1) .. i, ARGV[1])
  end
end
return count`)

/**
 * KEYS  1 the list  2 the part  3 queues  4 trash  5 queues:paused  6 hands
 * ARGV  1 ms the trash is kept on  2 name of the queue, or ''  3 at most so many new entries are moved  4 how many a call
 *       5 number of the part  6 namespace with colon
 * Reply entries that came back, entries left
 * Cost  constant where the list is gone; else one command for each entry that is moved
 *
 * The old entries were there first and come before the new: the few that are new go behind the old, and the name is
 * given back; where the new are many, the old are moved one by one.
 */
const restoreWholeScript = script(`
local prefix, hands = ARGV[6], KEYS[6]
${luaWithhold}
local size, new = redis.call('LLEN', KEYS[2]), redis.call('LLEN', KEYS[1])
if ARGV[2] ~= '' then
  local flags = redis.call('HGET', KEYS[4], 'flags:' .. ARGV[5]) or ''
  if size > 0 or flags ~= '' then redis.call('SADD', KEYS[3], ARGV[2]) end
  if string.find(flags, 'p', 1, true) then
    redis.call('SADD', KEYS[5], ARGV[2])
    withhold(ARGV[2])
  end
  redis.call('HDEL', KEYS[4], 'flags:' .. ARGV[5])
end
if size == 0 then return {0, 0} end
if new <= tonumber(ARGV[3]) then
  for i = 1, new do redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') end
  redis.call('RENAME', KEYS[2], KEYS[1])
  redis.call('PERSIST', KEYS[1])
  return {size, 0}
end
local count = math.min(size, tonumber(ARGV[4]))
for i = 1, count do redis.call('LMOVE', KEYS[2], KEYS[1], 'RIGHT', 'LEFT') end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return {count, size - count}`)

/**
 * KEYS  1 the list  2 the part  3 queues
 * ARGV  1 ms the trash is kept on  2 name of the queue, or ''  3 how many a call  4 how many steps a call
 *       5 '1' to put all at the head  6 a text that stands in no entry  7 how far from the tail is near
 * Reply entries that came back, entries left
 * Cost  at most so many steps along the list, plus those of one entry; near the tail, 2 commands for each entry behind it
 *
 * The entry with the lowest index first: then each index is right again once all below are back. Near the tail all
 * are put by taking off what is behind the first and merging the two; elsewhere a mark says where, and is gone in the
 * same step.
 */
const restorePlacedScript = script(`
local steps, restored, near = 0, 0, tonumber(ARGV[7])
local function next_placed()
  local placed = redis.call('LINDEX', KEYS[2], -1)
  if not placed then return nil end
  local colon = string.find(placed, ':', 1, true)
  return tonumber(string.sub(placed, 1, colon - 1)), string.sub(placed, colon + 1)
end
local function merge(at, length)
  local behind, j = {}, 0
  for from = at, length - 1, 1000 do
    local part = redis.call('RPOP', KEYS[1], math.min(1000, length - from))
    for i = 1, #part do behind[#behind + 1] = part[i] end
  end
  j = #behind
  local index, entry = next_placed()
  while j > 0 or (index and restored < near) do
    if index and restored < near and (index <= at or j == 0) then
      redis.call('RPUSH', KEYS[1], entry)
      redis.call('RPOP', KEYS[2])
      restored = restored + 1
      index, entry = next_placed()
    else
      redis.call('RPUSH', KEYS[1], behind[j])
      j = j - 1
    end
    at = at + 1
  end
end
local is_queue = ARGV[2] ~= ''
while restored < tonumber(ARGV[3]) and steps < tonumber(ARGV[4]) do
  local placed = redis.call('LINDEX', KEYS[2], ARGV[5] == '1' and 0 or -1)
  if not placed then break end
  local colon = string.find(placed, ':', 1, true)
  local at, entry = tonumber(string.sub(placed, 1, colon - 1)), string.sub(placed, colon + 1)
  local length = redis.call('LLEN', KEYS[1])
  if ARGV[5] == '1' or at == 0 then
    redis.call('LPUSH', KEYS[1], entry)
  elseif at >= length then
    redis.call('RPUSH', KEYS[1], entry)
  elseif length - at <= near then
    merge(at, length)
    break
  else
    local pivot = redis.call('LINDEX', KEYS[1], at)
    redis.call('LSET', KEYS[1], at, ARGV[6])
    redis.call('LINSERT', KEYS[1], 'BEFORE', ARGV[6], entry)
    redis.call('LSET', KEYS[1], at + 1, pivot)
    steps = steps + at
  end
  redis.call(ARGV[5] == '1' and 'LPOP' or 'RPOP', KEYS[2])
  restored = restored + 1
end
if restored > 0 and is_queue then redis.call('SADD', KEYS[3], ARGV[2]) end
local left = redis.call('LLEN', KEYS[2])
if left > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[1]) end
return {restored, left}`)

/**
 * KEYS  1 the part  2 delayed_queue_schedule
 * ARGV  1 namespace with colon  2 how many a call
 * Reply entries that came back, entries left
 * Cost  4 commands an entry. Each stands as '<unix second>:<entry>', the last of a time first, which
 *       comes back first: so all stand in their order again, before what came meanwhile.
 */
const restoreDelayedScript = script(`
local restored = 0
while restored < tonumber(ARGV[2]) do
  local placed = redis.call('LPOP', KEYS[1])
  if not placed then break end
  local colon = string.find(placed, ':', 1, true)
  local time, entry = string.sub(placed, 1, colon - 1), string.sub(placed, colon + 1)
  redis.call('LPUSH', ARGV[1] .. 'delayed:' .. time, entry)
  redis.call('SADD', ARGV[1] .. 'timestamps:' .. entry, 'delayed:' .. time)
  redis.call('ZADD', KEYS[2], time, time)
  restored = restored + 1
end
return {restored, redis.call('LLEN', KEYS[1])}`)

/**
 * KEYS  1 the part  2 persistent_schedules  3 schedules_changed
 * ARGV  1 the schedule's name
 * Reply 1 when it came back, 0 left; one that was made anew meanwhile is left as it is
 * Cost  constant
 */
const restoreScheduleScript = script(`
local config = redis.call('LPOP', KEYS[1])
if not config or redis.call('HSETNX', KEYS[2], ARGV[1], config) == 0 then return {0, 0} end
redis.call('SADD', KEYS[3], ARGV[1])
return {1, 0}`)

export class Trash {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /**
   * Empties a list into the trash, in one step whatever its length. `unlist` takes the queue's name away too, as Ruby's
   * `remove_queue` does. Returns how many entries there were; -1, and nothing is done, where the list does not end
   * with the entry of the digest `last`.
   */
  async clear(
    id: string,
    part: number,
    { kind, name }: Source,
    { unlist = false, last = '' }: { unlist?: boolean; last?: string } = {},
  ): Promise<number> {
    const list = kind === 'failed' ? this.#keys.failedList(name) : this.#keys.queue(name)
    const trash = this.#keys.trash(id)
    return (await this.#connection.run(
      clearScript,
      [list, trash, `${trash}:${part}`, this.#keys.queues, this.#keys.pausedQueues],
      [TRASH_TTL_MS, part, `whole ${kind} ${name}`, unlist && kind === 'queue' ? name : '', last],
    )) as number
  }

  /**
   * Puts back what is in it, in calls of bounded cost; each entry once, whoever calls it and however often. To a failed
   * list and a queue entries come back at their place, as far as others have not changed the list since.
   */
  async undo(id: string): Promise<Undone> {
    const parts = await this.#parts(id)
    let restored = 0
    for (const part of parts) restored += await this.#restore(id, part)
    if (parts.length > 0) await this.#connection.send('unlink', [this.#keys.trash(id)])
    return { restored, state: parts.length > 0 ? 'restored' : 'expired' }
  }

  async #parts(id: string): Promise<Part[]> {
    const fields = (await this.#connection.send('hgetall', [this.#keys.trash(id)])) as
      | Record<string, string>
      | string[]
    const pairs = Array.isArray(fields)
      ? Array.from(
          { length: fields.length / 2 },
          (_, i) => [fields[2 * i], fields[2 * i + 1]] as [string, string],
        )
      : Object.entries(fields)
    return pairs
      .filter(([field]) => /^\d+$/.test(field))
      .map(([field, what]) => {
        const [, layout, kind, name] = /^(\S+) (\S+) (.*)$/s.exec(what) ?? []
        return { number: Number(field), layout: layout ?? '', kind: kind ?? '', name: name ?? '' }
      })
      .sort((a, b) => a.number - b.number)
  }

  async #restore(id: string, part: Part): Promise<number> {
    const key = `${this.#keys.trash(id)}:${part.number}`
    const list = part.kind === 'failed' ? this.#keys.failedList(part.name) : this.#keys.queue(part.name)
    const [size, length] = (await this.#connection.sendAll([
      ['llen', [key]],
      ['llen', [part.layout === 'placed' ? list : key]],
    ])) as [number, number]
    const call = this.#call(id, part, key, list, size * Math.max(0, length - NEAR) > ALL_STEPS)
    for (let restored = 0; ; ) {
      const [count, left] = await call()
      restored += count
      if (left === 0 || count === 0) return restored
    }
  }

  #call(id: string, part: Part, key: string, list: string, isFar: boolean): () => Promise<[number, number]> {
    const { queues, pausedQueues, hands, delayedTimes, prefix, schedules, schedulesChanged } = this.#keys
    const queue = part.kind === 'queue' ? part.name : ''
    const run = async (...args: Parameters<Connection['run']>) =>
      (await this.#connection.run(...args)) as [number, number]
    switch (part.layout) {
      case 'whole':
        return () =>
          run(
            restoreWholeScript,
            [list, key, queues, this.#keys.trash(id), pausedQueues, hands],
            [TRASH_TTL_MS, queue, MOVABLE, MOVABLE, part.number, prefix],
          )
      case 'placed':
        return () =>
          run(
            restorePlacedScript,
            [list, key, queues],
            [TRASH_TTL_MS, queue, 100, STEPS, isFar ? '1' : '', `\0restored:${id}:${Math.random()}`, NEAR],
          )
      case 'delayed':
        return () => run(restoreDelayedScript, [key, delayedTimes], [prefix, 100])
      case 'schedule':
        return () => run(restoreScheduleScript, [key, schedules, schedulesChanged], [part.name])
      default:
        return async () => [0, 0]
    }
  }
}

interface Part {
  number: number
  layout: string
  kind: string
  name: string
}
