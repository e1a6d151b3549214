/**
 * Who did what: the entry of one action, with who asked, given to the audit; and the audit itself, which keeps it in
 * Redis and says it in the log.
 */
import type { Context } from 'hono'
import type { Logger } from '../context.js'
import { messageOf } from '../errors.js'
import type { Audit as StoredAudit } from '../store/audit.js'
import { RateLimit } from './access/rate-limit.js'
import type { Audit, AuditActor, AuditEntry, WebContext, WebEnv } from './context.js'
import type { Operation } from './operation-spec.js'
import { shown } from './views/text.js'

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

/** Whose an operation is that has ended long after it was asked for. */
export function actorOf({ by }: Operation): AuditActor {
  return { user: by, role: '', address: '', requestId: '' }
}

/** How it ended. */
export function entryOf({ id, kind, lists, state, done, error }: Operation): AuditEntry {
  return {
    ...{ action: auditedAs[kind], target: targetOf({ lists }), operation: id, count: done },
    result: resultOf({ state }),
    ...(error !== '' && { detail: error }),
  }
}

export function resultOf({ state }: Pick<Operation, 'state'>): AuditEntry['result'] {
  return state === 'running' ? 'begun' : state
}

/** What it worked on. */
export function targetOf({ lists }: Pick<Operation, 'lists'>): string {
  return lists.join(' ').slice(0, 200)
}

const auditedAs: Record<Operation['kind'], string> = {
  retry: 'retry failed',
  remove: 'remove failed',
  'remove-pending': 'remove jobs',
  clear: 'clear',
  'remove-delayed': 'remove delayed jobs',
  'remove-schedule': 'remove schedule',
}

/** So many refusals of one user, or of one address that nobody is known at, go to Redis an hour. */
const REFUSALS = 20
const HOUR_MS = 3_600_000

/**
 * The log has every line. Redis keeps the last ten thousand, so refusals are counted there: nobody pushes out what he
 * did by what he was refused.
 */
export function makeAudit(store: StoredAudit, log: Logger, now: () => Date): Audit {
  const refusals = new RateLimit(REFUSALS, { perMs: HOUR_MS })
  const strangers = new RateLimit(REFUSALS * 3, { perMs: HOUR_MS })
  const isTooMuch = (key: string, isStranger: boolean) => {
    const at = now().getTime()
    return refusals.take(key, at) > 0 || (isStranger && strangers.take('', at) > 0)
  }
  return {
    async record(actor, entry) {
      const { user, role, address: ip, requestId } = actor
      // A name from outside must not make a line of its own.
      const text = `${user || 'somebody'}: ${entry.action}, ${entry.result}`
      log.info({ ...actor, ...entry }, shown(text, 500))
      if (entry.result === 'refused' && isTooMuch(user === '' ? `\0${ip}` : user, user === '')) return
      const { detail, ...rest } = entry
      const result = detail === undefined ? entry.result : `${entry.result}: ${detail}`
      try {
        await store.record({ user, role: role === '' ? undefined : role, ip, requestId, ...rest, result })
      } catch (error) {
        log.error({ err: error, ...actor }, `The audit could not be written: ${messageOf(error)}`)
      }
    },
  }
}
