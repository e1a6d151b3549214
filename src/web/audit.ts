/**
 * Who did what: the entry of one action, with who asked, given to the audit; and an audit that is the log alone.
 */
import type { Context } from 'hono'
import type { Logger } from '../context.js'
import type { Audit, AuditEntry, WebContext, WebEnv } from './context.js'

/** Records an action of this request. */
export function recordAction(web: WebContext, c: Context<WebEnv>, entry: AuditEntry): Promise<void> {
  const user = c.get('user')
  const actor = {
    user: user?.name ?? '',
    role: user?.role ?? ('' as const),
    address: c.get('address') ?? '',
    requestId: c.get('requestId'),
  }
  return web.audit.record(actor, entry)
}

export function logAudit(log: Logger): Audit {
  return {
    async record(actor, entry) {
      log.info({ ...actor, ...entry }, `${actor.user || 'somebody'}: ${entry.action}, ${entry.result}`)
    },
  }
}
