-- Twin of token-bucket.ts, and of open-holds.ts. State: { used, at, id, low, ends, id, low, ends, ... }.
local rule = {}
local FIRST, WIDTH, MOST = 3, 3, 2000

function rule.fresh(now)
  return { 0, now }
end

function rule.drained(p, s, now)
  local elapsed = now - s[2]
  if elapsed <= 0 then
    if elapsed < -p.span then return 0 end
    return s[1]
  end
  local left = s[1] - elapsed / p.interval
  return left > 0 and left or 0
end

function rule.over(s, i, now)
  return math.abs(s[i + 2]) <= now
end

function rule.used(p, s, now)
  local left = rule.drained(p, s, now)
  for i = FIRST, #s, WIDTH do
    if s[i + 2] < 0 and rule.over(s, i, now) then left = left - math.min(s[i + 1], left) end
  end
  return left
end

function rule.note(s, now, used)
  local kept, length = FIRST, #s
  for i = FIRST, length, WIDTH do
    if not rule.over(s, i, now) then
      s[kept], s[kept + 1], s[kept + 2] = s[i], math.min(s[i + 1], used), s[i + 2]
      kept = kept + WIDTH
    end
  end
  for i = length, kept, -1 do s[i] = nil end
end

function rule.time_to(p, over, cost)
  local grain = math.min(p.grain, cost / 2)
  if over <= grain then return 0 end
  return math.ceil((over - grain / 2) * p.interval / p.quantum) * p.quantum
end

function rule.write(p, s, now, used)
  local at = s[2]
  if #s > 2 then rule.note(s, now, rule.used(p, s, now)) end
  s[1] = used
  if now > at or at - now > p.span then s[2] = now end
end

function rule.reserve(p, s, now, cost, max_wait)
  local used = rule.used(p, s, now) + cost
  local over = used - p.burst
  local wait = over > 0 and rule.time_to(p, over, cost) or 0
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
      verdict = -rule.time_to(p, over, 1)
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
  local last = now
  for i = FIRST, #s, WIDTH do last = math.max(last, math.abs(s[i + 2])) end
  return math.max(rule.used(p, s, now) * p.interval, last - now)
end

function rule.end_of(now, ttl)
  if ttl < 0 then return ttl - now end
  return now + 2 * ttl
end

function rule.find(s, id)
  for i = FIRST, #s, WIDTH do
    if s[i] == id then return i end
  end
end

function rule.crowded_for(s, now)
  if #s < FIRST - 1 + MOST * WIDTH then return 0 end
  local first = math.huge
  for i = FIRST, #s, WIDTH do first = math.min(first, math.abs(s[i + 2])) end
  return math.max(0, first - now)
end

function rule.hold(p, s, now, cost, max_wait, id, ttl)
  local crowded = rule.crowded_for(s, now)
  if crowded > 0 then
    return max_wait >= 1 and crowded > max_wait and -math.huge or -crowded
  end
  local wait = rule.reserve(p, s, now, cost, max_wait)
  if wait >= 0 then
    local length = #s
    s[length + 1], s[length + 2], s[length + 3] = id, cost, rule.end_of(now + wait, ttl)
  end
  return wait
end

-- how: 0 settled before where the id is not known; else, at the end of its time, 1 charged or 2 released.
function rule.settle(p, s, now, id, cost, actual, how)
  local used, i, change = rule.used(p, s, now), rule.find(s, id), actual - cost
  if i and not rule.over(s, i, now) then
    change = math.max(change, -math.min(s[i + 1], used))
  elseif i and s[i + 2] < 0 or not i and how == 2 then
    change = actual
  elseif i or how == 1 then
    change = math.max(change, 0)
  else
    change = 0
  end
  for _ = 1, i and WIDTH or 0 do table.remove(s, i) end
  rule.write(p, s, now, math.min(used + change, 2 ^ 52 / p.interval))
end

function rule.extend(p, s, now, id, ttl)
  local used, i = rule.used(p, s, now), rule.find(s, id)
  if not i or rule.over(s, i, now) then return -1 end
  s[i + 2] = rule.end_of(now, ttl)
  rule.write(p, s, now, used)
  return 0
end

return rule
