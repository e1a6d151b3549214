/**
 * The scripts that act on entries of a list by their content, a hundred a call: removing, and putting back.
 *
 * An entry is named by its digest, and by the index where it was seen. Others remove entries meanwhile, which moves
 * those behind them towards the head; so each is looked for where it was, then below. What is not found within reach is
 * said, and nothing else is touched. Entries with the same bytes stand for one another.
 *
 * A call that belongs to an operation of the web pages counts in the same step what it did, and does nothing when
 * the operation is no longer its caller's. So an operation that dies between two calls can be taken up by another, and
 * its counts are true.
 */
import { script } from './scripts.js'

/**
 * `locate(index, digest)`, to be called by falling index. An entry moves as far as so many below it were removed, so
 * one below another has moved no farther than that: once one was found, the search for those below it is as short.
 */
const locate = `
local sub = string.sub
local seen, reach = {}, tonumber(ARGV[1])
local shift, looks = nil, 0
local function digest_at(i)
  if seen[i] == nil then
    local entry = redis.call('LINDEX', KEYS[1], i)
    seen[i] = entry and sub(redis.sha1hex(entry), 1, 16) or false
  end
  return seen[i]
end
local function locate(index, digest)
  local first = index - (shift or 0)
  if first >= 0 and digest_at(first) == digest then
    shift = shift or 0
    return first
  end
  local low = math.max(0, index - (shift or reach))
  if looks > 2000 then return nil end
  looks = looks + index - low
  local is_known = true
  for i = low, index do if seen[i] == nil then is_known = false end end
  if not is_known then
    local entries = redis.call('LRANGE', KEYS[1], low, index)
    for i = 1, index - low + 1 do
      local at = low + i - 1
      if seen[at] == nil then seen[at] = entries[i] and sub(redis.sha1hex(entries[i]), 1, 16) or false end
    end
  end
  for i = index, low, -1 do
    if seen[i] == digest then
      shift = index - i
      return i
    end
  end
  return nil
end`

/** `is_lost()` before anything is done, `count(done)` and `defer(ref)` after it. ARGV 2-8, KEYS 2-3 in both scripts. */
const operation = `
local owner = ARGV[2]
local function is_lost()
  if owner == '' then return false end
  local state = redis.call('HMGET', KEYS[2], 'owner', 'state', 'cursor')
  return state[1] ~= owner or state[2] ~= 'running' or state[3] ~= ARGV[8]
end
local function count(done, deferred)
  if owner == '' then return end
  local now = redis.call('TIME')
  if ARGV[6] ~= '' then deferred = ARGV[6] .. (deferred ~= '' and ' ' or '') .. deferred end
  if deferred ~= '' then redis.call('RPUSH', KEYS[3], ARGV[7] .. deferred) end
  redis.call('HINCRBY', KEYS[2], 'done', done)
  redis.call('HINCRBY', KEYS[2], 'skipped', ARGV[4])
  redis.call('HINCRBY', KEYS[2], 'gone', ARGV[5])
  redis.call('HINCRBY', KEYS[2], 'cursor', 1)
  redis.call('HSET', KEYS[2], 'lease', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[3])
end`

/**
 * KEYS  1 the list  2 the operation  3 its refs  4 trash  5 its part
 * ARGV  1 how far below to look  2 the operation's owner, '' where there is none  3 lease in ms  4 skipped  5 gone
 *       6 refs to be put off whatever happens, '<index>.<digest> …'  7 what stands before refs that are put off
 *       8 how many steps the operation has done, as the caller knows  9 a text that stands in no entry
 *       10 ms the trash is kept, '0' for no trash  11 number of the part  12 what the part is
 *       then for each entry, by falling index: index, digest
 * Reply false when the operation is not the caller's, or this step was done before; else a letter for each entry: d(one), or m(issing within reach)
 * Cost  a hundred entries: 2 commands each, one LREM that walks the list once, and at most 2,000 digests
 *
 * LSET puts the mark where an entry was; LREM takes the marks away before anybody can see one.
 */
