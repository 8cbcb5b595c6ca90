/**
 * The shared budget in Valkey, in one Lua script: `packages/cache-client/src/limits/ledger.ts` by the server's clock.
 *
 * | key, after `spillway:` | | |
 * |---|---|---|
 * | `limit:<key>` | string | when all that was spent will have come back; expires then |
 * | `gateways` | sorted set | who has borrowed lately, by when he is taken to be gone |
 */

/** A gateway that limits anybody borrows oftener. */
const GATEWAY_MS = 10_000

/** This gateway, then for each ask its key, interval, burst, want and spent. Gives the gateways, then for each three numbers. */
export const LEND = `#!lua
local call = redis.call
local P = 'spillway:'
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000
call('ZADD', P .. 'gateways', now + ${GATEWAY_MS}, ARGV[1])
call('ZREMRANGEBYSCORE', P .. 'gateways', '-inf', now)
call('PEXPIRE', P .. 'gateways', ${GATEWAY_MS})
local told = { call('ZCARD', P .. 'gateways') }
for n = 2, #ARGV, 5 do
  local key = P .. 'limit:' .. ARGV[n]
  local interval, burst, want, spent = tonumber(ARGV[n + 1]), ARGV[n + 2], ARGV[n + 3], ARGV[n + 4]
  local whole = interval * burst
  local function within(owing) return math.min(math.max(owing, 0), whole) end
  local function available(owing) return math.floor((whole - owing + 0.001) / interval) end
  local owing = within(within(tonumber(call('GET', key) or now) - now) + spent * interval)
  local granted = math.min(want, available(owing))
  owing = within(owing + granted * interval)
  if owing > 0 then call('SET', key, string.format('%.17g', now + owing), 'PX', math.ceil(owing)) else call('DEL', key) end
  told[#told + 1] = granted
  told[#told + 1] = available(owing)
  told[#told + 1] = math.ceil(math.max(0, owing - whole + interval))
end
return told
`
