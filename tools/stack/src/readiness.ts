/** How a service says it is: what `/ready` tells whoever starts it and whoever asks `make status`. */

const ANSWER_WITHIN_MS = 2_000

export interface Readiness {
  state: 'ready' | 'degraded' | 'down'
  /** What is degraded, or why it is not ready. */
  detail?: string
}

export interface Where {
  url: string
  /** Where operators ask, when it is not `url`. */
  adminUrl?: string
}

/** `degraded` services answer, though something they call is away. */
export async function readiness({ url, adminUrl }: Where): Promise<Readiness> {
  try {
    const answer = await fetch(`${adminUrl ?? url}/ready`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    const { status, degraded = [] } = (await answer.json()) as { status?: string; degraded?: string[] }
    if (!answer.ok) return { state: 'down', ...(status === undefined ? {} : { detail: status }) }
    return degraded.length > 0 ? { state: 'degraded', detail: degraded.join(', ') } : { state: 'ready' }
  } catch {
    return { state: 'down' }
  }
}
