/**
 * The script behind `Workers.bury`: the end of a worker, and of what it had in hand.
 */
import { luaWithhold } from './hands.js'
import { script } from './scripts.js'

/**
 * Ends a worker that is dead, or that somebody removes, together with the job it held: in one step, and only if
 * it still stands as it was judged.
 *
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind  4 queues  5 deaths  6 workers:orders  7 hands
 * ARGV  1 namespace with colon  2 worker id  3 the working record it was judged by, '' for none
 *       4 the heartbeat it was judged by, '' for "does not matter"
 *       5 what becomes of the job: '' nothing, 'requeue' or 'fail'
 *       6 queue  7 payload  8 field of deaths  9 how many deaths park a job
 *       10 the process that died: equal jobs that it had in hand count one death together
 *       11 the hand that the job is in, or '': then only that is emptied and closed, and the worker left as it is
 *       12 for how many ms nothing may come into that hand any more
 *       13 m, then m × (list, text, set or ''): the failure to write for 'fail', or when the job is parked
 * Reply 'changed', 'removed', 'requeued', 'failed' or 'parked'; an error, and nothing was done, where a queue or a
 *       failed list is of another type
 * Cost  constant, and 1 command for each process that waits on that queue: what it gets has a history, which only
 *       `finish and reserve` knows
 */
export const bury = script(`
local prefix, id, hands = ARGV[1], ARGV[2], KEYS[7]
${luaWithhold}
local key = prefix .. 'worker:' .. id
local hand = ARGV[11] ~= '' and prefix .. 'hand:' .. ARGV[11]
if hand then
  if redis.call('TYPE', hand).ok ~= 'list' or redis.call('LINDEX', hand, 0) ~= ARGV[7] then return 'changed' end
elseif (redis.call('GET', key) or '') ~= ARGV[3] then
  return 'changed'
end
if ARGV[4] ~= '' and (redis.call('HGET', KEYS[2], id) or '') ~= ARGV[4] then return 'changed' end
local verdict, fate = 'removed', ARGV[5]
if fate == 'requeue' then
  local is_counted = redis.call('HGET', KEYS[5], ARGV[8] .. ':by') == ARGV[10]
  local count = tonumber(redis.call('HGET', KEYS[5], ARGV[8])) or 0
  if not is_counted and count + 1 >= tonumber(ARGV[9]) then
    verdict, fate = 'parked', 'fail'
  else
    withhold(ARGV[6])
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
  for i = 1, tonumber(ARGV[13]) do
    local list = prefix .. ARGV[11 + 3 * i]
    local kind = redis.call('TYPE', list).ok
    if kind ~= 'list' and kind ~= 'none' then
      return redis.error_reply('WRONGTYPE ' .. list .. ' is a ' .. kind .. ', not a list of failures')
    end
  end
  for i = 1, tonumber(ARGV[13]) do
    local at = 11 + 3 * i
    redis.call('RPUSH', prefix .. ARGV[at], ARGV[at + 1])
    if ARGV[at + 2] ~= '' then redis.call('SADD', prefix .. ARGV[at + 2], ARGV[at]) end
  end
  if verdict == 'parked' then redis.call('HDEL', KEYS[5], ARGV[8], ARGV[8] .. ':by') else verdict = 'failed' end
end
if hand then
  redis.call('LPOP', hand)
  if redis.call('EXISTS', hand) == 0 then
    redis.call('SET', hand, '', 'PX', ARGV[12])
    redis.call('HDEL', hands, ARGV[11])
  end
  return verdict
end
redis.call('SREM', KEYS[1], id)
redis.call('DEL', key, key .. ':started', prefix .. 'stat:processed:' .. id, prefix .. 'stat:failed:' .. id)
redis.call('HDEL', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
redis.call('HDEL', KEYS[6], id)
return verdict`)
