-- Keeps jobs.
--
-- ARGV  4 how many may wait, or ''   5 'r' to refuse more, 'd' to drop the oldest; then 'h' to be told the history   6 how many come
--       7 'u': all alike; then P with its group before, then for each id, envelope
--         'm': then for each id, group \2 P, suffix, extra, envelope
--       extra: '' or kind of time (d delay in ms, a at in ms, or -), time, weight, asked, mode, ttl, delay, maxDelay, putter, by commas
-- Returns: a number where all of them wait now; or for each 1 waiting, 2 delayed, 0 duplicate, -1 full; then the ids dropped,
--          and the moment. Where the history is asked for: that of this server's data, and then the above.
--
-- The first write is one that a server without memory refuses, so that nothing is kept of a call that fails.
local count, alike = tonumber(ARGV[6]), ARGV[7] == 'u'
local most = ARGV[4] ~= '' and tonumber(ARGV[4]) or math.huge
local standing = 0

-- A replica that is made a master begins another history. '' where the user of the server may not ask.
local function told(reply)
  if byte(ARGV[5], 2) ~= 104 then return reply end
  local info = redis.pcall('INFO', 'replication')
  return { type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or '', reply }
end

if most < math.huge then
  standing = call('HLEN', JOBS) - call('ZCARD', LEASES) - call('ZCARD', DEAD) - call('ZCARD', COMPLETED)
end

-- From now on there are groups or keys; what waited before is a group too.
local function route()
  if meta[4] then return end
  call('HSET', META, 'routed', '1')
  if call('ZCARD', READY) > 0 then enter('') end
end

if alike and standing + count <= most then
  local prefix, fields, places = ARGV[8], {}, {}
  local k = 0
  for i = 9, 7 + 2 * count, 2 do
    local head = prefix .. stamp()
    fields[k + 1], fields[k + 2] = ARGV[i], head .. '\n' .. ARGV[i + 1]
    places[k + 1], places[k + 2] = '0', head .. ARGV[i]
    k = k + 2
  end
  call('HSET', JOBS, unpack(fields))
  if ROUTED then
    route()
    for i = 2, k, 2 do enqueue(places[i]) end
    flush()
  else
    call('ZADD', READY, unpack(places))
  end
  call('HSET', META, 'last', format('%.0f', last), 'version', LAYOUT)
  wake(count)
  return told(count)
end

local replies, dropped, ready, soonest = {}, {}, 0, math.huge
local at = alike and 9 or 8

