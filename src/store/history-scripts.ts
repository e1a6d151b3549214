/**
 * The two writers of history, as scripts: one call adds all that a process has to tell; and the reader of what is asked for
 * all queues at once. What they write stands in `history-layout.ts`; nothing here is newer than Redis 6.2.
 *
 * Every write is a pcall: a key of ours that holds something else costs its own figure and no other.
 */
import { BUCKET_COUNT } from './histogram.js'
import { type Layout, layout, limits } from './history-layout.js'
import { script } from './scripts.js'

/** A layout, as the scripts have it. */
function kindOf({ kind, seconds, slots, bytesPerNumber, ttlSeconds }: Layout): string {
  return `kind('${kind}', ${seconds}, ${slots}, ${bytesPerNumber}, ${ttlSeconds})`
}

/**
 * What both need. Expects `prefix` (the namespace with colon) and `now` (seconds) to be set.
 *
 * A key is made at its full size, so that it never grows (growing doubles what Redis sets aside), and is given its
 * time to live then, once.
 */
const common = `
local prefix, now = ARGV[1] .. 'metrics:', tonumber(ARGV[2])
if not now then now = tonumber(redis.call('TIME')[1]) end
local function kind(name, seconds, slots, bytes, ttl)
  local index = math.floor(now / seconds)
  return { block = prefix .. name .. ':' .. math.floor(index / slots) .. ':', at = index % slots, slots = slots,
    type = 'u' .. bytes * 8, ttl = ttl }
end
local minute, hour, day = ${kindOf(layout.minute)}, ${kindOf(layout.hour)}, ${kindOf(layout.day)}
local kinds = { minute, hour, day }
-- The key of a series, made if it is not there; each slot of it holds so many numbers.
local function ready(of, series, numbers)
  local key = of.block .. series
  if redis.call('EXISTS', key) == 0 then
    redis.call('BITFIELD', key, 'SET', of.type, '#' .. (of.slots * numbers - 1), 0)
    local isScoped = of == hour and string.find(series, ':', 1, true)
    redis.call('EXPIRE', key, isScoped and ${limits.scopedHourTtlSeconds} or of.ttl)
  end
  return key
end
-- Adds to a counter, in its minute and, unless it is only kept by minutes, in its hour and day.
local function add(series, by, minutesOnly)
  if by <= 0 then return end
  for i = 1, minutesOnly and 1 or 3 do
    local key, at = ready(kinds[i], series, 1), kinds[i].at
    redis.pcall('BITFIELD', key, 'OVERFLOW', 'SAT', 'INCRBY', 'u32', '#' .. at, by)
  end
end
local ln2, touched = math.log(2), {}
-- Lists a name under a cap, and says whether it is in. Scores are logarithms of activity that halves in a fixed time
-- (forward decay, so that old scores need no touch): the least active makes room for one that is twice as active.
local function admit(list, name, weight, halfLife, cap)
  if name == '' or #name > ${limits.nameBytes} or weight <= 0 then return false end
  local fresh = math.log(weight) / ln2 + now / halfLife
  local old = redis.pcall('ZSCORE', list, name)
  if type(old) == 'table' then return false end
  if old then
    local high, low = math.max(old, fresh), math.min(old, fresh)
    fresh = high + math.log(1 + 2 ^ (low - high)) / ln2
  elseif redis.call('ZCARD', list) >= cap then
    local least = redis.call('ZRANGE', list, 0, 0, 'WITHSCORES')
    if least[2] + 1 > fresh then return false end
    redis.call('ZREM', list, least[1])
  end
  redis.call('ZADD', list, string.format('%.12g', fresh), name)
  if not touched[list] then redis.call('EXPIRE', list, ${layout.hour.ttlSeconds}) end
  touched[list] = true
  return true
end`

/**
 * What a worker process counted since its last report.
 *
 * KEYS  1 metrics:queues  2 metrics:timed  3 metrics:classes  4 metrics:report:<process>
 * ARGV  1 namespace with colon  2 seconds since 1970, or '' for Redis' clock  3 number of the report, then for each
 *       queue or class: 'q' or 'c', name, done, failed, run counts, wait counts (each '' or by bucket, with commas)
 * Reply 1, or 0 if this report was there before: a report whose reply was lost may be sent again
 * Cost  about 12 commands for each queue or class that had jobs
 */
