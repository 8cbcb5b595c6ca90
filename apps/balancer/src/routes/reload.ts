/** `POST /reload`: reads the configuration again and applies it whole, or not at all. */
import { Problem } from '@spillway/service'
import { Type } from 'typebox'
import type { App } from '../admin.ts'
import type { Clusters } from '../clusters.ts'
import { adminProblems, refused } from '../errors.ts'

const Changes = Type.Object({ changes: Type.Array(Type.String(), { description: 'Empty where nothing is different' }) })

export function reloadRoute(app: App, clusters: Clusters): void {
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
      const reloaded = await clusters.reload()
      if (reloaded.outcome === 'applied') return { changes: [...reloaded.changes] }
      const errors = reloaded.mistakes.map((message) => ({ in: 'configuration', path: '', message }))
      throw new Problem(adminProblems.reload_refused, { detail: reloaded.mistakes.join('; '), errors })
    },
  )
}
