-- What the processes of a queue agree on, and which process has declared what.
--
-- KEYS  the last one: which process has declared what, `option \1 value \1 process`, until when; and `\1 process` for each that lives
-- ARGV  4 'declare', 'renew', 'redeclare', 'leave', or 'observe', which says nothing and writes nothing   5 how long it holds, in ms   6 the count of changes it knows of
--       7 how many options, then option, value
-- Returns: the count of changes, of 'declare' also maxmemory and its policy, then option, value of all that is agreed on (of a
--       renewal that found no change, nothing more); or { '!', option, their value, ours }.
local DECLARED = KEYS[#KEYS]
local verb, holds, seen = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local mine, order = {}, {}
for i = 8, 7 + 2 * tonumber(ARGV[7]), 2 do
  mine[ARGV[i]] = ARGV[i + 1]
  order[#order + 1] = ARGV[i]
end
-- What a queue was stays known when its last process has gone: its jobs are looked at also then. It binds no later process.
local STAYS = { kind = true, codec = true }
local OPTIONS = { 'kind', 'codec', 'mode', 'ttl', 'bound', 'limit', 'deliveries', 'keepCompleted', 'keepDead' }

local function members()
  local list = { '\1' .. SELF }
  for option, value in pairs(mine) do list[#list + 1] = option .. '\1' .. value .. '\1' .. SELF end
  return list
end

local function hold()
  local list = {}
  for _, member in ipairs(members()) do
    list[#list + 1] = now_ms + holds
    list[#list + 1] = member
  end
  call('ZADD', DECLARED, unpack(list))
end

local changes = call('HGET', META, 'changes') or '0'
if verb == 'observe' then
  local seen_by_all = { changes }
  for i, value in ipairs(call('HMGET', META, unpack(OPTIONS))) do
    if value then
      seen_by_all[#seen_by_all + 1] = OPTIONS[i]
      seen_by_all[#seen_by_all + 1] = value
    end
  end
  return seen_by_all
end
local lives = call('ZSCORE', DECLARED, '\1' .. SELF)
lives = lives and tonumber(lives) > now_ms
local expired = call('ZCOUNT', DECLARED, '-inf', now_ms) > 0
if verb == 'renew' and lives and not expired and changes == seen then
  hold()
  return { changes }
end

call('ZREMRANGEBYSCORE', DECLARED, '-inf', now_ms)
if verb == 'leave' then call('ZREM', DECLARED, unpack(members())) end
local theirs = {}
for _, member in ipairs(call('ZRANGE', DECLARED, 0, -1)) do
  local option, value, process = string.match(member, '^([^\1]+)\1(.*)\1([^\1]*)$')
  if option and verb == 'redeclare' and mine[option] then
    -- It holds no more, from whichever process it came.
    call('ZREM', DECLARED, member)
  elseif option and process ~= SELF then
    theirs[option] = value
  end
end
if verb ~= 'leave' then
  for _, option in ipairs(order) do
    local agreed = theirs[option]
    if verb == 'renew' and lives then
      -- A process that has lived all the time was overruled; one that is new is refused.
      agreed = agreed or (changes ~= seen and call('HGET', META, option)) or nil
      if agreed then mine[option] = agreed end
    elseif agreed and agreed ~= mine[option] then
      return { '!', option, agreed, mine[option] }
    end
  end
  hold()
end
for option, value in pairs(mine) do
  if verb ~= 'leave' then theirs[option] = value end
end

local before = call('HMGET', META, unpack(OPTIONS))
local reply, altered = {}, verb == 'redeclare'
for i, option in ipairs(OPTIONS) do
  local value = theirs[option]
  if value ~= (before[i] or nil) and (value or not STAYS[option]) then
    altered = true
    if value then call('HSET', META, option, value) else call('HDEL', META, option) end
    if option == 'bound' and rebound then rebound(value) end
    if option == 'limit' and relimit then relimit() end
  end
  if value then
    reply[#reply + 1] = option
    reply[#reply + 1] = value
  end
end
if altered then
  changes = tostring(call('HINCRBY', META, 'changes', 1))
  tell('*', 'd')
end
call('HSET', META, 'version', LAYOUT)
table.insert(reply, 1, changes)
if verb == 'declare' then
  local memory = redis.pcall('INFO', 'memory')
  if type(memory) ~= 'string' then memory = '' end
  local most, policy = string.match(memory, 'maxmemory:(%d+)'), string.match(memory, 'maxmemory_policy:([%w-]+)')
  table.insert(reply, 2, (most or '0') .. ' ' .. (policy or ''))
end
return reply
