-- How claims end, but for the many that simply complete.

-- When the first of the jobs is due that get a delay here, in milliseconds. What was given back does not count: a process that cannot
-- do a job gives it back, and the one that looks first would get it again and again before all others.
local soonest = math.huge

local function delay_until(due, place, kind)
  call('ZADD', DELAYED, due, place)
  if kind ~= 'l' then soonest = math.min(soonest, due) end
end

-- The job has a new turn: at once, or when `due` has come. `created`: when it was put, in hexadecimal, where that is not its turn.
local function anew(id, record, due, created)
  local place = place_of(id, record)
  local at = turn_at(place)
  local head, tail = sub(place, 1, at - 1), sub(place, at + 13)
  local turn = due > now and format('%013x', due) or stamp()
  local suffix = sub(tail, #id + 1)
  local line_end = find(record, '\n', 1, true)
  call('HSET', JOBS, id, head .. turn .. suffix .. (created and '\3' .. created or '') .. sub(record, line_end))
  place = head .. turn .. tail
  if due > now then delay_until(due / 1000, place) else enqueue(place) end
end

-- A job has ended for good and is not kept; where its item was replaced while it ran, after a cancel too, it begins anew. True where it
-- did.
local function over(id, n, outcome, mark)
  mark = mark or call('HGET', MARKS, '+' .. id)
  if mark then
    local record = call('HGET', JOBS, id)
    call('HDEL', MARKS, '-' .. id, '+' .. id)
    call('HDEL', PROGRESS, id)
    call('HDEL', TRIES, id)
    call('HSET', CLAIMED, id, n .. ':0:0:')
    anew(id, record, tonumber(mark))
    return true
  end
  forget(id)
  answer(id, outcome)
  return false
end

local function remember(place, id, ttl)
  if remembered(place) then
    call('ZADD', REMEMBERED, now_ms + ttl, id)
  else
    -- What failed or was called off may be put again at once.
    call('ZREM', REMEMBERED, id)
  end
end

-- A job dies: it is kept with what it died of.
local function bury(id, place, n, failures, losses, began, failure, id_ttl)
  call('HINCRBY', META, 'failed', 1)
  if call('HEXISTS', MARKS, '+' .. id) == 1 then return over(id, n, 'f' .. failure) end
  call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. began)
  call('HDEL', MARKS, '-' .. id, '*' .. id)
  call('ZADD', DEAD, end_ms(), id)
  call('HSET', ENDS, id, 'f' .. failure)
  remember(place, id, id_ttl)
  answer(id, 'f' .. failure)
end

local function cancelled(id, place, reason, id_ttl)
  remember(place, id, id_ttl)
  forget(id)
  answer(id, 'x' .. reason)
  room()
end

-- An attempt has ended without completing. `kind`: f for good, t to be tried again, l released, e its lease has expired.
local function attempt_over(token, kind, delay, failure, id_ttl)
  local place, n, start = opened(token)
  local id = id_of(place)
  if released then released(place) end
  local _, failures, losses, began = claimed(id)
  if not began or began == '' then began = start end
  local reason = call('HGET', MARKS, '-' .. id)
  if kind ~= 'l' then tried(id, start, failure) end
  if kind == 'e' then losses = losses + 1 elseif kind ~= 'l' then failures = failures + 1 end
  if reason then
    if call('HEXISTS', MARKS, '+' .. id) == 1 then return over(id, n) end
    call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. began)
    return cancelled(id, place, reason, id_ttl)
  end
  if kind == 'f' or (kind == 'e' and losses >= tonumber(meta[9] or 5)) then
    return bury(id, place, n, failures, losses, began, failure, id_ttl)
  end
  call('HDEL', MARKS, '+' .. id)
  call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. began)
  if delay > 0 then delay_until(now_ms + delay, place, kind) else enqueue(place) end
end
