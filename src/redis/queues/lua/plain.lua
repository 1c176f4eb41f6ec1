-- How jobs wait where there are neither groups nor keys: one line, best first.
local adds = {}

local function enqueue(place)
  adds[#adds + 1] = '0'
  adds[#adds + 1] = place
end

-- Writes what `enqueue` was told.
local function flush()
  if #adds == 0 then return end
  add_all(READY, adds)
  adds = {}
end

-- Takes a job out that waits. False where it does not.
local function withdraw(place)
  flush()
  return call('ZREM', READY, place) == 1
end

local function nothing_waits()
  return call('ZCARD', READY) == 0
end

local function startable()
  return call('ZCARD', READY) > 0
end

local function waits(place)
  flush()
  return call('ZSCORE', READY, place)
end

if admit then
  released = function(place) leave('', place) end
  renewed = function(place, lease) stay('', place, lease) end
end

local function take(want, lease)
  if not admit then
    local places = call('ZRANGE', READY, '0', want - 1)
    if #places > 0 then call('ZREMRANGEBYRANK', READY, '0', #places - 1) end
    return places
  end
  local places = call('ZRANGE', READY, '0', want - 1)
  for i = 1, #places do
    local wait = admit('', places[i], lease)
    if wait > 0 then
      opens = now + wait
      places = { unpack(places, 1, i - 1) }
      break
    end
  end
  if #places > 0 then call('ZREMRANGEBYRANK', READY, '0', #places - 1) end
  return places
end

-- The first job that would make room for another: of the lowest priority, the one that waits longest.
local function gives_way()
  flush()
  local lowest = call('ZREVRANGE', READY, 0, 0)[1]
  if not lowest then return nil end
  return call('ZRANGEBYLEX', READY, '[' .. sub(lowest, 1, turn_at(lowest) - 1), '+', 'LIMIT', 0, 1)[1]
end

-- The first `most` that wait.
local function waiting_places(most)
  return call('ZRANGE', READY, 0, most - 1)
end

-- One page of what waits, and where the next one begins. It ends early where `full` says so.
local function waiting_from(cursor, most, told, full)
  local places = call('ZRANGEBYLEX', READY, cursor == '' and '-' or '(' .. sub(cursor, 2), '+', 'LIMIT', 0, most + 1)
  local jobs = {}
  for i = 1, math.min(most, #places) do
    jobs[i] = told(places[i])
    if full() and i < #places then return jobs, 'r' .. places[i] end
  end
  return jobs, #places > most and 'r' .. places[most] or ''
end

-- The smallest turn in a set of places: the first of each priority is looked at, of 500 at most.
local function first_in(set, from, to)
  local first
  for _ = 1, 500 do
    local place = call('ZRANGEBYLEX', set, from, to, 'LIMIT', 0, 1)[1]
    if not place then break end
    local at = turn_at(place)
    local turn = sub(place, at, at + 12)
    if not first or tonumber(turn, 16) < tonumber(first, 16) then first = turn end
    from = '(' .. sub(place, 1, at - 1) .. '\255'
  end
  return first
end

local function first_turn()
  return first_in(READY, '-', '+')
end

local function groups_from()
  return { '' }
end
