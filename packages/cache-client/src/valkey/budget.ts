/** The budget that Valkey keeps. */
import type { Budget } from '../limits/wire.ts'
import type { Connection } from './connection.ts'

export function valkeyBudget(connection: Connection): Budget {
  /** This gateway among those that borrow. */
  const gateway = crypto.randomUUID()
  return {
    async borrow(asks) {
      const args = asks.flatMap(({ key, intervalMs, burst, want, spent }) => [key, intervalMs, burst, want, spent])
      const [gateways = 1, ...told] = (await connection.run('lend', [gateway, ...args])) as readonly number[]
      const grants = asks.map((_, index) => {
        const [granted = 0, left = 0, waitMs = 0] = told.slice(3 * index)
        return { granted, left, waitMs }
      })
      return { gateways, grants }
    },
  }
}
