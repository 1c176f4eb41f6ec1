-- Looks. Changes nothing but the list of processes that ask for results. ARGV  4 the verb, then what it needs.
local verb = ARGV[4]

-- Which claim of a job holds: tokens cannot be made from a place, so the claims are gone through.
local function token_of(place)
  local prefix = place .. '\4'
  for first = 0, 100000, 1000 do
    local tokens = call('ZRANGE', LEASES, first, first + 999)
    for _, token in ipairs(tokens) do
      if sub(token, 1, #prefix) == prefix then return token end
    end
    if #tokens < 1000 then return '' end
  end
  return ''
end

-- How many bytes of records, or of results, a reply may have; a single one may have more. A reply that takes longer than the timeout is lost.
local MOST_TEXT = 1000000
local text = 0

local function is_full()
  return text >= MOST_TEXT
end

-- id, state, place, record, what is known of its claims, its end, its attempts, its progress, a time in ms, its token
local function told(id, state, at, token)
  local record = call('HGET', JOBS, id)
  if not record then return nil end
  text = text + #record
  local place = place_of(id, record)
  if not state then
    at = call('ZSCORE', DELAYED, place)
    if at then state = 'delayed' end
    if not state and waits(place) then state = 'waiting' end
    if not state then
      at = call('ZSCORE', DEAD, id)
      if at then state = 'dead' end
    end
    if not state then
      at = call('ZSCORE', COMPLETED, id)
      if at then state = 'completed' end
    end
    if not state then
      state, token = 'running', token_of(place)
    end
  end
  return {
    id, state, place, record, call('HGET', CLAIMED, id) or '', call('HGET', ENDS, id) or '', call('HGET', TRIES, id) or '',
    call('HGET', PROGRESS, id) or '', at or '', token or '',
  }
end

-- How many members of a set come before or with that score and member, whether it is still there or not.
local function after(set, score, member)
  local rank = call('ZRANK', set, member)
  if rank and call('ZSCORE', set, member) == score then return rank + 1 end
  local low, high = call('ZCOUNT', set, '-inf', '(' .. score), call('ZCOUNT', set, '-inf', score)
  while low < high do
    local middle = floor((low + high) / 2)
    local other = call('ZRANGE', set, middle, middle)[1]
    local behind = false
    for i = 1, math.max(#other, #member) do
      local x, y = byte(other, i) or -1, byte(member, i) or -1
      if x ~= y then
        behind = x > y
        break
      end
    end
    if behind then high = middle else low = middle + 1 end
  end
  return low
end

if verb == 'get' then return told(ARGV[5]) or false end

if verb == 'list' then
  local state, most, cursor = ARGV[5], tonumber(ARGV[6]), ARGV[7]
  local jobs, following = {}, ''
  if state == 'waiting' then
    return { waiting_from(cursor, most, function(place) return told(id_of(place), 'waiting') end, is_full) }
  end
  local set = ({ delayed = DELAYED, running = LEASES, dead = DEAD, completed = COMPLETED })[state]
  local first = 0
  if cursor ~= '' then
    local space = find(cursor, ' ', 1, true)
    first = after(set, sub(cursor, 1, space - 1), sub(cursor, space + 1))
  end
  local members = call('ZRANGE', set, first, first + most, 'WITHSCORES')
  for i = 1, math.min(#members, 2 * most), 2 do
    local member, score = members[i], members[i + 1]
    local id, token = member, nil
    if state == 'delayed' then id = id_of(member) elseif state == 'running' then id, token = id_of(opened(member)), member end
    jobs[#jobs + 1] = told(id, state, score, token)
    local over = is_full() and i + 1 < #members
    if over or #members > 2 * most then following = score .. ' ' .. member end
    if over then break end
  end
  return { jobs, following }
end

-- What the jobs died of that died last before a time in ms: each error without its stack, how many, when first and last; then the
-- time that the next page begins with.
if verb == 'deaths' then
  local before, most = ARGV[5] == '' and '+inf' or '(' .. ARGV[5], tonumber(ARGV[6])
  local members = call('ZREVRANGEBYSCORE', DEAD, before, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
  local deaths, known = {}, {}
  for i = 1, #members, 2 do
    local ends, at = call('HGET', ENDS, members[i]) or '', members[i + 1]
    local stack = find(ends, ',"stack":"', 1, true)
    if stack then ends = sub(ends, 1, stack - 1) .. '}' end
    local death = known[ends]
    if death then
      death[2], death[3] = death[2] + 1, at
    else
      death = { ends, 1, at, at }
      known[ends] = death
      deaths[#deaths + 1] = death
    end
  end
  return { deaths, #members == 2 * most and members[#members] or '' }
end

-- Ids of dead jobs, the oldest deaths first ('up', up to a time) or last ('down'), of a part of what is kept of each; then the time that
-- the next page begins with. What is written by JSON.stringify has no other place where a text stands so.
if verb == 'died of' then
  local range, from, most, part = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8]
  local members
  if range == 'down' then
    members = call('ZREVRANGEBYSCORE', DEAD, from == '' and '+inf' or '(' .. from, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
  else
    members = call('ZRANGEBYSCORE', DEAD, from == '' and '-inf' or '(' .. from, ARGV[9], 'WITHSCORES', 'LIMIT', 0, most)
  end
  local ids = {}
  for i = 1, #members, 2 do
    if part == '' or find(call('HGET', ENDS, members[i]) or '', part, 1, true) then ids[#ids + 1] = members[i] end
  end
  return { ids, #members == 2 * most and members[#members] or '' }
end

if verb == 'counts' then
  local delayed, running, dead = call('ZCARD', DELAYED), call('ZCARD', LEASES), call('ZCARD', DEAD)
  local waiting = call('HLEN', JOBS) - delayed - running - dead - call('ZCARD', COMPLETED)
  local counters = call('HMGET', META, 'completed', 'failed', 'stale', 'reclaimed')
  local first = first_turn()
  local age = first and math.max(0, now - tonumber(first, 16)) or 0
  return { waiting, delayed, running, dead, counters[1] or 0, counters[2] or 0, age, counters[3] or 0, counters[4] or 0 }
end

if verb == 'groups' then return groups_from(ARGV[5], tonumber(ARGV[6])) end

if verb == 'paused' then return meta[3] and 1 or 0 end

-- Asks for the results of jobs that were there at a time, or '': the moment, and for each how it ended; '?' where it has not, or the
-- reply is full: then it is asked again. '-' where a later one has its id, which has not ended.
if verb == 'ask' then
  local replies = { moment() }
  for i = 5, #ARGV, 2 do
    local id, at = ARGV[i], ARGV[i + 1]
    local asked = call('HGET', ASKED, id)
    if is_full() then
      replies[#replies + 1] = '?'
    elseif asked and byte(asked) == 61 then
      text = text + #asked
      replies[#replies + 1] = sub(asked, 2)
    else
      local ended, record = call('HGET', ENDS, id), call('HGET', JOBS, id)
      if ended then
        local place = place_of(id, record)
        local origin = find(place, '[\5\7]') and rare().origin(id, place .. '\4' .. claimed(id)) or ''
        text = text + #ended
        replies[#replies + 1] = origin .. ended
      elseif record and rare().is_later(id, record, at) then
        replies[#replies + 1] = '-'
      elseif record then
        ask(id, SELF)
        replies[#replies + 1] = '?'
      else
        replies[#replies + 1] = 'g'
      end
    end
  end
  return replies
end

-- All there is, for an audit.
local all = {}
for i = 1, #KEYS do
  local kind = call('TYPE', KEYS[i]).ok
  if kind == 'hash' then all[i] = call('HGETALL', KEYS[i])
  elseif kind == 'zset' then all[i] = call('ZRANGE', KEYS[i], 0, -1, 'WITHSCORES')
  else all[i] = {} end
end
return all
