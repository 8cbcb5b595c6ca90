import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Inspected, Project, Readers, until } from './project.ts'

/** What went how, for people to read; nothing here is judged by time. */
const told: string[] = []
const MINUTES = 60_000
let project: Project
let table = ''

const tokenOf = (role: string) => project.make('token', { ROLE: role })
const serviceOf = ({ Config: { Labels } }: Inspected) => Labels['com.docker.compose.service'] ?? ''

async function send(path: string, token: string, method = 'GET', json?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(project.url(path), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: json === undefined ? null : JSON.stringify(json),
  })
  const text = await answer.text()
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) as any }
}

beforeAll(async () => {
  // A short TTL, so that reads go all the way again and again.
  project = await Project.prepare({ CACHE_TTL: '1s' })
  const began = performance.now()
  table = await project.make('compose-up')
  told.push(`up, the image's build included: ${((performance.now() - began) / 1000).toFixed(1)} s`)
}, 20 * MINUTES)

afterAll(async () => {
  await project.make('compose-down')
  process.stdout.write(`${told.join('\n')}\n`)
}, 5 * MINUTES)

describe('the stack in containers', { timeout: 5 * MINUTES }, () => {
  it('shows where everything is, with a first request that works as it is printed', async () => {
    for (const name of ['gateway-3', 'microservice-2', 'worker-1', 'db-1', 'cache-1', 'postgres-1']) {
      expect(table).toContain(name)
    }
    expect(table).toContain(`curl -i localhost:${project.ports.BALANCER_PORT}/data/alpha`)
    expect(table).toContain(`http://127.0.0.1:${project.ports.GRAFANA_PORT}`)
    const answer = await send('/data/alpha', await tokenOf('reader'))
    expect([answer.status, answer.json().key]).toEqual([200, 'alpha'])
  })

  it('reads, writes, computes and runs jobs', async () => {
    const [reader, editor] = [await tokenOf('reader'), await tokenOf('editor')]
    expect((await send('/data/made-here', editor, 'PUT', { value: { colour: 'red' } })).status).toBe(201)
    expect((await send('/data/made-here', reader)).json().value).toEqual({ colour: 'red' })
    await send('/data/made-here', reader)
    expect((await send('/data/made-here', reader)).headers.get('cache-status')).toMatch(/hit/)
    await send('/data/made-here', editor, 'PUT', { value: { colour: 'blue' } })
    expect((await send('/data/made-here', reader)).json().value).toEqual({ colour: 'blue' })
    expect((await send('/process?key=one&n=1000', reader)).json().primes).toBe(168)
    expect((await send('/stress-test', reader)).status).toBe(200)
    expect((await send('/', reader)).status).toBe(200)
    const job = await send('/longtask', reader, 'POST', { task: 'primes', n: 1000 }, { prefer: 'wait=10' })
    expect([job.json().state, job.json().result.primes]).toEqual(['succeeded', 168])
  })

  it('is what make status, accounts, metrics, database, load and test3-miss speak of', async () => {
    expect(await project.make('status')).toMatch(/gateway-2 +ready/)
    expect(await project.make('accounts')).toMatch(/admin +\S{24} +reader, editor, admin/)
    expect(await project.make('load', { CLIENTS: '8', REQUESTS: '200' })).toMatch(/success +200/)
    expect(await project.make('metrics')).toMatch(/gateway-3 +[\d,]+ +\S+ ms/)
    expect(await project.make('database')).toMatch(/^postgres:\/\/spillway:\S{24}@[\d.]+:5432\/spillway$/)
    // Not test3-hit, which this stack's TTL of a second would make invalid, and rightly. Where all cores are busy, a test
    // without a fault in it is inconclusive.
    expect(await project.make('test3-miss', { DURATION: '5s', SHAPE: 'closed' })).toMatch(
      /test3-miss +closed +(valid|inconclusive) /i,
    )
  })

  it('gives no container more than it needs', async () => {
    for (const container of await project.containers()) {
      const { HostConfig, Name } = container
      expect([Name, HostConfig.ReadonlyRootfs, HostConfig.CapDrop]).toEqual([Name, true, ['ALL']])
      expect(HostConfig.SecurityOpt, Name).toContain('no-new-privileges:true')
      expect(HostConfig.Memory, Name).toBeGreaterThan(0)
      expect(HostConfig.PidsLimit, Name).toBeGreaterThan(0)
      const isSecrets = serviceOf(container) === 'secrets'
      const added = (HostConfig.CapAdd ?? []).map((capability) => capability.replace('CAP_', ''))
      expect(added, Name).toEqual(isSecrets ? ['CHOWN'] : [])
      // Images of others name their user themselves.
      if (container.Config.Image === 'spillway' && !isSecrets) expect(container.Config.User).toMatch(/^(node|\d+:\d+)$/)
    }
  })

  it('publishes the front door, its operators’ port, Prometheus and Grafana, on loopback', async () => {
    const bindings = (await project.containers()).flatMap(({ HostConfig }) =>
      Object.values(HostConfig.PortBindings ?? {}).flat(),
    )
    expect(new Set(bindings.map(({ HostIp }) => HostIp))).toEqual(new Set(['127.0.0.1']))
    expect(bindings.map(({ HostPort }) => Number(HostPort)).sort()).toEqual(Object.values(project.ports).sort())
  })

  it('lets each read its own secrets and nobody else’s', async () => {
    const read = (service: string, file: string) => project.compose('exec', '-T', service, 'cat', `/secrets/${file}`)
    expect(await read('gateway', 'gateway-signing-keys.json')).toContain('"d"')
    for (const [service, file] of [
      ['db', 'gateway-signing-keys.json'],
      ['worker', 'db-database-url'],
      ['gateway', 'postgres-password'],
      ['gateway', 'source.json'],
    ] as const) {
      await expect(read(service, file), `${service} reads ${file}`).rejects.toThrow(/Permission denied/)
    }
  })

  it('has new tokens signed by a new key, and signs nobody out', async () => {
    const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()).kid
    const before = await tokenOf('editor')
    expect(await project.make('rotate-key')).toMatch(/New tokens are signed by the key /)
    await until('a gateway signs with it', async () => kidOf(await tokenOf('editor')) !== kidOf(before))
    expect((await send('/data/alpha', before)).status).toBe(200)
    // The db service verifies it once more.
    expect((await send('/data/rotated', before, 'PUT', { value: 1 })).status).toBeLessThan(300)
  })

  it('is scraped by Prometheus, every replica', async () => {
    await until('all targets up', async () => (await project.query('sum(up)'))[0]?.value[1] === '10')
    const up = await project.query('count by (job) (up == 1)')
    expect(Object.fromEntries(up.map(({ metric, value }) => [metric['job'], Number(value[1])]))).toEqual({
      balancer: 1,
      gateway: 3,
      cache: 1,
      db: 1,
      microservice: 2,
      worker: 1,
      prometheus: 1,
    })
  })

  it('takes load from k6 in a container, which Prometheus sees on the same axis', async () => {
    const said = await project.compose('run', '--rm', '-e', 'SHAPE=closed', '-e', 'USERS=4', '-e', 'DURATION=5s', 'k6')
    expect(said).toMatch(/requests/i)
    await until('k6 in Prometheus', async () => (await project.query('k6_http_reqs_total')).length > 0)
  })

  it('grows from 3 gateways to 5 and shrinks to 2 without a failed read', async () => {
    const readers = new Readers(project.url(), await tokenOf('reader'))
    const scale = async (count: number) => {
      const before = readers.answered
      await project.compose('up', '--detach', '--wait', '--no-recreate', '--scale', `gateway=${count}`)
      await until(`${count} gateways in use`, async () => {
        const gateways = await project.gateways()
        return gateways.length === count && gateways.every(({ available, requests }) => available && requests > 0)
      })
      await readers.undisturbed()
      told.push(`to ${count} gateways: ${readers.answered - before} reads, ${readers.lost} lost`)
    }
    await scale(5)
    await scale(2)
    await scale(3)
    await readers.end()
    expect(readers.failures).toEqual({})
  })

  describe.each(['gateway', 'cache', 'microservice', 'worker', 'db', 'postgres', 'balancer', 'prometheus', 'grafana'])(
    'when a container of %s is killed with SIGKILL',
    (service) => {
      /** Those of which another one is there, or without which reads go on. */
      const isSpared = !['db', 'postgres', 'balancer'].includes(service)

      it(isSpared ? 'loses no read, and it comes back' : 'comes back, and reads with it', async () => {
        const readers = new Readers(project.url(), await tokenOf('reader'))
        await readers.undisturbed()
        const [victim] = await project.containers(service)
        if (!victim) throw new Error(`there is no ${service}`)
        const began = performance.now()
        const before = readers.answered
        // Whom Docker has once sent a signal it takes for stopped by hand, unless it is told otherwise.
        if (service === 'gateway') await project.docker('kill', '--signal', 'HUP', victim.Id)
        await project.kill(victim)
        await until(`${service} healthy again`, async () => {
          const now = (await project.containers(service)).find(({ Id }) => Id === victim.Id)
          return now !== undefined && now.RestartCount > victim.RestartCount && now.State.Health?.Status === 'healthy'
        })
        await until('all gateways in use', async () => (await project.gateways()).every(({ available }) => available))
        await readers.undisturbed()
        const seconds = ((performance.now() - began) / 1000).toFixed(1)
        await readers.end()
        const how = JSON.stringify(readers.failures)
        told.push(`${service} killed: ${readers.answered - before} reads, ${readers.lost} lost ${how}; ${seconds} s`)
        if (isSpared) expect(readers.failures).toEqual({})
        expect((await send('/data/alpha', await tokenOf('reader'))).status).toBe(200)
      })
    },
  )

  it('runs a balancer alone, out of the image, before any upstream', async () => {
    const [gateway] = await project.containers('gateway')
    const upstream = `http://${gateway?.Name.slice(1)}:5000`
    const name = `${project.name}-alone`
    const options = ['--rm', '--detach', '--name', name, '--network', `${project.name}_default`]
    await project.docker('run', ...options, '-e', `SPILLWAY_UPSTREAMS=${upstream}`, 'spillway', 'balancer')
    try {
      const ask = `fetch('http://127.0.0.1:8000/').then(async (a) => console.log(a.status, await a.text()))`
      await until('an answer through it', async () =>
        (await project.docker('exec', name, 'node', '-e', ask)).startsWith('200'),
      )
    } finally {
      await project.docker('stop', name)
    }
  })

  it('stops within its grace, every container by itself', async () => {
    await project.compose('stop')
    const ours = (await project.containers()).filter((container) => serviceOf(container) !== 'grafana')
    const ended = ours.map(({ Name, State }) => [Name, State.ExitCode] as const)
    // 137 is Docker's SIGKILL after the grace; 143 and 130 are programs that do not turn a signal into a zero.
    expect(ended.filter(([, code]) => code === 137)).toEqual([])
  })

  it('leaves nothing when it is taken down', async () => {
    await project.make('compose-down')
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${project.name}`]
    expect(await project.docker('ps', '--all', ...filter)).toBe('')
    expect(await project.docker('volume', 'ls', ...filter)).toBe('')
    expect(await project.docker('network', 'ls', ...filter)).toBe('')
  })
})
