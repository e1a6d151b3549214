/**
 * Whoever makes a request, and the three roles, each of which includes the one before it.
 */

export const roles = ['viewer', 'operator', 'admin'] as const

export type Role = (typeof roles)[number]

/** Whoever makes a request. */
export interface WebUser {
  name: string
  role: Role
  /** How he was recognised. */
  by: 'none' | 'session' | 'basic' | 'bearer' | 'proxy' | 'custom'
  /** Whether this user may know of a queue. */
  sees(queue: string): boolean
  /** He sees all there are, and all there will be. */
  seesAll: boolean
}

export function includes(role: Role, wanted: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(wanted)
}

/**
 * Whether he may know of what names this queue. What names none is judged by the empty name, unless it is the beginning of
 * a long entry, whose end may name any.
 */
export function maySee(
  user: Pick<WebUser, 'sees' | 'seesAll'>,
  { queue = '', isWhole = true }: { queue?: string | undefined; isWhole?: boolean },
): boolean {
  return user.seesAll || ((queue !== '' || isWhole) && user.sees(queue))
}
