/** The balancer and other contenders before real sockets, for a moment: what is counted, not how fast. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { measureBadUpstreams } from '../src/contest/bad-upstreams.ts'
import { haproxy, nginxFixed, nginxProxy } from '../src/contest/configs.ts'
import { bareDispatch, type Contender, findInstalled, spillway } from '../src/contest/contenders.ts'
import { ANSWERS, CASES } from '../src/contest/fixed.ts'
import { measureForwarding } from '../src/contest/forwarding.ts'
import { autocannonClient } from '../src/measuring/client.ts'
import { comparedRows } from '../src/measuring/compared.ts'
import type { Means } from '../src/measuring/sample.ts'

const { nginx, haproxy: haproxyFile } = await findInstalled(process.env)
const POST = CASES.filter(({ method }) => method === 'POST')

function means(): Means {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-contest-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return { environment: process.env, signal: new AbortController().signal, cores: {}, folder, say: () => {} }
}

/** Remembers where it was put. */
function watched(contender: Contender): Contender & { ports: number[] } {
  const ports: number[] = []
  const launch: Contender['launch'] = (place) => {
    ports.push(place.port)
    return contender.launch(place)
  }
  return { ...contender, ports, launch }
}

const forwardingOf = (contenders: readonly Contender[]) =>
  Array.fromAsync(
    measureForwarding({ ...means(), contenders, cases: POST, client: autocannonClient(), rounds: 1, seconds: 1 }),
  )

describe('forwarding', () => {
  it('counts what the balancer carried and what that cost it, and leaves nothing running', async () => {
    const balancer = watched(spillway('Spillway', {}))
    const samples = await forwardingOf([balancer])
    expect(samples).toMatchObject([{ contender: 'Spillway', round: 1, faults: [] }])
    expect(samples[0]?.load?.requests).toBeGreaterThan(0)
    expect(samples[0]?.cpu).toBeGreaterThan(0)
    const [port] = balancer.ports
    await expect(request(`http://127.0.0.1:${port}/`)).rejects.toThrow('ECONNREFUSED')
  })

  it('calls a contender invalid that answers something else, or that does not start', async () => {
    const liar = (name: string, script: string): Contender => ({
      name,
      launch: ({ port }) => ({ file: process.execPath, args: ['-e', script, String(port)] }),
    })
    const short = "require('node:http').createServer((q, s) => s.end('short')).listen(process.argv[1], '127.0.0.1')"
    const samples = await forwardingOf([liar('short', short), liar('broken', "throw new Error('no such luck')")])
    const [first, second] = comparedRows(samples, [])
    expect(first).toMatchObject({ contender: 'short', verdict: 'invalid' })
    expect(first?.reasons.join()).toContain('an answer had 5 B, not the 128 B expected')
    expect(second).toMatchObject({ contender: 'broken', verdict: 'invalid' })
    expect(second?.reasons.join()).toContain('no such luck')
  })
})

describe('bad upstreams', () => {
  it('counts what clients got and what the bad upstream was given', async () => {
    const contenders = [bareDispatch]
    const plan = { ...means(), contenders, faults: ['failing'] as const, rounds: 1, seconds: 1, rate: 200 }
    const samples = await Array.fromAsync(measureBadUpstreams(plan))
    expect(samples).toMatchObject([{ fault: 'failing', contender: bareDispatch.name, faults: [] }])
    const [{ load, share }] = samples as [(typeof samples)[0]]
    // It takes turns and has no opinion, so a quarter fails.
    expect(load?.failures).toEqual({ 500: (load?.requests ?? 0) - (load?.good ?? 0) })
    expect(share).toBeCloseTo(0.25, 1)
    expect((load?.failures[500] ?? 0) / (load?.requests ?? 0)).toBeCloseTo(0.25, 1)
  })
})

describe('configurations', () => {
  const PLACE = { port: 1, upstreams: ['http://127.0.0.1:2', 'http://127.0.0.1:3'] }

  it.runIf(nginx).each([
    ['as a proxy', nginxProxy(PLACE)],
    ['as a proxy that judges', nginxProxy(PLACE, true)],
    ['as upstreams', nginxFixed([4, 5], ANSWERS)],
  ])('are ones that nginx takes, %s', async (_, config) => {
    const { folder } = means()
    const file = path.join(folder, 'nginx.conf')
    writeFileSync(file, config)
    await expect(promisify(execFile)(nginx as string, ['-t', '-p', folder, '-c', file])).resolves.toBeDefined()
  })

  it.runIf(haproxyFile).each(['roundrobin', 'leastconn'] as const)(
    'are ones that HAProxy takes, %s',
    async (balance) => {
      const file = path.join(means().folder, 'haproxy.cfg')
      writeFileSync(file, haproxy(PLACE, balance, balance === 'leastconn'))
      await expect(promisify(execFile)(haproxyFile as string, ['-c', '-f', file])).resolves.toBeDefined()
    },
  )
})
