-- Twin of leaky-bucket.ts, which is a token bucket but for how it waits. State: { level, at }.
local rule = require('token-bucket')

local reserve_at_once = rule.reserve

function rule.reserve(p, s, now, cost, max_wait)
  if max_wait == 0 then return reserve_at_once(p, s, now, cost, 0) end
  local level = rule.used(p, s, now)
  local wait = rule.time_to(p, level, math.huge)
  if wait > max_wait then return -wait end
  rule.write(p, s, now, level + cost)
  return wait
end

function rule.used_before(p, wait, cost)
  return wait / p.interval
end

return rule
