-- How jobs wait where there are groups or keys.
--
-- READY holds the candidates: every job without a key, and the first of each open lane. A lane is what waits of one group under
-- one key, in LANES as group \1 key \2 P O id. RING holds the groups that have candidates and are below their bound, by
-- their pass: stride scheduling. A lane whose key is used up is parked, and its key is in CLOSED until when.
local LANES, RING, WEIGHTS, RUNNING = KEYS[19], KEYS[20], KEYS[21], KEYS[22]
local CLOSED, PARKED, TURNS = KEYS[23], KEYS[24], KEYS[25]
local bound, turn, turned = tonumber(meta[8] or nil), tonumber(meta[5] or 0), false
-- What `enqueue` was told and is not written yet: candidates, members of lanes, and the same by lane.
local adds, members, coming = {}, {}, {}
local entering, counts = {}, {}

local function group_of(place)
  return sub(place, 1, find(place, '\2', 1, true) - 1)
end

-- The key of a place, and where it begins.
local function key_of(place)
  local from = find(place, '\1', 1, true)
  if not from then return nil end
  return match(place, '^[^\1-\7]*', from + 1), from
end

-- The member of LANES for a place, and back.
local function member_of(place, key)
  local g = find(place, '\2', 1, true)
  local k = find(place, '\1', g, true)
  return sub(place, 1, g - 1) .. '\1' .. key .. '\2' .. sub(place, g + 1, k - 1) .. sub(place, k + 1 + #key)
end

local function place_from(member)
  local a = find(member, '\1', 1, true)
  local b = find(member, '\2', a, true)
  local e = find(member, '[\5-\7]', turn_at(member) + 13) or #member + 1
  return sub(member, 1, a - 1) .. '\2' .. sub(member, b + 1, e - 1) .. '\1' .. sub(member, a + 1, b - 1) .. sub(member, e)
end

-- A number among the arguments of a command costs as much as a short command: hot paths write them as text.
local function first_of(lane, most)
  return call('ZRANGEBYLEX', LANES, '[' .. lane .. '\2', '(' .. lane .. '\3', 'LIMIT', '0', most)
end

-- As the server sorts them: by bytes.
local function before(a, b)
  for i = 1, #a do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return y ~= nil and x < y end
  end
  return #a < #b
end

-- The turns of places without a priority, as numbers.
local turns = {}

local function turn_of(place, at)
  if byte(place, at) ~= 53 then return nil end
  local number = tonumber(sub(place, at + 1, at + 13), 16)
  turns[place] = number
  return number
end

-- The same of two places of one group whose priority stands at `at`, in less time where they have none.
local function sooner(a, b, at)
  local m, n = turns[a] or turn_of(a, at), turns[b] or turn_of(b, at)
  if m and n and m ~= n then return m < n end
  return before(a, b)
end

local weighted
local function stride(group)
  if weighted == nil then weighted = call('EXISTS', WEIGHTS) == 1 end
  local weight = weighted and call('HGET', WEIGHTS, group)
  return 1 / (weight and tonumber(weight) or 1)
end

local function running(group)
  local count = counts[group]
  if not count then
    count = tonumber(call('HGET', RUNNING, group) or 0)
    counts[group] = count
  end
  return count
end

-- What has no group has no bound.
local function at_bound(group)
  return bound and group ~= '' and running(group) >= bound
end

-- A group has candidates: it takes part, unless it is at its bound. It waits one round, so that leaving wins nothing.
local function enter(group)
  if at_bound(group) then return end
  if call('ZSCORE', RING, group) then return end
  call('ZADD', RING, turn + stride(group), group)
end

local function enqueue(place)
  local key, group = key_of(place), group_of(place)
  if not key then
    adds[#adds + 1] = '0'
    adds[#adds + 1] = place
    entering[group] = true
    return
  end
  local name, member = group .. '\1' .. key, member_of(place, key)
  local lane = coming[name]
  if not lane then
    lane = { name = name, group = group, key = key, new = {}, count = 0 }
    coming[name] = lane
  end
  lane.new[member] = true
  lane.count = lane.count + 1
  members[#members + 1] = '0'
  members[#members + 1] = member
end

-- Jobs have come into a lane. Where one of them is the first now, it becomes the lane's candidate.
local function succeed_to(lane)
  local one = lane.count == 1
  local first = first_of(lane.name, one and '2' or '1')
  local head, former = first[1], first[2]
  local parked = lane.key .. '\2' .. lane.group
  if not lane.new[head] or call('ZSCORE', PARKED, parked) then return end
  if not one then
    for _, member in ipairs(first_of(lane.name, lane.count + 1)) do
      if not lane.new[member] then
        former = member
        break
      end
    end
  end
  local closed = not former and call('ZSCORE', CLOSED, lane.key)
  if closed and tonumber(closed) > now then
    call('ZADD', PARKED, '0', parked)
    return
  end
  if former then call('ZREM', READY, place_from(former)) end
  adds[#adds + 1] = '0'
  adds[#adds + 1] = place_from(head)
  entering[lane.group] = true
end

-- Writes what `enqueue` was told.
local function flush()
  if #members > 0 then
    add_all(LANES, members)
    members = {}
    for _, lane in pairs(coming) do succeed_to(lane) end
    coming = {}
  end
  if #adds > 0 then
    add_all(READY, adds)
    adds = {}
  end
  for group in pairs(entering) do enter(group) end
  entering = {}
end

-- Lets up to `count` of the lanes that wait for a key try again, in turn by the names of their groups. Lanes of groups at their
-- bound do not use up the turn.
local function open(key, count)
  local from = call('HGET', TURNS, key)
  local low, high = '[' .. key .. '\2', '(' .. key .. '\3'
  local lanes = call('ZRANGEBYLEX', PARKED, from and '(' .. key .. '\2' .. from or low, high, 'LIMIT', 0, count + 64)
  if from and #lanes < count + 64 then
    local rest = call('ZRANGEBYLEX', PARKED, low, '[' .. key .. '\2' .. from, 'LIMIT', 0, count + 64 - #lanes)
    for _, lane in ipairs(rest) do lanes[#lanes + 1] = lane end
  end
  local group
  for _, parked in ipairs(lanes) do
    if count <= 0 then break end
    group = sub(parked, #key + 2)
    call('ZREM', PARKED, parked)
    local head = first_of(group .. '\1' .. key, '1')[1]
    if head then
      call('ZADD', READY, '0', place_from(head))
      entering[group] = true
      if not at_bound(group) then count = count - 1 end
    end
  end
  if call('ZRANGEBYLEX', PARKED, low, high, 'LIMIT', '0', '1')[1] then
    if group then call('HSET', TURNS, key, group) end
    call('ZADD', CLOSED, format('%.0f', now + math.max(1000, math.min(1000000, params and params.interval or 1000000))), key)
  else
    call('HDEL', TURNS, key)
    call('ZREM', CLOSED, key)
  end
end

local function withdraw(place)
  flush()
  local key = key_of(place)
  if not key then return call('ZREM', READY, place) == 1 end
  local group = group_of(place)
  if call('ZREM', LANES, member_of(place, key)) == 0 then return false end
  local head = first_of(group .. '\1' .. key, '1')[1]
  if call('ZREM', READY, place) == 1 then
    if head then
      call('ZADD', READY, '0', place_from(head))
    else
      -- It takes no turn of its key with it.
      open(key, 1)
      flush()
    end
  elseif not head then
    call('ZREM', PARKED, key .. '\2' .. group)
  end
  return true
end

local function waits(place)
  flush()
  local key = key_of(place)
  if key then return call('ZSCORE', LANES, member_of(place, key)) end
  return call('ZSCORE', READY, place)
end

local function nothing_waits()
  return call('ZCARD', READY) + call('ZCARD', LANES) == 0
end

local function startable()
  return call('ZCARD', RING) > 0
end

if bound or KIND == 'permits' then
  released = function(place)
    local group = group_of(place)
    if bound and group ~= '' then
      counts[group] = math.max(0, running(group) - 1)
      entering[group] = true
    end
    if KIND == 'permits' then
      local key = key_of(place)
      leave(key or '', place)
      if key then open(key, 1) end
    end
  end
end

if KIND == 'permits' then
  renewed = function(place, lease) stay(key_of(place) or '', place, lease) end
end

local finish_limits = finish
finish = function()
  if bound then
    for group, count in pairs(counts) do
      if count > 0 then call('HSET', RUNNING, group, count) else call('HDEL', RUNNING, group) end
    end
  end
  if turned then call('HSET', META, 'turn', format('%.17g', turn)) end
  if finish_limits then finish_limits() end
end

-- Places that became candidates in this call, and are not among them yet; and the lanes of candidates, where they are known.
local fresh, lanes = {}, {}
local NONE = {}

local function add_fresh()
  if not next(fresh) then return end
  local list = {}
  for place in pairs(fresh) do
    list[#list + 1] = '0'
    list[#list + 1] = place
  end
  add_all(READY, list)
  fresh = {}
end

-- Reads more candidates of a group: `share` of them, and how many of a lane are worth reading at once.
local function read_on(entry, share, left)
  add_fresh()
  local from = entry.last and '(' .. entry.last or '[' .. entry.group .. '\2'
  local more = call('ZRANGEBYLEX', READY, from, '(' .. entry.group .. '\3', 'LIMIT', '0', share == 1 and '1' or share)
  entry.places, entry.at = more, 1
  entry.last = more[#more] or entry.last
  entry.all = #more < share
  if entry.all then entry.deep = math.ceil(left / math.max(1, #more)) end
end

-- The lane of a candidate: `member` is the candidate's, and `ahead` what follows in it, as far as it was read.
local function lane_of(place, group, key, from)
  local name = group .. '\1' .. key
  local member = name .. '\2' .. sub(place, #group + 2, from - 1) .. sub(place, from + 1 + #key)
  return { key = key, name = name, member = member, ahead = NONE, at = 1, over = false, cost = false }
end

-- A member of LANES without a priority, a cost, a dedupe key or a mark that its id is remembered: all after its key, and its turn.
local PLAIN_MEMBER = '^[^\2]*(\0025(.............)[^\1-\7]*)$'

-- The next job of a lane becomes its candidate, in its place among the others of the group.
local function succeed(entry, lane)
  local head = lane.ahead[lane.at]
  if not head then
    if lane.over then return end
    local deep = entry.deep
    lane.ahead = call('ZRANGEBYLEX', LANES, '(' .. lane.member, '(' .. lane.name .. '\3', 'LIMIT', '0', deep == 1 and '1' or deep)
    lane.at, lane.over = 1, #lane.ahead < deep
    head = lane.ahead[1]
    if not head then return end
  end
  lane.member, lane.at = head, lane.at + 1
  -- Most members are plain, so their cost is 1.
  local tail, hex = match(head, PLAIN_MEMBER)
  local place
  if tail then
    place = entry.group .. tail .. '\1' .. lane.key
    turns[place] = tonumber(hex, 16)
  else
    place = place_from(head)
  end
  fresh[place], lanes[place] = true, lane
  lane.cost = tail and 1
  local places, at = entry.places, #entry.group + 2
  if entry.last and not entry.all and sooner(entry.last, place, at) then return end
  local low, high = entry.at, #places + 1
  if low == high or sooner(places[high - 1], place, at) then
    places[high] = place
    return
  end
  while low < high do
    local middle = floor((low + high) / 2)
    if sooner(places[middle], place, at) then low = middle + 1 else high = middle end
  end
  table.insert(places, low, place)
end

local function take(want, lease)
  for _, key in ipairs(call('ZRANGEBYSCORE', CLOSED, '-inf', now, 'LIMIT', '0', '50')) do
    open(key, left and math.max(1, left(key)) or 1000)
  end
  flush()
  local places, gone, started, served, leaving, granted = {}, {}, {}, {}, {}, {}
  local function leave_ready(place)
    if fresh[place] then fresh[place] = nil else gone[#gone + 1] = place end
  end
  -- From `first` on, the group with the smallest pass first.
  local ring, first, length, read, last_pass, all = {}, 1, 0, 0, nil, false
  local function insert(entry)
    local pass, at = entry.pass, length
    if at >= first and ring[at].pass > pass then
      local low, high = first, at
      while low < high do
        local middle = floor((low + high) / 2)
        if ring[middle].pass <= pass then low = middle + 1 else high = middle end
      end
      for i = length, low, -1 do ring[i + 1] = ring[i] end
      at = low - 1
    end
    ring[at + 1] = entry
    length = length + 1
  end
  local visits = 4 * want + 64
  while #places < want and visits > 0 do
    visits = visits - 1
    -- Of groups with the pass of the last one that was read, those that have had a turn come after those that were not read yet.
    local head = ring[first]
    if not all and (length < first or head.pass > last_pass or (head.pass == last_pass and head.stride)) then
      local page = call('ZRANGE', RING, read, read + want - 1, 'WITHSCORES')
      for i = 1, #page, 2 do
        last_pass = tonumber(page[i + 1])
        insert({ group = page[i], pass = last_pass, places = NONE, at = 1, last = false, all = false, deep = 1, stride = false })
      end
      read = read + #page / 2
      all = #page < 2 * want
    end
    if length < first then break end
    local entry = ring[first]
    ring[first] = nil
    first = first + 1
    local group = entry.group
    local place = nil
    if not bound or not at_bound(group) then
      place = entry.places[entry.at]
      if not place and not entry.all then
        local left = want - #places
        read_on(entry, math.ceil(left / (length - first + 2)), left)
        place = entry.places[1]
      end
    end
    if not place then
      leaving[#leaving + 1] = group
      served[group] = nil
    else
      entry.at = entry.at + 1
      local lane, key, from = lanes[place], nil, nil
      if lane then key = lane.key else key, from = key_of(place) end
      local wait = admit and admit(key or '', place, lease, lane and lane.cost) or 0
      if wait > 0 and not key then
        -- All jobs without a key wait for the same, so the group waits with them.
        opens = math.min(opens, now + wait)
      elseif wait > 0 then
        leave_ready(place)
        -- The group that started last is not the next one to try.
        if granted[key] then call('HSET', TURNS, key, granted[key]) end
        call('ZADD', PARKED, '0', key .. '\2' .. group)
        call('ZADD', CLOSED, format('%.0f', now + math.min(wait, KIND == 'permits' and 1000000 or 9e15)), key)
        first = first - 1
        ring[first] = entry
      else
        places[#places + 1] = place
        leave_ready(place)
        if key then
          granted[key] = group
          lane = lane or lane_of(place, group, key, from)
          started[#started + 1] = lane.member
          succeed(entry, lane)
        end
        if bound and group ~= '' then counts[group] = running(group) + 1 end
        local pass = entry.pass
        if pass > turn then turn = pass end
        turned = true
        entry.stride = entry.stride or stride(group)
        pass = pass + entry.stride
        entry.pass, served[group] = pass, pass
        -- The new pass of most groups comes after all others.
        if length < first or ring[length].pass <= pass then
          length = length + 1
          ring[length] = entry
        else
          insert(entry)
        end
      end
    end
  end
  add_fresh()
  if #started > 0 then each('ZREM', LANES, started) end
  if #gone > 0 then each('ZREM', READY, gone) end
  if #leaving > 0 then each('ZREM', RING, leaving) end
  -- Groups of one weight have one pass.
  local passes, written = {}, {}
  for group, pass in pairs(served) do
    local text = written[pass]
    if not text then
      text = format('%.17g', pass)
      written[pass] = text
    end
    passes[#passes + 1] = text
    passes[#passes + 1] = group
  end
  if #passes > 0 then add_all(RING, passes) end
  return places
end

weigh = function(prefix, weight)
  local group = group_of(prefix)
  if tonumber(weight) == 1 then call('HDEL', WEIGHTS, group) else call('HSET', WEIGHTS, group, weight) end
end

-- The place with the smallest turn in a set: the first of each priority is looked at, of 500 at most.
local function earliest(set, from, to)
  local found, smallest
  for _ = 1, 500 do
    local member = call('ZRANGEBYLEX', set, from, to, 'LIMIT', '0', '1')[1]
    if not member then break end
    local at = turn_at(member)
    local number = tonumber(sub(member, at, at + 12), 16)
    if not smallest or number < smallest then found, smallest = member, number end
    from = '(' .. sub(member, 1, at - 1) .. '\255'
  end
  return found, smallest
end

-- The priority of a place, or of a member of the lanes, as it is written: the lower, the later in bytes.
local function rank_of(member)
  return sub(member, find(member, '\2', 1, true) + 1, turn_at(member) - 1)
end

-- The place that is dropped where there is no room: of the lowest priority, the one with the smallest turn. The first of each group, key
-- and priority is looked at, of 500 at most.
local function gives_way()
  flush()
  local found, rank, turn
  for _, set in ipairs({ LANES, READY }) do
    local from = '-'
    for _ = 1, 500 do
      local member = call('ZRANGEBYLEX', set, from, '+', 'LIMIT', '0', '1')[1]
      if not member then break end
      local at = turn_at(member)
      local its_rank, its_turn = rank_of(member), tonumber(sub(member, at, at + 12), 16)
      if not found or before(rank, its_rank) or (rank == its_rank and its_turn < turn) then
        found, rank, turn = set == LANES and place_from(member) or member, its_rank, its_turn
      end
      from = '(' .. sub(member, 1, at - 1) .. '\255'
    end
  end
  return found
end

local function oldest()
  flush()
  local place, a = earliest(READY, '-', '+')
  local member, b = earliest(LANES, '-', '+')
  if member and (not a or b < a) then return place_from(member) end
  return place
end

local function first_turn()
  local place = oldest()
  if not place then return nil end
  local at = turn_at(place)
  return sub(place, at, at + 12)
end

local function waiting_places(most)
  local places = {}
  for _, member in ipairs(call('ZRANGE', LANES, 0, most - 1)) do places[#places + 1] = place_from(member) end
  for _, place in ipairs(call('ZRANGE', READY, 0, most - 1)) do
    if #places < most and not key_of(place) then places[#places + 1] = place end
  end
  return places
end

local function waiting_from(cursor, most, told, full)
  local jobs, at = {}, ''
  local from = '-'
  if byte(cursor) ~= 114 then
    if cursor ~= '' then from = '(' .. sub(cursor, 2) end
    local members = call('ZRANGEBYLEX', LANES, from, '+', 'LIMIT', 0, most)
    for _, member in ipairs(members) do
      jobs[#jobs + 1] = told(place_from(member))
      at = 'b' .. member
      if full() then return jobs, at end
    end
    from = '-'
  else
    from = '(' .. sub(cursor, 2)
  end
  while true do
    local places = call('ZRANGEBYLEX', READY, from, '+', 'LIMIT', 0, most + 1)
    for _, place in ipairs(places) do
      if not key_of(place) then
        if #jobs == most or (full() and #jobs > 0) then return jobs, at end
        jobs[#jobs + 1] = told(place)
        at = 'r' .. place
      end
      from = '(' .. place
    end
    if #places <= most then break end
  end
  -- Where keyed jobs filled the page, more of them may follow.
  local more = byte(at) == 98 and call('ZRANGEBYLEX', LANES, '(' .. sub(at, 2), '+', 'LIMIT', '0', '1')[1]
  return jobs, more and at or ''
end

-- Up to `most` groups after `cursor`: name, how many wait, how many run, how long the first has waited in us, an envelope.
local function groups_from(cursor, most)
  local reply, executing = { '' }, {}
  for _, token in ipairs(call('ZRANGE', LEASES, 0, 9999)) do
    local group = group_of(token)
    executing[group] = (executing[group] or 0) + 1
  end
  local from = cursor == '' and '[\32' or '(' .. cursor .. '\3'
  for _ = 1, most do
    local place = call('ZRANGEBYLEX', READY, from, '+', 'LIMIT', '0', '1')[1]
    local member = call('ZRANGEBYLEX', LANES, from, '+', 'LIMIT', '0', '1')[1]
    local group = place and group_of(place)
    if member then
      local other = sub(member, 1, find(member, '\1', 1, true) - 1)
      if not group or before(other, group) then group = other end
    end
    if not group then return reply end
    local low, high = '[' .. group .. '\2', '(' .. group .. '\3'
    local waiting = call('ZLEXCOUNT', LANES, '[' .. group .. '\1', '(' .. group .. '\2')
    if waiting == 0 then
      waiting = call('ZLEXCOUNT', READY, low, high)
    else
      for _, candidate in ipairs(call('ZRANGEBYLEX', READY, low, high, 'LIMIT', 0, 1000)) do
        if not key_of(candidate) then waiting = waiting + 1 end
      end
    end
    local one, a = earliest(READY, low, high)
    local other, b = earliest(LANES, '[' .. group .. '\1', '(' .. group .. '\2')
    local record = call('HGET', JOBS, id_of(one or place_from(other))) or '\n'
    local line_end = find(record, '\n', 1, true)
    local age = math.max(0, now - math.min(a or math.huge, b or math.huge))
    reply[#reply + 1] = { group, waiting, executing[group] or 0, age, sub(record, line_end + 1) }
    from = '(' .. group .. '\3'
    reply[1] = group
  end
  return reply
end

-- The bound of groups has changed: running jobs are counted anew, and groups that have candidates may come in.
rebound = function(value)
  bound = tonumber(value or nil)
  call('DEL', RUNNING)
  counts = {}
  if bound then
    for _, token in ipairs(call('ZRANGE', LEASES, 0, 99999)) do
      local group = group_of(token)
      if group ~= '' then counts[group] = (counts[group] or 0) + 1 end
    end
    for group, count in pairs(counts) do call('HSET', RUNNING, group, count) end
  end
  local from = '-'
  for _ = 1, 1000 do
    local place = call('ZRANGEBYLEX', READY, from, '+', 'LIMIT', '0', '1')[1]
    if not place then break end
    enter(group_of(place))
    from = '(' .. group_of(place) .. '\3'
  end
end

-- The limit has changed: keys that were closed are asked again.
relimit = function()
  for _, key in ipairs(call('ZRANGE', CLOSED, 0, 999)) do call('ZADD', CLOSED, 0, key) end
end