-- Drops the job that gives way first. False where nothing waits.
local function drop()
  local place = gives_way()
  if place then withdraw(place) else
    place = call('ZRANGE', DELAYED, 0, 0)[1]
    if not place then return false end
    call('ZREM', DELAYED, place)
  end
  local id = id_of(place)
  forget(id)
  call('ZREM', REMEMBERED, id)
  answer(id, 'g')
  standing = standing - 1
  dropped[#dropped + 1] = id
  return true
end

local function put(id, prefix, suffix, extra, envelope)
  local kind, time, weight, asked, mode, ttl, delay, longest, putter = '-', 0, nil, false, nil, 0, 0, 0, nil
  if extra ~= '' then
    local f = {}
    for field in string.gmatch(extra, '([^,]*),') do f[#f + 1] = field end
    kind, time, weight, asked, mode = f[1], tonumber(f[2]), f[3], f[4] == '1', f[5] ~= '' and f[5]
    ttl, delay, longest, putter = tonumber(f[6]), tonumber(f[7]), tonumber(f[8]), f[9]
  end
  local due = 0
  if kind == 'd' then due = now + time * 1000 elseif kind == 'a' then due = time * 1000 end
  if mode == 'debounce' then due = now + math.min(delay, longest) * 1000 end
  due = math.ceil(due)
  local record = mode and call('HGET', JOBS, id)
  local ended = record and (call('ZSCORE', DEAD, id) or call('ZSCORE', COMPLETED, id))
  if record and (not ended or mode == 'own') then
    -- No caller of a job that was cancelled and still runs is joined: what comes then is done after it.
    local anew = mode == 'coalesce' and call('HEXISTS', MARKS, '-' .. id) == 1 and call('HEXISTS', MARKS, '+' .. id) == 0
    if anew then call('HDEL', MARKS, '*' .. id) end
    if mode == 'latest' or mode == 'debounce' or anew then
      local head = sub(record, 1, find(record, '\n', 1, true))
      local place = place_of(id, record)
      if call('ZSCORE', DELAYED, place) then
        call('HSET', JOBS, id, head .. envelope)
        if mode == 'debounce' then
          local from = turn_at(place)
          local since = find(head, '\3', 1, true)
          local first = tonumber(since and sub(head, since + 1, -2) or sub(place, from, from + 12), 16)
          due = math.min(due, first + longest * 1000)
          local turn = format('%013x', due)
          local moved = sub(place, 1, from - 1) .. turn .. sub(place, from + 13)
          call('ZREM', DELAYED, place)
          call('ZADD', DELAYED, due / 1000, moved)
          call('HSET', JOBS, id, sub(head, 1, from - 1) .. turn .. sub(head, from + 13) .. envelope)
        end
      else
        call('HSET', JOBS, id, head .. envelope)
        if not waits(place) then call('HSET', MARKS, '+' .. id, format('%.0f', mode == 'debounce' and due or 0)) end
      end
    end
    if not ended then
      if asked then ask(id, SELF) end
      -- Of several callers each may leave; in the other modes the one whose item is the newest may end the job.
      if mode == 'coalesce' and not anew then call('HINCRBY', MARKS, '*' .. id, 1) end
      if mode == 'latest' or mode == 'debounce' then call('HSET', MARKS, '*' .. id, putter) end
    end
    return 0
  elseif mode then
    local until_ms = call('ZSCORE', REMEMBERED, id)
    if until_ms and tonumber(until_ms) > now_ms then
      if asked and not ended and not call('HGET', ASKED, id) then
        call('HSET', ASKED, id, '=g')
        call('ZADD', ASKED_UNTIL, now_ms + RESULT_TTL, id)
      end
      return 0
    end
  end
  if standing >= most and byte(ARGV[5]) == 114 then return -1 end
  if ended then
    -- It is only kept to be looked at, and makes way. The first write is for a server without memory to refuse.
    call('HSETNX', JOBS, id, '')
    call('ZREM', DEAD, id)
    call('ZREM', COMPLETED, id)
    forget(id)
  end
  local turn = due > now and format('%013x', due) or stamp()
  local created = due > now and '\3' .. stamp() or ''
  call('HSET', JOBS, id, prefix .. turn .. suffix .. created .. '\n' .. envelope)
  -- It is in no index yet, so others give way.
  while standing >= most and drop() do end
  standing = standing + 1
  if mode then unanswer(id) end
  if asked then ask(id, SELF) end
  if mode == 'ttl' then call('ZADD', REMEMBERED, now_ms + ttl, id) end
  if mode then
    local old = call('ZRANGEBYSCORE', REMEMBERED, '-inf', now_ms, 'LIMIT', 0, 2)
    if #old > 0 then call('ZREM', REMEMBERED, unpack(old)) end
  end
  if weigh and weight and weight ~= '' then weigh(prefix, weight) end
  if due > now then
    call('ZADD', DELAYED, due / 1000, prefix .. turn .. id .. suffix)
    if due < soonest then soonest = due end
    return 2
  end
  enqueue(prefix .. turn .. id .. suffix)
  ready = ready + 1
  return 1
end

if ROUTED then route() end
for i = 1, count do
  if alike then
    replies[i] = put(ARGV[at], ARGV[8], '', '', ARGV[at + 1])
    at = at + 2
  else
    replies[i] = put(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
    at = at + 5
  end
end
flush()

local full = false
for i = 1, count do full = full or replies[i] == -1 end
if full then call('ZADD', FULL, now_ms + 5000, SELF) end
if stamped then call('HSET', META, 'last', format('%.0f', last), 'version', LAYOUT) end
wake(ready)
if soonest < math.huge then expect(soonest / 1000) end
replies[count + 1], replies[count + 2] = dropped, moment()
return told(replies)
