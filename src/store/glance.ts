/**
 * One look at everything that is counted: queues and their lengths, workers and what they do, failures. It is one
 * script, so that it is one round trip and one moment; what is broken in Redis is left out and breaks nothing.
 */
import { closed, isJsonObject, parseJson } from '../json.js'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { ALL, type PauseNote, QUEUE, readNote } from './paused-by.js'
import { digest, readWorkingRecord } from './records.js'
import { script } from './scripts.js'
import { readCount } from './stats.js'
import { readKind, readWorkerId, type Vitals } from './workers.js'

/** More of a working record is not read: the rest of it is a long payload. */
const RECORD_BYTES = 4_096

/**
 * KEYS  1 queues  2 workers  3 workers:heartbeat  4 workers:kind  5 queues:paused  6 pause-all-workers  7 failed_queues
 *       8 failed  9 web:paused
 * ARGV  1 namespace with colon  2 bytes of a record that are wanted  3 the field of all workers  4 what stands before a queue in its field
 * Reply processed, failed ever, pause-all, Redis' seconds, paused queues, then lists of: name, length of each queue;
 *       id, heartbeat, kind, started, bytes of the record, its beginning of each worker; name, length of each failed list;
 *       and who paused all, and each of the paused queues
 * Cost  1 command a queue and a failed list; for the workers 3 a thousand, and 1 for each fifty; 9 more
 */
const glanceScript = script(`
local prefix, most = ARGV[1], tonumber(ARGV[2])
local function ask(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then return false end
  return reply
end
local queues = {}
for _, name in ipairs(ask('SMEMBERS', KEYS[1]) or {}) do
  queues[#queues + 1] = name
  queues[#queues + 1] = ask('LLEN', prefix .. 'queue:' .. name) or -1
end
local workers, ids = {}, ask('SMEMBERS', KEYS[2]) or {}
local function of_each(size, before, after, handle, ...)
  for from = 1, #ids, size do
    local to, question = math.min(from + size - 1, #ids), {...}
    for i = from, to do question[#question + 1] = before .. ids[i] .. after end
    local values = ask(unpack(question)) or {}
    for i = from, to do handle(6 * (i - 1), values[i - from + 1] or false) end
  end
end
for i, id in ipairs(ids) do workers[6 * i - 5] = id end
of_each(1000, '', '', function(at, heartbeat) workers[at + 2] = heartbeat or '' end, 'HMGET', KEYS[3])
of_each(1000, '', '', function(at, kind) workers[at + 3] = kind or '' end, 'HMGET', KEYS[4])
of_each(1000, prefix .. 'worker:', ':started', function(at, started) workers[at + 4] = started or '' end, 'MGET')
-- Few at a time: each may be as long as a payload.
of_each(50, prefix .. 'worker:', '', function(at, record)
  workers[at + 5] = record and #record or -1
  workers[at + 6] = record and string.sub(record, 1, most) or ''
end, 'MGET')
local failed = { 'failed', ask('LLEN', KEYS[8]) or 0 }
for _, name in ipairs(ask('SMEMBERS', KEYS[7]) or {}) do
  failed[#failed + 1] = name
  failed[#failed + 1] = ask('LLEN', prefix .. name) or 0
end
local counted = redis.call('MGET', prefix .. 'stat:processed', prefix .. 'stat:failed', KEYS[6])
local paused, notes = ask('SMEMBERS', KEYS[5]) or {}, {}
if counted[3] or #paused > 0 then
  local fields = { ARGV[3] }
  for i = 1, math.min(#paused, 1000) do fields[i + 1] = ARGV[4] .. paused[i] end
  notes = ask('HMGET', KEYS[9], unpack(fields)) or {}
end
return {
  counted[1] or '0', counted[2] or '0', counted[3] or '', redis.call('TIME')[1], paused, queues, workers, failed, notes
}`)

export interface QueueGlance {
  name: string
  /** -1 where its key holds no list. */
  size: number
  isPaused: boolean
  /** Where it is known. */
  pausedBy: PauseNote | undefined
}

/** What a worker works on, as far as its record is to be read. */
export interface JobGlance {
  queue: string
  class: string
  runAt: string
  /** Undefined where the payload is no job. */
  payload: Readonly<Record<string, unknown>> | undefined
  /** Of a record that is long, the payload is its beginning alone. */
  isWhole: boolean
  /** Names a long record (`longDigest`); '' of others. */
  digest: string
  /** The record, or its beginning, where it is no record. */
  broken: string | undefined
  bytes: number
}

