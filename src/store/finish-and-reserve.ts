/**
 * The script behind `slots.ts`: what happens inside Redis when a process ends its jobs and takes new ones.
 */
import { script } from './scripts.js'

/**
 * KEYS  1 workers  2 pause-all-workers  3 queues:paused  4 deaths  5 queues  6 stat:processed  7 stat:failed
 * ARGV  1 namespace with colon  2 run_at  3 nonce  4 call  5 JSON array of the keys of queues, or ''  6 '1' to count queues
 *       7 how many jobs to take at most  8 host  9 separator  10 tail of the worker ids
 *       11 the slots, '<number><state> …': a free one has no state; one whose job ended has a letter and the call
 *       that took it: d(one), c(done, and clear its deaths), f(ailed), r(eturned). h: a free one, the first of all, that a
 *       job was handed to; it takes that one, whatever is paused, and no other
 *       then what the states need, in order: h: hand, its queue · c: death field · f: death field or '', m, then
 *       m × (list, text, set or '') · r: queue, payload
 * Reply 1 refused slots '<index><letter> …'  2 runs '<queue index>:<count> …', index 0 for the job of the hand  3 deaths '<job>:<count> …'
 *       4 wrapped jobs '<job> …'  5 '1' if all are paused  6 number of queues  7 the payloads taken, in order, for the
 *       slots that were not refused, in order, with NUL between them; a wrapped one as the JSON string of its bytes
 * Cost  6 commands, whatever the number of slots; then one or two per failure, and one per 64 queues that are empty, and one per 8 of such a block that is not
 *
 * Each payload is checked, so that a record is JSON at every instant and no Ruby page ever fails on it. cjson decides;
 * what it lets pass and JSON does not (control characters in strings, a NUL and all that follows it, `1.`, broken UTF-8)
 * is looked for by hand. Texts without escapes and of ASCII alone that differ only in what their strings and numbers say
 * are all JSON or all not: of such a shape one is decoded in each call, which halves the cost. White space around a payload
 * is no part of a JSON value, so then too its bytes stand beside it.
 *
 * Once a job has been popped, nothing may raise before its record is written: a script is not rolled back. So what
 * could fail on a key of the wrong type is called by pcall. What the server refuses to all that write (a replica, a
 * disk that is full) is refused at the first write, SREM, which changes nothing. It also lets what follows pass when
 * memory is full: to end jobs is what frees it, and Redis asks only before the first write of a script.
 */
