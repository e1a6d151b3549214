/**
 * The scripts behind `workers.ts`: registering, beating, being told what to do, leaving.
 */
import { script } from './scripts.js'

/** ISO 8601 seconds with a numeric offset, as Ruby writes a heartbeat, from Redis' clock. */
const luaClock = `
local function clock()
  local now = tonumber(redis.call('TIME')[1])
  local days, rest = math.floor(now / 86400), now % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day, month = doy - math.floor((153 * mp + 2) / 5) + 1, mp + (mp < 10 and 3 or -9)
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d+00:00', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60)
end`

/**
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind  4 workers:orders
 * ARGV  1 namespace with colon  2 started text  3 kind JSON  4… worker ids
 * Reply the ids that another process holds; if there are any, nothing was done
 * Cost  5 commands a worker; the heartbeat stands before the id is in the set, as Ruby has it
 */
export const registerScript = script(`${luaClock}
local at, taken = clock(), {}
for i = 4, #ARGV do
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 1 or redis.call('EXISTS', ARGV[1] .. 'worker:' .. ARGV[i]) == 1 then
    taken[#taken + 1] = ARGV[i]
  end
end
if #taken > 0 then return taken end
for i = 4, #ARGV do
  redis.call('HSET', KEYS[2], ARGV[i], at)
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[3])
  redis.call('HDEL', KEYS[4], ARGV[i])
  redis.call('SADD', KEYS[1], ARGV[i])
  redis.call('SET', ARGV[1] .. 'worker:' .. ARGV[i] .. ':started', ARGV[2])
end
return taken`)

/**
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind  4 workers:orders
 * ARGV  1 namespace with colon  2 kind JSON of the first worker, with its vitals, or '' to leave it as it is
 *       then for each worker: id, jobs processed and jobs failed since the last beat
 * Reply 1 what the first worker is told to do, or ''  2 the ids that are not registered (any more): they got no heartbeat
 * Cost  6 commands, and 2 for each worker that worked
 *
 * SREM changes nothing. It is there to be the first write, and one that needs no memory: Redis asks only before the
 * first whether memory is full, and a full memory makes nobody dead.
 */
export const beatScript = script(`${luaClock}
local ids, gone, fields, at = {}, {}, {}, clock()
for i = 3, #ARGV, 3 do ids[#ids + 1] = ARGV[i] end
redis.call('SREM', KEYS[1], '')
local registered = redis.call('SMISMEMBER', KEYS[1], unpack(ids))
for i, id in ipairs(ids) do
  if registered[i] == 0 then
    gone[#gone + 1] = id
  else
    fields[#fields + 1] = id
    fields[#fields + 1] = at
    local processed, failed = ARGV[3 * i + 1], ARGV[3 * i + 2]
    if processed ~= '0' then redis.pcall('INCRBY', ARGV[1] .. 'stat:processed:' .. id, processed) end
    if failed ~= '0' then redis.pcall('INCRBY', ARGV[1] .. 'stat:failed:' .. id, failed) end
  end
end
if #fields > 0 then redis.call('HSET', KEYS[2], unpack(fields)) end
if ARGV[2] ~= '' and registered[1] == 1 then redis.pcall('HSET', KEYS[3], ids[1], ARGV[2]) end
local order = redis.pcall('HGET', KEYS[4], ids[1])
return {type(order) == 'string' and order or '', gone}`)

/**
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind  4 workers:orders
 * ARGV  1 namespace with colon  2… worker ids
 * Reply the ids that still hold a job: they are left for recovery to find
 * Cost  6 commands a worker
 */
export const unregisterScript = script(`
local busy = {}
for i = 2, #ARGV do
  local id, key = ARGV[i], ARGV[1] .. 'worker:' .. ARGV[i]
  if redis.call('EXISTS', key) == 1 then
    busy[#busy + 1] = id
  else
    redis.call('SREM', KEYS[1], id)
    redis.call('DEL', key .. ':started', ARGV[1] .. 'stat:processed:' .. id, ARGV[1] .. 'stat:failed:' .. id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
    redis.call('HDEL', KEYS[4], id)
  end
end
return busy`)

/**
 * KEYS  1 workers:kind  2 workers:orders
 * ARGV  1 id of the first slot of a process  2 nonce of that process  3 order
 * Reply 1, or 0 if that process is gone
 * Cost  2 commands
 */
export const orderScript = script(`
local kind = redis.call('HGET', KEYS[1], ARGV[1])
if not kind or not string.find(kind, '"nonce":"' .. ARGV[2] .. '"', 1, true) then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] .. ' ' .. ARGV[2])
return 1`)

/**
 * KEYS  1 workers:orders
 * ARGV  1 id of the first slot of a process  2 the order as it stands there
 * Reply how many were taken off: 0 if it was replaced meanwhile
 * Cost  2 commands
 */
export const obeyedScript = script(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])`)
