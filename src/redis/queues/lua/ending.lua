-- How claims end, but for the many that simply complete.

-- When the first of the jobs is due that get a delay here, in milliseconds. What was given back for others does not count: the one process
-- that looks when jobs are due would get it before them, again and again where it cannot do it.
local soonest = math.huge

local function delay_until(due, place, kind)
  call('ZADD', DELAYED, due, place)
  if kind ~= 'l' then soonest = math.min(soonest, due) end
end

-- The job has a new turn: at once, or when `due` has come.
local function line_up(id, due, prefix, suffix, created, envelope)
  local place = rare().write(id, prefix, due > now and format('%013x', due) or stamp(), suffix, created, envelope)
  if due > now then delay_until(due / 1000, place) else enqueue(place) end
end

-- The item of a job was replaced while it ran, and maybe after it was cancelled: it begins anew.
local function begin_anew(id, n, mark)
  local record = call('HGET', JOBS, id)
  local _, _, _, _, envelope = rare().parts_of(record)
  call('HDEL', MARKS, '-' .. id, '+' .. id)
  -- It is the same job still for those that have put it before.
  local born = rare().born(id, record)
  if born ~= '' then call('HSET', MARKS, '@' .. id, born) end
  call('HDEL', PROGRESS, id)
  call('HDEL', TRIES, id)
  call('HSET', CLAIMED, id, n .. ':0:0:')
  local due, prefix, suffix = rare().noted(mark)
  line_up(id, due, prefix, suffix, nil, envelope)
end

-- A job has failed, or was called off: its own id stays taken for a time, and its dedupe key is free at once.
local function remember(place, id, ttl)
  if remembered(place) then call('ZADD', REMEMBERED, now_ms + ttl, id) end
  if find(place, '\7', 1, true) then
    rare().free_key(place, id)
    rare().let_go(id, ttl)
  end
end

-- A job dies: it is kept with what it died of.
local function bury(id, place, n, failures, losses, began, failure, id_ttl)
  call('HINCRBY', META, 'failed', 1)
  local mark = call('HGET', MARKS, '+' .. id)
  if mark then return begin_anew(id, n, mark) end
  call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. began)
  call('HDEL', MARKS, '-' .. id, '*' .. id)
  call('ZADD', DEAD, end_ms(), id)
  call('HSET', ENDS, id, 'f' .. failure)
  remember(place, id, id_ttl)
  answer(id, place .. '\4' .. n, 'f' .. failure)
end

local function cancelled(id, place, reason, id_ttl)
  remember(place, id, id_ttl)
  answer(id, place, 'x' .. reason)
  forget(id)
  room()
end

-- An attempt has ended without completing. `kind`: f for good, t to be tried again, e its lease has expired; r released, l released for
-- others to have it.
local function attempt_over(token, kind, delay, failure, id_ttl)
  local place, n, start = opened(token)
  local id = id_of(place)
  if released then released(place) end
  local _, failures, losses, began = claimed(id)
  if not began or began == '' then began = start end
  local reason, mark = call('HGET', MARKS, '-' .. id), call('HGET', MARKS, '+' .. id)
  if kind == 'e' then losses = losses + 1 elseif kind == 'f' or kind == 't' then failures = failures + 1 end
  if kind ~= 'l' and kind ~= 'r' then tried(id, start, failure) end
  if reason then
    if mark then return begin_anew(id, n, mark) end
    call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. began)
    return cancelled(id, place, reason, id_ttl)
  end
  if kind == 'f' or (kind == 'e' and losses >= tonumber(meta[9] or 5)) then
    return bury(id, place, n, failures, losses, began, failure, id_ttl)
  end
  if mark then
    -- The newer item is done in the place of this one, and not once more.
    call('HDEL', MARKS, '+' .. id)
    local _, prefix, suffix = rare().noted(mark)
    local _, turn, _, created, envelope = rare().parts_of(call('HGET', JOBS, id))
    place = rare().write(id, prefix, turn, suffix, created, envelope)
  end
  call('HSET', CLAIMED, id, n .. ':' .. failures .. ':' .. losses .. ':' .. began)
  if delay > 0 then delay_until(now_ms + delay, place, kind) else enqueue(place) end
end
