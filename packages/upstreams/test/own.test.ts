import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadPolicy, type Policy, policyText } from '../src/index.ts'
import { ask, named, over } from './servers.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'spillway-policy-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Loads what a file with this text gives. */
async function from(text: string, name = 'mine.ts') {
  writeFileSync(path.join(folder, name), text)
  return loadPolicy(`./${name}`, folder)
}

let files = 0
const always = (at: number) => `export default () => ({ choose: (): number => ${at} })`

describe('a policy of one’s own', () => {
  it('is loaded from a file, and chooses', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams } = await over([a.origin, b.origin], { policy: await from(always(1)) })
    expect(upstreams.policy).toBe('own')
    for (let asked = 0; asked < 3; asked++) expect((await ask(upstreams)).body).toBe('b')
  })

  it('is another one for each cluster, and the new one where the file has changed', async () => {
    const counting = `export default () => { let count = 0; return { choose: () => count++ } }`
    const [one, other] = [await from(counting, 'counting.js'), await loadPolicy('counting.js', folder)] as Policy[]
    const choose = (policy: Policy | undefined) =>
      policy?.choose([], { now: 0, random: Math.random, hashKey: undefined })
    expect([choose(one), choose(one), choose(other)]).toEqual([0, 1, 0])
    writeFileSync(path.join(folder, 'counting.js'), counting.replace('count++', '7'))
    await utimes(path.join(folder, 'counting.js'), 1, 1)
    expect(choose((await loadPolicy(path.join(folder, 'counting.js'))) as Policy)).toBe(7)
  })

  it('by a name is that name; a slip is told what there is', async () => {
    expect(await loadPolicy('hash', folder)).toBe('hash')
    for (const text of ['hash', './mine.ts', '/abs/mine', 'mine.js', 'mine.mts']) {
      expect(text).toMatch(new RegExp(policyText.pattern))
    }
    for (const text of ['fastest', 'hashes', 'mine.tsx', '']) expect(text).not.toMatch(new RegExp(policyText.pattern))
    await expect(loadPolicy('fastest')).rejects.toThrow(
      /^there is no policy fastest; there are round-robin, .*, and a file such as \.\/mine\.ts$/,
    )
  })

  it.each([
    ['no default export', 'export const nearby = () => ({ choose: () => 0 })', /^\.\/.*: it has no default export; it/],
    ['no function', 'export default { choose: () => 0 }', /: its default export is a Object; it must be a function/],
    ['no policy', 'export default () => ({ chose: () => 0 })', /: its function returns a Object without choose$/],
    ['nothing', 'export default () => {}', /: its function returns undefined without choose$/],
    ['a promise', 'export default async () => ({ choose: () => 0 })', /returns a Promise without choose$/],
    ['an error', `export default () => { throw new Error('no network') }`, /mine\d\.ts is no policy: no network$/],
    ['no module', 'export default (', /mine\d\.ts is no policy: ./],
    ['what is not there', `import './gone.ts'\n${always(0)}`, /mine\d\.ts is no policy: .*gone\.ts/],
  ])('that gives %s is refused', async (_what, text, message) => {
    await expect(from(text, `mine${files++}.ts`)).rejects.toThrow(message)
  })

  it('in a file that is not there is refused with where it was looked for', async () => {
    await expect(loadPolicy('./gone.ts', folder)).rejects.toThrow(
      `./gone.ts is no policy: ENOENT: no such file or directory, stat '${path.join(folder, 'gone.ts')}'`,
    )
  })
})

describe('a policy of one’s own that chooses nobody', () => {
  it.each<[string, Policy, string]>([
    ['by throwing', { choose: () => raise(new Error('no idea')) }, 'it threw Error: no idea'],
    ['by throwing no error', { choose: () => raise(Object.create(null)) }, 'it threw a object'],
    ['by an index beyond', { choose: ({ length }) => length }, 'it chose 2, of 2'],
    ['by -1', { choose: () => -1 }, 'it chose -1, of 2'],
    ['by no whole number', { choose: () => 0.5 }, 'it chose 0.5, of 2'],
    ['by a text', { choose: () => '0' as unknown as number }, 'it chose a String, of 2'],
    ['by nothing', { choose: () => undefined as unknown as number }, 'it chose undefined, of 2'],
    [
      'by a promise that rejects',
      { choose: async () => raise(new Error('late')) } as unknown as Policy,
      'it chose a Promise, of 2',
    ],
  ])('%s costs no request, and is told once', async (_how, policy, mistake) => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams, transitions } = await over([a.origin, b.origin], { policy })
    const bodies = new Set<string>()
    for (let asked = 0; asked < 30; asked++) bodies.add((await ask(upstreams)).body)
    expect(bodies).toEqual(new Set(['a', 'b']))
    expect(transitions.slice(2)).toEqual([`-1 own -> own: ${mistake}; chance chooses where it cannot`])
  })

  it('nor may it take the endpoints away from others, whatever it does to the list of them', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const emptying = { choose: (candidates: unknown[]) => candidates.splice(0).length - 1 } as unknown as Policy
    const { upstreams } = await over([a.origin, b.origin], { policy: emptying })
    for (let asked = 0; asked < 3; asked++) expect((await ask(upstreams)).body).toBe('b')
    expect(upstreams.endpoints()).toHaveLength(2)
  })

  it('now and then has its other choices', async () => {
    const [a, b] = [await named('a'), await named('b')]
    let choice = 0
    const policy = { choose: () => (choice++ % 2 === 0 ? 1 : -1) }
    const { upstreams } = await over([a.origin, b.origin], { policy, random: () => 0 })
    const bodies: string[] = []
    for (let asked = 0; asked < 4; asked++) bodies.push((await ask(upstreams)).body)
    expect(bodies).toEqual(['b', 'a', 'b', 'a'])
  })
})

function raise(error: unknown): never {
  throw error
}
