/**
 * What Redis answered where it refused: named, with what to do about it. Its own sentence may hold what lies in it, and
 * stays in the log.
 */
import type { RefusalStatus } from './access/refusal.js'

export interface RedisRefusal {
  /** 503 where it is likely to pass without anybody changing these pages or their Redis user. */
  status: RefusalStatus
  text: string
  hint?: string
}

const known: Record<string, RedisRefusal> = {
  NOPERM: {
    status: 500,
    text: 'The Redis user of these pages may not use a command or a key that they need.',
    hint: 'Allow it by ACL SETUSER; the guide to the web pages says which they need.',
  },
  NOAUTH: {
    status: 503,
    text: 'It wants a password, and was given none.',
    hint: 'Put it into the address of Redis that these pages are given (REDIS_URL).',
  },
  WRONGPASS: {
    status: 503,
    text: 'The Redis user or its password is wrong.',
    hint: 'Correct it in the address of Redis that these pages are given (REDIS_URL).',
  },
  NOSCRIPT: {
    status: 500,
    text: 'It does not have a script that it should have been given.',
    hint: 'Its user needs both EVALSHA and EVAL. Is a proxy between, that spreads calls over several servers?',
  },
  WRONGTYPE: {
    status: 500,
    text: 'A key holds another type than Resque keeps there.',
    hint: 'Something else writes under this namespace. An admin finds the key among the keys of Stats.',
  },
  READONLY: {
    status: 503,
    text: 'This Redis is a replica: it can be read and not be changed.',
    hint: 'Give these pages the address of the master. After a failover they find it by themselves if the address leads there.',
  },
  OOM: {
    status: 503,
    text: 'Its memory is full: it takes nothing more, and no new jobs either.',
    hint: 'Remove what is not needed, let workers empty the queues, or raise its maxmemory.',
  },
  MISCONF: {
    status: 503,
    text: 'It cannot save its data to disk, and takes no changes until it can.',
    hint: "Look at Redis' log, and at the space and rights of its folder.",
  },
  LOADING: { status: 503, text: 'It is still reading its data after a start.' },
  BUSY: { status: 503, text: 'A script of somebody keeps it from answering.' },
  MASTERDOWN: { status: 503, text: 'This Redis is a replica that has lost its master.' },
  NOREPLICAS: { status: 503, text: 'Too few replicas follow it, and it takes no changes until they do.' },
  CLUSTERDOWN: { status: 503, text: 'The cluster is not complete.' },
}

/** By its first word; in a script of Redis 6 that stands further back. */
const words = new RegExp(`^(?:ERR Error running script .*: -?)?(${Object.keys(known).join('|')})\\b`, 's')

/** What is known of an answer; undefined where it is none of those that have a name. */
export function refusalOf(answer: unknown): RedisRefusal | undefined {
  if (!(answer instanceof Error)) return undefined
  // Inside a script it says this instead of NOPERM.
  const isDenied = /The user executing the script can't/.test(answer.message)
  const word = isDenied ? 'NOPERM' : words.exec(answer.message)?.[1]
  if (word === undefined) return undefined
  const refusal = known[word] as RedisRefusal
  const command = word === 'NOPERM' ? /'([\w|-]{1,40})' command/.exec(answer.message)?.[1] : undefined
  const text =
    command === undefined
      ? refusal.text
      : `The Redis user of these pages may not use the command ${command.replace('|', ' ').toUpperCase()}.`
  return { ...refusal, text: `It answered ${word}. ${text}` }
}
