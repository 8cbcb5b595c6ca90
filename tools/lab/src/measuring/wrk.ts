/** wrk as the client. It counts in C, so that it seldom is what limits. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { withGenerator } from '../generators/generator.ts'
import { DriverError } from '../plan.ts'
import type { Asked, Client, ClientLoad } from './client.ts'

/** What its script prints at the end: times in microseconds, and numbers that need no reading of units. */
const MARK = 'CONTEST'
/** It wants whole seconds. */
const SHORTEST_S = 1
/** Seconds beside the load's, for starting and ending. */
const ASIDE = 15

export function wrkClient(file: string, version: string): Client {
  const name = `wrk ${version}`
  return {
    name,
    async load({ url, asked, seconds, core, folder, environment, signal }) {
      const script = path.join(folder, 'wrk.lua')
      writeFileSync(script, wrkScript(asked))
      const duration = Math.max(SHORTEST_S, Math.round(seconds))
      const args = ['-t1', `-c${asked.connections}`, `-d${duration}s`, '--timeout', '10s', '-s', script, url]
      const options = { name, core, environment, within: (duration + ASIDE) * 1000, signal }
      return withGenerator({ file, args }, options, async ({ child, ended }) => {
        let said = ''
        child.stdout?.on('data', (text: string) => {
          said += text
        })
        await ended()
        return parseWrk(said)
      })
    },
  }
}

/** No function is called for a request or an answer, or Lua would be measured; but where each request has its own path. */
export function wrkScript({ method, sends, headers = {}, answer, numbered }: Asked): string {
  const fields = ['summary.requests', 'summary.duration', 'summary.bytes', 'latency:percentile(50)']
  const errors = ['connect', 'read', 'write', 'timeout', 'status'].map((kind) => `summary.errors.${kind}`)
  const values = [...fields, 'latency:percentile(99)', ...errors].join(', ')
  return [
    `wrk.method = "${method}"`,
    ...Object.entries(headers).map(
      ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
    ),
    ...(sends > 0 ? [`wrk.body = string.rep("x", ${sends})`, 'wrk.headers["content-type"] = "text/plain"'] : []),
    ...(numbered ? pathsOf(answer.path, numbered) : []),
    'function done(summary, latency, requests)',
    `  io.write(string.format("${MARK}${' %d'.repeat(10)}\\n", ${values}))`,
    'end\n',
  ].join('\n')
}

function pathsOf(path: string, { first, count }: NonNullable<Asked['numbered']>): string[] {
  return [
    'local asked = 0',
    'function request()',
    `  local number = ${first} + asked % ${count}`,
    '  asked = asked + 1',
    `  return wrk.format(nil, ${JSON.stringify(path)} .. number)`,
    'end',
  ]
}

/** @throws {DriverError} where its script's line is not there */
export function parseWrk(said: string): ClientLoad {
  const line = said.split('\n').find((each) => each.startsWith(`${MARK} `))
  const numbers = line?.split(' ').slice(1).map(Number)
  if (numbers?.length !== 10 || !numbers.every(Number.isFinite)) {
    throw new DriverError(`wrk did not say what it counted:\n${said.trim().slice(-500)}`)
  }
  const [requests, micros, bytes, p50, p99, ...errors] = numbers as [number, number, number, number, number]
  const kinds = ['not connected', 'broken while reading', 'broken while writing', 'no answer in 10 s', 'not 2xx or 3xx']
  return {
    requests,
    seconds: micros / 1e6,
    bytes,
    p50: p50 / 1000,
    p99: p99 / 1000,
    failures: Object.fromEntries(kinds.flatMap((kind, index) => (errors[index] ? [[kind, errors[index]]] : []))),
  }
}
