/**
 * The script behind `Workers.bury`: the end of a worker, and of what it had in hand.
 */
import { script } from './scripts.js'

/**
 * Ends a worker that is dead, or that somebody removes, together with the job it held: in one step, and only if
 * it still stands as it was judged.
 *
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind  4 queues  5 deaths  6 workers:orders
 * ARGV  1 namespace with colon  2 worker id  3 the working record it was judged by, '' for none
 *       4 the heartbeat it was judged by, '' for "does not matter"
 *       5 what becomes of the job: '' nothing, 'requeue' or 'fail'
 *       6 queue  7 payload  8 field of deaths  9 how many deaths park a job
 *       10 the process that died: equal jobs that it had in hand count one death together
 *       11 m, then m × (list, text, set or ''): the failure to write for 'fail', or when the job is parked
 * Reply 'changed', 'removed', 'requeued', 'failed' or 'parked'; an error, and nothing was done, where a queue or a
 *       failed list is of another type
 * Cost  constant
 */
export const bury = script(`
local prefix, id = ARGV[1], ARGV[2]
local key = prefix .. 'worker:' .. id
if (redis.call('GET', key) or '') ~= ARGV[3] then return 'changed' end
if ARGV[4] ~= '' and (redis.call('HGET', KEYS[2], id) or '') ~= ARGV[4] then return 'changed' end
local verdict, fate = 'removed', ARGV[5]
if fate == 'requeue' then
  local is_counted = redis.call('HGET', KEYS[5], ARGV[8] .. ':by') == ARGV[10]
  local count = tonumber(redis.call('HGET', KEYS[5], ARGV[8])) or 0
  if not is_counted and count + 1 >= tonumber(ARGV[9]) then
    verdict, fate = 'parked', 'fail'
  else
    redis.call('LPUSH', prefix .. 'queue:' .. ARGV[6], ARGV[7])
    redis.call('SADD', KEYS[4], ARGV[6])
    if not is_counted then
      redis.call('HSET', KEYS[5], ARGV[8], count + 1, ARGV[8] .. ':by', ARGV[10])
      redis.call('EXPIRE', KEYS[5], 604800)
    end
    verdict = 'requeued'
  end
end
if fate == 'fail' then
  for i = 1, tonumber(ARGV[11]) do
    local list = prefix .. ARGV[9 + 3 * i]
    local kind = redis.call('TYPE', list).ok
    if kind ~= 'list' and kind ~= 'none' then
      return redis.error_reply('WRONGTYPE ' .. list .. ' is a ' .. kind .. ', not a list of failures')
    end
  end
  for i = 1, tonumber(ARGV[11]) do
    local at = 9 + 3 * i
    redis.call('RPUSH', prefix .. ARGV[at], ARGV[at + 1])
    if ARGV[at + 2] ~= '' then redis.call('SADD', prefix .. ARGV[at + 2], ARGV[at]) end
  end
  if verdict == 'parked' then redis.call('HDEL', KEYS[5], ARGV[8], ARGV[8] .. ':by') else verdict = 'failed' end
end
redis.call('SREM', KEYS[1], id)
redis.call('DEL', key, key .. ':started', prefix .. 'stat:processed:' .. id, prefix .. 'stat:failed:' .. id)
redis.call('HDEL', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
redis.call('HDEL', KEYS[6], id)
return verdict`)
