-- Twin of fixed-window.ts. State: { start, count }, and the rate of the call that wrote it.
local rule = {}

function rule.fresh(now)
  return { now, 0 }
end

local function pace_of(p, s, count)
  local before = s[3] or p.rate
  if math.min(count, before) > p.rate * (1 + 1e-9) then return before end
  return p.rate
end

local function rolled_by(p, s, now)
  local elapsed = now - s[1]
  if elapsed < 0 then
    if elapsed < -p.per then return math.huge end
    return 0
  end
  return math.floor(elapsed / p.per)
end

local function count_of(p, s, rolled)
  if rolled == 0 then return s[2] end
  return math.max(0, s[2] - rolled * (s[3] or p.rate))
end

function rule.reserve(p, s, now, cost, max_wait)
  local rolled = rolled_by(p, s, now)
  local count = count_of(p, s, rolled)
  local start = now
  if count ~= 0 then start = s[1] + rolled * p.per end
  local pace = pace_of(p, s, count)
  if pace ~= p.rate then return now - start - math.max(1, math.floor(count / pace)) * p.per end
  local windows = math.floor(count / p.rate)
  if windows > 0 and count == windows * p.rate and p.rate + cost <= p.rate * (1 + 1e-9) then windows = windows - 1 end
  if count - windows * p.rate + cost > p.rate * (1 + 1e-9) then
    windows = windows + 1
    count = windows * p.rate
  end
  local wait = 0
  if windows > 0 then wait = start + windows * p.per - now end
  if wait > max_wait then return -wait end
  s[1] = start
  s[2] = count + cost
  s[3] = pace
  return wait
end

function rule.refund(p, s, now, cost, due)
  local rolled = rolled_by(p, s, now)
  local count = count_of(p, s, rolled)
  if count == 0 then return end
  local start = s[1] + rolled * p.per
  local pace = pace_of(p, s, count)
  local last = start + (math.ceil(count / pace) - 1) * p.per
  local later = due > now and due + p.per / 2 < last
  s[1] = start
  if not later then s[2] = math.max(0, count - cost) else s[2] = count end
  s[3] = pace
end

function rule.remaining(p, s, now)
  return math.max(0, p.rate - count_of(p, s, rolled_by(p, s, now)))
end

function rule.idle_after(p, s, now)
  local rolled = rolled_by(p, s, now)
  local count = count_of(p, s, rolled)
  local windows = math.ceil(count / pace_of(p, s, count))
  if windows == 0 then return 0 end
  return s[1] + rolled * p.per + windows * p.per - now
end

return rule
