import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitsOf } from './cluster-limits.ts'
import { createExchange, type Exchange, type ProxyErrorType } from './exchange.ts'
import { Queue, type Queued } from './queue.ts'

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

interface Place {
  readonly name: string
  readonly max: number
  usable: boolean
  inFlight: number
}

/** A cluster as the queue knows it: endpoints with their maxima, and requests that are told what becomes of them. */
class Model {
  readonly places: readonly Place[]
  readonly running = new Set<Asked>()
  readonly asked: Asked[] = []
  /** Who ever waited, in the order in which they began to. */
  readonly line: Asked[] = []
  readonly limits: ReturnType<typeof limitsOf>
  readonly queue: Queue<Place, Asked>

  constructor(maxima: readonly number[], limits: Parameters<typeof limitsOf>[0]) {
    this.places = maxima.map((max, at) => ({ name: `${at}`, max, usable: true, inFlight: 0 }))
    this.limits = limitsOf(limits)
    const choose = (exchange: Exchange | undefined, open: boolean) => this.choose(exchange, open)
    this.queue = new Queue<Place, Asked>({ limits: this.limits, running: this.running, choose })
  }

  choose(exchange: Exchange | undefined, open: boolean): Place | 'busy' | undefined {
    const usable = this.places.filter((place) => place.usable)
    const untried = usable.filter(({ name }) => !exchange?.tried.includes(name))
    if (usable.length === 0) return undefined
    const candidates = untried.length > 0 ? untried : usable
    return (open && candidates.find(({ inFlight, max }) => inFlight < max)) || 'busy'
  }

  ask(tried: readonly string[] = [], reacts = false): Asked {
    const request = new Asked(this, createExchange({ tried: [...tried] }), reacts)
    this.asked.push(request)
    this.queue.take(request)
    return request
  }

  get waiting(): Asked[] {
    return this.line.filter(({ fate }) => fate === 'waiting')
  }

  /** Whether it could go this moment, were it alone. */
  could({ exchange }: Asked): boolean {
    const choice = this.choose(exchange, this.running.size < this.limits.connections)
    return typeof choice === 'object'
  }
}

class Asked implements Queued<Place> {
  readonly exchange: Exchange
  fate: 'new' | 'waiting' | 'running' | 'ended' | ProxyErrorType = 'new'
  place: Place | undefined
  readonly #model: Model
  /** It takes another one out of the queue, and asks for one more, while it is being told. */
  readonly #reacts: boolean

  constructor(model: Model, exchange: Exchange, reacts: boolean) {
    this.#model = model
    this.#reacts = reacts
    this.exchange = exchange
  }

  start(place: Place): boolean {
    expect(['new', 'waiting']).toContain(this.fate)
    const overtaken = this.#model.waiting.slice(0, this.fate === 'new' ? undefined : this.#model.waiting.indexOf(this))
    expect(overtaken.filter((other) => this.#model.could(other))).toEqual([])
    this.fate = 'running'
    this.place = place
    place.inFlight++
    this.#model.running.add(this)
    this.#react()
    return true
  }

  wait(): void {
    expect(this.fate).toBe('new')
    this.fate = 'waiting'
    this.#model.line.push(this)
  }

  refuse(type: ProxyErrorType): false {
    expect(['new', 'waiting']).toContain(this.fate)
    this.fate = type
    this.#react()
    return false
  }

  #react(): void {
    if (!this.#reacts) return
    this.#model.waiting[0]?.end()
    this.#model.ask()
  }

  sweep(): void {}

  end(): void {
    if (this.fate === 'running') {
      this.#model.running.delete(this)
      if (this.place) this.place.inFlight--
      this.fate = 'ended'
      this.#model.queue.wake()
    } else if (this.fate === 'waiting') {
      this.#model.queue.leave(this)
      this.fate = 'ended'
    }
  }
}

type Doing =
  | { readonly does: 'ask'; readonly tried: readonly string[]; readonly reacts: boolean }
  | { readonly does: 'end' | 'toggle'; readonly which: number }
  | { readonly does: 'settle' }

const doings: fc.Arbitrary<Doing> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('ask' as const),
      tried: fc.constantFrom([], [], ['0'], ['1', '2']),
      reacts: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('end' as const), which: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('toggle' as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('settle' as const) }) },
)

function act(model: Model, doing: Exclude<Doing, { does: 'settle' }>): void {
  if (doing.does === 'ask') model.ask(doing.tried, doing.reacts)
  else if (doing.does === 'end') {
    const present = model.asked.filter(({ fate }) => fate === 'running' || fate === 'waiting')
    present[doing.which % Math.max(1, present.length)]?.end()
  } else {
    const place = model.places[doing.which % model.places.length]
    if (place) place.usable = !place.usable
    model.queue.wake()
  }
}

