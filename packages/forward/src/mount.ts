/** Mounts another server's path on one of ours: @fastify/http-proxy matches and rewrites paths, `forward` carries. */
import { target } from '@spillway/intake'
import type { FastifyContextConfig, FastifyInstance, HTTPMethods } from 'fastify'
import type { Forward } from './options.ts'

export interface MountOptions {
  /** Ours, such as `/shop`. */
  path: string
  /** Whether what is below it is taken too. */
  below: boolean
  /** The upstream's, which takes the place of `path`. */
  at: string
  methods: readonly HTTPMethods[]
  /** Of the routes, for other plugins. */
  config?: FastifyContextConfig
  forward: Forward
}

/**
 * Of @fastify/http-proxy's own request nothing is left: it would keep few of a proxy's promises. A path with a segment
 * `..`, in any encoding, is refused with 400: for the upstream it might lead out of `at`.
 */
export function mount(app: FastifyInstance, { path, below, at, methods, config = {}, forward }: MountOptions): void {
  // Loaded only where something is mounted: it brings an HTTP client and a WebSocket of its own.
  app.register(import('@fastify/http-proxy'), {
    prefix: path,
    // What is below `/` brings no slash of its own.
    rewritePrefix: path === '/' && below && !at.endsWith('/') ? `${at}/` : at,
    // Never asked: it wants one in order to resolve paths, and finds paths that lead out of `at`.
    upstream: 'http://upstream.invalid',
    routes: below ? ['', '/*'] : [''],
    httpMethods: [...methods],
    config,
    proxyPayloads: false,
    // An absolute-form target is taken by its path.
    preRewrite: (url) => target({ url, headers: {} })?.path ?? url,
    handler(request, reply, rewritten) {
      const asked = target(request.raw)?.path ?? '/'
      const query = asked.indexOf('?')
      return forward(request, reply, { path: rewritten + (query < 0 ? '' : asked.slice(query)) })
    },
  })
}