export interface WorkerGlance {
  id: string
  host: string
  pid: number
  queues: string[]
  started: string
  heartbeat: string | undefined
  /** The first slot of its process, for a worker of ours; undefined for Ruby's. */
  process: string | undefined
  deadAfterMs: number | undefined
  /** How its process is; of the first slot alone. */
  vitals: Vitals | undefined
  job: JobGlance | undefined
}

export interface Glance {
  /** By Redis' clock. */
  at: Date
  processed: number
  failedEver: number
  isAllPaused: boolean
  /** Where it is known. */
  allPausedBy: PauseNote | undefined
  /** In byte order. */
  queues: QueueGlance[]
  /** In the order of their ids. */
  workers: WorkerGlance[]
  /** Failed lists, `failed` first. */
  failedLists: { name: string; size: number }[]
}

export class Glances {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  async read(): Promise<Glance> {
    const { queues, workers, heartbeats, kinds, pausedQueues, pauseAll, failedQueues, failed } = this.#keys
    const { pausedBy, prefix } = this.#keys
    const keys = [queues, workers, heartbeats, kinds, pausedQueues, pauseAll, failedQueues, failed, pausedBy]
    const reply = (await this.#connection.run(glanceScript, keys, [prefix, RECORD_BYTES, ALL, QUEUE])) as [
      ...[processed: string, failed: string, pauseAll: string, seconds: string],
      ...[
        paused: string[],
        queues: (string | number)[],
        workers: (string | number)[],
        failed: (string | number)[],
        notes: (string | null)[],
      ],
    ]
    const isAllPaused = reply[2].trim().toLowerCase() === 'true'
    const [ofAll = null, ...ofQueues] = reply[8]
    const paused = new Map(reply[4].map((name, i) => [name, readNote(ofQueues[i] ?? null)]))
    return {
      at: new Date(Number(reply[3]) * 1_000),
      processed: readCount(reply[0]),
      failedEver: readCount(reply[1]),
      isAllPaused,
      allPausedBy: isAllPaused ? readNote(ofAll) : undefined,
      queues: inGroups(reply[5], 2)
        .map(([name, size]) => ({
          name: String(name),
          size: Number(size),
          isPaused: paused.has(String(name)),
          pausedBy: paused.get(String(name)),
        }))
        .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))),
      workers: inGroups(reply[6], 6)
        .map(readWorker)
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      failedLists: inGroups(reply[7], 2).map(([name, size]) => ({ name: String(name), size: Number(size) })),
    }
  }
}

function readWorker([id, heartbeat, kindText, started, bytes, record]: (string | number)[]): WorkerGlance {
  const kind = readKind(String(kindText))
  return {
    id: String(id),
    ...readWorkerId(String(id)),
    started: String(started),
    heartbeat: heartbeat === '' ? undefined : String(heartbeat),
    process: kind?.process,
    deadAfterMs: kind?.deadAfterMs || undefined,
    vitals: kind?.vitals,
    job: bytes === -1 ? undefined : readJobGlance(String(record), Number(bytes)),
  }
}

function readJobGlance(text: string, bytes: number): JobGlance {
  const isWhole = bytes <= RECORD_BYTES
  const record = readWorkingRecord(isWhole ? text : closed(text))
  const known = { isWhole, digest: isWhole ? '' : digest(`${bytes} ${text}`), bytes }
  if (!record) return { queue: '', class: '', runAt: '', payload: undefined, broken: text, ...known }
  const value = parseJson(record.payload.toString())
  const payload = isJsonObject(value) ? value : undefined
  return {
    queue: record.queue,
    runAt: record.runAt,
    class: typeof payload?.class === 'string' ? payload.class : '',
    payload,
    broken: payload ? undefined : record.payload.toString(),
    ...known,
  }
}

/**
 * What names a record that is longer than is read of it: its length and its beginning, in which the time stands. A digest
 * of all of it would cost Redis more, at each look.
 */
export function longDigest(record: Buffer): string {
  return digest(`${record.length} ${record.subarray(0, RECORD_BYTES)}`)
}

function inGroups<T>(flat: readonly T[], size: number): T[][] {
  const groups: T[][] = []
  for (let i = 0; i + size <= flat.length; i += size) groups.push(flat.slice(i, i + size))
  return groups
}
