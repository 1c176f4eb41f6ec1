-- Twin of token-bucket.ts. State: { used, at }.
local rule = {}

function rule.fresh(now)
  return { 0, now }
end

function rule.used(p, s, now)
  local elapsed = now - s[2]
  if elapsed <= 0 then
    if elapsed < -p.span then return 0 end
    return s[1]
  end
  return math.max(0, s[1] - elapsed / p.interval)
end

function rule.time_to(p, over)
  if over <= p.grain then return 0 end
  return math.ceil((over - p.grain / 2) * p.interval / p.quantum) * p.quantum
end

function rule.write(p, s, now, used)
  local at = s[2]
  s[1] = used
  if now > at or at - now > p.span then s[2] = now end
end

function rule.reserve(p, s, now, cost, max_wait)
  local used = rule.used(p, s, now) + cost
  local wait = rule.time_to(p, used - p.burst)
  if wait > max_wait then return -wait end
  rule.write(p, s, now, used)
  return wait
end

-- `times` reserves of 1 that do not wait, in one go. Returns how many were granted, the verdict of the last, the state, what
-- remains, and when it is idle.
function rule.take(p, used, at, now, times)
  local before, elapsed = used, now - at
  if elapsed > 0 then
    used = math.max(0, used - elapsed / p.interval)
  elseif elapsed < -p.span then
    used = 0
  end
  local granted, verdict = 0, 0
  while granted < times do
    local over = used + 1 - p.burst
    if over > p.grain then
      verdict = -rule.time_to(p, over)
      break
    end
    used = used + 1
    granted = granted + 1
  end
  local remaining = math.max(0, math.min(p.burst, p.burst - used + p.grain))
  if granted > 0 then
    before = used
    if elapsed > 0 or elapsed < -p.span then at = now end
  end
  return granted, verdict, before, at, remaining, used * p.interval
end

function rule.used_before(p, wait, cost)
  return p.burst + wait / p.interval - cost
end

function rule.refund(p, s, now, cost, due)
  local used = rule.used(p, s, now)
  local behind = 0
  if due > now then behind = used - rule.used_before(p, due - now, cost) - cost end
  local back = cost
  if behind > p.grain then back = math.max(0, cost - behind) end
  rule.write(p, s, now, math.max(0, used - back))
end

function rule.remaining(p, s, now)
  return math.max(0, math.min(p.burst, p.burst - rule.used(p, s, now) + p.grain))
end

function rule.idle_after(p, s, now)
  return rule.used(p, s, now) * p.interval
end

return rule
