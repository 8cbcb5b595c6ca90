import { expect, it } from 'vitest'
import { notesOf } from './contest.ts'

const told = (more: Partial<Parameters<typeof notesOf>[0]> = {}) =>
  notesOf({
    isShort: false,
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
