/** Whose tokens a service takes, as settings of its own: a file of keys, or an outside issuer. */
import { destinations } from '@spillway/upstreams'
import { type TSchema, Type } from 'typebox'
import { IssuerKeys, type IssuerOptions } from './issuer.ts'
import { KeyFile, type KeyLogger } from './key-file.ts'
import { KeyError, type KeySource } from './keys.ts'

const text = (description: string) => Type.String({ minLength: 1, description, wants: 'a text that is not empty' })

const addresses = (text: string) => text.split(',').map((part) => part.trim())

function areAddresses(text: string): boolean {
  try {
    destinations(addresses(text))
    return true
  } catch {
    return false
  }
}

/** Of an outside issuer; its URL, name and audience are needed. */
export const issuerSettings = {
  AUTH_JWKS_URL: Type.Optional(
    Type.String({
      pattern: '^https?://\\S+$',
      description: 'Key set (JWKS) of an outside issuer, whose tokens are taken in place of ours.',
      wants: 'a URL such as https://issuer.example/.well-known/jwks.json',
    }),
  ),
  AUTH_JWKS_ALLOW_ADDRESSES: Type.Optional(
    Type.Refine(
      Type.String({
        description: 'Where the key set may be although connections lead to no such address.',
        wants: 'comma-separated addresses and CIDRs such as 169.254.20.10,fe80::/64',
      }),
      areAddresses,
    ),
  ),
  AUTH_ISSUER: Type.Optional(text('What its tokens have as `iss`.')),
  AUTH_AUDIENCE: Type.Optional(text('What its tokens have as `aud`, or in it.')),
  AUTH_ROLES_CLAIM: Type.String({
    pattern: '^[^.]+(\\.[^.]+)*$',
    description: 'The claim that lists the roles.',
    wants: 'a claim such as roles or realm_access.roles',
    default: 'roles',
  }),
} satisfies Record<string, TSchema>

interface Settings {
  readonly AUTH_JWKS_URL?: string | undefined
  readonly AUTH_JWKS_ALLOW_ADDRESSES?: string | undefined
  readonly AUTH_ISSUER?: string | undefined
  readonly AUTH_AUDIENCE?: string | undefined
  readonly AUTH_ROLES_CLAIM: string
}

/**
 * @param file the service's own setting that names a file of keys, and its value
 * @throws {KeyError} where neither or both are set, or the keys cannot be used
 */
export async function openKeys(
  settings: Settings,
  {
    file,
    signs = false,
    logger,
  }: { file: readonly [name: string, value: string | undefined]; signs?: boolean; logger: KeyLogger },
): Promise<KeySource> {
  const [name, value] = file
  const issuer = issuerOf(settings, logger)
  if ((issuer === undefined) === (value === undefined)) {
    throw new KeyError(`set ${name} or AUTH_JWKS_URL, and not both: one says whose tokens are taken`)
  }
  return issuer ? IssuerKeys.open(issuer) : KeyFile.open(value as string, { logger, signs })
}

function issuerOf(settings: Settings, logger: KeyLogger): IssuerOptions | undefined {
  const { AUTH_JWKS_URL: url, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_ROLES_CLAIM: rolesClaim } = settings
  if (url === undefined && issuer === undefined && audience === undefined) return undefined
  if (url === undefined || issuer === undefined || audience === undefined) {
    throw new KeyError('AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE belong together: set all three or none')
  }
  const { AUTH_JWKS_ALLOW_ADDRESSES: allowed } = settings
  return { url, issuer, audience, rolesClaim, logger, ...(allowed && { allowAddresses: addresses(allowed) }) }
}
