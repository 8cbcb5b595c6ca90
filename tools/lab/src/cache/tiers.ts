/** The part "tiers": what a gateway answers on one core from L1, from L2 and from the origin, beside a bare route. */
import { Pool } from 'undici'
import { BARE, fieldsToSend, startBareRoute } from '../measuring/bare-route.ts'
import type { Asked } from '../measuring/client.ts'
import { seriesOf } from '../measuring/metrics.ts'
import { compared, type PartPlan, turns } from '../measuring/part.ts'
import { type Means, measured, type Sample, type Served } from '../measuring/sample.ts'
import { bodyOf } from './items.ts'
import { startTestbed, type Testbed } from './testbed.ts'

const BYTES = 1000
const CONNECTIONS = 64
const ITEM = '/items/hot'
/** Nothing expires meanwhile. */
const ORIGIN = { bytes: BYTES, latencyMs: 0, caching: 'public, max-age=3600' }
const CACHE = { CACHE_MAX_BYTES: '1GiB' }
const KEPT = { path: '/items/kept-', numbered: { first: 0, count: 2000 } }
/** More than are asked for in the longest load. */
const NEVER_AGAIN = 1_000_000_000
/** Of a row's reads, at least. The rest is what brings the entry there. */
const AS_NAMED = 0.99

interface Contender {
  readonly name: string
  start(bed: Testbed): Promise<Served>
  /** What is asked for in a round; of its warm-up, the round is negative. */
  readonly item: (round: number) => Pick<Asked, 'numbered'> & { readonly path: string }
}

export const tiers = compared({
  seconds: 10,
  title: 'From which tier',
  about: [
    'One gateway on a core of its own, the token of each request verified. L1 hits are of one item; L2 hits are of a gateway without room for an L1; each miss asks for an item that nobody asked for before, and stores it. The bare Fastify route sends the same fields and the same body.',
  ],
  peers: [['x bare', BARE]],
  measure: measureTiers,
})

async function* measureTiers(plan: PartPlan): AsyncGenerator<Sample> {
  const contenders: Contender[] = [
    {
      name: BARE,
      start: () => startBareRoute({ path: ITEM, headers: fields, body: bodyOf(1, BYTES) }, plan),
      item: () => ({ path: ITEM }),
    },
    gateway('L1 hit', {}, 'hit l1', plan, () => ({ path: ITEM })),
    // With no room in L1, every hit is one of L2; so many items that nobody waits for another's lookup.
    gateway('L2 hit', { L1_MAX_BYTES: '1B' }, 'hit l2', plan, () => KEPT),
    gateway('miss', {}, 'miss', plan, missed),
  ]
  await using bed = await startTestbed({ origin: ORIGIN, cache: CACHE, gateways: 0 }, plan)
  const fields = await fill(bed, plan.signal)
  const kinds = [`GET ${BYTES} B, ${CONNECTIONS} conn.`]
  for (const { round, kind, contender } of turns(plan.rounds, kinds, contenders)) {
    const row = { case: kind, contender: contender.name, round }
    const asked = askedOf(kind, contender.item(round), bed)
    const warmUp = askedOf(kind, contender.item(-round), bed)
    yield measured(row, () => contender.start(bed), { ...plan, asked, warmUp })
  }
}

function askedOf(name: string, { path: asked, numbered }: ReturnType<Contender['item']>, { headers }: Testbed): Asked {
  const answer = { path: asked, body: bodyOf(1, BYTES) }
  const common = { name, method: 'GET', connections: CONNECTIONS, sends: 0, headers, answer } as const
  return numbered ? { ...common, numbered } : common
}

/** Each round, and each warm-up, has items of its own. */
const missed: Contender['item'] = (round) => ({
  path: `/items/round${round}-`,
  numbered: { first: 0, count: NEVER_AGAIN },
})

function gateway(
  name: string,
  settings: Readonly<Record<string, string>>,
  reads: string,
  { cores }: Means,
  item: Contender['item'],
): Contender {
  return {
    name,
    item,
    async start(bed) {
      const server = await bed.addGateway(settings, cores.contender)
      return { ...server, faults: () => otherReads(server, reads) }
    },
  }
}

/** By its own count: a row's reads must have come to what it is named after. */
async function otherReads(server: Served, named: string): Promise<string[]> {
  const reads = (await seriesOf(server)).filter(({ name }) => name === 'spillway_gateway_cache_reads_total')
  const counts = reads.map(({ labels, value }) => [`${labels['outcome']} ${labels['tier']}`.trim(), value] as const)
  const all = counts.reduce((sum, [, count]) => sum + count, 0)
  const others = counts.filter(([name, count]) => name !== named && count > (1 - AS_NAMED) * all)
  return others.map(([name, count]) => `${count} of ${all} reads came to: ${name}`)
}

/** Brings into L2 what is to be found there. Resolves to the fields of a hit, as a gateway sends them. */
async function fill(bed: Testbed, signal: AbortSignal): Promise<ReturnType<typeof fieldsToSend>> {
  await using gateway = await bed.addGateway()
  const pool = new Pool(gateway.url, { connections: CONNECTIONS, pipelining: 1 })
  const ask = async (asked: string) => {
    const answer = await pool.request({ path: asked, method: 'GET', headers: bed.headers, signal })
    await answer.body.dump()
    return answer.headers
  }
  const { first, count } = KEPT.numbered
  await Promise.all(Array.from({ length: count }, (_, index) => ask(`${KEPT.path}${first + index}`)))
  await ask(ITEM)
  const hit = await ask(ITEM)
  await pool.close()
  return fieldsToSend(hit)
}
