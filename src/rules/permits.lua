-- Twin of permits.ts. State: { id, tokens, until, ... }.
-- What is given back may be what others wait for, so the driver tells them.
local rule = { wakes = true }
local WIDTH = 3

function rule.fresh()
  return {}
end

local function sweep(s, now)
  local kept, length = 0, #s
  for i = 1, length, WIDTH do
    if s[i + 1] > 0 and s[i + 2] > now then
      for j = 0, WIDTH - 1 do s[kept + 1 + j] = s[i + j] end
      kept = kept + WIDTH
    end
  end
  for i = length, kept + 1, -1 do s[i] = nil end
end

function rule.reserve(p, s, now, cost, id)
  local inside = 0
  for i = 1, #s, WIDTH do
    if s[i + 2] > now then
      if s[i] == id then
        s[i + 2] = now + p.ttl
        return 0
      end
      inside = inside + s[i + 1]
    end
  end
  if inside + cost > p.limit * (1 + 1e-9) then return -math.huge end
  sweep(s, now)
  local length = #s
  s[length + 1] = id
  s[length + 2] = cost
  s[length + 3] = now + p.ttl
  return 0
end

function rule.refund(p, s, now, cost, due)
  for i = 1, #s, WIDTH do
    if s[i] == due - now then s[i + 1] = s[i + 1] - cost end
  end
  sweep(s, now)
end

function rule.remaining(p, s, now)
  local inside = 0
  for i = 1, #s, WIDTH do
    if s[i + 2] > now then inside = inside + s[i + 1] end
  end
  return math.max(0, p.limit - inside)
end

function rule.idle_after(p, s, now)
  local last = now
  for i = 1, #s, WIDTH do last = math.max(last, s[i + 2]) end
  return last - now
end

return rule
