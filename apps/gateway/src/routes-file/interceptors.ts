/** A route's interceptors: files of one's own beside the routes file, loaded as it is read. */
import { type Mistake, mistake, type Path } from '@spillway/service'
import { loadFunction } from '@spillway/upstreams'
import { Type } from 'typebox'
import type { Dispatcher } from 'undici'

const wants = 'a file such as ./mine.ts'
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
  /** The list's place in the file. */
  readonly at: Path
  /** Takes what is wrong with those files. */
  readonly mistakes: Mistake[]
}

export async function loadInterceptors(
  files: readonly string[],
  { folder, at, mistakes }: Surroundings,
): Promise<readonly OwnInterceptor[]> {
  const loaded = files.map(async (file, index) => {
    try {
      const own = await loadFunction(file, folder, 'takes a dispatch and returns one')
      return [{ file, intercept: own as OwnInterceptor['intercept'] }]
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      mistakes.push(mistake([...at, index], `is ${JSON.stringify(file)}, which is no interceptor: ${why}`))
      return []
    }
  })
  return (await Promise.all(loaded)).flat()
}
