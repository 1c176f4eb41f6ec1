-- Leases: several requests in one trip, one after the other. The same arithmetic as the rule lease; it stands here once more because a
-- server makes every function anew in each call, and that costs as much as all the rest.
--
-- A state is as the rule's ledger keeps it, 40 bytes: the eight of the holder's name, which come as they are, since to read a number
-- from text costs as much as a command; and four doubles: the fence, until when it is held, a mark, and until when the state lives.
-- The rule has a block where the mark is, and a block of 2 us is over.
--
-- The mark is above 0 where another holder was denied the lease since it was taken: then a release is published. It is 2 where a process
-- has given the lease back and lets another one go first: it wants to be told when that one gives it back.
--
-- KEYS  the states, those of each request in a row
-- ARGV  the present in microseconds, or '' for this server's; then for each request: what is asked (a acquire, n renew, r release,
--       y acquire after others, t acquire without waiting), how many states it is about, the name of the holder, and the term in microseconds, which
--       a release does not look at; and for y the fence with which the process had each state last, negated when the others
--       had their time
-- Returns for each state its fence; of an acquire or renew that is denied a negative number where that state is the cause: for how long
-- another holder has it, or NEVER.
local MEMORY, NEVER, WANTED, YIELDED, TURN = 86400000000, -9000000000000000, 1, 2, 50000
local call, unpack_numbers, pack = redis.call, struct.unpack, struct.pack
local now, grace = ARGV[1], 600000
if now == '' then
  local time = call('TIME')
  now, grace = time[1] * 1000000 + time[2], 0
else
  now = tonumber(now)
end
local replies, freed, at, base = {}, nil, 2, 0

while ARGV[at] do
  local verb, size, holder, term = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  at = at + 4
  local fences
  local waits = verb ~= 't'
  if verb == 't' then
    verb = 'a'
  elseif verb == 'y' then
    verb, fences = 'a', at
    at = at + size
  end
  -- All or none of several: the first pass only looks.
  for pass = (size == 1 or verb == 'r') and 2 or 1, 2 do
    local granted = true
    for i = base + 1, base + size do
      local key = KEYS[i]
      local value = call('GET', key)
      local held, fence, ends, wanted, lives = nil, 0, 0, 0, 0
      if value then
        held = string.sub(value, 1, 8)
        fence, ends, wanted, lives = unpack_numbers('<dddd', value, 9)
      end
      -- Further ahead than any term can reach, it is the time of another clock.
      if ends - now > 2 * MEMORY then ends = now end
      local verdict, mark = 0, WANTED
      local after = fences and tonumber(ARGV[fences + i - base - 1])
      if after == fence and ends == 0 and wanted > 0 then
        verdict, mark = -TURN, YIELDED
      elseif verb == 'a' and ends <= now then
        -- Processes that were told ask again, but for the one that let this one go first. Where it was given back in this same call,
        -- none was told; where its time was over, a process may still wait for a later end.
        if after == -fence then
          wanted = 0
        elseif ends == 0 and not (freed and freed[key]) then
          wanted = math.max(wanted - 1, 0)
        end
        held, fence = holder, math.max(fence + 1, now)
      elseif held ~= holder or (ends <= now and verb ~= 'r') then
        verdict = verb == 'a' and now - ends or NEVER
      end
      if verdict < 0 then
        granted = false
        -- A hint, so it may fail: a server without memory for it still knows whose the lease is.
        if verb == 'a' and waits and wanted < mark then redis.pcall('SETRANGE', key, '24', pack('<d', mark)) end
      elseif pass == 2 then
        -- What is given back was held until the beginning of time: that is over by any clock, also one that is set back.
        ends = verb == 'r' and 0 or now + term
        local live = ends + MEMORY - now
        if lives - now >= live then
          call('SETRANGE', key, '0', held .. pack('<ddd', fence, ends, wanted))
        else
          -- It lives somewhat longer than it has to, so that most of the time it can be written in place: see prelude.lua.
          local life = live + live / 8 + 1000000
          call('PSETEX', key, math.ceil(life / 1000) + 2 + grace, held .. pack('<dddd', fence, ends, wanted, now + life))
        end
      end
      replies[i] = verdict < 0 and verb ~= 'r' and verdict or fence
      -- Waiting processes are told of a lease that is free now, not of one that is taken again in the same call, and only where there
      -- are some. A hint, so it may fail: a user of the server's may have no right to publish.
      if verb ~= 'r' then
        if freed and verdict == 0 and pass == 2 then freed[key] = nil end
      elseif ends <= now and wanted ~= 0 then
        if ARGV[at] then
          freed = freed or {}
          freed[key] = true
        else
          redis.pcall('PUBLISH', key, '')
        end
      end
    end
    if not granted then break end
  end
  base = base + size
end

if freed then
  for key in pairs(freed) do redis.pcall('PUBLISH', key, '') end
end

return replies
