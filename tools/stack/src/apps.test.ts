import path from 'node:path'
import { expect, it } from 'vitest'
import { appEnvironment, ROOT } from './apps.ts'
import { readSettings } from './settings.ts'
import { StateDir } from './state.ts'

it.each([
  ['hash', 'hash'],
  ['./mine.ts', path.join(ROOT, 'mine.ts')],
  ['mine.js', path.join(ROOT, 'mine.js')],
  ['/elsewhere/mine.ts', '/elsewhere/mine.ts'],
])('the balancer gets the policy %s as %s, wherever it runs', (POLICY, told) => {
  const addresses = { cache: '', db: '', gateways: ['http://a'], microservices: [], workers: [], database: '' }
  const state = new StateDir('/tmp/none')
  expect(appEnvironment('balancer', readSettings({ POLICY }), state, addresses)['POLICY']).toBe(told)
})

it('a slip in a policy’s name is told with all there are, and that there may be a file', () => {
  expect(() => readSettings({ POLICY: 'fastest' })).toThrow(
    /POLICY is "fastest"; it must be one of round-robin, random, .*, or a file such as \.\/mine\.ts/,
  )
})

it('a gateway serves the routes of a file of one’s own, wherever it runs, and else those that it brings', () => {
  const addresses = { cache: '', db: '', gateways: [], microservices: ['http://a'], workers: [], database: '' }
  const state = new StateDir('/tmp/none')
  const told = (given: Record<string, string>) => appEnvironment('gateway', readSettings(given), state, addresses)
  expect(told({ ROUTES_FILE: '../own/routes.yaml' })).toMatchObject({
    ROUTES_FILE: path.join(ROOT, '../own/routes.yaml'),
  })
  expect(told({})).not.toHaveProperty('ROUTES_FILE')
})

it('whoever takes tokens takes ours, or those of the outside issuer that is named', () => {
  const addresses = { cache: '', db: '', gateways: [], microservices: ['http://a'], workers: [], database: '' }
  const issuer = {
    AUTH_JWKS_URL: 'https://id.example/keys',
    AUTH_ISSUER: 'https://id.example',
    AUTH_AUDIENCE: 'shop',
    AUTH_JWKS_ALLOW_ADDRESSES: '169.254.20.10',
  }
  for (const app of ['gateway', 'db', 'worker'] as const) {
    const told = (given: Record<string, string>) =>
      appEnvironment(app, readSettings(given), new StateDir('/tmp/none'), addresses)
    const keys = (environment: object) => Object.keys(environment).filter((name) => /_KEYS_FILE$/.test(name))
    expect(keys(told({}))).toHaveLength(1)
    expect(told({})).not.toHaveProperty('AUTH_ROLES_CLAIM')
    expect(told(issuer)).toMatchObject({ ...issuer, AUTH_ROLES_CLAIM: 'roles' })
    expect(keys(told(issuer))).toEqual([])
  }
})
