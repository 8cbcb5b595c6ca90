export const untagged = true
