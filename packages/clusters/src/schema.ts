/** What a file may say of one cluster. */
import { cidr, fields, origin } from '@spillway/service'
import { policyNames } from '@spillway/upstreams'
import { type Static, type TString, Type } from 'typebox'
import { HASH_KEY, WANTED_HASH_KEY } from './hash-key.ts'

const closed = { additionalProperties: false }
const whole = (minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, wants: `a whole number from ${minimum} to ${maximum}` })
const text = (wants = 'a text that is not empty') => Type.String({ minLength: 1, wants })

export const CLUSTER_NAME = '^[a-z][a-z0-9-]{0,62}$'
export const WANTED_CLUSTER_NAME = 'names of lower-case letters, digits and hyphens'

/** An endpoint whose URL is written so. */
export function endpoint<Url extends TString>(url: Url) {
  return Type.Union(
    [
      url,
      Type.Object(
        {
          url,
          weight: Type.Optional(
            Type.Number({ exclusiveMinimum: 0, maximum: 1000, wants: 'a number above 0, at most 1000' }),
          ),
          backup: Type.Optional(Type.Boolean({ wants: 'true or false' })),
          max: Type.Optional(whole(1, 1_000_000)),
        },
        closed,
      ),
    ],
    { wants: 'an origin such as http://127.0.0.1:9001, or a mapping of url, weight, backup, max' },
  )
}

const status = Type.Union([whole(200, 599), Type.String({ pattern: '^[2-5]\\d\\d(-[2-5]\\d\\d)?$' })], {
  wants: 'a status such as 200, or a range such as 200-299',
})
export const checkPath = Type.String({ pattern: '^/[!-"$-~]*$', wants: 'a path such as /ready' })
export const CheckSource = Type.Object(
  {
    path: Type.Optional(checkPath),
    status: Type.Optional(Type.Array(status, { minItems: 1, wants: 'a list of statuses' })),
    headers: Type.Optional(fields),
    body: Type.Optional(text()),
    port: Type.Optional(whole(1, 65_535)),
  },
  closed,
)

const bound = Type.Optional(whole(1, 1_000_000))
const file = Type.Optional(text('the name of a PEM file'))

export const ClusterSource = Type.Object(
  {
    endpoints: Type.Array(
      endpoint(origin({ about: 'An origin, or dns+http://name:port for each address of the name.' })),
      {
        minItems: 1,
        wants: 'a list of at least one origin',
      },
    ),
    policy: Type.Optional(
      Type.String({
        pattern: `^(${policyNames.join('|')}|\\.{0,2}/.+)$`,
        wants: `one of ${policyNames.join(', ')}, or a file of one’s own such as ./mine.ts`,
      }),
    ),
    allowAddresses: Type.Optional(
      Type.Array(cidr({ about: 'Reached although connections lead to none such.' }), {
        minItems: 1,
        wants: 'a list of addresses and CIDRs such as [169.254.20.10, fe80::/64]',
      }),
    ),
    hash: Type.Optional(Type.String({ pattern: HASH_KEY, wants: WANTED_HASH_KEY })),
    check: Type.Optional(
      Type.Union([Type.Literal(false), CheckSource], {
        wants: 'false, or a mapping of path, status, headers, body, port',
      }),
    ),
    limits: Type.Optional(Type.Object({ connections: bound, pending: bound, requests: bound }, closed)),
    tls: Type.Optional(Type.Object({ ca: file, cert: file, key: file, servername: Type.Optional(text()) }, closed)),
  },
  closed,
)
export type ClusterSource = Static<typeof ClusterSource>
