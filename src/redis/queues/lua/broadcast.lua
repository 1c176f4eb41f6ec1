-- A broadcast: one entry in a stream for each item, whose number is its place in the order of all puts, without gaps.
--
-- KEYS  1 the stream   2 the hash with the rest   3 readers without a group, by the number they have read up to
--       4 these readers, by the time until which they are remembered, in ms
-- ARGV  1 the verb, then:
--       'put', maxSize, item               returns how many groups
--       'groups'                           returns { group, unread, taken and not acknowledged, dropped } of each
--       'remove', group                    returns 1, or 0 where there is none
--       'join', group, consumer            returns { unread, dropped }
--       'step', group, consumer, lease in ms, number to acknowledge or '', 1 to take the next one, maxDeliveries
--                                          returns { unread, dropped, dropped and not told yet, number, item }
--       'renew', group, consumer, number   returns 1 where the consumer still has it, else 0
--       'leave', group, consumer
--       'read', reader, number it has read up to or '', 1 to be remembered or 0 to leave
--                                          returns { the last number, then number, item of each }
local STREAM, META, CURSORS, ALIVE = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call = redis.call
local REMEMBERED, STALE, BATCH = 30000, 3600000, 100
-- How many bytes of items a reply may have; one item may have more. A reply that takes longer than the timeout is lost, and read in vain again.
local MOST_TEXT = 1000000
local version = call('HGET', META, 'version')
if version and version ~= '1' then return redis.error_reply('AIOFLUX_LAYOUT ' .. version) end
local verb = ARGV[1]
-- A script that has written may go on where memory is short: only a put is refused then.
if verb ~= 'put' then call('HDEL', META, '') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(call('HGET', META, 'last') or 0)

local function id(number) return string.format('%.0f-0', number) end
local function number_of(text) return tonumber(string.match(text, '^%d+')) end

