-- Twin of calendar-window.ts. State: { window, count }, and the rate of the call that wrote it.
-- A server has no calendar: it is told when the windows from number p.first on begin, p[1], p[2], ...
local rule = {}
local MOST_AHEAD, TOLD = 8, 20

function rule.ordinal(p, at)
  for i = TOLD, 1, -1 do
    if at >= p[i] then
      if i < TOLD then return p.first + i - 1 end
      return p.first + i - 1 + math.floor((at - p[i]) / p.per)
    end
  end
  return p.first + math.floor((at - p[1]) / p.per)
end

function rule.start(p, window)
  local i = window - p.first + 1
  if i < 1 then return p[1] + (i - 1) * p.per end
  if i > TOLD then return p[TOLD] + (i - TOLD) * p.per end
  return p[i]
end

function rule.rolled(s, present)
  local rolled = present - s[1]
  if rolled < -1 then return math.huge end
  return math.max(0, rolled)
end

function rule.count(p, s, rolled)
  return math.max(0, s[2] - rolled * (s[3] or p.rate))
end

function rule.pace(p, s, count)
  local before = s[3] or p.rate
  if math.min(count, before) > p.rate * (1 + 1e-9) then return before end
  return p.rate
end

function rule.fresh(now)
  return { 0, 0 }
end

function rule.reserve(p, s, now, cost, max_wait)
  local present = rule.ordinal(p, now)
  local rolled = rule.rolled(s, present)
  local count = rule.count(p, s, rolled)
  local window = present
  if count ~= 0 then window = s[1] + rolled end
  local pace = rule.pace(p, s, count)
  if pace ~= p.rate then return now - rule.start(p, window + math.max(1, math.floor(count / pace))) end
  local ahead = math.floor(count / p.rate)
  if ahead > 0 and count == ahead * p.rate and p.rate + cost <= p.rate * (1 + 1e-9) then ahead = ahead - 1 end
  if count - ahead * p.rate + cost > p.rate * (1 + 1e-9) then
    ahead = ahead + 1
    count = ahead * p.rate
  end
  local wait = 0
  if ahead > 0 then wait = rule.start(p, window + ahead) - now end
  if wait > max_wait or ahead > MOST_AHEAD then return -wait end
  s[1] = window
  s[2] = count + cost
  s[3] = pace
  return wait
end

function rule.refund(p, s, now, cost, due)
  local rolled = rule.rolled(s, rule.ordinal(p, now))
  local count = rule.count(p, s, rolled)
  if count == 0 then return end
  local window = s[1] + rolled
  local pace = rule.pace(p, s, count)
  local last = window + math.ceil(count / pace) - 1
  local later = due > now and last > window and due < rule.start(p, last)
  s[1] = window
  if not later then s[2] = math.max(0, count - cost) else s[2] = count end
  s[3] = pace
end

function rule.remaining(p, s, now)
  return math.max(0, p.rate - rule.count(p, s, rule.rolled(s, rule.ordinal(p, now))))
end

function rule.idle_after(p, s, now)
  local rolled = rule.rolled(s, rule.ordinal(p, now))
  local count = rule.count(p, s, rolled)
  local windows = math.ceil(count / rule.pace(p, s, count))
  if windows == 0 then return 0 end
  return rule.start(p, s[1] + rolled + windows) - now
end

return rule
