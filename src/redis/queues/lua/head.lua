-- What the scripts of queues share.
local last, stamped = tonumber(meta[2] or 0), false
-- What of the limits and groups there may be, filled in by other parts: a claim that ends, one that is renewed, the weight of a
-- group, whether a job may start, and what is to be written at the end. When a limit that said no may say yes, in us.
local released, renewed, weigh, admit, finish, rebound, relimit
local opens = math.huge

-- The next turn: strictly increasing, whatever the clock does.
local function stamp()
  last = last >= now and last + 1 or now
  stamped = true
  return format('%013x', last)
end

-- When it is, on a scale that goes on where the clock is set back: all that was stamped before is earlier, or the same.
local function moment()
  return format('%.0f', math.max(last, now))
end

-- When something ends, in ms: as a turn, so that the order of ends stays where many end at one moment.
local function end_ms()
  return stamp() and last / 1000
end

-- Calls a command with a long list of arguments, in parts.
local function each(command, key, list, width)
  local most = CHUNK - CHUNK % (width or 1)
  for first = 1, #list, most do
    call(command, key, unpack(list, first, math.min(first + most - 1, #list)))
  end
end

-- Adds scores and members to a sorted set. Redis keeps a short one as a list, and goes through all of it for each member; a long
-- member makes a tree of it, until the set is empty.
local LONG = string.rep('-', 65)
local function add_all(set, list)
  local slow = #list > 30 and call('ZCARD', set) <= 128
  if slow then call('ZADD', set, '0', LONG) end
  each('ZADD', set, list, 2)
  if slow then call('ZREM', set, LONG) end
end

-- Where in a place, or in what stands before a line end in a record, O begins.
local function turn_at(place)
  local p = find(place, '\2', 1, true) + 1
  local mark = byte(place, p)
  if mark == 52 then p = find(place, '~', p, true) elseif mark == 54 then p = find(place, '!', p, true) end
  return p + 1
end

-- Patterns for the id in a place. Names have no control characters, so an id ends before the first one. `ID` is for places without a
-- priority, as most are; `ID_AND_NEXT` also takes the character after the id; `RANKED_ID` is for places with a priority. One `match` costs
-- less than the separate steps of turn_at.
local ID = '^[^\2]*\0025.............([^\1-\7]*)'
local ID_AND_NEXT = '^[^\2]*\0025.............([^\1-\7]*)(.)'
local RANKED_ID = '^[^\2]*\2[46][^~!]*[~!].............([^\1-\7]*)'

local function id_of(place)
  return match(place, ID) or match(place, RANKED_ID)
end

local function place_of(id, record)
  local head = sub(record, 1, find(record, '[\3\n]') - 1)
  local first = turn_at(head) + 13
  return sub(head, 1, first - 1) .. id .. sub(head, first)
end

-- True where the caller chose the id of the job.
local function remembered(place)
  return byte(place, -1) == 5
end

-- The place, delivery and start of a token.
local function opened(token)
  local a = find(token, '\4', 1, true)
  local b = find(token, '\4', a + 1, true)
  return sub(token, 1, a - 1), tonumber(sub(token, a + 1, b - 1)), sub(token, b + 1)
end

-- What is known of a job that was claimed before: deliveries, failures, losses, and when its first attempt began.
local function claimed(id)
  local text = call('HGET', CLAIMED, id)
  if not text then return 0, 0, 0, nil end
  local n, failures, losses, began = match(text, '^(%d+):(%d+):(%d+):(%x*)$')
  return tonumber(n), tonumber(failures), tonumber(losses), began
end

local function tell(process, message)
  -- A hint, so it may fail: a user of the server's may have no right to publish.
  redis.pcall('PUBLISH', META .. ':' .. process, message)
end

-- Wakes processes that wait for work, until their free slots cover `count` jobs.
local function wake(count)
  while count > 0 do
    local top = call('ZPOPMAX', IDLE)
    if not top[1] then return end
    local score = tonumber(top[2])
    if floor(score / 1024) <= now_ms then
      call('DEL', IDLE)
      return
    end
    tell(top[1], 'w')
    count = count - math.max(1, score % 1024)
  end
end

-- A job will be due at that millisecond. The process that looks when jobs are due is told, where this one is the first of them.
local function expect(due)
  if not meta[6] then return end
  local head = call('ZRANGE', DELAYED, '0', '0', 'WITHSCORES')
  if tonumber(head[2]) >= due then tell(match(meta[6], '^%S+'), 'w') end
end

-- Tells putters that there may be room.
local function room()
  local waiting = call('ZRANGE', FULL, '0', '-1')
  if #waiting == 0 then return end
  call('DEL', FULL)
  for _, process in ipairs(waiting) do tell(process, 'f') end
end

-- Forgets the records of a job that is in no index any more.
local function forget(id)
  call('HDEL', JOBS, id)
  call('HDEL', CLAIMED, id)
  call('HDEL', ENDS, id)
  call('HDEL', TRIES, id)
  call('HDEL', PROGRESS, id)
  call('HDEL', MARKS, '-' .. id, '+' .. id, '*' .. id, '@' .. id)
end

-- Writes down an attempt that ended; the last five are kept.
local function tried(id, began, failure)
  local line = began .. ' ' .. format('%x', floor(now_ms)) .. ' ' .. failure
  local lines = call('HGET', TRIES, id)
  if lines then
    local _, count = string.gsub(lines, '\n', '\n')
    if count >= 4 then lines = sub(lines, find(lines, '\n', 1, true) + 1) end
    line = lines .. '\n' .. line
  end
  call('HSET', TRIES, id, line)
end

-- Drops what is kept beyond its age or count, `most` at a time.
local function retain(set, keep, age, count, most)
  local size = call('ZCARD', set)
  if size == 0 then return end
  if keep then
    local a, b = match(keep, '^(%S+) (%S+)$')
    age, count = tonumber(a), tonumber(b)
  end
  local over = size - count
  local old = {}
  if over > 0 then old = call('ZRANGE', set, 0, math.min(over, most) - 1) end
  if #old < most and age < math.huge then
    for _, id in ipairs(call('ZRANGEBYSCORE', set, '-inf', '(' .. format('%.0f', floor(now_ms - age) + 1), 'LIMIT', #old, most - #old)) do
      old[#old + 1] = id
    end
  end
  for _, id in ipairs(old) do
    if call('ZREM', set, id) == 1 then forget(id) end
  end
end
