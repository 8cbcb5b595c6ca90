import { expect, it } from 'vitest'
import { doubtsOf, isShort } from './conditions.ts'

const told = (more: Partial<Parameters<typeof doubtsOf>[0]> = {}) =>
  doubtsOf({ isShort: false, client: 'wrk 4.1.0', cores: {}, loadBefore: 0.1, path: '', ...more })

it('owns up to a short run, a busy machine, and cores that were shared', () => {
  expect(told()).toEqual(['There is one core, which contender, client and upstreams shared.'])
  const cores = { contender: 1, client: 0, upstreams: 0 }
  expect(told({ cores, loadBefore: 3 }).map((note) => note.split(' ', 3).join(' '))).toEqual([
    'The machine had',
    'There is no',
  ])
  expect(told({ isShort: true })[0]).toContain('not to be quoted')
})

it('calls a run short that has few rounds, or short ones', () => {
  expect([{ ROUNDS: 3 }, { ROUNDS: 2 }, { ROUNDS: 3, DURATION: 9000 }].map(isShort)).toEqual([false, true, true])
})
