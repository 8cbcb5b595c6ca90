export const upward = true
