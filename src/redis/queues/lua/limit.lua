-- The limit of a queue, asked inside its scripts. The linker has put the twin of its rule before this as `rule`, and prelude.lua.
--
-- meta[7]: kind, where the states are ('own' or 'shared'), the middle of their names, the name of the empty key, whether jobs
-- have keys, and the names and numbers of the rule, by line ends.
-- A key is `tag:name`; its state in 'shared' is the limiter's own, and has the name that limiter gives it.
local HELD = KIND == 'permits'
local states, params = {}, {}
local state_head, state_middle, empty_key
do
  local fields, from = {}, 1
  local line_end = find(meta[7], '\n', 1, true)
  while line_end do
    fields[#fields + 1] = sub(meta[7], from, line_end - 1)
    from = line_end + 1
    line_end = find(meta[7], '\n', from, true)
  end
  fields[#fields + 1] = sub(meta[7], from)
  state_middle, empty_key = fields[3], fields[4]
  for i = 6, #fields, 2 do params[fields[i]] = tonumber(fields[i + 1]) end
  if fields[2] == 'shared' then
    state_head = sub(META, 1, find(META, ':{queue:', 1, true) - 1) .. ':{'
    state_middle = '}' .. state_middle
  else
    state_head = nil
    state_middle = META .. state_middle
  end
end

local pack_numbers, unpack_numbers = struct.pack, struct.unpack
local formats = {}

-- The format of a string of so many doubles.
local function doubles(count)
  local known = formats[count]
  if not known then
    known = '<' .. string.rep('d', count)
    formats[count] = known
  end
  return known
end

local function state_name(key)
  if not state_head then return state_middle .. key end
  local colon = find(key, ':', 1, true)
  return state_head .. sub(key, 1, colon - 1) .. state_middle .. sub(key, colon + 1)
end

-- What is kept of a key: the numbers of the rule, until when it is blocked, and how long it lives.
local function state_of(key)
  if key == '' then key = empty_key end
  local known = states[key]
  if known then return known end
  local name = state_name(key)
  local value = call('GET', name)
  local state = { name = name, blocked = 0, lives = 0, size = 0, numbers = false, dirty = false, freed = false }
  states[key] = state
  if not value then
    state.numbers = rule.fresh(now)
    return state
  end
  local size = #value / 8
  local numbers = { unpack_numbers(doubles(size), value) }
  state.size, state.lives = size, numbers[size]
  if numbers[size - 1] > now then state.blocked = numbers[size - 1] end
  -- The last one is not of the state: it says where reading ended.
  numbers[size + 1], numbers[size], numbers[size - 1] = nil, nil, nil
  state.numbers = numbers
  return state
end

local function cost_of(place)
  if not find(place, '\6', 1, true) then return 1 end
  return tonumber(string.match(place, '\6([^\5\7]+)'))
end

-- Permits are numbered by the place of their job.
local function permit_of(place)
  return tonumber(sub(redis.sha1hex(place), 1, 12), 16) + 1
end

-- Takes what the job costs: 0, or how long it has to wait, in microseconds. `cost` is given where it is known.
local function charge(key, place, lease, cost)
  local state = state_of(key)
  -- A key may be unblocked before that time: it is asked now and then.
  if state.blocked > now then return math.min(state.blocked - now, 10000000) end
  local extra = 0
  if HELD then
    params.ttl = lease * 1000
    extra = permit_of(place)
  end
  local verdict = rule.reserve(params, state.numbers, now, cost or cost_of(place), extra)
  if verdict < 0 then return -verdict end
  state.dirty = true
  return 0
end

-- Gives back what is held while a job runs.
local function leave(key, place)
  if not HELD then return end
  local state = state_of(key)
  rule.refund(params, state.numbers, now, cost_of(place), now + permit_of(place))
  state.dirty, state.freed = true, true
end

-- Holds it for longer.
local function stay(key, place, lease)
  if not HELD then return end
  local state = state_of(key)
  params.ttl = lease * 1000
  rule.reserve(params, state.numbers, now, cost_of(place), permit_of(place))
  state.dirty = true
end

-- How many jobs of cost 1 may start.
local function left(key)
  local state = state_of(key)
  if state.blocked > now then return 0 end
  return floor(rule.remaining(params, state.numbers, now))
end

finish = function()
  for _, state in pairs(states) do
    if state.dirty then
      local numbers = state.numbers
      local live = math.max(rule.idle_after(params, numbers, now), state.blocked - now)
      local size = #numbers + 1
      numbers[size] = state.blocked
      if live <= 0 then
        if state.size > 0 then call('DEL', state.name) end
      elseif state.size == size + 1 and state.lives - now >= live then
        numbers[size + 1] = state.lives
        call('SETRANGE', state.name, '0', pack_numbers(doubles(size + 1), unpack(numbers)))
      else
        begin(state.name, live, doubles(size), unpack(numbers))
      end
      if state.freed then redis.pcall('PUBLISH', state.name, '') end
    end
  end
end

admit = charge
