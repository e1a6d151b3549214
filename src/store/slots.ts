/**
 * `finish and reserve`: the one script of the hot path. Once per turn it ends the jobs of a process that are
 * done and takes new ones for its free slots, for all slots together.
 *
 * A job is at every instant in exactly one place: the queue, the working record of one slot, or its end. The
 * record is the crash-safe working copy, and its `run` mark tells whose it is: an end is accepted only while
 * the record still carries the mark under which the job was taken.
 */
import type { Arg, Connection } from './connection.js'
import type { Keys } from './keys.js'
import type { Payload } from './records.js'
import { script } from './scripts.js'

/** The end of a job, as the script needs it. */
export type Ending =
  | { kind: 'done' }
  | { kind: 'failed'; entries: FailureEntry[] }
  /** Back to the head of its queue, as if it had not been taken. */
  | { kind: 'returned'; queue: string; payload: Payload }

/** Something to append to a failed list, in the same step that ends the job. */
export interface FailureEntry {
  /** The list's name without namespace: `failed`, or `<queue>_failed`. */
  list: string
  text: string
  /** A set, without namespace, that the list's name is added to. */
  listedIn?: string
}

/** A slot that takes part in a call: one that is free, or one whose job came to its end. */
export interface OfferedSlot {
  /** Its number in the ids of its process. */
  number: number
  /** The call that took its job, and how the job ended. Undefined: the slot is free. */
  held?: HeldJob | undefined
}

export interface HeldJob {
  call: string
  ending: Ending
  /** Set when the job had killed workers before. */
  deathField?: string | undefined
}

/** How the worker ids of a process are spelled: `<host><separator><number>:<pid>:<queues>`, slot 1 the host alone. */
export interface SlotNaming {
  host: string
  separator: string
  /** `:<pid>:<queues>` */
  tail: string
}

/** The worker id of a slot. */
export function slotId({ host, separator, tail }: SlotNaming, number: number): string {
  return `${host}${number === 1 ? '' : `${separator}${number}`}${tail}`
}

/** Why a slot was left out of a call. */
export type Refusal =
  /** Its record is gone or is another's: the worker was declared dead, its report does not count. */
  | 'lost'
  /** It was believed free and holds a record. */
  | 'occupied'
  /** Its worker is not registered (any more). */
  | 'unregistered'
  /** The failure could not be written; the job is still held. */
  | 'unwritable'

export interface ReservedJob {
  /** Index into the offered slots. */
  slot: number
  queue: string
  payload: Payload
  /** How many workers died of this job before. */
  deaths: number
}

export interface ReserveReply {
  refused: { slot: number; reason: Refusal }[]
  jobs: ReservedJob[]
  /** All workers are told to pause. */
  isPaused: boolean
  /** How many queues are listed; only asked for when `countQueues`. */
  queueCount: number
}

export interface ReserveRequest {
  slots: OfferedSlot[]
  /** JSON array of the queues to take from, in order. Undefined: take nothing. */
  queues: string | undefined
  countQueues: boolean
  /** Unique for the process. */
  nonce: string
  /** Unique for each call of the process. The mark of a job is `<nonce>.<call>.<slot number>`. */
  call: string
  naming: SlotNaming
  /** `run_at` of the jobs taken. */
  runAt: string
}

/**
 * KEYS  1 workers  2 pause-all-workers  3 queues:paused  4 deaths  5 queues  6 stat:processed  7 stat:failed
 * ARGV  1 namespace with colon  2 run_at  3 nonce  4 call  5 JSON array of queue names, or ''  6 '1' to count queues
 *       7 host  8 separator  9 tail of the worker ids
 *       10 the slots, '<number><state> …': a free one has no state; one whose job ended has a letter and the call
 *       that took it: d(one), c(done, and clear its deaths), f(ailed), r(eturned)
 *       then what the states need, in order: c: death field · f: death field or '', m, then m × (list, text, set or '')
 *       · r: queue, payload
 * Reply 1 refused slots '<index><letter> …'  2 runs '<queue index>:<count> …'  3 deaths '<job>:<count> …'
 *       4 wrapped jobs '<job> …'  5 '1' if all are paused  6 number of queues  7 the payloads taken, in order, for the
 *       slots that were not refused, in order, with NUL between them; a wrapped one as the JSON string of its bytes
 * Cost  5 commands, whatever the number of slots; then one or two per failure, and one per 64 queues that are empty
 *
 * Each payload is checked, so that a record is JSON at every instant and no Ruby page ever fails on it. cjson decides;
 * what it lets pass and JSON does not (control characters in strings, `1.`, broken UTF-8) is looked for by hand. Texts
 * without escapes and of ASCII alone that differ only in what their strings and numbers say are all JSON or all not:
 * of such a shape one is decoded in each call, which halves the cost.
 *
 * Once a job has been popped, nothing may raise before its record is written: a script is not rolled back. So what
 * could fail on a key of the wrong type is called by pcall.
 */
