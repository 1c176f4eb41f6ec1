-- One lease given back: what lease.lua does for a release of one state, in less of the server's time. The state lives long
-- enough: it was written to live for a day longer than the lease.
--
-- KEYS  the state
-- ARGV  the holder's eight bytes
-- Returns the fence, also where another holder has the lease; 0 where there is no state.
local key = KEYS[1]
local value = redis.call('GET', key)
if not value then return 0 end
local fence, _, wanted = struct.unpack('<ddd', value, 9)
if string.sub(value, 1, 8) == ARGV[1] then
  -- It was held until the beginning of time: that is over by any clock, so none is asked.
  redis.call('SETRANGE', key, '16', '\0\0\0\0\0\0\0\0')
  -- A hint, so it may fail: a user of the server's may have no right to publish.
  if wanted ~= 0 then redis.pcall('PUBLISH', key, '') end
end
return fence
