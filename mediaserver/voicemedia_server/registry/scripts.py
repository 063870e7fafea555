"""The directory in Redis: its keys, and one script for each change. docs/registry.md explains it.

All keys of a fleet have one hash tag, so that each script runs whole on one node of a cluster.
Leases end by Redis' own clock, so that clocks of instances need not agree. `places` has
`instance<NUL>label` for each session, all with score 0, so that one instance's are one range.

Every change carries the epoch of who makes it and is `stale` where the directory knows another:
what an instance said before it published itself anew can never undo what it said then.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicemedia_server.audit import CAPACITY_ENTRIES

FULL = "full"
STALE = "stale"
DONE = "done"

PREFIX = "voicemedia"


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one fleet."""

    fleet: str

    def _key(self, name: str) -> str:
        return f"{PREFIX}:{{{self.fleet}}}:{name}"

    @property
    def all(self) -> tuple[str, ...]:
        """In the order in which every script has them."""
        return (
            self.instances,
            self._key("epochs"),
            self._key("leases"),
            self.sessions,
            self._key("places"),
            self._key("asked"),
            self._key("leader"),
            self._key("audit"),
            self._key("free"),
        )

    @property
    def instances(self) -> str:
        """Hash: id → document."""
        return self._key("instances")

    @property
    def sessions(self) -> str:
        """Hash: label → document."""
        return self._key("sessions")


_SHARED = """
local instances, epochs, leases, sessions, places, asked, leader, audit, free = unpack(KEYS)
local function note(entry)
  redis.call('XADD', audit, 'MAXLEN', '~', 'CAPACITY', '*', 'entry', entry)
end
local function now_ms()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end
local function range(key, id)
  return redis.call('ZRANGEBYLEX', key, '[' .. id .. '\\0', '(' .. id .. '\\1')
end
local function clear(id)
  for _, place in ipairs(range(places, id)) do
    redis.call('HDEL', sessions, string.sub(place, #id + 2))
    redis.call('ZREM', places, place)
  end
end
local function forget(id)
  clear(id)
  for _, ask in ipairs(range(asked, id)) do redis.call('ZREM', asked, ask) end
  redis.call('HDEL', instances, id)
  redis.call('HDEL', epochs, id)
  redis.call('ZREM', leases, id)
  redis.call('ZREM', free, id)
  if redis.call('HGET', leader, 'id') == id then redis.call('HDEL', leader, 'id') end
end
local function sweep()
  local dead = redis.call('ZRANGEBYSCORE', leases, '-inf', '(' .. string.format('%.0f', now_ms()))
  for _, id in ipairs(dead) do
    forget(id)
    note(cjson.encode({happening='lost', instance=id, at_unix_s=now_ms() / 1000}))
  end
end
local function is_stale(id, epoch) return redis.call('HGET', epochs, id) ~= epoch end
local function set_free(id, count)
  if count > 0 then redis.call('ZADD', free, count, id) else redis.call('ZREM', free, id) end
end
local function change_free(id, count)
  local known = redis.call('ZSCORE', free, id)
  if known then set_free(id, known + count) end
end
local function lease(id, document, ttl_ms, count)
  set_free(id, tonumber(count))
  redis.call('HSET', instances, id, document)
  redis.call('ZADD', leases, string.format('%.0f', now_ms() + ttl_ms), id)
end
local function place(id, label, document)
  redis.call('HSET', sessions, label, document)
  redis.call('ZADD', places, 0, id .. '\\0' .. label)
end
""".replace("CAPACITY", str(CAPACITY_ENTRIES))

JOIN = (
    _SHARED
    + """
local id, epoch, document, ttl_ms, count = unpack(ARGV, 1, 5)
sweep()
local known = redis.call('HGET', epochs, id)
if known and tonumber(known) >= tonumber(epoch) then return {'stale', known} end
clear(id)
redis.call('HSET', epochs, id, epoch)
lease(id, document, ttl_ms, count)
for i = 6, #ARGV, 2 do place(id, ARGV[i], ARGV[i + 1]) end
return {'done'}
"""
)
"""`id epoch document ttl_ms free (label document)*`: the instance whole, and nothing else of it."""

RENEW = (
    _SHARED
    + """
local id, epoch, document, ttl_ms, count = unpack(ARGV)
if is_stale(id, epoch) then return {'stale'} end
lease(id, document, ttl_ms, count)
sweep()
local known = 0
for _, place in ipairs(range(places, id)) do
  known = known + redis.call('HEXISTS', sessions, string.sub(place, #id + 2))
end
local reply = {'done', tostring(known)}
for _, ask in ipairs(range(asked, id)) do
  redis.call('ZREM', asked, ask)
  reply[#reply + 1] = string.sub(ask, #id + 2)
end
return reply
"""
)
"""`id epoch document ttl_ms free` → `done known label*`: how many sessions of this instance are on
the list, and those that others asked to end."""

