/**
 * Who may do what: a viewer looks, an operator acts on jobs and queues, an admin does what cannot be taken back and
 * sees the keys. Each includes the one before it.
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { WebEnv } from '../context.js'
import { Refusal } from './refusal.js'
import { includes, type Role, type WebUser } from './user.js'

export { includes, type Role, roles, type WebUser } from './user.js'

/** What `needs` makes: it carries the role, so that the route table can be asked for it. */
export interface RoleGuard extends MiddlewareHandler<WebEnv> {
  readonly needs: Role | 'public'
}

/**
 * The first handler of every route: lets only those pass who have the role. `public` is for what anybody may see,
 * even before he has signed in. A route without it keeps the whole app from starting.
 */
export function needs(role: Role | 'public'): RoleGuard {
  const guard: MiddlewareHandler<WebEnv> = async (c, next) => {
    if (role !== 'public') {
      const user = c.get('user')
      if (!user) throw new Refusal(401, 'Please sign in.')
      if (!includes(user.role, role)) {
        throw new Refusal(403, `This needs the role ${role}; ${user.name} is ${user.role}.`)
      }
    }
    await next()
  }
  return Object.assign(guard, { needs: role })
}

/** The user of a request, behind a guard that has made sure of one. */
export function currentUser(c: Context<WebEnv>): WebUser {
  const user = c.get('user')
  if (!user) throw new Refusal(401, 'Please sign in.')
  return user
}
