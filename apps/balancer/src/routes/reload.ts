/** `POST /reload`: reads the configuration again and applies it whole, or not at all. */
import { Changes, reloadRefused } from '@spillway/service'
import { Type } from 'typebox'
import type { App } from '../admin.ts'
import { refused } from '../errors.ts'
import type { Standing } from '../standing.ts'

export function reloadRoute(app: App, standing: Standing): void {
  app.post(
    '/reload',
    {
      schema: {
        summary:
          'Applies the configuration as it is now; one with mistakes is refused with all of them, and the old stays',
        body: Type.Object({}, { additionalProperties: false }),
        response: { 200: Changes, ...refused },
      },
    },
    async () => {
      const reloaded = await standing.reload()
      if (reloaded.outcome === 'refused') throw reloadRefused(reloaded.mistakes)
      return { changes: [...reloaded.changes] }
    },
  )
}