export const reportScript = script(`${common}
local before = redis.pcall('GET', KEYS[4])
if type(before) == 'string' and (tonumber(before) or 0) >= tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[4], ARGV[3], 'EX', ${limits.reportSeconds})
local minutes, hours, days = ${kindOf(layout.minuteHistogram)}, ${kindOf(layout.hourHistogram)}, ${kindOf(layout.dayHistogram)}
local function addHistogram(of, series, counts)
  local call, bucket = { 'BITFIELD', ready(of, series, ${BUCKET_COUNT}), 'OVERFLOW', 'SAT' }, 0
  for count in string.gmatch(counts, '[^,]+') do
    if count ~= '0' then
      for _, each in ipairs({ 'INCRBY', of.type, '#' .. (of.at * ${BUCKET_COUNT} + bucket), count }) do
        call[#call + 1] = each
      end
    end
    bucket = bucket + 1
  end
  redis.pcall(unpack(call))
end
add('reported', 1)
for i = 4, #ARGV, 6 do
  local scope, name, done, failed = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local list, cap, halfLife = KEYS[1], ${limits.queues}, ${limits.queueHalfLife}
  if scope == 'c' then list, cap, halfLife = KEYS[3], ${limits.classes}, ${limits.classHalfLife} end
  local own = admit(list, name, done + failed, halfLife, cap) and ':' .. scope .. ':' .. name or ':' .. scope .. '-'
  add('done' .. own, done, scope == 'c')
  add('failed' .. own, failed, scope == 'c')
  if scope == 'c' then
    local timed = admit(KEYS[2], name, done + failed, ${limits.classHalfLife}, ${limits.timedClasses})
    for j, series in ipairs({ 'run', 'wait' }) do
      local counts = ARGV[i + 3 + j]
      if counts ~= '' then
        local ofClass = series .. (timed and ':c:' .. name or ':c-')
        addHistogram(minutes, ofClass, counts)
        for _, of in ipairs({ minutes, hours, days }) do addHistogram(of, series, counts) end
      end
    end
  end
end
return 1`)

/**
 * One look at what any Resque leaves in Redis, by whoever holds the lease.
 *
 * KEYS  1 metrics:sampler  2 metrics:last  3 metrics:queues  4 metrics:deep  5 metrics:heads  6 queues  7 workers
 *       8 stat:processed  9 stat:failed
 * ARGV  1 namespace with colon  2 seconds since 1970, or '' for Redis' clock  3 name of the sampler  4 lease in ms
 * Reply 1, or 0 while another holds the lease
 * Cost  5 commands for an empty queue, 12 for one with jobs, of at most ${limits.sampledQueues} queues; a look at 4
 *       entries of each. For 200 queues with jobs about 8 ms
 *
 * Counters: what was added since the last look, which stands in Redis, so that no two looks count the same.
 *
 * Oldest job: a lower bound, by two rules of a list that is pushed at its tail and popped at its head.
 *  1. The first entries (up to 4, not all the same) still are the first: the head is as old as its first sighting.
 *  2. A mark (time t, length n, jobs ended c) and now c' ended and b busy: at most p = c' - c + b were popped since t,
 *     in all queues. If p < n, the head of now was already there at t. A queue that is shorter than n - p was cut by
 *     somebody, and the mark is void.
 */
