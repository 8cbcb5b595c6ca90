import { describe, expect, it } from 'vitest'
import { type Place, placesOf, sourceOf } from './discovery.ts'
import { Endpoint } from './endpoint.ts'
import { secured } from './tls.ts'
import type { Transition } from './transition.ts'

const [place] = placesOf(sourceOf('http://127.0.0.1:1'), []) as [Place]

const silent = {
  place,
  way: { secured: secured({}), allowed: () => true },
  connections: 1,
  clock: () => 0,
  onTransition: () => {},
  onFailure: () => {},
}

/** An endpoint that is up, its clock, and what it told. Its pool opens no connection until something is sent. */
function endpointUp({ first = true } = {}) {
  const time = { now: 1_000 }
  const told: string[] = []
  const endpoint = new Endpoint({
    place,
    way: { secured: secured({}), allowed: () => true },
    connections: 1,
    checked: true,
    first,
    clock: () => time.now,
    onTransition: ({ from, to, reason }: Transition) => told.push(`${from} -> ${to}: ${reason}`),
    onFailure: (failed) => {
      if (failed.charge !== undefined) failed.eject(failed.charge)
    },
  })
  endpoint.checked({ outcome: 'good' })
  told.length = 0
  return { endpoint, time, told }
}

describe('an endpoint', () => {
  it('is unavailable until its first good check', () => {
    const unseen = new Endpoint({ ...silent, checked: true, first: true })
    expect(unseen.view(unseen.available)).toMatchObject({ condition: 'starting', available: false })
    unseen.checked({ outcome: 'good' })
    expect(unseen.available).toBe(true)
  })

  it('leaves at once when a request is refused and comes back after two good checks', () => {
    const { endpoint, told } = endpointUp()
    endpoint.broke('connection_refused', false)
    expect(endpoint.available).toBe(false)
    endpoint.checked({ outcome: 'good' })
    expect(endpoint.available).toBe(false)
    endpoint.checked({ outcome: 'good' })
    expect(endpoint.available).toBe(true)
    expect(told).toEqual(['up -> down: connection_refused', 'down -> up: its checks pass'])
  })

  it('drains while it says so, and stays up meanwhile', () => {
    const { endpoint, told } = endpointUp()
    endpoint.checked({ outcome: 'draining' })
    expect(endpoint.view(false)).toMatchObject({ intent: 'draining', condition: 'up' })
    expect([endpoint.available, endpoint.passing]).toEqual([false, false])
    endpoint.checked({ outcome: 'good' })
    expect(endpoint.available).toBe(true)
    expect(told).toEqual(['active -> draining: it says so', 'draining -> active: it is ready again'])
  })

  it('is ejected by five failures in a row, for longer each time, and starts with a clean sheet', () => {
    const { endpoint, time, told } = endpointUp()
    for (let count = 0; count < 100; count++) endpoint.answered(1, false)
    for (let count = 0; count < 5; count++) endpoint.answered(1, true)
    expect(endpoint.view(false)).toMatchObject({ condition: 'ejected', ejectedForS: 30, reason: '5 failures in a row' })
    expect(endpoint.passing).toBe(true)
    time.now += 30_000
    endpoint.refresh(time.now)
    expect(endpoint.available).toBe(true)
    endpoint.broke('connection_terminated', false)
    expect(endpoint.available).toBe(true)
    for (let count = 0; count < 4; count++) endpoint.broke('connection_terminated', false)
    expect(endpoint.view(false)).toMatchObject({ condition: 'ejected', ejectedForS: 60 })
    expect(told).toHaveLength(3)
  })

  it('drains while it says so or an operator does, and each doing is told', () => {
    const { endpoint, told } = endpointUp()
    endpoint.drain()
    endpoint.drain()
    endpoint.checked({ outcome: 'good' })
    expect(endpoint.view(false)).toMatchObject({ intent: 'draining', drained: true, condition: 'up' })
    endpoint.checked({ outcome: 'draining' })
    endpoint.undrain()
    expect(endpoint.view(false)).toMatchObject({ intent: 'draining', drained: false })
    expect(endpoint.available).toBe(false)
    endpoint.checked({ outcome: 'good' })
    expect(endpoint.available).toBe(true)
    expect(told).toEqual([
      'active -> draining: by an operator',
      'draining -> draining: it says so',
      'draining -> draining: by an operator',
      'draining -> active: it is ready again',
    ])
  })

  it('is ejected and readmitted by an operator; his ejections last as long as others', () => {
    const { endpoint, time, told } = endpointUp()
    endpoint.eject('by an operator')
    endpoint.eject('by an operator')
    expect(endpoint.view(false)).toMatchObject({ ejectedForS: 30, reason: 'by an operator', intent: 'active' })
    endpoint.undrain()
    expect(endpoint.available).toBe(true)
    endpoint.eject('by an operator')
    expect(endpoint.view(false)).toMatchObject({ ejectedForS: 60 })
    time.now += 60_000
    expect(endpoint.condition.state).toBe('up')
    endpoint.undrain()
    expect(told).toEqual([
      'up -> ejected: by an operator',
      'ejected -> up: by an operator',
      'up -> ejected: by an operator',
      'ejected -> up: the ejection is over',
    ])
  })

  /** The weight that policies see, `after` ms. */
  const weightOf = ({ endpoint, time }: ReturnType<typeof endpointUp>, after = 0) => {
    time.now += after
    endpoint.refresh(time.now)
    return endpoint.weight
  }

  it('has all of its weight at once where it is one of the first of its cluster, else after 30 s', () => {
    expect(weightOf(endpointUp())).toBe(1)
    const later = endpointUp({ first: false })
    later.endpoint.weigh(4, 'by an operator')
    expect([weightOf(later), weightOf(later, 15_000), weightOf(later, 15_000)]).toEqual([0.4, 2.2, 4])
    const unchecked = new Endpoint({ ...silent, checked: false, first: false })
    unchecked.refresh(0)
    expect(unchecked.weight).toBe(0.1)
  })

  it('starts slowly after it was down, and after an ejection, whoever ended that', () => {
    const up = endpointUp()
    up.endpoint.broke('connection_refused', false)
    for (let count = 0; count < 2; count++) up.endpoint.checked({ outcome: 'good' })
    expect([weightOf(up), weightOf(up, 30_000)]).toEqual([0.1, 1])
    up.endpoint.eject('by an operator')
    expect(weightOf(up, 30_000)).toBe(0.1)
    expect(weightOf(up, 45_000)).toBe(1)
    up.endpoint.eject('by an operator')
    up.endpoint.undrain()
    expect(weightOf(up)).toBe(0.1)
    expect(up.endpoint.view(true)).toMatchObject({ weight: 1, ramp: 0.1 })
  })

  it('that is drained and taken back has all of its weight: it was never cold', () => {
    const up = endpointUp()
    up.endpoint.drain()
    up.endpoint.undrain()
    expect(weightOf(up, 5)).toBe(1)
  })

  it('counts as new once it is up again, whatever its failures cost it before', () => {
    const { endpoint, time } = endpointUp()
    endpoint.broke('connection_terminated', false)
    expect(endpoint.latency(time.now)).toBe(5000)
    for (let check = 0; check < 3; check++) endpoint.checked({ outcome: 'bad', reason: 'gone', refused: false })
    expect(endpoint.latency(time.now)).toBe(5000)
    for (let check = 0; check < 2; check++) endpoint.checked({ outcome: 'good' })
    expect(endpoint.condition.state).toBe('up')
    expect(endpoint.latency(time.now)).toBe(0)
  })

  it('is ejected for 30 s again after it was down', () => {
    const { endpoint } = endpointUp()
    for (let count = 0; count < 5; count++) endpoint.broke('connection_terminated', false)
    endpoint.checked({ outcome: 'bad', reason: 'connection_refused', refused: true })
    expect(endpoint.view(false)).toMatchObject({ condition: 'down', reason: 'connection_refused' })
    for (let count = 0; count < 2; count++) endpoint.checked({ outcome: 'good' })
    for (let count = 0; count < 5; count++) endpoint.broke('connection_terminated', false)
    expect(endpoint.view(false)).toMatchObject({ condition: 'ejected', ejectedForS: 30 })
  })

  it('is ejected by answers that break off, though each begins well', () => {
    const { endpoint } = endpointUp()
    for (let count = 0; count < 5; count++) {
      endpoint.answered(1, false)
      endpoint.broke('http_response_incomplete', true)
    }
    expect(endpoint.view(false)).toMatchObject({ condition: 'ejected', reason: 'success rate under 80 %', requests: 5 })
  })

  it('tells the mean latency of the last ten seconds', () => {
    const { endpoint, time } = endpointUp()
    expect(endpoint.view(true).latencyMs).toBeUndefined()
    endpoint.answered(10, false)
    endpoint.answered(30, false)
    expect(endpoint.view(true).latencyMs).toBe(20)
    time.now += 10_000
    expect(endpoint.view(true).latencyMs).toBeUndefined()
  })
})