export const finishAndReserve = script(`
local prefix, run_at, nonce, call = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local find, sub, gsub, byte, format = string.find, string.sub, string.gsub, string.byte, string.format
local plain, numbered, tail = prefix .. 'worker:' .. ARGV[8] .. ARGV[10], prefix .. 'worker:' .. ARGV[8] .. ARGV[9], ARGV[10]
local id_at = #prefix + 8
local numbers, states, keys = {}, {}, {KEYS[2]}
local n = 0
for number, state in string.gmatch(ARGV[11], '(%d+)(%S*)') do
  n = n + 1
  numbers[n], states[n] = number, state
  keys[n + 1] = number == '1' and plain or numbered .. number .. tail
end
redis.call('SREM', KEYS[1], '')
local records = redis.call('MGET', unpack(keys))
local special = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0

local refused, free, ended = {}, {}, {}
local hand, hand_queue
local processed, failed = 0, 0
local extra = 12

local function append(count)
  for i = 1, count > 1 and count or 0 do
    local kind = redis.call('TYPE', prefix .. ARGV[extra + 3 * (i - 1)]).ok
    if kind ~= 'list' and kind ~= 'none' then return false end
  end
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
  if state == '' or state == 'h' then
    if state == 'h' then
      hand, hand_queue = prefix .. 'hand:' .. ARGV[extra], ARGV[extra + 1]
      extra = extra + 2
    end
    if record then
      why = 'o'
    elseif redis.call('SISMEMBER', KEYS[1], sub(keys[i + 1], id_at)) == 0 then
      why = 'u'
    end
  else
    local letter = sub(state, 1, 1)
    local mark = ',"run":"' .. nonce .. '.' .. sub(state, 2) .. '.' .. numbers[i] .. '"}'
    if not record then
      why = 'l'
    elseif sub(record, -#mark) ~= mark then
      why = find(record, ',"run":"' .. nonce .. '.', 1, true) and 'o' or 'l'
    end
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
      if not why and field ~= '' then redis.pcall('HDEL', KEYS[4], field, field .. ':by') end
    end
    if not why then
      if letter ~= 'r' then processed = processed + 1 end
      if letter == 'f' then failed = failed + 1 end
      ended[#ended + 1] = i
    end
  end
  if why then refused[#refused + 1] = i .. why else free[#free + 1] = i end
  if why and state == 'h' then hand = nil end
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
  if find(p, '%z') then return false end
  if not pcall(decode, p) then return false end
  local is_plain = not find(shape, '[%c\\\\\\128-\\255]')
  if not is_plain or find(p, '.', 1, true) then
    if not is_careful_json(p) then return false end
  end
  if is_plain then known[shape] = true end
  return true
end

local paused = records[1] and find(string.lower(records[1]), '^%s*true%s*$')
local runs, deaths, wrapped, payloads, sets = {}, {}, {}, {}, {}
local taken, want = 0, math.min(#free - (hand and 1 or 0), tonumber(ARGV[7]))
local name_at = #prefix + 7
local function take(key, name, index)
  local got = redis.pcall('LPOP', key, want - taken)
  if not got or got.err then return end
  local head = '{"queue":' .. gsub(cjson.encode(name), '\\\\/', '/') .. ',"run_at":"' .. run_at .. '","payload":'
  local mark = ',"run":"' .. nonce .. '.' .. call .. '.'
  for i = 1, #got do
    local p = got[i]
    taken = taken + 1
    local slot = free[taken]
    sets[2 * taken - 1] = keys[slot + 1]
    local shown, raw, is_json = p, '', is_json_object(p)
    payloads[taken] = p
    if not is_json or byte(p) ~= 123 or byte(p, -1) ~= 125 then
      local text = '"' .. gsub(p, '[%c"\\\\\\127-\\255]', function(c) return format('\\\\u%04x', byte(c)) end) .. '"'
      raw = ',"raw":' .. text
      if not is_json then
        shown, payloads[taken] = '{"class":"(not a job)","args":[' .. text .. ']}', text
        wrapped[#wrapped + 1] = taken
      end
    end
    sets[2 * taken] = head .. shown .. raw .. mark .. numbers[slot] .. '"}'
    if special then
      local count = redis.pcall('HGET', KEYS[4], redis.sha1hex(name .. '\\0' .. p))
      if type(count) == 'string' then deaths[#deaths + 1] = taken .. ':' .. count end
    end
  end
  runs[#runs + 1] = index .. ':' .. #got
end

local takes = ARGV[5] ~= '' and want > 0 and not paused
if takes or hand then
  local invalid, depth = cjson.decode_invalid_numbers(), cjson.decode_max_depth()
  local queues = takes and decode(ARGV[5]) or {}
  cjson.decode_invalid_numbers(false)
  cjson.decode_max_depth(98)
  if hand then
    local others = want
    want = 1
    take(hand, hand_queue, 0)
    if taken == 0 then table.remove(free, 1) end
    want = others + taken
  end
  local held = {}
  if special and takes then
    for _, name in ipairs(redis.pcall('SMEMBERS', KEYS[3])) do held[name] = true end
  end
  local function take_each(from, to)
    for i = from, to do
      if taken == want then return end
      local name = sub(queues[i], name_at)
      if not held[name] then take(queues[i], name, i) end
    end
  end
  local function any(from, to) return redis.call('EXISTS', unpack(queues, from, to)) > 0 end
  if #queues <= 8 then
    take_each(1, #queues)
  else
    for from = 1, #queues, 64 do
      local to = math.min(from + 63, #queues)
      if taken < want and any(from, to) then
        for part = from, to, 8 do
          local part_to = math.min(part + 7, to)
          if taken < want and any(part, part_to) then take_each(part, part_to) end
        end
      end
    end
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
