/** Upstreams that are killed, all of them too, and that are replaced one after the other, while clients ask. */
import { setTimeout as after } from 'node:timers/promises'
import { request } from 'undici'
import { expect, it } from 'vitest'
import { load } from './load.ts'
import { measured, upstreamProcess } from './process.ts'
import { main } from './world.ts'

/** A balancer before three of them, all found up. */
async function three() {
  const upstreams = await Promise.all([upstreamProcess(), upstreamProcess(), upstreamProcess()])
  const { url, adminUrl } = await main({ SPILLWAY_UPSTREAMS: upstreams.map(({ origin }) => origin).join(',') })
  const usable = (count: number) =>
    expect.poll(async () => (await measured(adminUrl)).usable, { timeout: 15_000, interval: 50 }).toBe(count)
  await usable(3)
  return { upstreams, url, adminUrl, usable }
}

it('one of three killed, again and again: no idempotent request fails', { timeout: 60_000 }, async () => {
  const { upstreams, url, usable } = await three()
  const { count, stop } = load(url)
  const more = async (requests: number) => {
    const before = count.asked
    await expect.poll(() => count.asked, { interval: 5 }).toBeGreaterThan(before + requests)
  }
  for (const victim of upstreams) {
    await more(200)
    await victim.end('SIGKILL')
    await more(200)
    await victim.startAgain()
    await usable(3)
  }
  expect(await stop()).toEqual([])
})

it('each asked to stop and started anew, one after the other: no request fails, not even a write', {
  timeout: 60_000,
}, async () => {
  const { upstreams, url, usable } = await three()
  const { stop } = load(url, { methods: ['POST', 'GET'] })
  for (const upstream of upstreams) {
    // It stays open for 5 s, so that whoever asks it looks elsewhere; the second signal spares the rest of them.
    upstream.signal('SIGTERM')
    await usable(2)
    expect(await upstream.end('SIGTERM')).toBe(0)
    await upstream.startAgain()
    await usable(3)
  }
  expect(await stop()).toEqual([])
})

it('all killed: 502 at once, 503 when the checks have found out, and answers again when they are back', {
  timeout: 60_000,
}, async () => {
  const { upstreams, url } = await three()
  const seen: [status: number, at: number][] = []
  const until = async (status: number) => {
    for (;;) {
      const { statusCode, body } = await request(url)
      await body.dump()
      if (statusCode !== seen.at(-1)?.[0]) seen.push([statusCode, performance.now()])
      if (statusCode === status) return
      await after(10)
    }
  }
  await until(200)
  await Promise.all(upstreams.map(({ end }) => end('SIGKILL')))
  const killed = performance.now()
  await until(503)
  await Promise.all(upstreams.map(({ startAgain }) => startAgain()))
  const ready = performance.now()
  await until(200)
  expect(seen.map(([status]) => status)).toEqual([200, 502, 503, 200])
  const times = [seen[1], seen[2]].map((each) => Math.round((each?.[1] ?? 0) - killed))
  console.info(
    `502 after ${times[0]} ms, 503 after ${times[1]} ms, 200 ${Math.round(performance.now() - ready)} ms after the last was ready`,
  )
})
