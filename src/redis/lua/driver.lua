-- Runs moves of a list of rules on keyed states. The linker has put before this:
--   rules   the twins, in order            params  their numbers, in the same order
--   first   where the moves begin in ARGV  now     the present in microseconds, by this server
--   and prelude.lua. single.lua and take.lua do most of what is asked for in less time, and must do the same.
--
-- KEYS  the states: for each group one for each rule, all in one slot
-- ARGV  nothing more, where all there is to do is a reserve of 1 without a wait for each group; or
--       for each group: -n for n reserves of 1 without a wait, as most are; or how many moves, then for each move
--         move    1 reserve, 2 peek, 3 refund, 4 reset, 5 block, 6 lend, 7 return, 8 hold, 9 settle, 10 extend,
--                 11 report, with its level, count, amount and bad in the places of id, costs, actuals and with
--         extra   reserve: the longest wait; refund: how long until it is due; block: how long; in microseconds
--                 lend: how much to lend beside the cost; return: when it was lent
--         times   how often; the first no ends a reserve
--         costs   one for each rule; lend: what is spent at once, or 0; block: 2 for one that replaces a longer one
--       and of a hold, settle or extend
--         id      the number of the reservation
--         with    hold and extend: for how long; settle: what an unknown id means; as for the rules
--         actuals settle: what was used, for each rule
-- Returns for each move: how often it was granted, then for each rule its verdict, what remains, when it is idle, and of
-- a rule that has one the token. After -n, the verdicts are left out when all n were granted.
-- Of a lend: how much was lent, and as the verdict of a yes the present, which its return has to name.
--
-- A state is kept as one string of doubles: the rule's numbers, until when the key is blocked, and until when it lives.
-- That is somewhat longer than until it equals a fresh one, so that most of the time it can be written in place: to set a time
-- to live costs as much as all else together.
local RESERVE, PEEK, REFUND, RESET, BLOCK, LEND, RETURN, HOLD, SETTLE, EXTEND, REPORT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local size = #rules
local formats = {}
-- Of the group at hand, for each rule: its numbers, until when it is blocked, how long its string was (false where there was
-- none) and until when it lives, its last verdict, what is left, and when it will be idle.
local states, blocked, known, lives, verdicts, left, idle = {}, {}, {}, {}, {}, {}, {}
-- Several groups of one call may have a state in common: what was written of each, false for deleted.
local written = {}
local call, floor, ceil = redis.call, math.floor, math.ceil
local pack, unpack_numbers = struct.pack, struct.unpack

local function format_of(count)
  local format = formats[count]
  if not format then
    format = '<' .. string.rep('d', count)
    formats[count] = format
  end
  return format
end

local function load(i, key, value)
  if written[key] ~= nil then value = written[key] end
  known[i] = value and #value
  blocked[i] = 0
  if not value then
    states[i] = rules[i].fresh(now)
    return
  end
  local count = known[i] / 8
  local state = { unpack_numbers(format_of(count), value) }
  lives[i] = state[count]
  if state[count - 1] > now then blocked[i] = state[count - 1] end
  for j = count + 1, count - 1, -1 do state[j] = nil end
  states[i] = state
end

local function save(i, key)
  local live = math.max(idle[i], blocked[i] - now)
  local state = states[i]
  local count = #state + 1
  state[count] = blocked[i]
  if live <= 0 then
    if known[i] then call('DEL', key) end
    written[key] = false
  elseif known[i] == 8 * count + 8 and lives[i] - now >= live and written[key] ~= false then
    state[count + 1] = lives[i]
    local value = pack(format_of(count + 1), unpack(state))
    call('SETRANGE', key, '0', value)
    written[key] = value
  else
    written[key] = begin(key, live, format_of(count), unpack(state))
  end
end

-- A block moves no state, which lives on as long as before: by the rule that has moved it last, which may be slower than the one at hand.
local function keep(i, key)
  local rest = known[i] and math.max(lives[i] - now, 0) or 0
  local live = math.max(rest, blocked[i] - now)
  if live <= 0 then
    if known[i] then call('DEL', key) end
    written[key] = false
    return
  end
  local state = states[i]
  local count = #state
  state[count + 1] = blocked[i]
  state[count + 2] = now + rest
  local value = pack(format_of(count + 2), unpack(state))
  call('PSETEX', key, math.min(ceil(live / 1000) + ROUNDING + grace, LONGEST), value)
  written[key] = value
end

local function copy(state)
  local twin = {}
  for i = 1, #state do twin[i] = state[i] end
  return twin
end

-- What the move at hand costs at each rule; and of a hold its number and how long it may last.
local costs, id, with = {}, nil, nil

-- Whether every rule grants, all or none of them written. A copy is moved where it may have to be thrown away.
local function judge(extra, peek)
  local granted = true
  local before = states
  if peek or size > 1 then
    states = {}
    for i = 1, size do states[i] = copy(before[i]) end
  end
  for i = 1, size do
    local verdict
    if blocked[i] > now then
      verdict = now - blocked[i]
      -- A call that does not wait hears when it passes, which may be long after the block.
      if extra == 0 then
        local own = rules[i].reserve(params[i], copy(states[i]), now, costs[i], 0)
        if own < verdict and own > -math.huge then verdict = own end
      end
    else
      if id then
        verdict = rules[i].hold(params[i], states[i], now, costs[i], extra, id, with)
      else
        verdict = rules[i].reserve(params[i], states[i], now, costs[i], extra)
      end
    end
    verdicts[i] = verdict
    if verdict < 0 then granted = false end
  end
  if peek or not granted then states = before end
  return granted
