-- What every program needs. Before this the linker has put
--   now     the present in microseconds, by this server
--   grace   milliseconds a state lives longer than it has to
local NEVER = 9000000000000000
-- The wait of what no time brings, as in rule.ts. A longer one, of a large debt, is told as this; one that cannot be told is NEVER.
local FOREVER = 4503599627370496
-- The longest life of a key, in milliseconds: 285 years.
local LONGEST = 9e12
-- How much longer a state lives than it has to: a second and an eighth, in microseconds. What the server rounds off a time to
-- live, it gets in addition, in milliseconds.
local SLACK, SHARE, ROUNDING = 1000000, 8, 2

-- Sets a string of doubles that has to live for `live` from now on; returns it.
local function begin(key, live, format, ...)
  local life = live + live / SHARE + SLACK
  local value = struct.pack(format, ...) .. struct.pack('<d', now + life)
  -- A debt may last for longer than Redis can count.
  local millis = math.min(math.ceil(life / 1000) + ROUNDING + grace, LONGEST)
  redis.call('PSETEX', key, millis, value)
  return value
end

-- An integer reply: verdicts and times are whole already, but for endless ones.
local function whole(number)
  if number == math.huge then return NEVER end
  if number == -math.huge then return -NEVER end
  return math.max(-FOREVER, math.min(FOREVER, number))
end
