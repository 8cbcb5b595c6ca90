/** `POST /admin/reload`: reads the routes file again and serves what it says, or all as before. */
import { Changes, type Reloaded, reloadRefused } from '@spillway/service'
import type { App } from '../server.ts'
import { BEARER, problemResponses } from './docs.ts'

export function reloadRoute(app: App, reload: () => Promise<Reloaded>): void {
  app.post(
    '/admin/reload',
    {
      config: { auth: 'admin' },
      schema: {
        summary:
          'Serves what the routes file says now, at the gateway that is asked; one with mistakes is refused whole',
        tags: ['administration'],
        security: [{ [BEARER]: [] }],
        response: { 200: { ...Changes, description: 'What is different now' }, ...problemResponses(401, 403, 422) },
      },
    },
    async () => {
      const reloaded = await reload()
      if (reloaded.outcome === 'refused') throw reloadRefused(reloaded.mistakes)
      return { changes: [...reloaded.changes] }
    },
  )
}
