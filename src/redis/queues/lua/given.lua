-- What every script of a queue is given: its keys, its arguments, the present, and what the queue has agreed on. The linker has put before this:
--   ROUTED  whether this script knows groups and keys    KIND  the kind of limit that it knows, 'none', or nil for any
--
-- KEYS, all in one slot: see keys.ts.
-- ARGV  1 the present in microseconds, or '' for the server's   2 the process that asks   3 how long a result waits, in ms
--
-- A place is the routing of a job in one string: group \2 P O id suffix. P is the priority, written so that higher ones sort
-- first; O is the microsecond of its turn, 13 hexadecimal digits. The suffix is \1 key, \6 cost, \7 dedupe key, each where there
-- is one, and \5 where the id is remembered after the end. A token is place \4 delivery \4 start, and names one claim.
-- A record is the place without the id, \3 and the time of its put where O is another, a line end, and the envelope.
-- UNIQUE has the job of each dedupe key that is taken: its name, and its id in a second line where the name is a hash.
-- REMEMBERED has until when own ids are taken after their jobs have ended, and, as \1 key, dedupe keys after their put.
local call, byte, find, sub, match = redis.call, string.byte, string.find, string.sub, string.match
local format, floor = string.format, math.floor
local META, JOBS, READY, DELAYED, LEASES, CLAIMED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local DEAD, COMPLETED, ENDS, TRIES, PROGRESS = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local ASKED, ASKED_UNTIL, REMEMBERED, MARKS = KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local IDLE, FULL, UNIQUE = KEYS[16], KEYS[17], KEYS[18]
local LAYOUT, CHUNK = '1', 4000
local SELF, RESULT_TTL = ARGV[2], tonumber(ARGV[3])
local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
else
  now = tonumber(ARGV[1])
end
local now_ms = now / 1000

local meta = call('HMGET', META, 'version', 'last', 'paused', 'routed', 'turn', 'keeper', 'limit', 'bound', 'deliveries', 'keepCompleted', 'keepDead')
if meta[1] and meta[1] ~= LAYOUT then return redis.error_reply('AIOFLUX_LAYOUT ' .. meta[1]) end
local limit_kind = meta[7] and sub(meta[7], 1, find(meta[7], '\n', 1, true) - 1) or 'none'
if (meta[4] and not ROUTED) or (KIND and limit_kind ~= KIND) then
  return redis.error_reply('AIOFLUX_FORM ' .. (meta[4] and '1' or '0') .. ' ' .. limit_kind)
end
