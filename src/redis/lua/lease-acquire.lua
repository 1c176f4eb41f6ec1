-- One lease for one holder: what lease.lua does for an acquire of one state, in less of the server's time.
--
-- KEYS  the state
-- ARGV  the holder's eight bytes, the term in microseconds, the present where it is not this server's, and a 1 where the caller
--       does not wait
-- Returns the fence; or a negative number: for how long another holder has it.
-- WANTED is a 1, as the state keeps it.
local MEMORY, WANTED = 86400000000, '\0\0\0\0\0\0\240\63'
local call, now, grace = redis.call, ARGV[3], 600000
if now and now ~= '' then
  now = tonumber(now)
else
  local time = call('TIME')
  now, grace = time[1] * 1000000 + time[2], 0
end
local key, holder = KEYS[1], ARGV[1]
local value = call('GET', key)
local fence, ends, wanted, lives = 0, 0, 0, 0
if value then fence, ends, wanted, lives = struct.unpack('<dddd', value, 9) end
if ends <= now or ends - now > 2 * MEMORY then
  fence = fence < now and now or fence + 1
  if ends == 0 and wanted > 0 then wanted = wanted - 1 end
elseif string.sub(value, 1, 8) ~= holder then
  if wanted == 0 and not ARGV[4] then redis.pcall('SETRANGE', key, '24', WANTED) end
  return now - ends
end
ends = now + ARGV[2]
if lives >= ends + MEMORY then
  call('SETRANGE', key, '0', holder .. struct.pack('<ddd', fence, ends, wanted))
else
  local live = ends + MEMORY - now
  local life = live + live / 8 + 1000000
  call('PSETEX', key, math.ceil(life / 1000) + 2 + grace, holder .. struct.pack('<dddd', fence, ends, wanted, now + life))
end
return fence
