import { readFileSync } from 'node:fs'
import path from 'node:path'
import { readConfig } from '@spillway/service'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { APPS, entry, ROOT } from './apps.ts'
import { readSettings, settings } from './settings.ts'

interface Service {
  image: string
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  security_opt?: string[]
  mem_limit?: string
  pids_limit?: number
  restart?: string
  stop_grace_period?: string
  ports?: string[]
  environment?: Record<string, string>
}

const text = readFileSync(path.join(ROOT, 'compose.yaml'), 'utf8')
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> }
const all = Object.entries(services)

/** Every `${NAME:-default}`. */
const variables = [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, name = '', value = '']) => [name, value] as const)
/** Whose default is another one in containers. */
const OTHERWISE: Record<string, string> = {
  // A container cannot share out what it does not know to be shared.
  PROCESSES: '1',
  CACHE_URL: 'http://cache:5004',
}

/** What is not for the environment to say: what the image, the network and the secrets fix, and what would need a file. */
const FIXED = [
  ...['PORT', 'HOST', 'INSTANCE', 'SPILLWAY_STATE_DIR', 'ADMIN_PORT', 'ADMIN_HOST', 'CHECK_PATH', 'SUPERVISED'],
  ...['DATABASE_URL', 'ROUTES_FILE', 'TLS_CERT', 'TLS_KEY'],
]

/** Of `make up` alone. */
const LOCAL = ['PORT_OFFSET', 'STRICT_PORTS', 'STATE_DIR', 'DATABASE_URL', 'ROUTES_FILE', 'ROLE']

describe('compose.yaml', () => {
  it.each(all)('gives %s no privilege, a file system it cannot change, and bounds', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '15s',
      mem_limit: expect.stringMatching(/^\d+[mg]$/),
      pids_limit: expect.any(Number),
      restart: expect.any(String),
    })
  })

  it('has Docker start again what was sent a signal that is not its end', () => {
    for (const [name, { restart }] of all) {
      expect([name, restart]).toEqual([name, expect.stringMatching(/^(always|on-failure:5|no)$/)])
    }
    expect(readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8')).toMatch(/^STOPSIGNAL SIGTERM$/m)
  })

  it('adds one capability, for the one that gives files to others', () => {
    expect(all.flatMap(([name, { cap_add = [] }]) => cap_add.map((each) => `${name} ${each}`))).toEqual([
      'secrets CHOWN',
    ])
  })

  it('publishes on loopback only', () => {
    const published = all.flatMap(([, { ports = [] }]) => ports)
    expect(published).toHaveLength(4)
    for (const each of published) expect(each).toMatch(/^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/)
  })

  it('names a version of every image of others', () => {
    for (const [, { image }] of all) expect(image).toMatch(/^(\$\{SPILLWAY_IMAGE:-spillway\}|\S+:v?\d[\w.-]*)$/)
  })

  it('has the settings of make up, with the same defaults', () => {
    const ours = variables.filter(([name]) => name in settings)
    expect(new Set(ours.map(([name]) => name))).toEqual(
      new Set(Object.keys(settings).filter((name) => !(name.startsWith('AUTH_') || LOCAL.includes(name)))),
    )
    const usual: Record<string, unknown> = readSettings({})
    for (const [name, value] of ours) {
      if (name in OTHERWISE) expect([name, value]).toEqual([name, OTHERWISE[name]])
      else if (usual[name] === undefined) expect(name).toMatch(/^(REMOTE_URL|DEMO_PASSWORD)$/)
      else expect([name, readSettings({ [name]: value })[name as never]]).toEqual([name, usual[name]])
    }
  })

  it.each(APPS)('hands on what the settings of %s are, with its own defaults', async (app) => {
    const { settings: table, settingsFor } = await import(entry(app, 'config'))
    const known = table ?? settingsFor({})
    const told = services[app]?.environment ?? {}
    const untold = Object.keys(known).filter((name) => !(name in told || `${name}_FILE` in told))
    expect(untold.filter((name) => !(name.startsWith('AUTH_') || FIXED.includes(name)))).toEqual([])
    for (const [name, written] of Object.entries(told)) {
      const [, variable, value] = /^\$\{(\w+):-([^}]*)\}$/.exec(written) ?? []
      if (variable === undefined || name in OTHERWISE || name === 'REMOTE_URL') continue
      const read = (environment: Record<string, string | undefined>) => readConfig({ [name]: known[name] }, environment)
      expect([variable, read({ [name]: value })]).toEqual([name, read({})])
    }
  })

  it('makes a demonstration in init alone', () => {
    const told = all.filter(([, { environment = {} }]) => 'SPILLWAY_DEMO' in environment).map(([name]) => name)
    expect(told).toEqual(['init'])
  })
})
