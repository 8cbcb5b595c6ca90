/** `/longtask`: asking for a job, looking at it, waiting for its end, and cancelling it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Identity } from '@spillway/auth'
import { type Caller, callerOf, Problem } from '@spillway/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Endings } from '../endings.ts'
import { errors } from '../errors.ts'
import { isFinished, Job, type Jobs } from '../jobs.ts'
import type { Measures } from '../measure.ts'
import { waitOf } from '../preference.ts'
import type { Tasks } from '../tasks/tasks.ts'
import { Request, requested } from './requested.ts'

interface LongtaskRoutes {
  jobs: Jobs
  tasks: Tasks
  endings: Endings
  measures: Measures
}

const Params = Type.Object({ id: Type.String() })
const Headers = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,255}$' })) })

/** Jobs change by themselves, and are nobody's but their owner's. */
const UNCACHED = { 'cache-control': 'no-store', 'cdn-cache-control': 'no-store' }
const config = { auth: 'signed-in' }
/** Milliseconds before the caller's own deadline at which a wait ends, so that the answer still arrives. */
const MARGIN_MS = 250

export const longtaskRoutes: FastifyPluginAsyncTypebox<LongtaskRoutes> = async (
  app,
  { jobs, tasks, endings, measures },
) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(UNCACHED)
  })

  /** The job as it is once it has ended, or the client's wait is over. */
  async function awaited(job: Job, request: FastifyRequest, reply: FastifyReply, caller: Caller): Promise<Job> {
    const seconds = waitOf(request.headers.prefer as string | undefined)
    if (seconds === undefined) return job
    if (!isFinished(job) && seconds > 0) {
      const ms = Math.min(seconds * 1000, Math.max(0, caller.deadlineAt - performance.now() - MARGIN_MS))
      if (!(await endings.wait(job.id, ms, caller.signal))) return job
    }
    reply.header('preference-applied', `wait=${seconds}`)
    return isFinished(job) ? job : ((await jobs.read(job.id, ownerOf(request), caller)) ?? job)
  }

  app.post(
    '/longtask',
    { config, schema: { body: Request, headers: Headers, response: { 200: Job, 202: Job } } },
    async (request, reply) => {
      const caller = callerOf(request, reply)
      const data = { owner: ownerOf(request), ...requested(request.body, tasks) }
      const accepted = await jobs.accept(data, request.headers['idempotency-key'], caller)
      if (accepted.outcome === 'reused') {
        throw new Problem(errors.idempotency_key_reused, {
          detail: 'this Idempotency-Key came with another body before; send a new key with a new request',
        })
      }
      const job = await awaited(accepted.job, request, reply, caller)
      reply.code(isFinished(job) ? 200 : 202).header('location', `/longtask/${job.id}`)
      return send(job, reply)
    },
  )

  app.get('/longtask/:id', { config, schema: { params: Params, response: { 200: Job } } }, async (request, reply) => {
    const caller = callerOf(request, reply)
    const job = await jobs.read(request.params.id, ownerOf(request), caller)
    if (!job) throw missing(request.params.id)
    return send(await awaited(job, request, reply, caller), reply)
  })

  app.delete(
    '/longtask/:id',
    { config, schema: { params: Params, response: { 200: Job } } },
    async (request, reply) => {
      const { id } = request.params
      const cancelled = await jobs.cancel(id, ownerOf(request), callerOf(request, reply))
      if (cancelled.outcome === 'missing') throw missing(id)
      const { job } = cancelled
      if (cancelled.outcome === 'finished') {
        throw new Problem(errors.job_finished, { detail: `the job is ${job.state} already` })
      }
      measures.jobs.inc({ task: job.task, outcome: 'cancelled' })
      return send(job, reply)
    },
  )
}

function ownerOf({ identity }: FastifyRequest): string {
  return (identity as Identity).subject
}

function send(job: Job, reply: FastifyReply) {
  if (!isFinished(job)) reply.header('retry-after', '1')
  return reply.send(job)
}

/** Also where it is somebody else's: a stranger must not learn that it exists. */
function missing(id: string): Problem {
  return new Problem(errors.job_not_found, { detail: `you have no job ${id}` })
}
