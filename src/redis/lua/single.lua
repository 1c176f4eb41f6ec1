-- Runs the same move, once, on each of several states of one rule: most of what is asked for, in few instructions. The linker
-- has put before this what driver.lua gets too, but for one `rule` and its `params`, and of the rule what is needed here.
--
-- KEYS  the states
-- ARGV  nothing more for a reserve of 1 that does not wait; or
--       the move: 1 reserve, 3 refund; then for each state the cost and the extra, as for driver.lua
-- Returns for each: the verdict, what remains, and when it is idle; of a rule with a token that one alone, or as a no the
-- verdict.
local RESERVE = 1
local call, floor, ceil, pack, unpack_numbers = redis.call, math.floor, math.ceil, struct.pack, struct.unpack
local move, cost, extra, at = tonumber(ARGV[first] or RESERVE), 1, 0, first
local told = ARGV[first]
local values = call('MGET', unpack(KEYS))
local replies, r = {}, 0
local length, format

for k = 1, #KEYS do
  local key, value = KEYS[k], values[k]
  local state, blocked, lives, count = nil, 0, 0, 0
  if told then
    cost, extra = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    at = at + 2
  end
  if value then
    if #value ~= length then
      length = #value
      format = '<' .. string.rep('d', length / 8)
    end
    count = length / 8
    state = { unpack_numbers(format, value) }
    lives = state[count]
    if state[count - 1] > now then blocked = state[count - 1] end
    for j = count + 1, count - 1, -1 do state[j] = nil end
  else
    state = rule.fresh(now)
  end
  local verdict, dirty = 0, value
  if move == RESERVE then
    if blocked > now then
      verdict = now - blocked
      -- A call that does not wait hears when it passes, which may be long after the block.
      if extra == 0 then
        local twin = {}
        for i = 1, #state do twin[i] = state[i] end
        local own = rule.reserve(params, twin, now, cost, 0)
        if own < verdict and own > -math.huge then verdict = own end
      end
    else
      verdict = rule.reserve(params, state, now, cost, extra)
    end
    dirty = verdict >= 0
  elseif value then
    rule.refund(params, state, now, cost, now + extra)
  end
  local idle = rule.idle_after(params, state, now)
  local freed = move ~= RESERVE and rule.wakes and rule.remaining(params, state, now) >= 1
  if not rule.token then
    replies[r + 1] = whole(verdict)
    -- What is not whole is cut off by the server.
    replies[r + 2] = floor(rule.remaining(params, state, now))
    replies[r + 3] = whole(ceil(idle))
    r = r + 3
  else
    r = r + 1
    replies[r] = verdict < 0 and whole(verdict) or rule.token(state)
  end
  if dirty then
    local live = math.max(idle, blocked - now)
    local size = #state + 1
    state[size] = blocked
    if live <= 0 then
      if value then call('DEL', key) end
    elseif count == size + 1 and lives - now >= live then
      state[count] = lives
      call('SETRANGE', key, '0', pack(format, unpack(state)))
    else
      begin(key, live, '<' .. string.rep('d', size), unpack(state))
    end
  end
  -- A hint, so it may fail: a user of the server's may have no right to publish.
  if freed then redis.pcall('PUBLISH', key, '') end
end

return replies
