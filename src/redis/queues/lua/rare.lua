-- What few jobs need: `rare().living(id)`. A server makes every function anew in each call, so these are made where one is called.
local made
local function rare()
  if made then return made end
  local r = {}
  made = r
  -- A record taken apart: what comes before the turn, the turn, what comes after the id, and when the job was put, in hexadecimal,
  -- where that is not its turn; then the envelope.
  function r.parts_of(record)
    local line_end = find(record, '\n', 1, true)
    local head = sub(record, 1, line_end - 1)
    local at, since = turn_at(head), find(head, '\3', 1, true)
    local created = since and sub(head, since + 1)
    return sub(head, 1, at - 1), sub(head, at, at + 12), sub(head, at + 13, since and since - 1), created or nil, sub(record, line_end + 1)
  end
  -- Writes a record of such parts. Returns its place.
  function r.write(id, prefix, turn, suffix, created, envelope)
    call('HSET', JOBS, id, prefix .. turn .. suffix .. (created and '\3' .. created or '') .. '\n' .. envelope)
    return prefix .. turn .. id .. suffix
  end
  -- The record of a job that waits or runs; nil or false where there is none.
  function r.living(id)
    local record = call('HGET', JOBS, id)
    return record and not call('ZSCORE', DEAD, id) and not call('ZSCORE', COMPLETED, id) and record
  end
  -- When the job was put that has the id, in hexadecimal; '' where the id was made for it, and no other job can have it.
  function r.born(id, record)
    local prefix, turn, suffix, created = r.parts_of(record)
    if not remembered(suffix) then return '' end
    return call('HGET', MARKS, '@' .. id) or created or turn
  end
  -- True where the job that has the id now was put later than `at`: the caller speaks of one that has ended. '' where that is not told.
  function r.is_later(id, record, at)
    local born = at ~= '' and r.born(id, record) or ''
    return born ~= '' and tonumber(born, 16) > tonumber(at)
  end
  -- What tells an end from the other ends of jobs with that id: when the job was put, and the turn and the delivery of the claim.
  -- `place` is the token of that claim, where there was one.
  function r.origin(id, place)
    local at, n = turn_at(place), match(place, '\4(%d+)')
    return '@' .. r.born(id, call('HGET', JOBS, id)) .. ' ' .. (n and sub(place, at, at + 12) .. '.' .. n or '') .. '\n'
  end
  -- True where an own id is still taken after the end of its job; or a dedupe key, with \1 before it, for a time from its put.
  function r.is_remembered(name)
    local until_ms = call('ZSCORE', REMEMBERED, name)
    return until_ms and tonumber(until_ms) > now_ms
  end
  -- The dedupe key in a place, a token or a suffix.
  function r.unique_of(place)
    local from = find(place, '\7', 1, true)
    return from and match(place, '^[^\1-\7]*', from + 1)
  end
  -- The job of a dedupe key, and what is kept of it.
  function r.holder_of(key)
    local text = call('HGET', UNIQUE, key)
    return text and match(text, '^[^\n]*'), text
  end
  -- The record of the job of a dedupe key, if it waits or runs; nil or false where it does not, also where a later job has its own id.
  function r.living_of(id, key)
    local record = r.living(id)
    if not record then return record end
    local _, _, suffix = r.parts_of(record)
    return r.unique_of(suffix) == key and record
  end
  -- What stands in front of an envelope where places have a hash of the job's own id: I, the id, and a line end.
  function r.own_id(envelope)
    return byte(envelope) == 73 and sub(envelope, 1, find(envelope, '\n', 1, true)) or ''
  end
  -- From now on the job is that of its dedupe key.
  function r.take_key(key, id, envelope)
    local line = r.own_id(envelope)
    call('HSET', UNIQUE, key, line == '' and id or id .. '\n' .. sub(line, 2, -2))
  end
  -- The dedupe key of a job that has ended is free: after one that has completed when it is not remembered any more, else at once.
  function r.free_key(place, id, completed)
    local key = r.unique_of(place)
    if not key or r.holder_of(key) ~= id or (completed and r.is_remembered('\1' .. key)) then return end
    call('ZREM', REMEMBERED, '\1' .. key)
    call('HDEL', UNIQUE, key)
  end
  -- The own id of an item that has taken the place of another stands for the job from now on. MARKS has it with the job, as UNIQUE tells
  -- that, and the id that came before it; and the job with the last one.
  function r.stand(other, id, text)
    local before = call('HGET', MARKS, '~' .. id) or ''
    call('HSET', MARKS, '=' .. other, text .. '\2' .. before, '~' .. id, other)
  end
  -- The job has ended: such ids stay taken for `ttl` ms, or are free at once.
  function r.let_go(id, ttl)
    local other = call('HGET', MARKS, '~' .. id)
    if not other then return end
    call('HDEL', MARKS, '~' .. id)
    while other ~= '' do
      local text = call('HGET', MARKS, '=' .. other)
      call('HDEL', MARKS, '=' .. other)
      if ttl then call('ZADD', REMEMBERED, now_ms + ttl, other) end
      other = match(text, '\2(.*)$')
    end
  end
  -- What put.lua has noted of the newer item that takes the place of one that runs: when it is due, and what comes before its turn and
  -- after its id.
  function r.noted(mark)
    local due, prefix, suffix = match(mark, '^(%d+) ([^\3]*)\3(.*)$')
    return tonumber(due), prefix, suffix
  end
  return r
end
