/** What the cache is measured on, with real processes: what is counted, not how fast. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { request } from 'undici'
import { expect, it, onTestFinished } from 'vitest'
import { versionOf } from '../src/cache/items.ts'
import { startTestbed } from '../src/cache/testbed.ts'
import { seriesOf, sumOf } from '../src/measuring/metrics.ts'
import { openLoad } from '../src/measuring/open-load.ts'
import type { Means } from '../src/measuring/sample.ts'

function means(): Means {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-testbed-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return { environment: process.env, signal: new AbortController().signal, cores: {}, folder, say: () => {} }
}

it('is gateways that share a cache before an origin that counts, and leaves nothing running', async () => {
  const origin = { bytes: 100, latencyMs: 0, caching: 'public, max-age=60' }
  const plan = means()
  const urls: string[] = []
  {
    await using bed = await startTestbed({ origin, gateways: 2 }, plan)
    urls.push(bed.origin.url, bed.cache.url, ...bed.gateways.map(({ url }) => url))
    const read = async (at: number) => {
      const { body } = await request(`${bed.gateways[at]?.url}/items/a`, { headers: bed.headers })
      return body.text()
    }
    expect(await read(0)).toHaveLength(origin.bytes)
    expect(versionOf(await read(1))).toBe(1)
    expect(await bed.counts()).toEqual({ reads: 1, unchanged: 0, most: 1 })

    const written = await request(`${bed.gateways[1]?.url}/items/a`, { method: 'PUT', headers: bed.headers })
    expect(await written.body.text()).toBe('2')
    expect(versionOf(await read(0))).toBe(2)

    await bed.begin()
    const asked = { urls: urls.slice(2), headers: bed.headers, rate: 100, seconds: 1, seed: 1 }
    const load = await openLoad({ ...asked, paths: { prefix: '/items/', count: 10, skew: 0.99 } }, plan)
    expect(load.failures).toEqual({})
    const { l1 = 0, l2 = 0, waited = 0, origin: asking = 0 } = load.from
    expect(l1 + l2 + waited + asking).toBe(load.requests)
    expect(await bed.counts()).toMatchObject({ reads: asking, most: 1 })
    const series = await seriesOf({ url: urls[2] as string })
    expect(sumOf(series, 'spillway_gateway_cache_reads_total', { tier: 'l1' })).toBeGreaterThan(0)
  }
  for (const url of urls) await expect(request(url)).rejects.toThrow('ECONNREFUSED')
})
