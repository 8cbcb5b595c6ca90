import { b } from './cycle-b.ts'

export const a = (n: number): number => (n > 0 ? b(n - 1) : 0)
