-- What is done to jobs by hand. ARGV  4 the verb, then what it needs.
--
-- The first write is one that a server without memory allows; after it the others are allowed too.
call('HDEL', META, '')
local verb, r = ARGV[4], rare()

-- Takes a job out that waits or is delayed. Which of both, or nil.
local function take_out(place)
  if call('ZREM', DELAYED, place) == 1 then return 'delayed' end
  if withdraw(place) then return 'waiting' end
  return nil
end

local function done(reply)
  flush()
  if stamped then call('HSET', META, 'last', format('%.0f', last)) end
  return reply
end

if verb == 'progress' then
  if not call('ZSCORE', LEASES, ARGV[5]) then return 0 end
  call('HSET', PROGRESS, id_of(opened(ARGV[5])), ARGV[6])
  return 1
end

-- 'leave' is the cancel of one of several callers, with the caller's name: '' where all callers have the same share in the job. Returns 2 where the
-- job goes on for the others. A name tells by itself which job is meant, also where its item was replaced and it began anew.
if verb == 'cancel' or verb == 'leave' then
  local id, reason, id_ttl = ARGV[5], ARGV[6], tonumber(ARGV[7])
  local record = r.living(id)
  if not record then return 0 end
  local others = verb == 'leave' and call('HGET', MARKS, '*' .. id)
  if not (others and ARGV[8] ~= '') and r.is_later(id, record, ARGV[9]) then return 0 end
  if others and ARGV[8] == '' then
    if call('HINCRBY', MARKS, '*' .. id, -1) == 0 then call('HDEL', MARKS, '*' .. id) end
    return 2
  end
  if others and others ~= ARGV[8] then return 2 end
  local place = place_of(id, record)
  if take_out(place) then
    call('HDEL', MARKS, '+' .. id, '*' .. id)
    cancelled(id, place, reason, id_ttl)
    return done(1)
  end
  -- What was to be done once more is called off too. What comes from now on is not.
  call('HDEL', MARKS, '+' .. id)
  call('HSET', MARKS, '-' .. id, reason)
  tell('*', 'c' .. place .. '\n' .. reason)
  return 1
end

if verb == 'remove' then
  local id = ARGV[5]
  local record = call('HGET', JOBS, id)
  if not record then
    local until_ms = call('ZSCORE', REMEMBERED, id)
    if not until_ms or tonumber(until_ms) <= now_ms then return 0 end
    return call('ZREM', REMEMBERED, id)
  end
  local place = place_of(id, record)
  if take_out(place) then
    r.free_key(place, id)
    r.let_go(id)
  elseif call('ZREM', DEAD, id) == 0 and call('ZREM', COMPLETED, id) == 0 then
    return 0
  end
  answer(id, place, 'g')
  forget(id)
  call('ZREM', REMEMBERED, id)
  room()
  return done(1)
end

if verb == 'reprioritise' then
  local id, priority = ARGV[5], ARGV[6]
  local record = r.living(id)
  if not record or r.is_later(id, record, ARGV[7]) then return 0 end
  local place = place_of(id, record)
  local due = call('ZSCORE', DELAYED, place)
  local state = take_out(place)
  if not state then return 0 end
  local prefix, turn, suffix, created, envelope = r.parts_of(record)
  local moved = r.write(id, sub(prefix, 1, find(prefix, '\2', 1, true)) .. priority, turn, suffix, created, envelope)
  if state == 'delayed' then call('ZADD', DELAYED, due, moved) else enqueue(moved) end
  return done(1)
end

-- A dead job waits again, behind all that wait. While another job has its dedupe key it stays dead: each thing once.
local function redrive(id)
  local record = call('HGET', JOBS, id)
  if not record or not call('ZSCORE', DEAD, id) then return 0 end
  local prefix, turn, suffix, created, envelope = r.parts_of(record)
  local key = r.unique_of(suffix)
  local holder = key and r.holder_of(key)
  if holder and (r.living_of(holder, key) or r.is_remembered('\1' .. key)) then return 0 end
  call('ZREM', DEAD, id)
  if key then r.take_key(key, id, envelope) end
  -- The job has its own id again, and not only a memory of it, which would stay where the job is dropped.
  call('ZREM', REMEMBERED, id)
  unanswer(id)
  call('HDEL', ENDS, id)
  call('HDEL', PROGRESS, id)
  call('HSET', CLAIMED, id, claimed(id) .. ':0:0:')
  line_up(id, 0, prefix, suffix, created or turn, envelope)
  return 1
end

-- Of these ids as many as are told.
if verb == 'redrive' then
  local most, count = tonumber(ARGV[5]), 0
  for i = 6, #ARGV do
    if count < most then count = count + redrive(ARGV[i]) end
  end
  done()
  wake(count)
  return count
end

-- Drops what waits, then what is delayed: so many jobs at most, and no more when their items have so many bytes together. Returns whether
-- there may be more, and the items.
if verb == 'clear' then
  local most, most_text = tonumber(ARGV[5]), tonumber(ARGV[6])
  local envelopes, text = {}, 0
  local function drop(place)
    local id = id_of(place)
    local record = call('HGET', JOBS, id)
    if record then
      local envelope = sub(record, find(record, '\n', 1, true) + 1)
      envelopes[#envelopes + 1] = envelope
      text = text + #envelope
    end
    answer(id, place, 'g')
    forget(id)
    r.free_key(place, id)
    r.let_go(id)
  end
  local places = waiting_places(most)
  for _, place in ipairs(places) do
    if text >= most_text then break end
    withdraw(place)
    drop(place)
  end
  local delayed = #places < most and call('ZRANGE', DELAYED, 0, most - #places - 1) or {}
  for _, place in ipairs(delayed) do
    if text >= most_text then break end
    call('ZREM', DELAYED, place)
    drop(place)
  end
  room()
  return done({ (#places + #delayed >= most or text >= most_text) and 1 or 0, envelopes })
end

-- pause, resume
if verb == 'pause' then
  call('HSET', META, 'paused', '1')
  tell('*', 'p1')
else
  call('HDEL', META, 'paused')
  tell('*', 'p0')
end
return 1
