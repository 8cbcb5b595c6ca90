/**
 * What is decided in Valkey, each in one Lua script: who fills an entry, who waits, whether a fill may be stored, what a
 * purge undoes. Needs Valkey, or Redis 7 and later; not its cluster mode, since the names of tags are in the entries.
 *
 * | key, after `spillway:` | | |
 * |---|---|---|
 * | `state` | hash | `seq`, which every grant and purge takes the next of; the newest purges of `all`, of any tag (`tagged`) and any soft one (`soft`); `floor` |
 * | `purges` | sorted set | what was purged when: `k<hash>` and `t<tag>` by `seq`, the newest 10,000; no fill granted before `floor` is stored |
 * | `entry:<hash>` | hash | the frame, its age when it came and when that was, its windows, the `seq` of its grant and of then, its tags and their marks |
 * | `tag:<tag>` | string | its mark: an entry counts while it was stored under the mark that is there |
 * | `soft:<name>` | string | `seq` and time of the newest soft purge of a name in `purges`, or of `*` |
 * | `lease:<hash>` | hash | token, `seq`, the entry's URL, when it ends at the latest; lives as long as its holder renews it |
 * | `waiting:<hash>` | sorted set | the gateways that wait for the lease, by when they are given up |
 * | `failed:<token>`, `pass:<hash>` | string | what a lease came to, for those who wait, and for 10 s |
 *
 * Valkey may evict any of them. A mark that is missing makes its entries count no more, as purging the tag does; where
 * `state` is missing nothing of before counts, and where `purges` is, no fill under way.
 */

import { AGE_SLACK_MS } from '../wire.ts'
import { LEND } from './lend.ts'

/** The holder renews it four times as often. */
export const LEASE_TTL_MS = 2000
/** As of the cache service: two fills of 15 s. */
const LEASE_MAX_MS = 30_000
/** A gateway that waits asks again at least four times as often. */
const WAITING_MS = 2000
const OUTCOME_MS = 10_000
const REMEMBERED = 10_000

/** What names are told on; whoever waits for one of them asks again. */
export const CHANNEL = 'spillway:told'
/** As in `purges`, and on the channel; there, `*` is everything. */
export const hashName = (hash: string) => `k${hash}`
export const tagName = (tag: string) => `t${tag}`
export const EVERYTHING = '*'

const COMMON = `#!lua flags=allow-oom
local call = redis.call
local P = 'spillway:'
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = call('HMGET', P .. 'state', 'seq', 'all', 'floor', 'tagged', 'soft')
if not known[1] then
  -- Microseconds, so that it is beyond every number of before.
  local first = time[1] .. string.format('%06d', time[2])
  known = { first, first, first, first, first }
  call('HSET', P .. 'state', 'seq', first, 'all', first, 'floor', first, 'tagged', first, 'soft', first)
  call('DEL', P .. 'purges')
end
if not call('ZSCORE', P .. 'purges', '') then
  call('ZADD', P .. 'purges', '+inf', '')
  known[3] = known[1]
  call('HSET', P .. 'state', 'floor', known[1])
end
local all, floor = tonumber(known[2]), tonumber(known[3])
local function nextSeq() return string.format('%.0f', call('HINCRBY', P .. 'state', 'seq', 1)) end
local function tell(name) call('PUBLISH', '${CHANNEL}', name) end
local function overtook(since, name)
  if since < all or since < floor then return true end
  local purged = call('ZSCORE', P .. 'purges', name)
  return purged and tonumber(purged) > since
end
local function leaseOf(hash)
  local found = call('HMGET', P .. 'lease:' .. hash, 'token', 'seq', 'url', 'until', 'gateway', 'abandoned')
  if not found[1] or now >= tonumber(found[4]) then return nil end
  local seq = tonumber(found[2])
  if overtook(seq, 'k' .. hash) or overtook(seq, 't' .. found[3]) then return nil end
  return { token = found[1], seq = seq, gateway = found[5], abandoned = found[6] }
end
local function standing(hash, token)
  local lease = leaseOf(hash)
  return lease and lease.token == token and lease
end
local function isAwaited(hash)
  call('ZREMRANGEBYSCORE', P .. 'waiting:' .. hash, '-inf', now)
  return call('EXISTS', P .. 'waiting:' .. hash) == 1
end
local function finish(hash)
  call('DEL', P .. 'lease:' .. hash, P .. 'waiting:' .. hash)
  tell('k' .. hash)
end
`