async function settle(model: Model): Promise<void> {
  await settled()
  expect(model.waiting.filter((request) => model.could(request))).toEqual([])
  if (!model.places.some(({ usable }) => usable)) expect(model.waiting).toEqual([])
}

function withinLimits({ running, waiting, limits, places, queue }: Model): void {
  expect(running.size).toBeLessThanOrEqual(limits.connections)
  expect(waiting.length).toBeLessThanOrEqual(limits.pending)
  expect(running.size + waiting.length).toBeLessThanOrEqual(limits.requests)
  expect(queue.size).toBe(waiting.length)
  for (const { inFlight, max } of places) expect(inFlight).toBeLessThanOrEqual(max)
}

it('whatever happens: never over a limit, the oldest that can go first, nobody waits in vain, everybody ends once', async () => {
  const limits = fc.record({
    connections: fc.integer({ min: 1, max: 10 }),
    pending: fc.nat(8),
    requests: fc.integer({ min: 1, max: 20 }),
  })
  const maxima = fc.array(fc.constantFrom(1, 1, 2, 3, Number.POSITIVE_INFINITY), {
    minLength: 1,
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(
      maxima,
      limits,
      fc.array(doings, { maxLength: 60 }),
      fc.boolean(),
      async (of, given, all, closes) => {
        const model = new Model(of, given)
        for (const doing of all) {
          if (doing.does === 'settle') await settle(model)
          else act(model, doing)
          withinLimits(model)
        }
        await settle(model)
        if (closes) {
          model.queue.close()
          expect(model.waiting).toEqual([])
        }
        while (model.running.size > 0) {
          for (const request of [...model.running]) request.end()
          await settled()
        }
        if (closes) expect(model.ask().fate).toBe('destination_unavailable')
        expect(new Set(model.asked.map(({ fate }) => fate)).difference(new Set(ENDS))).toEqual(new Set())
        const refused = model.asked.filter(({ fate }) => fate === 'connection_limit_reached').length
        expect(Object.values(model.queue.rejected).reduce((sum, count) => sum + count)).toBe(refused)
      },
    ),
    { numRuns: 500 },
  )
})

const ENDS: Asked['fate'][] = ['ended', 'connection_limit_reached', 'destination_unavailable']

describe('a full queue', () => {
  it('names the limit that was reached', () => {
    const ask = (limits: Parameters<typeof limitsOf>[0], max = Number.POSITIVE_INFINITY) => {
      const model = new Model([max], limits)
      while (model.ask().fate !== 'connection_limit_reached');
      return [model.asked.length - 1, model.queue.rejected]
    }
    const none = { connections: 0, pending: 0, requests: 0 }
    expect(ask({ connections: 2, pending: 3 })).toEqual([5, { ...none, pending: 1 }])
    expect(ask({ connections: 2, pending: 0 })).toEqual([2, { ...none, connections: 1 }])
    expect(ask({ connections: 2, pending: 3, requests: 4 })).toEqual([4, { ...none, requests: 1 }])
    expect(ask({ pending: 0 }, 3)).toEqual([3, { ...none, pending: 1 }])
    expect(ask({})).toEqual([1024, { ...none, requests: 1 }])
  })
})

it('one that is sent again waits for another endpoint than it had, and holds up nobody', async () => {
  const model = new Model([1, 1], {})
  const [first, second] = [model.ask(), model.ask()]
  const [again, other] = [model.ask(['0']), model.ask()]
  first.end()
  await settled()
  expect([again.fate, other.fate]).toEqual(['waiting', 'running'])
  second.end()
  await settled()
  expect(again.place?.name).toBe('1')
})

it('whoever waits has its turn before whoever comes at the moment a place is free', () => {
  const model = new Model([1], {})
  const first = model.ask()
  const waits = model.ask()
  first.end()
  const comes = model.ask()
  expect([waits.fate, comes.fate]).toEqual(['running', 'waiting'])
})

it.each([
  [{ connections: 0 }, 'limits.connections is 0; it must be a whole number from 1 on'],
  [{ pending: -1 }, 'limits.pending is -1; it must be a whole number from 0 on'],
  [{ requests: 1.5 }, 'limits.requests is 1.5; it must be a whole number from 1 on'],
])('limits are not %o', (limits, error) => {
  expect(() => limitsOf(limits)).toThrow(new TypeError(error))
})
