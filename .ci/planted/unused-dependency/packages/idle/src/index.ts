export const idle = true
