-- Twin of gradient.ts. State: { limit, since, samples, sum, dropped, busiest, base }.
local rule = {}

function rule.told(s)
  return math.floor(s[1] * 1000 + 0.5)
end

function rule.fresh(now)
  return { -1, now, 0, 0, 0, 0, 0 }
end

function rule.base(p, base, latency, limit)
  if base == 0 or latency <= base then return latency end
  if limit <= p.min then return (base + latency) / 2 end
  if latency <= ((1 + p.tolerance) / 2) * base then return base + (latency - base) * (1 / 100) end
  return base
end

function rule.next(p, limit, latency, base, dropped, busiest)
  if dropped > 0.1 then return math.max(p.min, limit * 0.9) end
  if busiest < limit / 2 or latency == 0 then return limit end
  local gradient = math.max(0.5, math.min(1, (p.tolerance * base) / latency))
  local wanted = limit * gradient + math.sqrt(limit)
  return math.min(p.max, math.max(p.min, limit + (wanted - limit) * 0.2))
end

function rule.report(p, s, now, level, count, amount, bad)
  if s[1] < 0 then s[1] = p.initial end
  s[3] = s[3] + count
  s[4] = s[4] + amount
  s[5] = s[5] + bad
  s[6] = math.max(s[6], level)
  if s[3] + s[5] >= 10 and now - s[2] >= p.window then
    local latency = s[7]
    if s[3] > 0 then latency = s[4] / s[3] end
    s[7] = rule.base(p, s[7], latency, s[1])
    s[1] = rule.next(p, s[1], latency, s[7], s[5] / (s[3] + s[5]), s[6])
    s[2], s[3], s[4], s[5], s[6] = now, 0, 0, 0, 0
  end
  return rule.told(s)
end

function rule.remaining(p, s, now)
  return 0
end

function rule.idle_after(p, s, now)
  return math.max(0, s[2] + math.max(3600e6, 60 * p.window) - now)
end

return rule
