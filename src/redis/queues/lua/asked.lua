-- The results that processes ask for.
--
-- ASKED has of each job `?` and the processes that wait for its end; when it has ended `=` and how, until ASKED_UNTIL. Where other jobs may
-- come with its id, or it may begin anew, its origin stands before that: see rare.lua.

-- Tells the processes that asked for the result of `id` how it ended, and keeps it for them. The job has its record still.
-- `place` is the token of the claim where one has ended the job.
local function answer(id, place, outcome, asked)
  asked = asked or call('HGET', ASKED, id)
  if not asked or byte(asked) ~= 63 then return end
  if find(place, '[\5\7]') then
    outcome = rare().origin(id, place) .. outcome
    -- What is put with that id from now on is later, whatever the clock does.
    stamp()
  end
  local message = #outcome > 4096 and 'R' .. id or 'r' .. id .. '\n' .. moment() .. '\n' .. outcome
  for process in string.gmatch(sub(asked, 2), '[^,]+') do tell(process, message) end
  call('HSET', ASKED, id, '=' .. outcome)
  call('ZADD', ASKED_UNTIL, now_ms + RESULT_TTL, id)
end

local function ask(id, process)
  local asked = call('HGET', ASKED, id)
  if not asked or byte(asked) ~= 63 then
    call('HSET', ASKED, id, '?' .. process)
    call('ZREM', ASKED_UNTIL, id)
  elseif not find(asked, process, 1, true) then
    call('HSET', ASKED, id, asked .. ',' .. process)
  end
end

-- A job begins anew: how it, or another of that id, ended before is no news of it.
local function unanswer(id)
  local asked = call('HGET', ASKED, id)
  if asked and byte(asked) == 61 then
    call('HDEL', ASKED, id)
    call('ZREM', ASKED_UNTIL, id)
  end
end