export const sampleScript = script(`${common}
if redis.pcall('GET', KEYS[1]) ~= ARGV[3] then
  if redis.call('PTTL', KEYS[1]) == -1 then redis.call('DEL', KEYS[1]) end
  if not redis.call('SET', KEYS[1], ARGV[3], 'NX', 'PX', ARGV[4]) then return 0 end
else
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
-- The last look of a minute stays; of an hour and a day, the highest. A queue that is always empty costs no memory.
local function gauge(series, value, minutesOnly)
  value = math.min(value, 4294967295)
  if value > 0 or redis.call('EXISTS', minute.block .. series) == 1 then
    redis.pcall('BITFIELD', ready(minute, series, 1), 'SET', 'u32', '#' .. minute.at, value)
  end
  if minutesOnly or value <= 0 then return end
  for _, of in ipairs({ hour, day }) do
    local key = ready(of, series, 1)
    local before = redis.pcall('BITFIELD', key, 'GET', 'u32', '#' .. of.at)
    if not before.err and before[1] < value then redis.pcall('BITFIELD', key, 'SET', 'u32', '#' .. of.at, value) end
  end
end
local function numberAt(key)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and tonumber(value) or 0
end
local function members(key)
  local all = redis.pcall('SMEMBERS', key)
  return all.err and {} or all
end

local processed, failed = numberAt(KEYS[8]), numberAt(KEYS[9])
if redis.call('TYPE', KEYS[2]).ok ~= 'hash' then redis.call('DEL', KEYS[2]) end
local last = redis.call('HMGET', KEYS[2], 'processed', 'failed', 'at')
local passed = now - (tonumber(last[3]) or 0)
if passed > 0 and passed <= ${limits.longestLookSeconds} then
  local didProcess, didFail = processed - (tonumber(last[1]) or 0), failed - (tonumber(last[2]) or 0)
  if didProcess < 0 or didFail < 0 then
    add('broken', 1)
  else
    add('processed', didProcess)
    add('failed', didFail)
    add('counted', 1)
  end
end
redis.call('HSET', KEYS[2], 'processed', processed, 'failed', failed, 'at', now)
redis.call('EXPIRE', KEYS[2], 86400)
add('seen', 1)

local workers, busy = members(KEYS[7]), 0
for from = 1, #workers, 500 do
  local keys = {}
  for i = from, math.min(from + 499, #workers) do keys[#keys + 1] = ARGV[1] .. 'worker:' .. workers[i] end
  busy = busy + redis.call('EXISTS', unpack(keys))
end
gauge('workers', #workers)
gauge('busy', busy)

local ended = processed + failed
local function ageOf(queue, key, length)
  local ok, note = pcall(cmsgpack.unpack, redis.call('HGET', KEYS[5], queue) or '')
  if not ok or type(note) ~= 'table' or type(note.first) ~= 'table' or type(note.marks) ~= 'table' or not tonumber(note.since) then
    note = { first = {}, since = now, marks = {} }
  end
  local first, isSame, isMixed = {}, true, false
  for i, entry in ipairs(redis.call('LRANGE', key, 0, 3)) do
    first[i] = string.sub(redis.sha1hex(#entry .. ':' .. string.sub(entry, 1, 1024)), 1, 12)
    if note.first[i] then
      isSame = isSame and note.first[i] == first[i]
      isMixed = isMixed or first[i] ~= first[1]
    end
  end
  if not (isSame and isMixed) then note.since = now end
  local marks, oldest = {}, now
  for _, mark in ipairs(note.marks) do
    local at, count, before = tonumber(mark[1]), tonumber(mark[2]), tonumber(mark[3])
    local popped = before and ended - before + busy
    if popped and ended >= before and popped < count and length >= count - popped and at <= now then
      marks[#marks + 1] = mark
      oldest = math.min(oldest, at)
    end
  end
  marks[#marks + 1] = { now, length, ended }
  if #marks > 10 then
    local thinned = { marks[1] }
    for i = 3, #marks, 2 do thinned[#thinned + 1] = marks[i] end
    marks = thinned
  end
  redis.call('HSET', KEYS[5], queue, cmsgpack.pack({ first = first, since = note.since, marks = marks }))
  return now - math.min(note.since, oldest)
end

if redis.call('TYPE', KEYS[5]).ok ~= 'hash' then redis.call('DEL', KEYS[5]) end
local names, depth, oldest, restDepth, restOldest, noted = members(KEYS[6]), 0, 0, 0, 0, {}
table.sort(names)
for i = 1, math.min(#names, ${limits.sampledQueues}) do
  local name = names[i]
  local key = ARGV[1] .. 'queue:' .. name
  local length = redis.pcall('LLEN', key)
  if type(length) == 'number' then
    local age = 0
    local isIn = admit(KEYS[3], name, 1 + length, ${limits.queueHalfLife}, ${limits.queues})
    if length > 0 and #name <= ${limits.nameBytes} then
      age = ageOf(name, key, length)
      noted[name] = true
      admit(KEYS[4], name, length, ${limits.deepHalfLife}, ${limits.queues})
    end
    depth, oldest = depth + length, math.max(oldest, age)
    if isIn then
      gauge('depth:q:' .. name, length)
      gauge('oldest:q:' .. name, age, true)
    else
      restDepth, restOldest = restDepth + length, math.max(restOldest, age)
    end
  end
end
gauge('depth', depth)
gauge('oldest', oldest)
gauge('depth:q-', restDepth)
gauge('oldest:q-', restOldest, true)
for _, name in ipairs(redis.call('HKEYS', KEYS[5])) do
  if not noted[name] then redis.call('HDEL', KEYS[5], name) end
end
redis.call('EXPIRE', KEYS[5], 3600)
return 1`)

/**
 * The same minutes of every queue that has figures of its own.
 *
 * KEYS  1 metrics:queues
 * ARGV  1 namespace with colon, then of each key that the minutes lie in (two where a day ends among them): block, first
 *       byte, last byte
 * Reply `seen`, `reported`, then of each queue: its name, its depth, oldest, done, failed; each the bytes of all minutes
 * Cost  4 commands a queue, twice as many around midnight: about 2 ms for 200 queues
 */
export const queueMinutesScript = script(`
local pieces = {}
for i = 2, #ARGV, 3 do
  local empty = string.rep('\\0', ARGV[i + 2] - ARGV[i + 1] + 1)
  pieces[#pieces + 1] = { ARGV[1] .. 'metrics:${layout.minute.kind}:' .. ARGV[i] .. ':', ARGV[i + 1], ARGV[i + 2], empty }
end
local function minutes(series)
  local bytes = ''
  for _, piece in ipairs(pieces) do
    local part = redis.pcall('GETRANGE', piece[1] .. series, piece[2], piece[3])
    -- A key has its full size from its first byte on.
    bytes = bytes .. (type(part) == 'string' and #part == #piece[4] and part or piece[4])
  end
  return bytes
end
local reply = { minutes('seen'), minutes('reported') }
local names = redis.pcall('ZREVRANGE', KEYS[1], 0, -1)
for _, name in ipairs(names.err and {} or names) do
  reply[#reply + 1] = name
  for _, figure in ipairs({ 'depth', 'oldest', 'done', 'failed' }) do
    reply[#reply + 1] = minutes(figure .. ':q:' .. name)
  end
end
return reply`)