export const removeScript = script(`
${locate}
${operation}
if is_lost() then return false end
local letters, deferred, done = {}, {}, 0
local mark, ttl, part = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
local highest = -1
for i = 13, #ARGV, 2 do
  local at = locate(tonumber(ARGV[i]), ARGV[i + 1])
  if at then
    local entry = redis.call('LINDEX', KEYS[1], at)
    if ttl > 0 then redis.call('RPUSH', KEYS[5], at .. ':' .. entry) end
    redis.call('LSET', KEYS[1], at, mark)
    seen[at] = false
    done = done + 1
    if at > highest then highest = at end
    letters[#letters + 1] = 'd'
  else
    letters[#letters + 1] = 'm'
    deferred[#deferred + 1] = ARGV[i] .. '.' .. ARGV[i + 1]
  end
end
if done > 0 then
  local is_near_head = highest < redis.call('LLEN', KEYS[1]) / 2
  redis.call('LREM', KEYS[1], is_near_head and done or -done, mark)
  if ttl > 0 then
    redis.call('HSET', KEYS[4], part, ARGV[12])
    redis.call('PEXPIRE', KEYS[4], ttl)
    for i = 0, part do redis.call('PEXPIRE', sub(KEYS[5], 1, -#ARGV[11] - 1) .. i, ttl) end
  end
end
count(done, table.concat(deferred, ' '))
return table.concat(letters)`)

/**
 * KEYS  1 the failed list  2 the operation  3 its refs  4 queues
 * ARGV  1-8 as above  9 a text that stands in no entry  10 namespace with colon
 *       then for each entry, by falling index: index, digest, the entry as it shall stand or '' to drop it, queue, payload
 * Reply as above; w where the queue's key is of another type, and the entry stays as it was
 * Cost  a hundred entries: 5 commands each and at most 2,000 digests; one LREM if any is dropped
 *
 * The job goes on its queue before the entry is changed: a script is not rolled back, and RPUSH is what may fail.
 */
export const requeueScript = script(`
${locate}
${operation}
if is_lost() then return false end
local letters, deferred, done, dropped, wrong = {}, {}, 0, 0, 0
for i = 11, #ARGV, 5 do
  local at = locate(tonumber(ARGV[i]), ARGV[i + 1])
  if at then
    local reply = redis.pcall('RPUSH', ARGV[10] .. 'queue:' .. ARGV[i + 3], ARGV[i + 4])
    if type(reply) == 'table' and reply.err then
      letters[#letters + 1] = 'w'
      wrong = wrong + 1
    else
      redis.call('SADD', KEYS[4], ARGV[i + 3])
      redis.call('LSET', KEYS[1], at, ARGV[i + 2] == '' and ARGV[9] or ARGV[i + 2])
      if ARGV[i + 2] == '' then dropped = dropped + 1 end
      seen[at] = nil
      done = done + 1
      letters[#letters + 1] = 'd'
    end
  else
    letters[#letters + 1] = 'm'
    deferred[#deferred + 1] = ARGV[i] .. '.' .. ARGV[i + 1]
  end
end
if dropped > 0 then redis.call('LREM', KEYS[1], -dropped, ARGV[9]) end
ARGV[4] = ARGV[4] + wrong
count(done, table.concat(deferred, ' '))
return table.concat(letters)`)

/**
 * KEYS  1 the list
 * ARGV  1 first index  2 last index
 * Reply length of the list, then the digest of each entry
 * Cost  one digest an entry
 */
export const digestsScript = script(`
local reply = {redis.call('LLEN', KEYS[1])}
for i, entry in ipairs(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  reply[i + 1] = string.sub(redis.sha1hex(entry), 1, 16)
end
return reply`)

/**
 * KEYS  1 the list
 * ARGV  1 first index  2 last index  3 at most so many bytes of an entry
 * Reply length of the list, then for each entry: size in bytes, digest, its bytes or the first of them
 * Cost  one digest an entry
 */
export const peekScript = script(`
local reply = {redis.call('LLEN', KEYS[1])}
for i, entry in ipairs(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  reply[3 * i - 1] = #entry
  reply[3 * i] = string.sub(redis.sha1hex(entry), 1, 16)
  reply[3 * i + 1] = string.sub(entry, 1, tonumber(ARGV[3]))
end
return reply`)

