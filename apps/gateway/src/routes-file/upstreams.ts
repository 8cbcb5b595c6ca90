/** What a routes file may say of an upstream: what `balancer.yaml` says of a cluster, and shorter. */
import { CheckSource, ClusterSource, checkPath, clusterMistakes, endpoint, type Sound } from '@spillway/clusters'
import { type Mistake, mistake, origins, type Path, text, WANTED_ORIGINS } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { expand, unsetMistakes, type Variables } from './variables.ts'

const about = `An origin, or dns+http://name:port; \${NAME} stands for a setting or an environment variable.`

export const Upstream = Type.Object(
  {
    ...ClusterSource.properties,
    endpoints: Type.Union(
      [
        text({ about: 'Comma-separated.' }),
        Type.Array(endpoint(text({ about })), { minItems: 1, wants: 'a list of at least one origin' }),
      ],
      { wants: 'comma-separated origins, or a list of them' },
    ),
    check: Type.Optional(
      Type.Union([Type.Literal('none'), Type.Literal(false), checkPath, CheckSource], {
        wants: 'a path such as /ready, a mapping of path, status, headers, body, port, or none',
      }),
    ),
  },
  { additionalProperties: false },
)
export type Upstream = Static<typeof Upstream>

const Origins = origins({ about: '' })

/** @param upstream without what has the wrong shape */
export function upstreamMistakes(upstream: Sound<Upstream>, at: Path, variables: Variables): Mistake[] {
  const listed = written(upstream.endpoints, [...at, 'endpoints'])
  const wrong = listed.flatMap(({ url, place }) => originMistakes(url, place, variables))
  if (wrong.length > 0) return wrong
  const each = listed.flatMap(({ url, place }) => originsOf(url, variables).map((origin) => ({ origin, place })))
  const [endpoints, places] = [each.map(({ origin }) => origin), each.map(({ place }) => place)]
  return clusterMistakes({ ...upstream, check: undefined, endpoints }, at, places)
}

/** @param upstream without mistakes */
export function clusterSource({ check, ...upstream }: Upstream, variables: Variables): ClusterSource {
  const endpoints = written(upstream.endpoints, []).flatMap(({ url, rest }) =>
    originsOf(url, variables).map((origin) => (rest ? { ...rest, url: origin } : origin)),
  )
  const checked = typeof check === 'string' ? check !== 'none' && { path: check } : check
  return { ...upstream, endpoints, ...(checked === undefined ? {} : { check: checked }) }
}

function originsOf(url: string, variables: Variables): readonly string[] {
  return Value.Decode(Origins, expand(url, variables))
}

/** Origins as they are written, several between commas, and what holds for each of them. */
interface Written {
  readonly url: string
  readonly place: Path
  readonly rest?: object
}

function written(endpoints: Sound<Upstream>['endpoints'], at: Path): Written[] {
  if (typeof endpoints === 'string') return [{ url: endpoints, place: at }]
  const list = (endpoints ?? []) as readonly (string | { readonly url?: string } | undefined)[]
  return list.flatMap((each, index): Written[] => {
    if (typeof each !== 'object') return each === undefined ? [] : [{ url: each, place: [...at, index] }]
    const { url, ...rest } = each
    return url === undefined ? [] : [{ url, place: [...at, index, 'url'], rest }]
  })
}

function originMistakes(url: string, at: Path, variables: Variables): Mistake[] {
  const unset = unsetMistakes(url, at, variables)
  if (unset.length > 0 || Value.Check(Origins, expand(url, variables))) return unset
  // Not the expanded text: a variable may hold what belongs in no log.
  return [mistake(at, `is ${JSON.stringify(url)}; it must come to ${WANTED_ORIGINS}`)]
}
