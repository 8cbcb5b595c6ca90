/** The worlds that `make simulate-policies` puts every policy into. */
import { exponential, type Server, type Simulation } from '@spillway/upstreams/simulation'

/** Works on four requests at once, for 100 ms each on average: 40 a second. */
const WORKS = { concurrency: 4, serviceMs: exponential(100) } as const
const PER_SECOND = 40
const SLOWER = 10
/** Milliseconds after which a client has a 504, as `forward` has it. */
export const TIME_LIMIT = 15_000

/** What a case is besides its policy. */
export interface Cluster {
  readonly endpoints: number
  readonly balancers: number
}

export interface World {
  readonly about: string
  /** Requests, as a share of what all endpoints could do if they were good ones. */
  readonly load: number
  /** Those the world is about, of so many endpoints; they are the first. */
  readonly odd: (endpoints: number) => number
  /** What is different in them, where they join at `joinsAt` if they do. */
  readonly differing: (joinsAt: number) => Partial<Server>
}

const one = () => 1
const none = () => 0
const slow = { differing: () => ({ serviceMs: exponential(SLOWER * 100) }), load: 0.5 }
const equal = (load: number): World => ({
  about: `all endpoints are equal, ${100 * load} % load`,
  load,
  odd: none,
  differing: () => ({}),
})

export const WORLDS = {
  'equal-50': equal(0.5),
  'equal-80': equal(0.8),
  'equal-95': equal(0.95),
  'slow-one': { about: 'one endpoint is ten times slower, 50 % load', odd: one, ...slow },
  'slow-tenth': { about: 'a tenth of the endpoints is ten times slower, 50 % load', odd: (all) => all / 10, ...slow },
  failing: {
    about: 'one endpoint fails after 1 ms, 50 % load',
    load: 0.5,
    odd: one,
    differing: () => ({ serviceMs: () => 1, fails: true }),
  },
  stalling: {
    about: 'one endpoint does nothing for 1 s of every 10 s, 50 % load',
    load: 0.5,
    odd: one,
    differing: () => ({ stalls: { every: 10_000, lasts: 1000 } }),
  },
  new: {
    about: 'one endpoint is new, 50 % load',
    load: 0.5,
    odd: one,
    differing: (joinsAt) => ({ joinsAt }),
  },
  'new-slow-start': {
    about: 'one endpoint is new and in slow start, 50 % load',
    load: 0.5,
    odd: one,
    differing: (joinsAt) => ({ joinsAt, slowStart: true }),
  },
  weights: {
    about: 'endpoints that can do 1, 2 and 5 parts and weigh as much, 50 % load',
    load: 0.5,
    odd: none,
    differing: () => ({}),
  },
} as const satisfies Record<string, World>

export type WorldName = keyof typeof WORLDS
export const worldNames = Object.keys(WORLDS) as readonly WorldName[]

/** Virtual seconds by endpoints: many get many requests a second. A stall is in all of them. */
function seconds(endpoints: number, world: WorldName): number {
  if (endpoints <= 10) return 60
  if (endpoints <= 100) return 30
  return world === 'stalling' ? 10 : 2.5
}
/** The share of the time before it counts, and before who is new joins. */
export const SETTLING = 0.2

export function simulationOf(name: WorldName, { endpoints, balancers }: Cluster): Omit<Simulation, 'policy' | 'seed'> {
  const { load, odd, differing }: World = WORLDS[name]
  const lasts = seconds(endpoints, name)
  const different = differing(lasts * 1000 * SETTLING)
  const servers = Array.from({ length: endpoints }, (_, at): Server => {
    if (name === 'weights') return weighing([1, 2, 5][at % 3] as number)
    return at < odd(endpoints) ? { ...WORKS, ...different } : WORKS
  })
  const capacity = servers.reduce((sum, { concurrency }) => sum + (PER_SECOND * concurrency) / WORKS.concurrency, 0)
  const perSecond = load * capacity
  // Many users, none of whom makes an endpoint busy.
  const hashKey = (random: () => number) => `user-${Math.floor(random() * 100 * endpoints)}`
  return { servers, balancers, perSecond, requests: Math.round(perSecond * lasts), timeout: TIME_LIMIT, hashKey }
}

/** As many workers as its weight. */
const weighing = (weight: number): Server => ({ ...WORKS, concurrency: weight, weight })
