-- Looks through a part of the keys, for a dashboard. KEYS[1] any key, for the way; none for a master of a Cluster, which is asked itself.
-- ARGV  1 the cursor   2 the prefix of the storage   3 ... what the keys of the values begin with that are wanted
-- Returns: the next cursor, the present in microseconds, after the last part what is known of the server, and a list: for each that
--   was found its kind and what is known of it:
--   queue: name, kind, codec, how many processes have it open, how many jobs are kept   lease: name, token, until   schedule: name, last slot   value: its key, the value
local call = redis.call
local cursor, prefix = ARGV[1], ARGV[2]
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local found = {}
local escaped = string.gsub(prefix, '([%[%]%*%?\\])', '\\%1')
local function add(...)
  for _, part in ipairs({ ... }) do found[#found + 1] = part end
end
local function is_wanted(value)
  for i = 3, #ARGV do
    if string.sub(value, 1, #ARGV[i]) == ARGV[i] then return true end
  end
  return false
end
-- Several steps of a scan in one trip, and few enough not to keep others waiting.
for _ = 1, 4 do
  local page = call('SCAN', cursor, 'MATCH', escaped .. ':{*', 'COUNT', 500)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local rest = string.sub(key, #prefix + 2)
    local queue = string.match(rest, '^{queue:(.*)}:meta$')
    local lease = string.match(rest, '^{%d+}:lease:lease:(.*)$')
    local value = string.match(rest, '^{%d+}:value:(.*)$')
    if queue then
      local base = string.sub(key, 1, -5)
      local meta = call('HMGET', key, 'kind', 'codec')
      local jobs, processes = call('HLEN', base .. 'jobs'), 0
      for _, member in ipairs(call('ZRANGEBYSCORE', base .. 'declared', now / 1000, '+inf', 'LIMIT', 0, 10000)) do
        if string.byte(member) == 1 then processes = processes + 1 end
      end
      -- The counters of a queue stay for ever: a queue without jobs and without processes is over.
      if jobs > 0 or processes > 0 then add('queue', queue, meta[1] or '', meta[2] or '', processes, jobs) end
    elseif lease then
      local state = call('GET', key)
      if state and #state >= 24 then
        local _, fence, till = struct.unpack('<ddd', state)
        add('lease', lease, string.format('%.0f', fence), string.format('%.0f', till))
      end
    elseif value then
      local schedule = string.match(value, '^schedule:last:(.*)$')
      if schedule then add('schedule', schedule, call('GET', key) or '')
      elseif is_wanted(value) then add('value', value, call('GET', key) or 'null') end
    end
  end
  if cursor == '0' then break end
end
local server = ''
if cursor == '0' then
  local memory, about = redis.pcall('INFO', 'memory'), redis.pcall('INFO', 'server')
  local commands = redis.pcall('INFO', 'commandstats')
  if type(memory) == 'string' and type(about) == 'string' then
    server = table.concat({
      string.match(about, 'valkey_version:([%w%.%-]+)') or string.match(about, 'redis_version:([%w%.%-]+)') or '',
      string.match(memory, 'used_memory:(%d+)') or '0',
      string.match(memory, 'maxmemory:(%d+)') or '0',
      string.match(memory, 'maxmemory_policy:([%w%-]+)') or '-',
      type(commands) == 'string' and string.match(commands, 'cmdstat_evalsha:calls=(%d+)') or '0',
    }, ' ')
  end
end
return { cursor, string.format('%.0f', now), server, found }
