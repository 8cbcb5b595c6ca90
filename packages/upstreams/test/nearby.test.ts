import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { loadPolicy, type Policy } from '../src/index.ts'
import { circumstances, counted, sample } from './candidates.ts'
import nearby from './nearby.ts'

const docs = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8')
const [shown = ''] = docs.slice(docs.indexOf('## Write your own')).match(/(?<=```ts\n)[\s\S]*?(?=```)/) ?? []

/** Far first, then three nearby. */
function choices(policy: Policy, busy: readonly number[]): number[] {
  const around = circumstances()
  const far = sample(9, { origin: 'http://192.168.0.1:5000' })
  const near = busy.map((inFlight, at) => sample(at, { inFlight }))
  return counted(4, 1000, () => policy.choose([far, ...near], around))
}

it('what docs/policies.md shows is loaded as it stands there, and has the types it says', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-policy-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, 'mine.ts'), shown)
  const loaded = (await loadPolicy('./mine.ts', folder)) as Policy
  expect(choices(loaded, [0, 0, 10])).toEqual(choices(nearby(), [0, 0, 10]))
  const checked = readFileSync(new URL('nearby.ts', import.meta.url), 'utf8')
  expect(checked).toBe(shown.replace('@spillway/upstreams', '../src/index.ts'))
})

it('goes elsewhere only when those nearby are busy', () => {
  const [none, first = 0, second = 0, busy] = choices(nearby(), [0, 0, 10])
  expect([none, busy]).toEqual([0, 0])
  expect(Math.abs(first - second)).toBeLessThan(200)
  expect(choices(nearby(), [10, 10, 10])[0]).toBeGreaterThan(150)
})