end

-- Takes `cost` at once, then up to `want` more to be spent elsewhere: a quarter of what is left at most, so that token leases become
-- smaller as the end comes near, and no process holds many tokens that others are denied.
local function lend(want)
  local cost = costs[1]
  if cost > 0 and not judge(0, false) then return 0, false end
  local lot = want
  for i = 1, size do
    lot = math.min(lot, math.max(1, floor(rules[i].remaining(params[i], states[i], now) / 4)))
  end
  for i = 1, size do costs[i] = lot end
  local lent = judge(0, false)
  if not lent and cost == 0 then return 0, false end
  for i = 1, size do verdicts[i] = now end
  return lent and lot or 0, true
end

-- What was lent at `at` and not spent, less what has dripped in since: had it stayed, that might have run over, and a process
-- that borrows and returns would make the bucket larger than it is.
local function give_back(rest, at)
  for i = 1, size do
    local back = rest - math.max(0, now - at) / params[i].interval
    if back > 0 then rules[i].refund(params[i], states[i], now, back, now) end
  end
end

local values = call('MGET', unpack(KEYS))
local replies, r, at = {}, 0, first
local plain = not ARGV[first]

local function group(base)
  local moves = plain and -1 or tonumber(ARGV[at])
  for i = 1, size do load(i, KEYS[base + i], values[base + i]) end
  -- Whether a state is to be written, and whether a rule has moved it.
  local dirty, moved, freed = false, false, false
  local move, extra, times, granted = RESERVE, 0, -moves, 0
  for _ = 1, math.max(1, moves) do
    if moves > 0 then
      move, extra, times = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
      at = at + 3
      for i = 1, size do costs[i] = tonumber(ARGV[at + i]) end
      at = at + size
    else
      for i = 1, size do costs[i] = 1 end
    end
    granted = 0
    if move >= HOLD then
      id, with = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
      at = at + 2
      if move == HOLD then
        if judge(extra, false) then granted, dirty, moved = 1, true, true end
      else
        granted, dirty, moved = 1, true, true
        for i = 1, size do
          if move == SETTLE then
            rules[i].settle(params[i], states[i], now, id, costs[i], tonumber(ARGV[at + i]), with)
            verdicts[i] = 0
          elseif move == REPORT then
            verdicts[i] = rules[i].report(params[i], states[i], now, id, costs[i], tonumber(ARGV[at + i]), with)
          else
            verdicts[i] = rules[i].extend(params[i], states[i], now, id, with)
            if verdicts[i] < 0 then granted = 0 end
          end
        end
        if move ~= EXTEND then at = at + size end
      end
      id = nil
    elseif move == RESERVE then
      while granted < times and judge(extra, false) do granted = granted + 1 end
      if granted > 0 then dirty, moved = true, true end
    elseif move == PEEK then
      if judge(extra, true) then granted = 1 end
    elseif move == LEND then
      local taken
      granted, taken = lend(extra)
      if taken then dirty, moved = true, true end
    elseif move == RETURN then
      for i = 1, size do verdicts[i] = 0 end
      if known[1] or dirty then
        give_back(costs[1], extra)
        dirty, moved = true, true
      end
    else
      for i = 1, size do
        verdicts[i] = 0
        if move == REFUND then
          if known[i] or dirty then rules[i].refund(params[i], states[i], now, costs[i], now + extra) end
        elseif move == RESET then
          states[i], blocked[i] = rules[i].fresh(now), 0
        elseif move == BLOCK then
          if costs[i] == 2 then blocked[i] = now + extra else blocked[i] = math.max(blocked[i], now + extra) end
        end
      end
      -- A block that replaces another one may end it.
      dirty, moved, freed = true, moved or move ~= BLOCK, freed or move ~= BLOCK or costs[1] == 2
    end
    replies[r + 1] = granted
    r = r + 1
    for i = 1, size do
      idle[i] = rules[i].idle_after(params[i], states[i], now)
      if moves > 0 or granted < times then
        replies[r + 1] = whole(verdicts[i])
        r = r + 1
      end
      left[i] = floor(rules[i].remaining(params[i], states[i], now))
      replies[r + 1] = left[i]
      replies[r + 2] = whole(ceil(idle[i]))
      r = r + 2
      if rules[i].token then
        r = r + 1
        replies[r] = rules[i].token(states[i])
      end
    end
  end
  if dirty then
    for i = 1, size do
      if moved then save(i, KEYS[base + i]) else keep(i, KEYS[base + i]) end
      -- Not where the same call has taken it again. A hint, so it may fail: a user of the server's may have no right
      -- to publish.
      if freed and rules[i].wakes and left[i] > 0 then
        redis.pcall('PUBLISH', KEYS[base + i], '')
      end
    end
  end
end

for base = 0, #KEYS - 1, size do
  group(base)
  at = at + 1
end

return replies
