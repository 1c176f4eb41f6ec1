-- Twin of lease.ts. State: { holder, fence, until }.
-- wakes: a release is published, for the callers that wait.
local rule = { wakes = true }

function rule.fresh()
  return { 0, 0, 0 }
end

function rule.ends(p, s, now)
  if s[3] - now > 2 * p.memory then return now end
  return s[3]
end

function rule.reserve(p, s, now, term, holder)
  local ends = rule.ends(p, s, now)
  if holder < 0 then
    if ends <= now or s[1] ~= -holder then return -math.huge end
  elseif ends <= now then
    s[1] = holder
    s[2] = math.max(s[2] + 1, now)
  elseif s[1] ~= holder then
    return now - ends
  end
  s[3] = now + term
  return 0
end

function rule.refund(p, s, now, term, due)
  rule.reserve(p, s, now, 0, now - due)
end

function rule.remaining(p, s, now)
  if rule.ends(p, s, now) > now then return 0 end
  return p.memory
end

function rule.idle_after(p, s, now)
  if s[2] == 0 then return 0 end
  return math.max(0, s[3] + p.memory - now)
end

function rule.token(s)
  return s[2]
end

return rule