/**
 * Hash, URL, this gateway, a nonce, the token waited for so far or nothing, the age of what the reader has in use or
 * nothing. Gives the verdict and what belongs to it, frames with their ages.
 */
const LOOK = `${COMMON}
local hash, url, gateway, nonce, before, held = unpack(ARGV)
local key = P .. 'entry:' .. hash
local age, fresh, whileRevalidate, ifError
local function softened(name, put)
  local soft = call('GET', P .. 'soft:' .. name)
  local seq, at = string.match(soft or '', '^(%d+) (%d+)$')
  if seq and tonumber(seq) > put then age = math.max(age, fresh + now - at) end
end
local entry = call('HMGET', key, 'granted', 'put', 'tags', 'age', 'at', 'windows')
if entry[1] then
  local counts = tonumber(entry[1]) >= all
  local tags = cmsgpack.unpack(entry[3])
  for n = 1, #tags, 2 do
    counts = counts and call('GET', P .. 'tag:' .. tags[n]) == tags[n + 1]
  end
  if counts then
    fresh, whileRevalidate, ifError = unpack(cmsgpack.unpack(entry[6]))
    age = entry[4] + math.max(0, now - entry[5])
    local put = tonumber(entry[2])
    if tonumber(known[5]) > put then
      softened('*', put)
      softened('k' .. hash, put)
      for n = 1, #tags, 2 do softened('t' .. tags[n], put) end
    end
  else
    call('UNLINK', key)
  end
end
local function hit() return { 'hit', call('HGET', key, 'frame'), math.ceil(age) } end
if age and age < fresh and (held == '' or age + ${AGE_SLACK_MS} < tonumber(held)) then return hit() end
local lease = leaseOf(hash)
-- Whoever has none need not wait for what may be used meanwhile.
if lease and held == '' and age and age < whileRevalidate then return hit() end
local failed = before ~= '' and call('GET', P .. 'failed:' .. before)
if failed then
  if age and age < ifError then return { 'failed', failed, call('HGET', key, 'frame'), math.ceil(age) } end
  return { 'failed', failed }
end
local pass = call('GET', P .. 'pass:' .. hash)
if pass and tonumber(pass) >= all then return { 'pass' } end
if lease then
  local clean = lease.seq > tonumber(known[4])
  -- Its holder's own readers join the fill that runs there.
  if lease.gateway ~= gateway or lease.abandoned or not clean then
    call('ZADD', P .. 'waiting:' .. hash, now + ${WAITING_MS}, gateway)
    call('PEXPIRE', P .. 'waiting:' .. hash, ${WAITING_MS})
  end
  return { 'wait', lease.token, clean and 1 or 0 }
end
local seq = nextSeq()
local token = seq .. '-' .. nonce
call('DEL', P .. 'lease:' .. hash)
call('HSET', P .. 'lease:' .. hash, 'token', token, 'seq', seq, 'url', url, 'until', now + ${LEASE_MAX_MS},
  'gateway', gateway)
call('PEXPIRE', P .. 'lease:' .. hash, ${LEASE_TTL_MS})
call('ZREM', P .. 'waiting:' .. hash, gateway)
if age then return { 'lease', token, call('HGET', key, 'frame'), math.ceil(age) } end
return { 'lease', token }
`

/** Hash, token, frame, its age, three windows, how long it is kept, tags. 1: stored. */
const FILL = `${COMMON.replace(' flags=allow-oom', '')}
local hash, token, frame, age, fresh, whileRevalidate, ifError, ttl = unpack(ARGV, 1, 8)
local lease = standing(hash, token)
if not lease then return 0 end
local tags = {}
for n = 9, #ARGV do
  if overtook(lease.seq, 't' .. ARGV[n]) then
    finish(hash)
    return 0
  end
end
for n = 9, #ARGV do
  local tag = P .. 'tag:' .. ARGV[n]
  local mark = call('GET', tag)
  if not mark then
    mark = token
    call('SET', tag, mark, 'PX', ttl)
  elseif call('PTTL', tag) < tonumber(ttl) then
    call('PEXPIRE', tag, ttl)
  end
  tags[#tags + 1] = ARGV[n]
  tags[#tags + 1] = mark
end
local key = P .. 'entry:' .. hash
call('DEL', key)
call('HSET', key, 'frame', frame, 'granted', string.format('%.0f', lease.seq), 'put', known[1], 'age', age, 'at', now,
  'windows', cmsgpack.pack({ tonumber(fresh), tonumber(whileRevalidate), tonumber(ifError) }), 'tags', cmsgpack.pack(tags))
call('PEXPIRE', key, ttl)
finish(hash)
return 1
`

