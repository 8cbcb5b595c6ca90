import { expect, it } from 'vitest'
import { readSettings } from '../settings.ts'
import { notesOf } from './contest.ts'

const told = (more: Partial<Parameters<typeof notesOf>[0]> = {}) =>
  notesOf({
    config: readSettings({}),
    installed: { nginx: '/usr/sbin/nginx', haproxy: '/usr/sbin/haproxy', versions: {} },
    client: 'wrk 4.1.0',
    cores: {},
    loadBefore: 0.1,
    path: '',
    ...more,
  })

it('names who was left out, and what stood in', () => {
  const notes = told({ installed: { versions: {} }, client: 'autocannon 9.0.0' })
  expect(notes).toContain('HAProxy is not installed: it was left out.')
  expect(notes.some((note) => note.startsWith('nginx is not installed: it was left out, and the upstreams'))).toBe(true)
  expect(notes.some((note) => note.startsWith('wrk is not installed: autocannon 9.0.0 asked'))).toBe(true)
})

it('owns up to a short run, a busy machine, and cores that were shared', () => {
  expect(told()).toEqual(['There is one core, which contender, client and upstreams shared.'])
  const cores = { contender: 1, client: 0, upstreams: 0 }
  expect(told({ cores, loadBefore: 3 }).map((note) => note.split(' ', 3).join(' '))).toEqual([
    'The machine had',
    'There is no',
  ])
  for (const short of [{ ROUNDS: '2' }, { DURATION: '2s' }]) {
    expect(told({ config: readSettings(short) })[0]).toContain('not to be quoted')
  }
})
