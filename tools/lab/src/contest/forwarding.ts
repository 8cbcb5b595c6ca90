/** The part "forwarding": what each contender carries on one core, one at a time, and what a request costs it. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Asked, Client } from '../measuring/client.ts'
import { turns } from '../measuring/part.ts'
import { type Means, measured, type Sample, type Served } from '../measuring/sample.ts'
import { freePorts, type Server, serve } from '../measuring/server.ts'
import { nginxFixed } from './configs.ts'
import type { Contender } from './contenders.ts'
import { ANSWERS } from './fixed.ts'

const UPSTREAMS = 2
const FIXED_UPSTREAMS = fileURLToPath(import.meta.resolve('./processes/fixed-upstreams.ts'))

export interface Forwarding extends Means {
  readonly contenders: readonly Contender[]
  readonly cases: readonly Asked[]
  readonly client: Client
  /** The program that is to be the upstreams; Node where there is none. */
  readonly nginx?: string
  readonly rounds: number
  readonly seconds: number
}

/** Each row has a fresh process. */
export async function* measureForwarding(plan: Forwarding): AsyncGenerator<Sample> {
  const ports = await freePorts(UPSTREAMS)
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  await using _upstreams = await startUpstreams(ports, plan)
  for (const { round, kind: asked, contender } of turns(plan.rounds, plan.cases, plan.contenders)) {
    const row = { case: asked.name, contender: contender.name, round }
    yield measured(row, () => startContender(contender, origins, plan), { ...plan, asked })
  }
}

function startUpstreams(ports: readonly number[], plan: Forwarding): Promise<Server> {
  const { folder, nginx, cores } = plan
  const common = { name: 'the upstreams', port: ports[0] as number, core: cores.upstreams }
  if (!nginx) {
    const command = { file: process.execPath, args: [FIXED_UPSTREAMS, ...ports.map(String)] }
    return serve({ ...common, command }, plan)
  }
  const config = path.join(folder, 'upstreams-nginx.conf')
  writeFileSync(config, nginxFixed(ports, ANSWERS))
  for (const { path: name, body, inFile } of ANSWERS) if (inFile) writeFileSync(path.join(folder, name), body)
  return serve({ ...common, command: { file: nginx, args: ['-p', folder, '-c', config] } }, plan)
}

export async function startContender(
  contender: Contender,
  upstreams: readonly string[],
  means: Means,
): Promise<Served> {
  const { folder, cores } = means
  const [port = 0] = await freePorts(1)
  const { settings = {}, ...command } = contender.launch({ port, upstreams, folder })
  return serve({ name: contender.name, command, port, settings, core: cores.contender }, means)
}
