-- Users' own values. KEYS[1] the key. ARGV[1] the verb; then: set value ttl (ms, 0 for none) | incr by.
-- `read` is `get` that also tells the time to live in milliseconds, negative for none.
local verb, key = ARGV[1], KEYS[1]
if verb == 'get' then return redis.call('GET', key) end
if verb == 'read' then return { redis.call('GET', key), redis.call('PTTL', key) } end
if verb == 'exists' then return redis.call('EXISTS', key) end
if verb == 'delete' then return redis.call('DEL', key) end
if verb == 'set' then
  if ARGV[3] == '0' then redis.call('SET', key, ARGV[2])
  else redis.call('SET', key, ARGV[2], 'PX', ARGV[3]) end
  return 'OK'
end
-- Counting by doubles, as JavaScript does, and not by the server's own decimals; the time to live stays.
local value = redis.call('GET', key)
local number = 0
if value then
  number = tonumber(value)
  if not number then return redis.error_reply('AIOFLUX not a number') end
end
local total = number + tonumber(ARGV[2])
if total ~= total or total == math.huge or total == -math.huge then
  return redis.error_reply('AIOFLUX not finite')
end
local sum = string.format('%.17g', total)
redis.call('SET', key, sum, 'KEEPTTL')
return sum
