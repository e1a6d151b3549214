/**
 * The scripts of `delayed.ts`: a job leaves its list, the set of its times and the sorted set in one step, and a search
 * reads many times at once.
 */
import { script } from './scripts.js'

/** What the first two scripts end with: forgets that `entry` waits for this time, and the time when nothing waits for it. */
const forget = `
local function forget(entry)
  if not redis.call('LPOS', KEYS[1], entry) then redis.call('SREM', ARGV[1] .. 'timestamps:' .. entry, 'delayed:' .. ARGV[2]) end
end
local function forget_time()
  if redis.call('LLEN', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[2]) end
end`

/**
 * KEYS  1 delayed:<time>  2 delayed_queue_schedule  3 queues  4 trash  5 its part
 * ARGV  1 namespace with colon  2 time  3 a text that stands in no entry  4 ms the trash is kept, '0' for no trash
 *       then for each job: index, digest, queue or '' to remove it, payload
 * Reply how many were there
 * Cost  6 commands a job; one that has moved is looked for in its list, up to 1,000 before where it was
 */
export const takeScript = script(`
${forget}
local taken, count = {}, 0
for i = 5, #ARGV, 4 do
  local at, found = tonumber(ARGV[i]), nil
  local entry = redis.call('LINDEX', KEYS[1], at)
  if entry and string.sub(redis.sha1hex(entry), 1, 16) == ARGV[i + 1] then
    found = at
  else
    local low = math.max(0, at - 1000)
    local before = redis.call('LRANGE', KEYS[1], low, at)
    for j = #before, 1, -1 do
      if string.sub(redis.sha1hex(before[j]), 1, 16) == ARGV[i + 1] then found, entry = low + j - 1, before[j]; break end
    end
  end
  if found then
    local reply = ARGV[i + 2] ~= '' and redis.pcall('RPUSH', ARGV[1] .. 'queue:' .. ARGV[i + 2], ARGV[i + 3])
    if not (type(reply) == 'table' and reply.err) then
      if ARGV[i + 2] ~= '' then redis.call('SADD', KEYS[3], ARGV[i + 2]) end
      redis.call('LSET', KEYS[1], found, ARGV[3])
      if ARGV[4] ~= '0' then redis.call('RPUSH', KEYS[5], ARGV[2] .. ':' .. entry) end
      count = count + 1
      taken[count] = entry
    end
  end
end
if count > 0 then
  redis.call('LREM', KEYS[1], count, ARGV[3])
  for _, entry in ipairs(taken) do forget(entry) end
  if ARGV[4] ~= '0' then
    redis.call('HSET', KEYS[4], '0', 'delayed delayed jobs')
    redis.call('PEXPIRE', KEYS[4], ARGV[4])
    redis.call('PEXPIRE', KEYS[5], ARGV[4])
  end
end
forget_time()
return count`)

/**
 * KEYS  1 delayed:<time>  2 delayed_queue_schedule  3 trash  4 its part
 * ARGV  1 namespace with colon  2 time  3 ms the trash is kept  4 at most so many jobs
 * Reply how many were removed, from the tail
 * Cost  4 commands a job
 */
export const clearScript = script(`
${forget}
local count = 0
for i = 1, tonumber(ARGV[4]) do
  local entry = redis.call('RPOP', KEYS[1])
  if not entry then break end
  redis.call('RPUSH', KEYS[4], ARGV[2] .. ':' .. entry)
  forget(entry)
  count = count + 1
end
if count > 0 then
  redis.call('HSET', KEYS[3], '0', 'delayed delayed jobs')
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[3])
end
forget_time()
return count`)

/**
 * KEYS  1 delayed_queue_schedule
 * ARGV  1 namespace with colon  2 lowest score  3 a time  4 how many of its jobs are passed over
 *       5 at most so many jobs and times  6 bytes after which it ends
 * Reply '1' if the last time was read to its end, else '0'; '1' if there are more times; score of the last time; then for
 *       each time: the time, its jobs
 * Cost  1 command a time and a hundred jobs
 */
export const lookScript = script(`
local left, bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local times = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, left + 1)
local reply = { '1', '0', '' }
for i = 1, #times, 2 do
  if left <= 0 or bytes <= 0 then
    reply[2] = '1'
    break
  end
  local time, start, is_end = times[i], 0, false
  if time == ARGV[3] then start = tonumber(ARGV[4]) end
  local found = { time }
  repeat
    local count = math.min(left, 100)
    local jobs = redis.pcall('LRANGE', ARGV[1] .. 'delayed:' .. time, start, start + count - 1)
    if jobs.err then jobs = {} end
    for _, job in ipairs(jobs) do
      found[#found + 1] = job
      bytes = bytes - #job
    end
    start, left, is_end = start + #jobs, left - #jobs, #jobs < count
  until is_end or left <= 0 or bytes <= 0
  if is_end then left = left - 1 end
  reply[1], reply[3] = is_end and '1' or '0', times[i + 1]
  reply[#reply + 1] = found
end
return reply`)
