/** What a file may not say of a cluster although its shape is right. */
import { isIP } from 'node:net'
import { type Mistake, mistake, type Path } from '@spillway/service'
import { destinations, hostOf } from '@spillway/upstreams'
import type { ClusterSource } from './schema.ts'

/** What may be missing or was wrong is undefined. */
export type Sound<T> = T extends readonly (infer Item)[]
  ? readonly (Sound<Item> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Sound<T[K]> | undefined }
    : T

/**
 * @param at the cluster's place in the file
 * @param places those of its endpoints, where that is not the list's
 */
export function clusterMistakes(
  { endpoints = [], policy, hash, tls, allowAddresses = [] }: Sound<ClusterSource>,
  at: Path,
  places: readonly Path[] = endpoints.map((_, index) => [...at, 'endpoints', index]),
): Mistake[] {
  const origins = endpoints.map((each) => normal(typeof each === 'object' ? each.url : each))
  const mayLeadTo = destinations(allowAddresses.filter((each) => each !== undefined))
  return [
    ...origins.flatMap((origin, index) => {
      const place = places[index] as Path
      if (origin === undefined) return []
      if (origins.indexOf(origin) < index) return [mistake(place, `is ${origin} again; each endpoint once`)]
      const host = hostOf(origin)
      // What a name leads to is known only when DNS is asked.
      if (isIP(host) === 0 || mayLeadTo(host)) return []
      return [mistake(place, `leads to ${host}, where no service is; allowAddresses makes exceptions`)]
    }),
    ...(hash !== undefined && policy !== 'hash' && !isFile(policy)
      ? [mistake([...at, 'hash'], `is declared, but policy is ${policy ?? 'p2c-ewma'}; only hash looks at it`, 'key')]
      : []),
    ...(tls !== undefined && origins.every((origin) => origin?.startsWith('http:') || origin?.startsWith('dns+http:'))
      ? [mistake([...at, 'tls'], 'is declared, but no endpoint is https', 'key')]
      : []),
  ]
}

export function isFile(policy = ''): boolean {
  return policy.includes('/')
}

/** As the cluster knows it; undefined where it is no URL. */
export function normal(origin: string | undefined): string | undefined {
  const [, dns = '', bare = ''] = /^(dns\+)?(.*)$/is.exec(origin?.trim() ?? '') ?? []
  const known = URL.parse(bare)?.origin
  return known && dns.toLowerCase() + known
}
