/**
 * The Redis client as child processes see it (`#redis-client` in package.json): it is loaded with the first connection.
 * Most jobs make none, and to load it takes as long as all the rest of a child's start.
 */
import { createRequire } from 'node:module'
import type * as Client from 'ioredis'

let loaded: typeof Client | undefined

function client(): typeof Client {
  loaded ??= createRequire(import.meta.url)('ioredis') as typeof Client
  return loaded
}

/** A class whose `new` makes one of the client's own. */
function later(make: (args: unknown[]) => object): unknown {
  return new Proxy(class {}, { construct: (_, args) => make(args) })
}

export const Redis = later((args) => Reflect.construct(client().Redis, args)) as typeof Client.Redis
export const Command = later((args) => Reflect.construct(client().Command, args)) as typeof Client.Command