const finishAndReserve = script(`
local prefix, run_at, nonce, call = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local find, sub, gsub, byte, format = string.find, string.sub, string.gsub, string.byte, string.format
local plain, numbered, tail = prefix .. 'worker:' .. ARGV[7] .. ARGV[9], prefix .. 'worker:' .. ARGV[7] .. ARGV[8], ARGV[9]
local id_at = #prefix + 8
local numbers, states, keys = {}, {}, {KEYS[2]}
local n = 0
for number, state in string.gmatch(ARGV[10], '(%d+)(%S*)') do
  n = n + 1
  numbers[n], states[n] = number, state
  keys[n + 1] = number == '1' and plain or numbered .. number .. tail
end
local records = redis.call('MGET', unpack(keys))
local special = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0

local refused, free, ended = {}, {}, {}
local processed, failed = 0, 0
local extra = 11

local function append(count)
  for i = 1, count do
    local at = extra + 3 * (i - 1)
    local reply = redis.pcall('RPUSH', prefix .. ARGV[at], ARGV[at + 1])
    if type(reply) == 'table' and reply.err then return false end
    if ARGV[at + 2] ~= '' then redis.pcall('SADD', prefix .. ARGV[at + 2], ARGV[at]) end
  end
  return true
end

for i = 1, n do
  local state, record, why = states[i], records[i + 1], nil
  if state == '' then
    if record then
      why = 'o'
    elseif redis.call('SISMEMBER', KEYS[1], sub(keys[i + 1], id_at)) == 0 then
      why = 'u'
    end
  else
    local letter = sub(state, 1, 1)
    local mark = ',"run":"' .. nonce .. '.' .. sub(state, 2) .. '.' .. numbers[i] .. '"}'
    if not record or sub(record, -#mark) ~= mark then why = 'l' end
    if letter ~= 'd' then
      local field, count = '', 0
      if letter == 'c' or letter == 'f' then field = ARGV[extra]; extra = extra + 1 end
      if letter == 'f' then
        count = tonumber(ARGV[extra]); extra = extra + 1
        if not why and not append(count) then why = 'w' end
        extra = extra + 3 * count
      elseif letter == 'r' then
        if not why then
          local reply = redis.pcall('LPUSH', prefix .. 'queue:' .. ARGV[extra], ARGV[extra + 1])
          if type(reply) == 'table' and reply.err then why = 'w' else redis.pcall('SADD', KEYS[5], ARGV[extra]) end
        end
        extra = extra + 2
      end
      if not why and field ~= '' then redis.pcall('HDEL', KEYS[4], field) end
    end
    if not why then
      if letter ~= 'r' then processed = processed + 1 end
      if letter == 'f' then failed = failed + 1 end
      ended[#ended + 1] = i
    end
  end
  if why then refused[#refused + 1] = i .. why else free[#free + 1] = i end
end
if processed > 0 then redis.pcall('INCRBY', KEYS[6], processed) end
if failed > 0 then redis.pcall('INCRBY', KEYS[7], failed) end

local function is_careful_json(p)
  local bare = gsub(gsub(p, '\\\\.', ''), '"([^"]*)"', function(s) return find(s, '[%z\\1-\\31]') and '\\1' or '' end)
  if find(bare, '\\1', 1, true) or find(bare, '%.%D') or find(bare, '%D%.') then return false end
  if not find(p, '[\\128-\\255]') then return true end
  local s = gsub(p, '[\\194-\\223][\\128-\\191]', ' ')
  s = gsub(s, '\\224[\\160-\\191][\\128-\\191]', ' ')
  s = gsub(s, '\\237[\\128-\\159][\\128-\\191]', ' ')
  s = gsub(s, '[\\225-\\239][\\128-\\191][\\128-\\191]', function(t)
    return (byte(t) == 237) and t or ' '
  end)
  s = gsub(s, '\\240[\\144-\\191][\\128-\\191][\\128-\\191]', ' ')
  s = gsub(s, '[\\241-\\243][\\128-\\191][\\128-\\191][\\128-\\191]', ' ')
  s = gsub(s, '\\244[\\128-\\143][\\128-\\191][\\128-\\191]', ' ')
  return not find(s, '[\\128-\\255]')
end
local decode, known = cjson.decode, {}
local function is_json_object(p)
  local shape = gsub(gsub(p, '"[^"%c\\\\\\128-\\255]*"', '""'), '[1-9]%d*', '1')
  if known[shape] then return true end
  if byte(p) ~= 123 and not find(p, '^[ \\t\\r\\n]*{') then return false end
  if not pcall(decode, p) then return false end
  local is_plain = not find(shape, '[%c\\\\\\128-\\255]')
  if not is_plain or find(p, '.', 1, true) then
    if not is_careful_json(p) then return false end
  end
  if is_plain then known[shape] = true end
  return true
end

local paused = records[1] and string.lower(gsub(records[1], '%s', '')) == 'true'
local runs, deaths, wrapped, payloads, sets = {}, {}, {}, {}, {}
local taken = 0
local function take(name, index)
  local got = redis.pcall('LPOP', prefix .. 'queue:' .. name, #free - taken)
  if not got or got.err then return end
  local head = '{"queue":' .. gsub(cjson.encode(name), '\\\\/', '/') .. ',"run_at":"' .. run_at .. '","payload":'
  local mark = ',"run":"' .. nonce .. '.' .. call .. '.'
  for i = 1, #got do
    local p = got[i]
    taken = taken + 1
    local slot = free[taken]
    sets[2 * taken - 1] = keys[slot + 1]
    if is_json_object(p) then
      sets[2 * taken] = head .. p .. mark .. numbers[slot] .. '"}'
      payloads[taken] = p
    else
      local raw = '"' .. gsub(p, '[%c"\\\\\\127-\\255]', function(c) return format('\\\\u%04x', byte(c)) end) .. '"'
      sets[2 * taken] = head .. '{"class":"(not a job)","args":[' .. raw .. ']},"raw":' .. raw .. mark .. numbers[slot] .. '"}'
      payloads[taken] = raw
      wrapped[#wrapped + 1] = taken
    end
    if special then
      local count = redis.pcall('HGET', KEYS[4], redis.sha1hex(name .. '\\0' .. p))
      if type(count) == 'string' then deaths[#deaths + 1] = taken .. ':' .. count end
    end
  end
  runs[#runs + 1] = index .. ':' .. #got
end

if ARGV[5] ~= '' and #free > 0 and not paused then
  local invalid, depth = cjson.decode_invalid_numbers(), cjson.decode_max_depth()
  local names = decode(ARGV[5])
  cjson.decode_invalid_numbers(false)
  cjson.decode_max_depth(98)
  local held = {}
  if special then
    for _, name in ipairs(redis.pcall('SMEMBERS', KEYS[3])) do held[name] = true end
  end
  for from = 1, #names, 64 do
    local to = math.min(from + 63, #names)
    local any = true
    if #names > 8 then
      local some = {}
      for i = from, to do some[#some + 1] = prefix .. 'queue:' .. names[i] end
      any = redis.call('EXISTS', unpack(some)) > 0
    end
    if any then
      for i = from, to do
        if taken == #free then break end
        if not held[names[i]] then take(names[i], i) end
      end
    end
    if taken == #free then break end
  end
  cjson.decode_invalid_numbers(invalid)
  cjson.decode_max_depth(depth)
  if taken > 0 then redis.call('MSET', unpack(sets)) end
end
local used = {}
for i = 1, taken do used[free[i]] = true end
local gone = {}
for _, i in ipairs(ended) do
  if not used[i] then gone[#gone + 1] = keys[i + 1] end
end
if #gone > 0 then redis.call('DEL', unpack(gone)) end
local count = -1
if ARGV[6] == '1' then count = redis.pcall('SCARD', KEYS[5]) end

local function join(t) return table.concat(t, ' ') end
return {join(refused), join(runs), join(deaths), join(wrapped), paused and '1' or '', count, table.concat(payloads, '\\0')}
`)

