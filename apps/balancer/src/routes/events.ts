/** `GET /events`: each transition as it happens, and once a second what passed, as server-sent events. */
import { Readable } from 'node:stream'
import type { Cluster, Clusters, ClusterTransition } from '@spillway/clusters'
import { Problem, problemResponse } from '@spillway/service'
import { Type } from 'typebox'
import type { App } from '../admin.ts'
import { adminProblems, refused } from '../errors.ts'
import { Figures } from '../figures.ts'
import { endpointsOf, idOf } from './upstreams.ts'

const MOST_LISTENERS = 16
/** Bytes that a listener may be behind; at that it is dropped. All of them together hold 16 MiB at most. */
const LONGEST_BACKLOG = 1_048_576
const EVERY_MS = 1_000

export function eventsRoute(app: App, clusters: Clusters): void {
  const listeners = new Set<Readable>()
  let figures: NodeJS.Timeout | undefined

  const leave = (listener: Readable) => {
    listeners.delete(listener)
    if (listeners.size === 0) clearInterval(figures)
  }
  const tell = (event: string, data: object) => {
    if (listeners.size === 0) return
    const text = `event: ${event}\ndata: ${JSON.stringify({ at: new Date().toISOString(), ...data })}\n\n`
    const bytes = Buffer.from(text)
    for (const listener of listeners) {
      listener.push(bytes)
      if (listener.readableLength <= LONGEST_BACKLOG) continue
      leave(listener)
      listener.destroy()
    }
  }
  const watch = () => {
    const counted = new Figures()
    const look = (cluster: Cluster) => ({
      endpoints: endpointsOf(cluster),
      stats: cluster.upstreams.stats().endpoints,
    })
    const take = () => counted.take(new Map(clusters.all().map((cluster) => [cluster.name, look(cluster)])))
    take()
    figures = setInterval(() => {
      for (const each of take()) tell('figures', each)
    }, EVERY_MS)
  }
  clusters.events.on('transition', ({ upstream: cluster, ...transition }: ClusterTransition) => {
    // The cluster itself, and names that DNS is asked for, change too; they have no id.
    const id = /^https?:/.test(transition.endpoint) ? idOf(cluster, transition.endpoint) : undefined
    tell('transition', { cluster, id, ...transition })
  })
  app.addHook('preClose', async () => {
    for (const listener of listeners) {
      leave(listener)
      listener.push(null)
    }
  })

  app.get(
    '/events',
    {
      // A HEAD would take a place that nobody ever leaves.
      exposeHeadRoute: false,
      schema: {
        summary: 'Tells transitions as they happen, and each second what passed, until the balancer stops',
        response: {
          200: {
            description:
              '`transition`: `{at, cluster, id, endpoint, from, to, reason}`. `figures`, one a cluster: `{at, cluster, requests, failures, inFlight, p50Ms, p99Ms, endpoints: [{id, origin, condition, intent, requests, failures, inFlight, latencyMs}]}`; requests, failures and the quantiles of times to heads, out of a histogram’s buckets, are those of the last second, `latencyMs` is as in `/upstreams`',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
          ...refused,
          503: problemResponse(`${MOST_LISTENERS} listen already`),
        },
      },
    },
    (_request, reply) => {
      if (listeners.size >= MOST_LISTENERS) {
        const detail = `${listeners.size} listen already, and no more may; end one of them`
        throw new Problem(adminProblems.too_many_listeners, { detail, headers: { 'retry-after': '5' } })
      }
      const listener = new Readable({ read() {} })
      listener.once('close', () => leave(listener))
      listeners.add(listener)
      if (listeners.size === 1) watch()
      // Without a first byte, the answer's head would wait for the first event.
      listener.push(`retry: 2000\n\n`)
      return reply.type('text/event-stream').send(listener)
    },
  )
}