/**
 * KEYS  the lists, one after the other
 * ARGV  1 number of the list to begin in  2 index to begin at, or '' for where a list begins
 *       3 1 towards tails, -1 towards heads  4 at most so many entries
 *       5 end after so many bytes of entries  6 or of what is replied
 *       7 bytes that an entry must hold, '' for any
 * Reply how many entries were looked at; the list, one behind the last where nothing is left, and the index to go on at;
 *       then for each entry that holds the bytes: its list, its index, the how manieth it was, its bytes
 * Cost  a command for each four entries, a few for each list; it ends within four entries of its bounds, since only
 *       their bytes tell their size
 */
export const seekScript = script(`
local list, at = tonumber(ARGV[1]), tonumber(ARGV[2])
local step, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local left, space = tonumber(ARGV[5]), tonumber(ARGV[6])
local reply, looked = {0, 0, 0}, 0
local function go_on()
  while KEYS[list] do
    local length = redis.call('LLEN', KEYS[list])
    at = step > 0 and (at or 0) or math.min(at or length, length - 1)
    if at >= 0 and at < length then return end
    list, at = list + 1, nil
  end
end
go_on()
while KEYS[list] and looked < most and left > 0 and space > 0 do
  local count = math.min(4, most - looked)
  local low = step > 0 and at or math.max(0, at - count + 1)
  local entries = redis.call('LRANGE', KEYS[list], low, step > 0 and at + count - 1 or at)
  for i = 1, #entries do
    local place = step > 0 and i or #entries + 1 - i
    local entry = entries[place]
    left = left - #entry
    if string.find(entry, ARGV[7], 1, true) then
      space = space - #entry
      for _, each in ipairs({ list, low + place - 1, looked + i, entry }) do reply[#reply + 1] = each end
    end
  end
  looked = looked + #entries
  at = step > 0 and at + #entries or low - 1
  if at < 0 or #entries < count then go_on() end
end
go_on()
reply[1], reply[2], reply[3] = looked, list, at or 0
return reply`)

/**
 * KEYS  the lists
 * ARGV  for each list: two indexes
 * Reply for each list: its length, the digest of the entry at each index or '' where there is none
 * Cost  3 commands a list
 */
export const endsScript = script(`
local reply = {}
for i, key in ipairs(KEYS) do
  reply[3 * i - 2] = redis.call('LLEN', key)
  for j = 0, 1 do
    local entry = redis.call('LINDEX', key, ARGV[2 * i - 1 + j])
    reply[3 * i - 1 + j] = entry and string.sub(redis.sha1hex(entry), 1, 16) or ''
  end
end
return reply`)

/**
 * KEYS  the lists
 * ARGV  1 at most so many bytes of an entry  2 how far below to look  3 at most so many digests of that
 *       then for each entry: number of its list, index, digest
 * Reply for each entry: the index where it is, or -1; size in bytes; its bytes or the first of them
 * Cost  2 commands an entry; digests as ARGV 3 says, and one or two an entry
 *
 * Where one entry was found some places below, the next is tried as far below first. No place is given twice.
 */
export const glimpseScript = script(`
local sub, most, reach, left = string.sub, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local taken, shifts, reply = {}, {}, {}
local function tell(...)
  for _, each in ipairs({ ... }) do reply[#reply + 1] = each end
end
local function is_wanted(list, at, entry, digest)
  return entry and not taken[list .. ':' .. at] and sub(redis.sha1hex(entry), 1, 16) == digest
end
for i = 4, #ARGV, 3 do
  local list, index, digest = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]
  local at = math.max(0, index - (shifts[list] or 0))
  local entry = redis.call('LINDEX', KEYS[list], at)
  if not is_wanted(list, at, entry, digest) then
    entry = nil
    local low = math.max(0, index - math.min(reach, left - 1))
    local near = left > 0 and redis.call('LRANGE', KEYS[list], low, index) or {}
    left = left - #near
    for j = #near, 1, -1 do
      if is_wanted(list, low + j - 1, near[j], digest) then
        at, entry = low + j - 1, near[j]
        shifts[list] = index - at
        break
      end
    end
  end
  if entry then
    taken[list .. ':' .. at] = true
    tell(at, #entry, sub(entry, 1, most))
  else
    tell(-1, 0, '')
  end
end
return reply`)
