import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { circumstances, counted, sample } from './candidates.ts'
import { nearby } from './nearby.ts'

it('is what docs/policies.md shows as a policy of your own', () => {
  const docs = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8')
  const source = readFileSync(new URL('nearby.ts', import.meta.url), 'utf8')
  expect(docs).toContain(`\`\`\`ts\n${source.replaceAll('../src/policies/', './')}\`\`\``)
})

it('goes elsewhere only when those nearby are busy', () => {
  const far = sample(9, { origin: 'http://192.168.0.1:5000' })
  const near = [sample(1), sample(2), sample(3, { inFlight: 10 })]
  const around = circumstances()
  const policy = nearby('http://10.')
  const [none, first = 0, second = 0, busy] = counted(4, 1000, () => policy.choose([far, ...near], around))
  expect([none, busy]).toEqual([0, 0])
  expect(Math.abs(first - second)).toBeLessThan(200)
  for (const endpoint of near) endpoint.inFlight = 10
  expect(counted(4, 1000, () => policy.choose([far, ...near], around))[0]).toBeGreaterThan(150)
})
