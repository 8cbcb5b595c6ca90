import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { YamlError } from '@spillway/service'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readRoutes } from './read.ts'

const ROUTES = 'routes:\n  - { path: /x, methods: [GET], upstream: db, auth: public }\n'
const variables = { ALL: 'http://a, dns+http://b:1', ONE: 'http://c', ODD: 'nowhere' }

/** A file with one upstream, in a folder with these files beside it. */
async function read(upstream: string, beside: Record<string, string> = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'spillway-routes-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(beside)) writeFileSync(path.join(folder, name), text)
  const file = path.join(folder, 'my.routes.yaml')
  return (await readRoutes(`upstreams:\n  db: ${upstream}\n${ROUTES}`, { file, variables })).clusters['db']
}

async function mistakesIn(upstream: string, beside: Record<string, string> = {}) {
  try {
    await read(upstream, beside)
  } catch (error) {
    if (error instanceof YamlError)
      return error.mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`)
    throw error
  }
  return []
}

describe('an upstream of a routes file', () => {
  it('has endpoints between commas or in a list, alone or with what holds for each, variables among them', async () => {
    const endpointsOf = async (written: string) => (await read(`{ endpoints: ${written} }`))?.options.endpoints
    expect(await endpointsOf(`"\${ALL}, http://d"`)).toEqual(['http://a', 'dns+http://b:1', 'http://d'])
    expect(
      await endpointsOf(`["\${ALL}", { url: "\${ONE}", weight: 2, max: 5 }, { url: http://d, backup: true }]`),
    ).toEqual(['http://a', 'dns+http://b:1', { url: 'http://c', weight: 2, max: 5 }, { url: 'http://d', backup: true }])
  })

  it('may say all that balancer.yaml says of a cluster', async () => {
    const said = `{ endpoints: [https://a], policy: hash, hash: "header:x-user", limits: { requests: 10 },
      check: { path: /up, status: [204] }, tls: { servername: shop.example } }`
    expect((await read(said))?.options).toEqual({
      endpoints: ['https://a'],
      policy: 'hash',
      limits: { requests: 10 },
      check: { path: '/up', status: [204] },
      tls: { servername: 'shop.example' },
    })
    const own = await read('{ endpoints: http://a, policy: ./mine.ts }', {
      'mine.ts': 'export default () => ({ choose: () => 0 })\n',
    })
    expect(own?.options.policy).toEqual({ choose: expect.any(Function) })
    const near = await read('{ endpoints: http://169.254.20.10, allowAddresses: [169.254.20.0/24] }')
    expect(near?.options.allowAddresses).toEqual(['169.254.20.0/24'])
  })

  it('is checked at a path, as a mapping says, or not at all', async () => {
    const checkOf = async (written: string) => (await read(`{ endpoints: http://a, check: ${written} }`))?.options.check
    expect([await checkOf('/up'), await checkOf('none'), await checkOf('false')]).toEqual([
      { path: '/up' },
      false,
      false,
    ])
  })

  it('has every mistake named, those in the files that it names too', async () => {
    const said = `{ endpoints: ["\${ODD}", http://a, { url: "\${GONE}" }, { uri: http://b }], policy: ./no.ts,
      polcy: hash, check: ready, limits: { requests: 0 }, tls: { ca: missing.pem } }`
    expect(await mistakesIn(said, { 'no.ts': 'export default 5\n' })).toEqual([
      expect.stringMatching(
        /^2:21 upstreams\.db\.endpoints\[0\] is "\$\{ODD\}"; it must come to comma-separated origins/,
      ),
      expect.stringMatching(/^2:48 upstreams\.db\.endpoints\[2\]\.url needs \$\{GONE\}, which is not set/),
      expect.stringMatching(/^2:61 upstreams\.db\.endpoints\[3\] lacks url/),
      expect.stringMatching(/^2:63 upstreams\.db\.endpoints\[3\]\.uri is not a known key; did you mean url\?/),
      expect.stringMatching(/^2:89 upstreams\.db\.policy .*no\.ts is no policy/),
      '3:7 upstreams.db.polcy is not a known key; did you mean policy?',
      expect.stringMatching(/^3:27 upstreams\.db\.check is "ready"; it must be a path such as \/ready, .* or none/),
      expect.stringMatching(/^3:54 upstreams\.db\.limits\.requests is 0; it must be a whole number from 1/),
      expect.stringMatching(/^3:70 upstreams\.db\.tls\.ca is "missing\.pem", which cannot be used: ENOENT/),
    ])
  })

  it.each([
    [
      `{ endpoints: ["\${ALL}", http://A/] }`,
      /^2:31 upstreams\.db\.endpoints\[1\] is http:\/\/a again; each endpoint once/,
    ],
    ['{ endpoints: http://a, hash: path }', /hash is declared, but policy is p2c-ewma; only hash looks at it/],
    ['{ endpoints: http://a, tls: { servername: a } }', /tls is declared, but no endpoint is https/],
    [
      '{ endpoints: http://2852039166 }',
      /endpoints leads to 169\.254\.169\.254, where no service is; allowAddresses makes/,
    ],
    ['{ endpoints: [] }', /endpoints is \[\]; it must be a list of at least one origin/],
  ])('may not be %s', async (written, message) => {
    expect(await mistakesIn(written)).toEqual([expect.stringMatching(message)])
  })
})
