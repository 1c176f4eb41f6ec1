-- Twin of sliding-window.ts. State: { total, at, cost, at, cost, ... }, oldest first.
local rule = {}
local TOTAL, FIRST = 1, 2
local MOMENTS, CELLS = 128, 64

function rule.fresh()
  return { 0 }
end

local function clear(s)
  for i = #s, FIRST, -1 do s[i] = nil end
  s[TOTAL] = 0
end

local function over(p, s, i, now)
  return s[i] + p.per <= now
end

local function foreign(p, s, now)
  return #s >= FIRST and s[FIRST] - now > 2 * p.per
end

local function remove_front(s, count)
  local length = #s
  for i = FIRST, length do s[i] = s[i + count] end
end

local function forget(p, s, now)
  local oldest, total = FIRST, s[TOTAL]
  while oldest <= #s and over(p, s, oldest, now) do
    total = total - s[oldest + 1]
    oldest = oldest + 2
  end
  if oldest == FIRST then return end
  if oldest > #s then return clear(s) end
  remove_front(s, oldest - FIRST)
  s[TOTAL] = total
end

local function join(p, s)
  local cell = p.per / CELLS
  local last, length = FIRST, #s
  for i = FIRST + 2, length, 2 do
    if math.floor(s[i] / cell) == math.floor(s[last] / cell) then
      s[last] = s[i]
      s[last + 1] = s[last + 1] + s[i + 1]
    else
      last = last + 2
      s[last] = s[i]
      s[last + 1] = s[i + 1]
    end
  end
  for i = length, last + 2, -1 do s[i] = nil end
end

local function add(p, s, at, cost)
  local newest = #s - 1
  if newest >= FIRST and s[newest] == at then
    s[newest + 1] = s[newest + 1] + cost
  else
    s[#s + 1] = at
    s[#s + 1] = cost
    if #s > 1 + 2 * MOMENTS then join(p, s) end
  end
  s[TOTAL] = s[TOTAL] + cost
end

function rule.reserve(p, s, now, cost, max_wait)
  if foreign(p, s, now) then clear(s) end
  local due = now
  if #s >= FIRST then due = math.max(now, s[#s - 1]) end
  local ceiling, total, oldest = p.rate * (1 + 1e-9), s[TOTAL], FIRST
  while oldest <= #s do
    local leaves = s[oldest] + p.per
    if total + cost <= ceiling then break end
    if leaves > due then due = leaves end
    total = total - s[oldest + 1]
    oldest = oldest + 2
  end
  local wait = due - now
  if cost > ceiling then wait = math.huge end
  if wait > max_wait or wait == math.huge then return -wait end
  forget(p, s, now)
  if cost > 0 then add(p, s, due, cost) end
  return wait
end

function rule.refund(p, s, now, cost, due)
  forget(p, s, now)
  local at = #s - 1
  if due > now then
    while at > FIRST and math.abs(s[at - 2] - due) <= math.abs(s[at] - due) do at = at - 2 end
  end
  local left = cost
  while left > 0 and at >= FIRST do
    local taken = math.min(left, s[at + 1])
    s[at + 1] = s[at + 1] - taken
    s[TOTAL] = s[TOTAL] - taken
    left = left - taken
    if s[at + 1] == 0 then
      table.remove(s, at)
      table.remove(s, at)
    end
    at = at - 2
  end
  if #s < FIRST then clear(s) end
end

function rule.remaining(p, s, now)
  if foreign(p, s, now) then return p.rate end
  local total, i = s[TOTAL], FIRST
  while i <= #s and over(p, s, i, now) do
    total = total - s[i + 1]
    i = i + 2
  end
  return math.max(0, p.rate - total)
end

function rule.idle_after(p, s, now)
  if #s < FIRST or foreign(p, s, now) then return 0 end
  return math.max(0, s[#s - 1] + p.per - now)
end

return rule
