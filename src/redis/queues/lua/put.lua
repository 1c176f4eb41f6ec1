-- Keeps jobs.
--
-- ARGV  4 how many may wait, or ''   5 'r' to refuse more, 'd' to drop the oldest; then 'h' to be told the history   6 how many come
--       7 'u': all alike; then P with its group before, then for each id, envelope
--         'm': then for each id, group \2 P, suffix, extra, envelope
--       extra: '' or kind of time (d delay in ms, a at in ms, or -), time, weight, asked, own id or not, by commas; then, where there is
--       a dedupe key, mode, ttl, delay, maxDelay, putter
-- Returns: a number where all of them wait now; or for each 1 waiting, 2 delayed, -1 full, 0 where its own id is taken, or where its
--          dedupe key is, = and the job that has it, as UNIQUE tells it, or ~ and the job that its own id stands for; then the ids dropped, and the moment. Where the history is asked for: that of this server's data, and then the above.
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
  answer(id, place, 'g')
  forget(id)
  if find(place, '\7', 1, true) then
    rare().free_key(place, id)
    rare().let_go(id)
  end
  standing = standing - 1
  dropped[#dropped + 1] = id
  return true
end

-- What only puts need that meet a job: made, as those of rare.lua, where one does.
local made_known
local function known()
  if made_known then return made_known end
  local k, r = {}, rare()
  made_known = k
  -- A caller wants the result of a job that is there, or was.
  function k.await(id)
    if r.living(id) then
      ask(id, SELF)
    elseif call('HEXISTS', JOBS, id) == 0 and not call('HGET', ASKED, id) then
      call('HSET', ASKED, id, '=g')
      call('ZADD', ASKED_UNTIL, now_ms + RESULT_TTL, id)
    end
  end
  -- An item takes the place of that of a job which waits or runs, with all that it was put with; the turn of the job stays. With `debounce`
  -- it is due at `due`, and at most `longest` ms after the first.
  function k.replace(id, record, prefix, suffix, envelope, due, longest)
    local before, turn, after, created, former = r.parts_of(record)
    local place = before .. turn .. id .. after
    -- An own id, and the mark that it is remembered, stay with the job.
    envelope = r.own_id(former) .. sub(envelope, #r.own_id(envelope) + 1)
    suffix = match(suffix, '^[^\5]*') .. (remembered(after) and '\5' or '')
    local score = call('ZSCORE', DELAYED, place)
    if score then
      if due then
        due = math.min(due, tonumber(created or turn, 16) + longest * 1000)
        turn, score = format('%013x', due), due / 1000
      end
      local moved = r.write(id, prefix, turn, suffix, created, envelope)
      call('ZREM', DELAYED, place)
      call('ZADD', DELAYED, score, moved)
    elseif waits(place) then
      local moved = r.write(id, prefix, turn, suffix, created, envelope)
      if moved == place then return end
      withdraw(place)
      enqueue(moved)
      ready = ready + 1
    else
      -- The claim has the old place: see ending.lua for what becomes of the new one.
      r.write(id, before, turn, after, created, envelope)
      call('HSET', MARKS, '+' .. id, format('%.0f', due or 0) .. ' ' .. prefix .. '\3' .. suffix)
    end
  end
  -- A caller comes to a job of the same dedupe key, which waits or runs. Answers whether its item takes the place of the other one.
  function k.join(id, record, mode, prefix, suffix, envelope, due, longest, putter)
    if mode == 'latest' or mode == 'debounce' then
      k.replace(id, record, prefix, suffix, envelope, mode == 'debounce' and due, longest)
      -- The one whose item is the newest may end the job.
      call('HSET', MARKS, '*' .. id, putter)
      return true
    elseif mode == 'coalesce' then
      -- No caller of a job that was cancelled and still runs is joined: what comes then is done after it.
      if call('HEXISTS', MARKS, '-' .. id) == 1 and call('HEXISTS', MARKS, '+' .. id) == 0 then
        k.replace(id, record, prefix, suffix, envelope)
        call('HDEL', MARKS, '*' .. id)
        return true
      end
      call('HINCRBY', MARKS, '*' .. id, 1)
    end
    return false
  end
  -- The time of a dedupe key is over.
  function k.forget_key(key)
    local id = r.holder_of(key)
    if id and not r.living_of(id, key) then call('HDEL', UNIQUE, key) end
  end
  return k
end

local function put(id, prefix, suffix, extra, envelope)
  local kind, time, weight, asked, mode, ttl, delay, longest, putter = '-', 0, nil, false, nil, 0, 0, 0, nil
  local own, key = false, nil
  if extra ~= '' then
    local f = {}
    for field in string.gmatch(extra, '([^,]*),') do f[#f + 1] = field end
    kind, time, weight, asked, own = f[1], tonumber(f[2]), f[3], f[4] == '1', f[5] == '1'
    if f[6] then
      mode, ttl, delay, longest, putter = f[6], tonumber(f[7]), tonumber(f[8]), tonumber(f[9]), f[10]
      key = rare().unique_of(suffix)
    end
  end
  if own then
    local is_there = call('HEXISTS', JOBS, id) == 1
    local until_ms = not is_there and call('ZSCORE', REMEMBERED, id)
    if is_there or (until_ms and tonumber(until_ms) > now_ms) then
      if asked then known().await(id) end
      return 0
    end
    local stands = call('HGET', MARKS, '=' .. id)
    if stands then
      local text = match(stands, '^[^\2]*')
      if asked then known().await(match(text, '^[^\n]*')) end
      return '~' .. text
    end
  end
  local due = 0
  if kind == 'd' then due = now + time * 1000 elseif kind == 'a' then due = time * 1000 end
  if mode == 'debounce' then due = now + math.min(delay, longest) * 1000 end
  due = math.ceil(due)
  if key then
    local first, text = rare().holder_of(key)
    local record = first and rare().living_of(first, key)
    if record or (first and rare().is_remembered('\1' .. key)) then
      if record then
        if weigh and weight and weight ~= '' then weigh(prefix, weight) end
        local replaces = known().join(first, record, mode, prefix, suffix, envelope, due, longest, putter)
        if own and replaces then rare().stand(id, first, text) end
      end
      if asked then known().await(first) end
      return '=' .. text
    end
  end
  if standing >= most and byte(ARGV[5]) == 114 then return -1 end
  local turn = due > now and format('%013x', due) or stamp()
  local created = due > now and stamp() or nil
  call('HSET', JOBS, id, prefix .. turn .. suffix .. (created and '\3' .. created or '') .. '\n' .. envelope)
  local place = prefix .. turn .. id .. suffix
  -- It is in no index yet, so others give way.
  while standing >= most and drop() do end
  standing = standing + 1
  if own then unanswer(id) end
  if asked then ask(id, SELF) end
  if key then
    rare().take_key(key, id, envelope)
    if mode == 'ttl' then call('ZADD', REMEMBERED, now_ms + ttl, '\1' .. key) end
  end
  if own or key then
    -- Each put forgets a few own ids and dedupe keys whose time is over.
    local old = call('ZRANGEBYSCORE', REMEMBERED, '-inf', now_ms, 'LIMIT', 0, 2)
    if #old > 0 then call('ZREM', REMEMBERED, unpack(old)) end
    for i = 1, #old do
      if byte(old[i]) == 1 then known().forget_key(sub(old[i], 2)) end
    end
  end
  if weigh and weight and weight ~= '' then weigh(prefix, weight) end
  if due > now then
    call('ZADD', DELAYED, due / 1000, place)
    if due < soonest then soonest = due end
    return 2
  end
  enqueue(place)
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
