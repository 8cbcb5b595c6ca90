/** A route's interceptors: files of one's own beside the routes file, loaded as it is read. */
import { type Mistake, mistake, type Path } from '@spillway/service'
import { loadFunction } from '@spillway/upstreams'
import { Type } from 'typebox'
import type { Dispatcher } from 'undici'

const wants = 'a file such as ./mine.ts'
const WANTED = 'takes a dispatch and returns one'
export const Interceptors = Type.Array(Type.String({ pattern: '[/\\\\]|\\.[cm]?[jt]s$', wants }), {
  minItems: 1,
  wants: 'a list of files such as [./mine.ts]',
})

export interface OwnInterceptor {
  /** As the routes file names it. */
  readonly file: string
  readonly intercept: Dispatcher.DispatcherComposeInterceptor
}

interface Surroundings {
  /** Where relative names begin. */
  readonly folder: string
  /** Takes what is wrong with those files. */
  readonly mistakes: Mistake[]
}

type Files = { readonly interceptors?: readonly (string | undefined)[] | undefined }

/** Of each of the routes, which have their places in the file and what of them has the right shape. */
export function loadInterceptors(
  routes: readonly (Files | undefined)[],
  { folder, mistakes }: Surroundings,
): Promise<readonly (readonly OwnInterceptor[])[]> {
  const load = async (file: string | undefined, at: Path): Promise<OwnInterceptor[]> => {
    if (file === undefined) return []
    try {
      const intercept = (await loadFunction(file, folder, WANTED)) as OwnInterceptor['intercept']
      const tried: unknown = intercept(() => true)
      if (typeof tried === 'function') return [{ file, intercept }]
      throw new TypeError(`its function returns ${typeof tried}; it must be one that ${WANTED}`)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      mistakes.push(mistake(at, `is ${JSON.stringify(file)}, which is no interceptor: ${why}`))
      return []
    }
  }
  const all = routes.map(async (route, index) => {
    const files = route?.interceptors ?? []
    return (await Promise.all(files.map((file, place) => load(file, ['routes', index, 'interceptors', place])))).flat()
  })
  return Promise.all(all)
}
