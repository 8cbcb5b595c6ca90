/** Random routes files: good ones are read as they were meant, and of broken ones every planted mistake has its place named. */
import { YamlError } from '@spillway/service'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { readRoutes } from './read.ts'

const variables = { ONE: 'http://10.1.0.1:80', TWO: 'https://10.1.0.2, dns+http://Shop:5000' }
/** What each origin that a file may write comes to. */
const ORIGINS: Record<string, readonly string[]> = {
  'http://10.0.0.1:8080': ['http://10.0.0.1:8080'],
  'HTTP://Ten:80/': ['http://ten'],
  'dns+https://Name:443': ['dns+https://name'],
  [`\${ONE}`]: ['http://10.1.0.1'],
  [`\${TWO}`]: ['https://10.1.0.2', 'dns+http://shop:5000'],
}

const chosen = fc.uniqueArray(fc.constantFrom(...Object.keys(ORIGINS)), { minLength: 1, maxLength: 4 })
const beside = fc.record(
  { weight: fc.integer({ min: 1, max: 1000 }), backup: fc.boolean(), max: fc.integer({ min: 1, max: 1000 }) },
  { requiredKeys: [] },
)
/** As it is written, and what it means. */
const endpoints = fc.oneof(
  chosen.map((urls) => ({ written: urls.join(' , ') as unknown, meant: urls.flatMap((url) => ORIGINS[url] ?? []) })),
  fc.tuple(chosen, fc.array(fc.option(beside), { minLength: 4, maxLength: 4 })).map(([urls, more]) => ({
    written: urls.map((url, at) => (more[at] ? { url, ...more[at] } : url)) as unknown,
    meant: urls.flatMap((url, at) =>
      (ORIGINS[url] ?? []).map((origin) => (more[at] ? { url: origin, ...more[at] } : origin)),
    ) as unknown[],
  })),
)
const checks = fc.constantFrom(
  { written: 'none', meant: false },
  { written: false, meant: false },
  { written: '/up', meant: { path: '/up' } },
  {
    written: { path: '/up', status: [200, '300-399'], port: 81 },
    meant: { path: '/up', status: [200, '300-399'], port: 81 },
  },
)
const rest = fc.record(
  {
    policy: fc.constantFrom('round-robin', 'p2c-ewma', 'prequal', 'least-inflight'),
    limits: fc.record(
      { connections: fc.integer({ min: 1, max: 99 }), pending: fc.integer({ min: 1, max: 99 }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
)
const upstream = fc.tuple(endpoints, fc.option(checks), rest).map(([list, check, more]) => ({
  written: { endpoints: list.written, ...(check ? { check: check.written } : {}), ...more },
  meant: { endpoints: list.meant, ...(check ? { check: check.meant } : {}), ...more },
}))
const upstreams = fc.array(upstream, { minLength: 1, maxLength: 5 })

const name = (index: number) => (index === 0 ? 'db' : `upstream-${index}`)
const fileOf = (written: readonly object[], changed: object = {}) => ({
  upstreams: Object.fromEntries(written.map((each, index) => [name(index), each])),
  routes: written.map((_, index) => ({
    path: `/${name(index)}/{id}`,
    methods: ['GET'],
    upstream: name(index),
    auth: 'public',
    ...changed,
  })),
})
const read = (text: string) => readRoutes(text, { file: 'my.routes.yaml', variables })

async function placesIn(text: string): Promise<string[]> {
  try {
    await read(text)
    return []
  } catch (error) {
    if (error instanceof YamlError) return error.mistakes.map(({ line, column }) => `${line}:${column}`)
    throw error
  }
}

type Planted = Record<string, unknown>
/** Each spoils one mapping; the mark it is given stands where the mistake is to be named, and nowhere else. */
const inUpstream: ((written: Planted, mark: string) => Planted)[] = [
  (written, mark) => ({ ...written, [mark]: true }),
  (written, mark) => ({ ...written, endpoints: mark }),
  (written, mark) => ({ ...written, endpoints: `\${${mark}}` }),
  (written, mark) => ({ ...written, endpoints: ['http://a', mark] }),
  (written, mark) => ({ ...written, endpoints: ['http://a', { url: mark }] }),
  (written, mark) => ({ ...written, endpoints: [{ url: 'http://a', weight: mark }] }),
  (written, mark) => ({ ...written, endpoints: [{ url: 'http://a', [mark]: 1 }] }),
  (written, mark) => ({ ...written, check: mark }),
  (written, mark) => ({ ...written, check: { path: mark } }),
  (written, mark) => ({ ...written, check: { [mark]: 1 } }),
  (written, mark) => ({ ...written, check: { status: [200, mark] } }),
  (written, mark) => ({ ...written, policy: mark }),
  (written, mark) => ({ ...written, policy: 'hash', hash: mark }),
  (written, mark) => ({ ...written, limits: { requests: mark } }),
  (written, mark) => ({ ...written, endpoints: 'https://a', tls: { ca: mark } }),
  (written, mark) => ({ ...written, policy: `./${mark}.ts` }),
]
const inRoute: ((written: Planted, mark: string) => Planted)[] = [
  (written, mark) => ({ ...written, [mark]: true }),
  (written, mark) => ({ ...written, upstream: mark }),
  (written, mark) => ({ ...written, methods: ['GET', mark] }),
  (written, mark) => ({ ...written, auth: mark }),
  (written, mark) => ({ ...written, retries: mark }),
  (written, mark) => ({ ...written, timeout: mark }),
  (written, mark) => ({ ...written, bodyLimit: mark }),
  (written, mark) => ({ ...written, identity: mark }),
  (written, mark) => ({ ...written, cache: { scope: mark } }),
  (written, mark) => ({ ...written, cache: { scope: 'public', ttl: mark } }),
  (written, mark) => ({ ...written, request: { query: { type: 'object', properties: { q: { type: mark } } } } }),
]

/** Where the key or the value begins in which a mark stands, counted from 1. */
function placeOf(mark: string, text: string): string {
  const lines = text.split('\n')
  const line = lines.findIndex((each) => each.includes(mark))
  const [, lead = '', key = ''] = /^((?:- | )*)([^:]*: )?/.exec(lines[line] ?? '') ?? []
  const inKey = key.includes(mark)
  return `${line + 1}:${lead.length + (inKey ? 0 : key.length) + 1}`
}

describe('a random routes file', () => {
  it('means what it says of its upstreams', async () => {
    await fc.assert(
      fc.asyncProperty(upstreams, async (all) => {
        const { clusters } = await read(stringify(fileOf(all.map(({ written }) => written))))
        expect(Object.keys(clusters)).toEqual(all.map((_, index) => name(index)))
        expect(Object.values(clusters).map(({ options }) => options)).toEqual(all.map(({ meant }) => meant))
      }),
      { numRuns: 300 },
    )
  })

  it('means what it says of a route', async () => {
    const said = fc.record(
      { retries: fc.constantFrom('once', 'none'), identity: fc.constantFrom('none', 'forward') },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(said, async (changed) => {
        const { routes } = await read(stringify(fileOf([{ endpoints: 'http://a' }], changed)))
        expect(routes[0]).toMatchObject({ retries: 'once', identity: 'none', ...changed })
      }),
    )
  })

  it('has the line and the column of every planted mistake named, and no other', async () => {
    const slips = <Slip>(from: readonly Slip[]) =>
      fc.array(fc.option(fc.constantFrom(...from)), { minLength: 5, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(upstreams, slips(inUpstream), slips(inRoute), async (all, first, second) => {
        const file = fileOf(all.map(({ written }) => written))
        const marks: string[] = []
        const spoil = <T extends object>(
          written: T,
          slip: (typeof inRoute)[number] | null | undefined,
          mark: string,
        ) => {
          if (!slip) return written
          marks.push(mark)
          return slip(written as Planted, mark)
        }
        const text = stringify({
          upstreams: Object.fromEntries(
            Object.entries(file.upstreams).map(([key, each], index) => [
              key,
              spoil(each, first[index], `markA${index}x`),
            ]),
          ),
          routes: file.routes.map((each, index) => spoil(each, second[index], `markB${index}x`)),
        })
        expect(await placesIn(text)).toEqual(marks.map((mark) => placeOf(mark, text)))
      }),
      { numRuns: 300 },
    )
  })
})
