-- Reserves of 1 that do not wait, on states of a rule that has a shorter way for them: most of what is asked of most limits.
-- The linker has put before this the same as before single.lua.
--
-- KEYS  the states
-- ARGV  nothing more for one reserve on each; or for each -n, for n of them
-- Returns for each: how often it was granted, the verdict unless that was every time, what remains, and when it is idle.
local call, ceil, pack, unpack_numbers = redis.call, math.ceil, struct.pack, struct.unpack
local values = call('MGET', unpack(KEYS))
local replies, r = {}, 0

for k = 1, #KEYS do
  local key, value, times = KEYS[k], values[k], 1
  if ARGV[first] then times = -tonumber(ARGV[first + k - 1]) end
  -- A longer state has reservations that are open.
  local a, b, blocked, lives, state, format
  if not value then
    a, b, blocked, lives = 0, now, 0, 0
  elseif #value == 32 then
    a, b, blocked, lives = unpack_numbers('<dddd', value)
  else
    local count = #value / 8
    format = '<' .. string.rep('d', count)
    state = { unpack_numbers(format, value) }
    blocked, lives = state[count - 1], state[count]
    for j = count + 1, count - 1, -1 do state[j] = nil end
    a, b = rule.used(params, state, now), now
  end
  local granted, verdict, remaining, live
  granted, verdict, a, b, remaining, live = rule.take(params, a, b, now, blocked > now and 0 or times)
  if state then
    if granted > 0 then rule.write(params, state, now, a) end
    live = rule.idle_after(params, state, now)
  end
  if blocked > now then
    -- The call passes when block and limit let it.
    local _, own = rule.take(params, a, b, now, 1)
    verdict = math.min(now - blocked, own)
  end
  replies[r + 1] = granted
  if granted < times then
    r = r + 1
    replies[r + 1] = whole(verdict)
  end
  replies[r + 2] = math.floor(remaining)
  replies[r + 3] = whole(ceil(live))
  r = r + 3
  if granted > 0 and state then
    local size = #state + 1
    state[size] = 0
    if lives - now >= live and #value == 8 * size + 8 then
      state[size + 1] = lives
      call('SETRANGE', key, '0', pack(format, unpack(state)))
    else
      begin(key, live, '<' .. string.rep('d', size), unpack(state))
    end
  elseif granted > 0 then
    if lives - now >= live then
      call('SETRANGE', key, '0', pack('<ddd', a, b, 0))
    else
      begin(key, live, '<ddd', a, b, 0)
    end
  end
end

return replies
