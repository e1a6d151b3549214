/**
 * Who paused a queue, or all workers, and when: beside the keys that pause, which say that they do and no more. Whoever
 * gives no name, or pauses by those keys themselves, is not known.
 */

export interface PauseNote {
  by: string
  at: Date
}

/** The field for all workers. */
export const ALL = 'all'

/** What stands before the name of a queue in its field. */
export const QUEUE = 'queue:'

export function fieldOf(queue: string): string {
  return QUEUE + queue
}

/** A name may come from a proxy. */
const MAX_NAME = 200

/**
 * `note(field, by)`: notes who paused it just now, or, by '', that nobody knows. What is paused no more is forgotten here,
 * so there are never more notes than paused queues, and one more. For scripts that have `paused` and `notes`.
 */
export const luaNote = `
local function note(field, by)
  for _, each in ipairs(redis.pcall('HKEYS', notes)) do
    if each ~= '${ALL}' and redis.pcall('SISMEMBER', paused, string.sub(each, ${QUEUE.length + 1})) ~= 1 then
      redis.call('HDEL', notes, each)
    end
  end
  if by == '' then return redis.pcall('HDEL', notes, field) end
  local time = redis.call('TIME')
  redis.pcall('HSET', notes, field, string.format('%d %s', time[1] * 1000 + math.floor(time[2] / 1000), by))
end`

/** A name as a note holds it. */
export function noteName(by: string | undefined): string {
  return (by ?? '').slice(0, MAX_NAME).toWellFormed()
}

/** Undefined where it is none. */
export function readNote(text: string | null): PauseNote | undefined {
  const [, ms = '', by = ''] = /^(\d{1,15}) (.+)$/s.exec(text ?? '') ?? []
  return by === '' ? undefined : { by, at: new Date(Number(ms)) }
}
