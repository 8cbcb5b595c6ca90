import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { echo, gateway, main } from './world.ts'

describe('the balancer as a process', () => {
  it('names every mistake in its settings and does not start', async () => {
    const { ended } = await main({ POLICY: 'fastest', ADMIN_PORT: '99999', SPILLWAY_UPSTREAM: 'http://a' })
    const { code, complaint } = await ended
    expect(code).toBe(1)
    expect(complaint).toContain('POLICY is "fastest"; it must be one of round-robin, random')
    expect(complaint).toContain('SPILLWAY_UPSTREAMS is not set')
    expect(complaint).toContain('SPILLWAY_UPSTREAM is not a setting; did you mean SPILLWAY_UPSTREAMS?')
    expect(complaint).toContain('ADMIN_PORT')
  })

  it('chooses by a policy of one’s own, from a file beside where it was started; a bad one is refused', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'spillway-policy-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = path.join(folder, 'last.ts')
    writeFileSync(file, 'export default () => ({ choose: ({ length }: unknown[]): number => length - 1 })')
    const [first, last] = [await gateway(echo), await gateway(echo)]
    const upstreams = { SPILLWAY_UPSTREAMS: `${first.origin},${last.origin}` }
    const { url, lines } = await main({ ...upstreams, POLICY: path.relative(process.cwd(), file) })
    const ups = () => lines.filter(({ to }) => to === 'up').length
    await expect.poll(ups, { timeout: 5000 }).toBe(2)
    for (let asked = 0; asked < 4; asked++) {
      expect((await request(url)).headers['x-served-by']).toBe(`at-${new URL(last.origin).port}`)
    }
    const { code, complaint } = await (await main({ ...upstreams, POLICY: './gone.ts' })).ended
    expect(code).toBe(1)
    expect(complaint).toContain('POLICY cannot be used: ./gone.ts is no policy: ENOENT: no such file or directory')
  })

  it('logs each change of an upstream', async () => {
    const { origin } = await gateway(echo)
    const { lines } = await main({ SPILLWAY_UPSTREAMS: origin })
    const changed = () => lines.find(({ msg }) => msg === 'upstream changed')
    await expect.poll(changed, { timeout: 5000 }).toMatchObject({ endpoint: origin, from: 'starting', to: 'up' })
  })

  it('holds nothing of a gigabyte in memory, on its way up and on its way back', { timeout: 60_000 }, async () => {
    const { origin } = await gateway((incoming, response) => incoming.pipe(response))
    const { url, adminUrl } = await main({ SPILLWAY_UPSTREAMS: origin })
    await expect.poll(async () => (await request(url)).statusCode, { timeout: 5000 }).toBe(200)
    const memory = async () => {
      const text = await (await request(`${adminUrl}/metrics`)).body.text()
      return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
    }
    const before = await memory()
    const gigabyte = 16_384 * 65_536
    const chunk = Buffer.alloc(65_536, 'x')
    const sent = (function* () {
      for (let i = 0; i < 16_384; i++) yield chunk
    })()
    const { body } = await request(url, { method: 'PUT', body: sent as unknown as Buffer })
    let peak = 0
    let received = 0
    for await (const part of body) {
      const seen = Math.floor(received / 134_217_728)
      received += (part as Buffer).byteLength
      if (Math.floor(received / 134_217_728) > seen) peak = Math.max(peak, await memory())
    }
    expect(received).toBe(gigabyte)
    expect(peak - before).toBeLessThan(120_000_000)
  })

  it('drains on SIGTERM: unready, answering with Connection: close, ending what is under way', async () => {
    const arrived = Promise.withResolvers<() => void>()
    const { origin } = await gateway((incoming, response) => {
      if (incoming.url === '/slow') arrived.resolve(() => response.end('at last'))
      else void echo(incoming, response)
    })
    const { url, adminUrl, child, lines, ended } = await main({ SPILLWAY_UPSTREAMS: origin })
    await expect.poll(async () => (await request(url)).statusCode, { timeout: 5000 }).toBe(200)
    const slow = request(`${url}/slow`)
    const finish = await arrived.promise
    child.kill('SIGTERM')
    await expect.poll(() => lines.some(({ msg }) => msg === 'draining')).toBe(true)
    const ready = await request(`${adminUrl}/ready`)
    expect([ready.statusCode, await ready.body.json()]).toMatchObject([503, { status: 'draining' }])
    expect((await request(url)).headers['connection']).toBe('close')
    child.kill('SIGTERM')
    await expect
      .poll(
        () =>
          request(url).then(
            () => 'open',
            () => 'closed',
          ),
        { timeout: 5000 },
      )
      .toBe('closed')
    finish()
    expect(await (await slow).body.text()).toBe('at last')
    expect((await ended).code).toBe(0)
    if (child.exitCode === null) await once(child, 'exit')
  })
})
