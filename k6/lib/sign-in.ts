/** Signing in before the clock starts. */
import { sleep } from 'k6'
import http from 'k6/http'
import type { Settings } from './settings.ts'

// k6 has one, and its types leave it out.
declare const console: { warn(text: string): void }

export function credentials(username: string, password: string): string {
  return JSON.stringify({ username, password })
}

/** The token given, or one for the account given. */
export function token({ url, token: given, username, password }: Settings): string {
  return given || signIn(url, username, password)
}

/** A token each for `load-1`, `load-2` and so on. Where the gateway limits sign-ins, this waits as long as it says. */
export function tokens({ url, password, accounts }: Settings): string[] {
  return Array.from({ length: accounts }, (_, index) => signIn(url, accountName(index), password))
}

export function accountName(index: number): string {
  return `load-${index + 1}`
}

function signIn(url: string, username: string, password: string): string {
  for (;;) {
    const answer = http.post(`${url}/login`, credentials(username, password), {
      headers: { 'content-type': 'application/json' },
      redirects: 0,
      responseType: 'text',
    })
    if (answer.status === 200) return (JSON.parse(answer.body) as { token: string }).token
    if (answer.status !== 429) {
      const said = answer.status === 0 ? answer.error : `${answer.status} ${answer.body}`
      throw new Error(`${username} could not sign in at ${url}/login: ${said}`)
    }
    const seconds = Number(answer.headers['Retry-After']) || 1
    console.warn(`${url}/login takes no more sign-ins for now; ${username} waits ${seconds} s`)
    sleep(seconds)
  }
}
