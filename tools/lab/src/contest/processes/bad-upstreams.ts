/**
 * Four upstreams that take time, the first of them bad once told `begin`: each works on so many requests at once, the
 * others stand in line, as a pool of workers has it. The parent asks how many requests each was given.
 */
import http, { type RequestListener } from 'node:http'
import { exponential, seeded } from '@spillway/upstreams/simulation'
import { answerEach } from '../../measuring/channel.ts'
import { type Fault, SLOWER, stallLeft } from '../fault.ts'

export interface BadUpstreamsPlan {
  readonly ports: readonly number[]
  readonly fault: Fault
  /** Milliseconds of work in a request, on average and at most. */
  readonly meanMs: number
  readonly mostMs: number
  /** Requests that each works on at once. */
  readonly places: number
  readonly seed: number
}

const plan = JSON.parse(process.argv[2] ?? '') as BadUpstreamsPlan
const service = exponential(plan.meanMs)
const BODY = 'x'.repeat(128)
let begun: number | undefined

const upstreams = plan.ports.map((port, index) => upstream(port, index === 0 ? plan.fault : undefined, index))

function upstream(port: number, fault: Fault | undefined, index: number) {
  let [given, working, random] = [0, 0, seeded(plan.seed + index)]
  const line: (() => void)[] = []

  const bad = (kind: Fault) => begun !== undefined && fault === kind
  const whenAwake = (act: () => void) => {
    const left = bad('stalling') ? stallLeft(performance.now() - (begun as number)) : 0
    if (left > 0) setTimeout(act, left)
    else act()
  }
  const work = (done: () => void) => {
    working++
    const ms = Math.min(plan.mostMs, service(random)) * (bad('slow') ? SLOWER : 1)
    const end = () => {
      done()
      working--
      line.shift()?.()
    }
    setTimeout(() => whenAwake(end), ms)
  }
  const listener: RequestListener = ({ url }, response) => {
    // As a health check sees it, it is well, if late.
    if (url === '/ready') return whenAwake(() => response.end('ready'))
    given++
    if (bad('failing')) return void response.writeHead(500).end('failed')
    const start = () => work(() => response.end(BODY))
    whenAwake(() => (working < plan.places ? start() : line.push(start)))
  }
  const server = http.createServer(listener)
  server.keepAliveTimeout = 75_000
  server.listen(port, '127.0.0.1', 1024)
  return {
    begin() {
      given = 0
      random = seeded(plan.seed + index)
    },
    given: () => given,
  }
}

answerEach({
  begin() {
    begun = performance.now()
    for (const { begin } of upstreams) begin()
  },
  counts: () => upstreams.map(({ given }) => given()),
})