const reasons: Record<string, Refusal> = { l: 'lost', o: 'occupied', u: 'unregistered', w: 'unwritable' }

/** Slots in one call at most: a Lua call takes a bounded number of arguments. */
export const MAX_OFFERED = 1_000

export class Slots {
  readonly #connection: Connection
  readonly #keys: Keys
  readonly #scriptKeys: string[]

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
    this.#scriptKeys = [
      keys.workers,
      keys.pauseAll,
      keys.pausedQueues,
      keys.deaths,
      keys.queues,
      keys.stat('processed'),
      keys.stat('failed'),
    ]
  }

  /** Ends jobs and takes new ones, in one step. `names` are the queues that `request.queues` holds as JSON. */
  async finishAndReserve(request: ReserveRequest, names: readonly string[]): Promise<ReserveReply> {
    const { naming } = request
    const extras: Arg[] = []
    let slots = ''
    for (const slot of request.slots) slots += `${slot.number}${stateOf(slot, extras)} `
    const reply = (await this.#connection.run(finishAndReserve, this.#scriptKeys, [
      this.#keys.prefix,
      request.runAt,
      request.nonce,
      request.call,
      request.queues ?? '',
      request.countQueues ? '1' : '',
      naming.host,
      naming.separator,
      naming.tail,
      slots,
      ...extras,
    ])) as string[]
    return readReply(names, reply)
  }

  /** The working records of these workers, as they stand; null where there is none. */
  async records(workerIds: string[]): Promise<(string | null)[]> {
    return (await this.#connection.send('mget', workerIds.map((id) => this.#keys.worker(id)))) as (string | null)[]
  }
}

