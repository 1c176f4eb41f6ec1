-- Runs moves of a list of rules on keyed states. The linker has put before this:
--   rules   the twins, in order            params  their numbers, in the same order
--   first   where the moves begin in ARGV  now     the present in microseconds, by this server
--   grace   milliseconds a state lives longer than it has to
--
-- KEYS  the states: for each group one for each rule, all in one slot
-- ARGV  for each group: -n for n reserves of 1 without a wait, which is most of them; or how many moves, then for each move
--         move    1 reserve, 2 peek, 3 refund, 4 reset, 5 block, 6 lend, 7 return
--         cost    lend: what is spent at once, or 0
--         extra   reserve: the longest wait; refund: how long until it is due; block: how long; in microseconds
--                 lend: how much to lend beside the cost; return: when it was lent
--         times   how often; the first no ends a reserve
-- Returns for each move: how often it was granted, then for each rule its verdict, what remains, when it is idle, and of
-- a rule that has one the token.
-- Of a lend: how much was lent, and as the verdict of a yes the present, which its return has to name.
--
-- A state is kept as one string of doubles: the rule's numbers, then until when the key is blocked. It lives until it
-- equals a fresh one.
local RESERVE, PEEK, REFUND, RESET, BLOCK, LEND, RETURN = 1, 2, 3, 4, 5, 6, 7
local NEVER = 9000000000000000
local size = #rules
local formats = {}
-- Of the group at hand, for each rule: its numbers, until when it is blocked, whether it was stored, its last verdict,
-- and when it will be idle.
local states, blocked, known, verdicts, idle = {}, {}, {}, {}, {}
local call, floor, ceil = redis.call, math.floor, math.ceil

local function format_of(count)
  local format = formats[count]
  if not format then
    format = '<' .. string.rep('d', count)
    formats[count] = format
  end
  return format
end

local function load(i, value)
  known[i] = value ~= false
  blocked[i] = 0
  if not value then
    states[i] = rules[i].fresh(now)
    return
  end
  local count = #value / 8
  local state = { struct.unpack(format_of(count), value) }
  state[count + 1] = nil
  if state[count] > now then blocked[i] = state[count] end
  state[count] = nil
  states[i] = state
end

local function save(i, key)
  local live = math.max(idle[i], blocked[i] - now)
  if live > 0 then
    local state = states[i]
    local count = #state + 1
    state[count] = blocked[i]
    call('PSETEX', key, ceil(live / 1000) + grace, struct.pack(format_of(count), unpack(state)))
  elseif known[i] then
    call('DEL', key)
  end
end

local function copy(state)
  local twin = {}
  for i = 1, #state do twin[i] = state[i] end
  return twin
end

-- Whether every rule grants, all or none of them written. A copy is moved where it may have to be thrown away.
local function judge(cost, extra, peek)
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
    else
      verdict = rules[i].reserve(params[i], states[i], now, cost, extra)
    end
    verdicts[i] = verdict
    if verdict < 0 then granted = false end
  end
  if peek or not granted then states = before end
  return granted
end

-- Takes `cost` at once, then up to `want` more to be spent elsewhere: a quarter of what is left at most, so that lots become
-- smaller as the end comes near, and nobody holds much that others are denied.
local function lend(cost, want)
  if cost > 0 and not judge(cost, 0, false) then return 0, false end
  local lot = want
  for i = 1, size do
    lot = math.min(lot, math.max(1, floor(rules[i].remaining(params[i], states[i], now) / 4)))
  end
  local lent = judge(lot, 0, false)
  if not lent and cost == 0 then return 0, false end
  for i = 1, size do verdicts[i] = now end
  return lent and lot or 0, true
end

-- What was lent at `at` and not spent, less what has dripped in since: had it stayed, that might have run over, and those
-- who borrow and return would make the bucket larger than it is.
local function give_back(rest, at)
  for i = 1, size do
    local back = rest - math.max(0, now - at) / params[i].interval
    if back > 0 then rules[i].refund(params[i], states[i], now, back, now) end
  end
end

-- An integer reply: verdicts and times are whole already, but for endless ones.
local function whole(number)
  if number >= NEVER then return NEVER end
  if number <= -NEVER then return -NEVER end
  return number
end

local values = call('MGET', unpack(KEYS))
local replies, r, at = {}, 0, first

for base = 0, #KEYS - 1, size do
  for i = 1, size do load(i, values[base + i]) end
  local dirty, freed = false, false
  local moves = tonumber(ARGV[at])
  local move, cost, extra, times, granted = RESERVE, 1, 0, -moves, 0
  for _ = 1, math.max(1, moves) do
    if moves > 0 then
      move, cost = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
      extra, times = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
      at = at + 4
    end
    granted = 0
    if move == RESERVE then
      while granted < times and judge(cost, extra, false) do granted = granted + 1 end
      if granted > 0 then dirty = true end
    elseif move == PEEK then
      if judge(cost, extra, true) then granted = 1 end
    elseif move == LEND then
      local taken
      granted, taken = lend(cost, extra)
      if taken then dirty = true end
    elseif move == RETURN then
      for i = 1, size do verdicts[i] = 0 end
      if known[1] or dirty then
        give_back(cost, extra)
        dirty = true
      end
    else
      for i = 1, size do
        verdicts[i] = 0
        if move == REFUND then
          if known[i] or dirty then rules[i].refund(params[i], states[i], now, cost, now + extra) end
        elseif move == RESET then
          states[i], blocked[i] = rules[i].fresh(now), 0
        elseif move == BLOCK then
          blocked[i] = now + extra
        end
      end
      dirty, freed = true, freed or move ~= BLOCK
    end
    replies[r + 1] = granted
    r = r + 1
    for i = 1, size do
      idle[i] = rules[i].idle_after(params[i], states[i], now)
      replies[r + 1] = whole(verdicts[i])
      replies[r + 2] = floor(rules[i].remaining(params[i], states[i], now))
      replies[r + 3] = whole(ceil(idle[i]))
      r = r + 3
      if rules[i].token then
        r = r + 1
        replies[r] = rules[i].token(states[i])
      end
    end
  end
  at = at + 1
  if dirty then
    for i = 1, size do
      save(i, KEYS[base + i])
      -- Not where somebody has taken it in the same call. A hint, so it may fail: a user of the server's may have no right
      -- to publish.
      if freed and rules[i].wakes and rules[i].remaining(params[i], states[i], now) > 0 then
        redis.pcall('PUBLISH', KEYS[base + i], '')
      end
    end
  end
end

return replies
