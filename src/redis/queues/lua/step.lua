-- One trip of a worker: ends claims, renews claims, takes back expired ones, makes due jobs wait, and takes new ones.
--
-- ARGV  4 how many to take   5 the lease in ms   6 how long an id is remembered, in ms
--       then: how many completed, whether their outcomes follow, tokens, outcomes
--       then: how many ended otherwise, and for each kind, token, delay in ms, failure
--       then: how many to renew, tokens
-- Returns: now in us, ms until something is due (-1: no need to look), which ends came too late, which renewals are lost,
--       which renewed ones are cancelled (index, reason ...), tokens and records of what was taken, and what is known of
--       those that were claimed before (empty where none was).
--
-- The first write is one that a server without memory allows; after it the others are allowed too.
call('HDEL', META, '')
local want, lease, id_ttl = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
-- Whole milliseconds: scores of small sets are kept, compared and read as integers then, and no lease ends early.
local ends = format('%.0f', math.ceil(now_ms + lease))
local LOST = '{"name":"JobLostError","message":"the process that had claimed the job died or stalled","code":"JOB_LOST"}'
local present = format('%.17g', now_ms)
local late, lost, called_off = {}, {}, {}
local stale, completed = 0, 0
local at = 7

local count = tonumber(ARGV[at])
if count > 0 then
  local base, told = at + 1, ARGV[at + 1] == '1'
  local tokens, ids, outcomes = {}, {}, {}
  local own = {}
  for i = 1, count do
    local token = ARGV[base + i]
    if call('ZREM', LEASES, token) == 1 then
      completed = completed + 1
      local id, following = match(token, ID_AND_NEXT)
      if following ~= '\4' then
        id = id or id_of(token)
        if find(token, '\5', 1, true) then
          own[#own + 1] = now_ms + id_ttl
          own[#own + 1] = id
        end
      end
      tokens[completed], ids[completed] = token, id
      outcomes[completed] = told and ARGV[base + count + i] or 'c'
    else
      late[#late + 1] = i - 1
    end
  end
  stale = #late
  if completed > 0 then
    if released then for i = 1, completed do released((opened(tokens[i]))) end end
    if #own > 0 then call('ZADD', REMEMBERED, unpack(own)) end
    local more = call('EXISTS', CLAIMED, TRIES, PROGRESS, MARKS, ASKED, UNIQUE) > 0
    local unique = more and call('EXISTS', UNIQUE) == 1
    if meta[10] then
      local ends, done = {}, {}
      for i = 1, completed do
        local id, _, n, start = ids[i], opened(tokens[i])
        local mark = more and call('HGET', MARKS, '+' .. id)
        if mark then
          begin_anew(id, n, mark)
        else
          if unique then
            rare().free_key(tokens[i], id, true)
            rare().let_go(id, id_ttl)
          end
          local _, failures, losses, began = claimed(id)
          call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. (began or start))
          tried(id, start, '')
          call('HDEL', MARKS, '-' .. id, '*' .. id)
          answer(id, tokens[i], outcomes[i])
          done[#done + 1] = end_ms()
          done[#done + 1] = id
          ends[#ends + 1] = id
          ends[#ends + 1] = outcomes[i]
        end
      end
      if #done > 0 then
        call('ZADD', COMPLETED, unpack(done))
        call('HSET', ENDS, unpack(ends))
      end
    elseif more then
      local marks = {}
      if call('EXISTS', MARKS) == 1 then
        local names = {}
        for i = 1, completed do names[i] = '+' .. ids[i] end
        marks = call('HMGET', MARKS, unpack(names))
      end
      local asked = call('EXISTS', ASKED) == 1 and call('HMGET', ASKED, unpack(ids)) or {}
      local gone = {}
      for i = 1, completed do
        if marks[i] then
          local _, n = opened(tokens[i])
          begin_anew(ids[i], n, marks[i])
        else
          gone[#gone + 1] = ids[i]
          if unique then
            rare().free_key(tokens[i], ids[i], true)
            rare().let_go(ids[i], id_ttl)
          end
          if asked[i] then answer(ids[i], tokens[i], outcomes[i], asked[i]) end
        end
      end
      if #gone > 0 then
        for _, key in ipairs({ JOBS, CLAIMED, TRIES, PROGRESS }) do call('HDEL', key, unpack(gone)) end
        if call('EXISTS', MARKS) == 1 then
          for _, id in ipairs(gone) do call('HDEL', MARKS, '-' .. id, '*' .. id, '@' .. id) end
        end
      end
    else
      call('HDEL', JOBS, unpack(ids))
    end
    call('HINCRBY', META, 'completed', completed)
  end
  at = base + count + (told and count or 0)
else
  at = at + 1
end

local otherwise = tonumber(ARGV[at + 1])
at = at + 2
for i = 1, otherwise do
  local kind, token, delay, failure = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  at = at + 4
  if call('ZREM', LEASES, token) == 1 then
    attempt_over(token, kind, delay, failure, id_ttl)
  else
    late[#late + 1] = count + i - 1
    stale = stale + 1
  end
end

local renewals = tonumber(ARGV[at])
if renewals > 0 then
  local scores = call('ZMSCORE', LEASES, unpack(ARGV, at + 1, at + renewals))
  local marked = call('EXISTS', MARKS) == 1
  local held = {}
  for i = 1, renewals do
    local token = ARGV[at + i]
    if not scores[i] then
      lost[#lost + 1] = i - 1
    else
      held[#held + 1] = ends
      held[#held + 1] = token
      if renewed then renewed(opened(token), lease) end
      local reason = marked and call('HGET', MARKS, '-' .. id_of(opened(token)))
      if reason then
        called_off[#called_off + 1] = i - 1
        called_off[#called_off + 1] = reason
      end
    end
  end
  if #held > 0 then each('ZADD', LEASES, held, 2) end
end

local expired = call('ZRANGEBYSCORE', LEASES, '-inf', present, 'LIMIT', '0', '100')
for _, token in ipairs(expired) do
  call('ZREM', LEASES, token)
  attempt_over(token, 'e', 0, LOST, id_ttl)
end
if #expired > 0 then call('HINCRBY', META, 'reclaimed', #expired) end
if stale > 0 then call('HINCRBY', META, 'stale', stale) end

local due = call('ZRANGEBYSCORE', DELAYED, '-inf', present, 'LIMIT', '0', '100')
if #due > 0 then
  call('ZREM', DELAYED, unpack(due))
  for _, place in ipairs(due) do enqueue(place) end
end
flush()

local taken, jobs, before = {}, {}, {}
if want > 0 and not meta[3] then taken = take(want, lease) end
if #taken > 0 then
  local ids, leases = {}, {}
  for i = 1, #taken do ids[i] = match(taken[i], ID) or id_of(taken[i]) end
  local known = call('EXISTS', CLAIMED) == 1 and call('HMGET', CLAIMED, unpack(ids)) or {}
  local records = call('HMGET', JOBS, unpack(ids))
  local start = '\4' .. format('%x', floor(now_ms))
  local first = '\4' .. '1' .. start
  local any = false
  for i = 1, #taken do
    local text = known[i]
    local token = taken[i] .. (text and '\4' .. tonumber(sub(text, 1, find(text, ':', 1, true) - 1)) + 1 .. start or first)
    local k = 2 * i
    leases[k - 1], leases[k] = ends, token
    jobs[k - 1], jobs[k] = token, records[i] or '\n'
    before[i] = text or ''
    any = any or text
  end
  add_all(LEASES, leases)
  if not any then before = {} end
  room()
end

if call('EXISTS', ASKED_UNTIL) == 1 then
  local unwanted = call('ZRANGEBYSCORE', ASKED_UNTIL, '-inf', present, 'LIMIT', '0', '20')
  if #unwanted > 0 then
    call('ZREM', ASKED_UNTIL, unpack(unwanted))
    call('HDEL', ASKED, unpack(unwanted))
  end
end
retain(DEAD, meta[11], 2592000000, 10000, 100)
if meta[10] then retain(COMPLETED, meta[10], math.huge, 0, completed + 100) end
if finish then finish() end
if stamped then call('HSET', META, 'last', format('%.0f', last)) end

-- Lets jobs wait again that have a record and stand nowhere, where nothing else waits or runs. Scripts leave none. But Redis 7 cuts an
-- append-only file that ends inside of a command after the command before, in the middle of a transaction, and carries out that part
-- with the next start but one.
local function recover()
  local ended = call('ZCARD', DEAD) + call('ZCARD', COMPLETED)
  if call('HLEN', JOBS) <= ended or not nothing_waits() then return 0 end
  local found, cursor = 0, '0'
  repeat
    local page = call('HSCAN', JOBS, cursor, 'COUNT', 1000)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      local id = page[2][i]
      if not call('ZSCORE', DEAD, id) and not call('ZSCORE', COMPLETED, id) then
        local place = place_of(id, page[2][i + 1])
        local key = rare().unique_of(place)
        if key and not rare().holder_of(key) then
          local _, _, _, _, envelope = rare().parts_of(page[2][i + 1])
          rare().take_key(key, id, envelope)
        end
        enqueue(place)
        found = found + 1
      end
    end
  until cursor == '0' or found >= 1000
  flush()
  return found
end

-- One process, the keeper, is told when to look again; the others are woken, and look once a second in case they were not.
local look = -1
local keeper, term = nil, 0
if meta[6] then
  local a, b = match(meta[6], '^(%S+) (%d+)$')
  keeper, term = a, tonumber(b)
end
if #taken < want then
  local slots = math.min(want - #taken, 1023)
  call('ZADD', IDLE, format('%.0f', floor(now_ms + 1500) * 1024 + slots), SELF)
  if not keeper or keeper == SELF or term <= now_ms then
    call('HSET', META, 'keeper', SELF .. ' ' .. format('%.0f', now_ms + 1500))
    local first = opens / 1000
    for _, set in ipairs({ DELAYED, LEASES }) do
      local head = call('ZRANGE', set, '0', '0', 'WITHSCORES')
      if head[2] then first = math.min(first, tonumber(head[2])) end
    end
    if ROUTED then
      local head = call('ZRANGE', CLOSED, '0', '0', 'WITHSCORES')
      if head[2] then first = math.min(first, tonumber(head[2]) / 1000) end
    end
    if first < math.huge then look = math.max(0, math.ceil(first - now_ms))
    elseif #taken == 0 and not meta[3] and recover() > 0 then look = 0 end
  end
else
  if want > 0 then call('ZREM', IDLE, SELF) end
  if want > 0 and keeper == SELF then
    call('HDEL', META, 'keeper')
    meta[6] = nil
    wake(1)
  elseif (want > 0 or otherwise > 0 or #expired > 0 or #due > 0 or completed > 0) and call('EXISTS', IDLE) == 1 and startable() then
    wake(1)
  end
end
if soonest < math.huge and look < 0 then expect(soonest) end
return { now, look, late, lost, called_off, jobs, before }