local function groups()
  local list = {}
  if call('EXISTS', STREAM) == 0 then return list end
  for _, flat in ipairs(call('XINFO', 'GROUPS', STREAM)) do
    local group = {}
    for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
    list[#list + 1] = { name = group.name, pending = group.pending, read = number_of(group['last-delivered-id']) }
  end
  return list
end

local function join(group)
  if call('HSETNX', META, 'group:' .. group, '1') == 1 then
    call('HSET', META, 'version', '1')
    call('XGROUP', 'CREATE', STREAM, group, id(last), 'MKSTREAM')
  end
end

local function unread(group)
  for _, each in ipairs(groups()) do
    if each.name == group then return last - each.read end
  end
  return 0
end

-- What all have done leaves.
local function trim()
  local low = last + 1
  for _, group in ipairs(groups()) do
    local floor = group.read + 1
    if group.pending > 0 then floor = math.min(floor, number_of(call('XPENDING', STREAM, group.name)[2])) end
    low = math.min(low, floor)
  end
  for _, reader in ipairs(call('ZRANGEBYSCORE', ALIVE, '-inf', now)) do
    call('ZREM', ALIVE, reader)
    call('ZREM', CURSORS, reader)
  end
  local slowest = call('ZRANGE', CURSORS, 0, 0, 'WITHSCORES')
  if slowest[2] then low = math.min(low, tonumber(slowest[2]) + 1) end
  call('XTRIM', STREAM, 'MINID', id(low))
end

local function dropped(group)
  return tonumber(call('HGET', META, 'dropped:' .. group) or 0)
end

if verb == 'put' then
  local list, cut = groups(), last + 1 - tonumber(ARGV[2])
  call('HSET', META, 'version', '1', 'last', string.format('%.0f', last + 1))
  if #list == 0 and call('ZCARD', CURSORS) == 0 then return 0 end
  call('XADD', STREAM, id(last + 1), 'item', ARGV[3])
  if cut > 0 then
    for _, group in ipairs(list) do
      local count = 0
      if group.pending > 0 then
        for _, entry in ipairs(call('XPENDING', STREAM, group.name, '-', id(cut), group.pending)) do
          count = count + call('XACK', STREAM, group.name, entry[1])
        end
      end
      if group.read < cut then
        count = count + cut - group.read
        call('XGROUP', 'SETID', STREAM, group.name, id(cut))
      end
      if count > 0 then call('HINCRBY', META, 'dropped:' .. group.name, count) end
    end
    call('XTRIM', STREAM, 'MINID', id(cut + 1))
  end
  call('PUBLISH', META, 'w')
  return #list
end

if verb == 'read' then
  local reader, cursor = ARGV[2], tonumber(ARGV[3]) or last
  if ARGV[4] == '0' then
    call('ZREM', CURSORS, reader)
    call('ZREM', ALIVE, reader)
    trim()
    return { last }
  end
  call('ZADD', CURSORS, string.format('%.0f', cursor), reader)
  call('ZADD', ALIVE, now + REMEMBERED, reader)
  trim()
  local reply, text = { last }, 0
  for _, entry in ipairs(call('XRANGE', STREAM, id(cursor + 1), '+', 'COUNT', BATCH)) do
    reply[#reply + 1] = number_of(entry[1])
    reply[#reply + 1] = entry[2][2]
    text = text + #entry[2][2]
    if text >= MOST_TEXT then break end
  end
  return reply
end

if verb == 'groups' then
  local reply = {}
  for _, group in ipairs(groups()) do
    reply[#reply + 1] = { group.name, last - group.read, group.pending, dropped(group.name) }
  end
  return reply
end

if verb == 'remove' then
  if call('HDEL', META, 'group:' .. ARGV[2]) == 0 then return 0 end
  call('HDEL', META, 'dropped:' .. ARGV[2], 'told:' .. ARGV[2])
  call('XGROUP', 'DESTROY', STREAM, ARGV[2])
  trim()
  return 1
end

local group, consumer = ARGV[2], ARGV[3]
-- To leave a group that was removed does not make it anew.
if verb == 'leave' and call('HEXISTS', META, 'group:' .. group) == 0 then return 0 end
join(group)
if verb == 'join' then
  for _, flat in ipairs(call('XINFO', 'CONSUMERS', STREAM, group)) do
    -- name, pending, idle: consumers that crashed long ago.
    if flat[4] == 0 and flat[6] > STALE then call('XGROUP', 'DELCONSUMER', STREAM, group, flat[2]) end
  end
  return { unread(group), dropped(group) }
end

if verb == 'renew' then
  local entry = call('XPENDING', STREAM, group, id(ARGV[4]), id(ARGV[4]), 1)[1]
  if not entry or entry[2] ~= consumer then return 0 end
  call('XCLAIM', STREAM, group, consumer, 0, id(ARGV[4]), 'JUSTID')
  return 1
end

if verb == 'leave' then
  -- It goes back at once, as if it had been idle for longer than any lease, and no delivery is counted. What a lost reply had given
  -- to this consumer goes back too: deleting the consumer would delete it.
  for _, entry in ipairs(call('XPENDING', STREAM, group, '-', '+', 100, consumer)) do
    call('XCLAIM', STREAM, group, '', 0, entry[1], 'TIME', 1, 'RETRYCOUNT', math.max(0, entry[4] - 1), 'JUSTID')
  end
  if #call('XPENDING', STREAM, group, '-', '+', 1, consumer) == 0 then
    call('XGROUP', 'DELCONSUMER', STREAM, group, consumer)
  end
  call('PUBLISH', META, 'w')
  return 0
end

-- step
if ARGV[5] ~= '' then
  call('XACK', STREAM, group, id(ARGV[5]))
  trim()
end
local entry
if ARGV[6] == '1' then
  -- What this consumer has by a reply that was lost comes first, then what others have lost, then what is new.
  local mine = call('XPENDING', STREAM, group, '-', '+', 1, consumer)[1]
  if mine then
    entry = call('XCLAIM', STREAM, group, consumer, 0, mine[1], 'RETRYCOUNT', mine[4])[1]
  else
    for _, idle in ipairs(call('XPENDING', STREAM, group, 'IDLE', ARGV[4], '-', '+', BATCH)) do
      if idle[4] < tonumber(ARGV[7]) then
        entry = call('XCLAIM', STREAM, group, consumer, 0, idle[1])[1]
        break
      end
      -- It may be what kills its subscribers.
      call('XACK', STREAM, group, idle[1])
      call('HINCRBY', META, 'dropped:' .. group, 1)
      trim()
    end
  end
  if not entry then
    local read = call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', STREAM, '>')
    if read then entry = read[1][2][1] end
  end
end
local all = dropped(group)
local told = tonumber(call('HGET', META, 'told:' .. group) or 0)
if all > told then call('HSET', META, 'told:' .. group, all) end
local reply = { unread(group), all, all - told }
if entry then
  reply[4] = number_of(entry[1])
  reply[5] = entry[2][2]
end
return reply