/** Hash, token, reason, and of a failure what it was. 0: nothing changed, others wait for this fill. */
const SURRENDER = `${COMMON}
local hash, token, reason, failure = unpack(ARGV)
local lease = standing(hash, token)
if not lease then return 1 end
if reason == 'abandoned' and isAwaited(hash) then
  call('HSET', P .. 'lease:' .. hash, 'abandoned', 1)
  return 0
end
if reason == 'failed' then call('SET', P .. 'failed:' .. token, failure, 'PX', ${OUTCOME_MS}) end
if reason == 'uncacheable' then
  -- What was there before must not outlive an answer that nobody else may have.
  call('UNLINK', P .. 'entry:' .. hash)
  call('SET', P .. 'pass:' .. hash, string.format('%.0f', lease.seq), 'PX', ${OUTCOME_MS})
end
finish(hash)
return 1
`

/** Hash, token. 0: the lease stands no more, or nobody wants its fill any more. */
const RENEW = `${COMMON}
local hash, token = unpack(ARGV)
local lease = standing(hash, token)
if not lease then return 0 end
if lease.abandoned and not isAwaited(hash) then
  finish(hash)
  return 0
end
call('PEXPIRE', P .. 'lease:' .. hash, ${LEASE_TTL_MS})
return 1
`

/** Hash, gateway: it does not wait any more. */
const LEAVE = `${COMMON}
local hash, gateway = unpack(ARGV)
call('ZREM', P .. 'waiting:' .. hash, gateway)
local lease = leaseOf(hash)
-- Its holder, who asks then, finds that nobody waits.
if lease and lease.abandoned then tell('k' .. hash) end
return 1
`

/** \`soft\` or nothing, then names as in \`purges\`, or everything. */
const PURGE = `${COMMON}
local seq = nextSeq()
local soft = ARGV[1] == 'soft'
local function soften(name, holder)
  local ttl = call('PTTL', holder)
  if ttl > 0 then call('SET', P .. 'soft:' .. name, seq .. ' ' .. now, 'PX', ttl) end
end
local function drop(name, holder)
  call('UNLINK', holder)
  if string.sub(name, 1, 1) == 'k' then call('DEL', P .. 'pass:' .. string.sub(name, 2)) end
end
for n = 2, #ARGV do
  local name = ARGV[n]
  local holder = P .. (string.sub(name, 1, 1) == 'k' and 'entry:' or 'tag:') .. string.sub(name, 2)
  if name ~= '${EVERYTHING}' then
    call('ZADD', P .. 'purges', seq, name)
    if string.sub(name, 1, 1) == 't' then call('HSET', P .. 'state', 'tagged', seq) end
    if soft then soften(name, holder) else drop(name, holder) end
  elseif soft then
    call('SET', P .. 'soft:*', seq .. ' ' .. now)
    call('HSET', P .. 'state', 'floor', seq)
  else
    call('HSET', P .. 'state', 'all', seq)
  end
  tell(name)
end
if soft then call('HSET', P .. 'state', 'soft', seq) end
local over = call('ZCARD', P .. 'purges') - ${REMEMBERED}
if over > 0 then
  local dropped = call('ZPOPMIN', P .. 'purges', over)
  if tonumber(dropped[#dropped]) > floor then call('HSET', P .. 'state', 'floor', dropped[#dropped]) end
end
return 1
`

export const SCRIPTS = {
  look: LOOK,
  fill: FILL,
  surrender: SURRENDER,
  renew: RENEW,
  leave: LEAVE,
  purge: PURGE,
  lend: LEND,
} as const
