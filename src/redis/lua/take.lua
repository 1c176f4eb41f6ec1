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
  local a, b, blocked, lives
  if value then
    a, b, blocked, lives = unpack_numbers('<dddd', value)
  else
    a, b, blocked, lives = 0, now, 0, 0
  end
  local granted, verdict, remaining, live
  granted, verdict, a, b, remaining, live = rule.take(params, a, b, now, blocked > now and 0 or times)
  if blocked > now then verdict = now - blocked end
  replies[r + 1] = granted
  if granted < times then
    r = r + 1
    replies[r + 1] = whole(verdict)
  end
  replies[r + 2] = math.floor(remaining)
  replies[r + 3] = whole(ceil(live))
  r = r + 3
  if granted > 0 then
    if lives - now >= live then
      call('SETRANGE', key, '0', pack('<ddd', a, b, 0))
    else
      begin(key, live, '<ddd', a, b, 0)
    end
  end
end

return replies
