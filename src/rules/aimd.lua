-- Twin of aimd.ts. State: { rate, since, good, bad, needed }.
local rule = {}

function rule.told(s)
  return math.floor(s[1] * 1000 + 0.5)
end

function rule.fresh(now)
  return { -1, now, 0, 0, 0 }
end

function rule.begin(s, now, rate)
  s[1], s[2], s[3], s[4], s[5] = rate, now, 0, 0, 0
end

function rule.report(p, s, now, level, count, amount, bad)
  if s[1] < 0 then s[1] = p.initial end
  if level <= rule.told(s) then
    s[3] = s[3] + count
    s[4] = s[4] + bad
  end
  s[5] = math.max(s[5], amount)
  local told, elapsed = s[3] + s[4], now - s[2]
  if s[4] > p.threshold * told and (told >= 10 or elapsed >= p.window) then
    rule.begin(s, now, math.max(p.min, s[1] * p.factor))
  elseif elapsed >= p.window then
    local wanted = s[5] > 0 or told >= s[1] * elapsed / 2e6
    local rate = s[1]
    if s[3] > 0 and wanted then rate = math.min(p.max, rate + p.step) end
    rule.begin(s, now, rate)
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
