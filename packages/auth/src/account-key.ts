/** By what an account is found, whatever the spelling: for whoever keeps accounts and whoever counts sign-ins to them. */

/** Spellings that a reader takes for one name have one key: width, ligatures, capitals and surrounding space do not count. */
export function accountKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}
