import { describe, expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { Recent } from './recent.ts'

describe('what was seen lately', () => {
  it('is kept up to so many keys, and those seen last the longest', () => {
    const recent = new Recent<number>({ maxKeys: 10, keepMs: 1000 })
    for (let n = 0; n < 1000; n++) {
      recent.set(`${n}`, n, 0)
      recent.get('3', 0)
      expect(recent.size).toBeLessThanOrEqual(10)
    }
    expect(recent.get('3', 0)).toBe(3)
    expect(recent.get('999', 0)).toBe(999)
    expect(recent.get('980', 0)).toBeUndefined()
  })

  it('is forgotten when it was not seen for a while, and not before', () => {
    const recent = new Recent<string>({ maxKeys: 10, keepMs: 1000 })
    recent.set('seen', 'x', 0)
    recent.set('unseen', 'x', 0)
    for (let now = 100; now < 4000; now += 100) {
      expect(recent.get('seen', now)).toBe('x')
      if (now === 900) expect(recent.get('unseen', now)).toBe('x')
    }
    expect(recent.get('unseen', 4000)).toBeUndefined()
    expect(recent.size).toBeLessThanOrEqual(2)
  })
})

describe('the ledger', () => {
  const ask = { key: 'k', intervalMs: 3_600_000, burst: 2, want: 2, spent: 0 }

  it('remembers who is limited until his budget is whole again, however long that takes', () => {
    const ledger = new Ledger()
    expect(ledger.lend(ask, 0).granted).toBe(2)
    for (let now = 60_000; now < 3_600_000; now += 60_000) ledger.lend({ ...ask, key: `${now}`, intervalMs: 1 }, now)
    expect(ledger.lend(ask, 3_599_000).granted).toBe(0)
    expect(ledger.lend(ask, 3_601_000).granted).toBe(1)
  })

  it('has room for so many, whoever comes', () => {
    const ledger = new Ledger({ maxKeys: 100 })
    for (let n = 0; n < 10_000; n++) ledger.lend({ ...ask, key: `${n}` }, n)
    expect(ledger.size).toBeLessThanOrEqual(100)
  })
})
