import { describe, expect, it } from 'vitest'
import { PurgeLog } from './purge-log.ts'

describe('the purge log', () => {
  it('says what of an entry was purged after a moment', () => {
    const log = new PurgeLog()
    log.add(3, { keys: ['a'] })
    log.add(5, { tags: ['x'] })
    expect(log.overtook(2, 'a', [])).toBe(true)
    expect(log.overtook(3, 'a', [])).toBe(false)
    expect(log.overtook(3, 'a', ['x', 'y'])).toBe(true)
    expect(log.overtook(3, 'x', ['a'])).toBe(false)
    log.add(6, { all: true })
    expect(log.overtook(5, 'b', [])).toBe(true)
    expect(log.overtook(6, 'b', ['x'])).toBe(false)
  })

  it('takes any tag for one of an entry whose tags are unknown', () => {
    const log = new PurgeLog()
    log.add(3, { keys: ['a'] })
    expect(log.mayHaveOvertaken(1, 'b')).toBe(false)
    log.add(4, { tags: ['x'] })
    expect(log.mayHaveOvertaken(3, 'b')).toBe(true)
    expect(log.mayHaveOvertaken(4, 'b')).toBe(false)
  })

  it('forgets the oldest names, and says yes where it has forgotten', () => {
    const log = new PurgeLog()
    for (let seq = 1; seq <= 10_001; seq++) log.add(seq, { keys: [`k${seq}`] })
    expect(log.overtook(0, 'never purged', [])).toBe(true)
    expect(log.overtook(1, 'never purged', [])).toBe(false)
    expect(log.overtook(1, 'k2', [])).toBe(true)
  })
})