function stateOf({ held }: OfferedSlot, extras: Arg[]): string {
  if (!held) return ''
  const { call, ending, deathField } = held
  switch (ending.kind) {
    case 'done':
      if (deathField === undefined) return `d${call}`
      extras.push(deathField)
      return `c${call}`
    case 'failed':
      extras.push(deathField ?? '', ending.entries.length)
      for (const { list, text, listedIn } of ending.entries) extras.push(list, text, listedIn ?? '')
      return `f${call}`
    case 'returned':
      extras.push(ending.queue, ending.payload)
      return `r${call}`
  }
}

function readReply(names: readonly string[], reply: string[]): ReserveReply {
  const [refusedText, runsText, deathsText, wrappedText, pausedText, queueCount, payloadsText] = reply as Reply
  const refused = words(refusedText).map((word) => ({
    slot: Number.parseInt(word, 10) - 1,
    reason: reasons[word.slice(-1)] as Refusal,
  }))
  const left = new Set(refused.map(({ slot }) => slot))
  const deaths = new Map(words(deathsText).map((word) => word.split(':').map(Number) as [number, number]))
  const wrapped = new Set(words(wrappedText).map(Number))
  const jobs: ReservedJob[] = []
  const payloads = runsText === '' ? [] : payloadsText.split('\0')
  let slot = -1
  for (const run of words(runsText)) {
    const [index, count] = run.split(':').map(Number) as [number, number]
    for (let i = 0; i < count; i++) {
      do slot++
      while (left.has(slot))
      const text = payloads[jobs.length] as string
      const number = jobs.length + 1
      jobs.push({
        slot,
        queue: names[index - 1] as string,
        payload: wrapped.has(number) ? Buffer.from(JSON.parse(text) as string, 'latin1') : text,
        deaths: deaths.get(number) ?? 0,
      })
    }
  }
  return { refused, jobs, isPaused: pausedText === '1', queueCount: Number(queueCount) }
}

type Reply = [
  refused: string,
  runs: string,
  deaths: string,
  wrapped: string,
  paused: string,
  queueCount: string,
  payloads: string,
]

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ')
}