CLAIM = (
    _SHARED
    + """
local id, epoch, label, document, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if is_stale(id, epoch) then return {'stale'} end
sweep()
if limit > 0 and redis.call('HLEN', sessions) >= limit then return {'full'} end
place(id, label, document)
change_free(id, -1)
return {'done'}
"""
)
"""`id epoch label document limit`; limit 0 for none."""

END = (
    _SHARED
    + """
local id, epoch, label = ARGV[1], ARGV[2], ARGV[3]
if is_stale(id, epoch) then return {'stale'} end
if redis.call('ZREM', places, id .. '\\0' .. label) == 1 then
  redis.call('HDEL', sessions, label)
  change_free(id, 1)
end
redis.call('ZREM', asked, id .. '\\0' .. label)
return {'done'}
"""
)
"""`id epoch label`: only a session of this instance."""

ASK = (
    _SHARED
    + """
local label = ARGV[1]
sweep()
local document = redis.call('HGET', sessions, label)
if not document then return {'unknown'} end
redis.call('ZADD', asked, 0, cjson.decode(document)['instance'] .. '\\0' .. label)
return {'done'}
"""
)
"""`label`: is told to the instance that holds it when it renews."""

CHOOSE = (
    _SHARED
    + """
sweep()
local silent = redis.call('ZRANGEBYSCORE', leases, '-inf',
  '(' .. string.format('%.0f', now_ms() + tonumber(ARGV[3])))
for _, id in ipairs(silent) do redis.call('ZREM', free, id) end
local count = redis.call('ZCARD', free)
if count == 0 then return {'none'} end
local first = math.floor(ARGV[1] * count)
local second = (first + 1 + math.floor(ARGV[2] * (count - 1))) % count
local rank = math.max(first, second)
local id = redis.call('ZRANGE', free, rank, rank)[1]
return {'done', redis.call('HGET', instances, id)}
"""
)
"""Two numbers from 0 up to 1, and what must be left of a lease in milliseconds → `done document`:
one that missed its last renewals may be dead, and counts again when it renews. The set is sorted
by free places, so that of two ranks the higher one has more of them."""

LIST = (
    _SHARED
    + """
sweep()
return redis.call('HVALS', ARGV[1] == 'instances' and instances or sessions)
"""
)
"""`instances` or `sessions` → documents."""

LEAD = (
    _SHARED
    + """
local id, epoch, memo, for_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if is_stale(id, epoch) then return {'stale'} end
sweep()
local leading = redis.call('HGET', leader, 'id')
local until_ms = tonumber(redis.call('HGET', leader, 'until_ms') or '0')
if leading and leading ~= id and now_ms() < until_ms then return {'done'} end
redis.call('HSET', leader, 'id', id, 'until_ms', string.format('%.0f', now_ms() + for_ms))
if memo ~= '' then redis.call('HSET', leader, 'memo', memo) end
redis.call('PEXPIRE', leader, 10 * for_ms)
return {'done', redis.call('HGET', leader, 'memo') or ''}
"""
)
"""`id epoch memo for_ms` → `done memo` where this instance leads now, `done` where another does.
Whoever leads, leads for that long, or until it leaves or its lease ends; its memo stays ten times
as long for whoever is next."""

NOTE = (
    _SHARED
    + """
for _, entry in ipairs(ARGV) do note(entry) end
return {'done'}
"""
)
"""`entry*`, the oldest first."""

AUDIT = (
    _SHARED
    + """
local after, limit = ARGV[1], ARGV[2]
sweep()
local found, reply = {}, {}
if after ~= '' then
  found = redis.call('XRANGE', audit, '(' .. after, '+', 'COUNT', limit)
else
  local newest = redis.call('XREVRANGE', audit, '+', '-', 'COUNT', limit)
  for i = #newest, 1, -1 do found[#found + 1] = newest[i] end
end
for _, noted in ipairs(found) do
  reply[#reply + 1] = noted[1]
  reply[#reply + 1] = noted[2][2]
end
return reply
"""
)
"""`after limit` → `(id entry)*`; with an empty `after` the newest."""

LEAVE = (
    _SHARED
    + """
local id, epoch = ARGV[1], ARGV[2]
if is_stale(id, epoch) then return {'stale'} end
forget(id)
return {'done'}
"""
)
"""`id epoch`."""
