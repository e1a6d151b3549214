// Kills children of workers, one after the other, at random moments: idle, busy or just starting.

import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf } from './proc.js'
import type { Random } from './random.js'

export interface KillerOptions {
  random: Random
  /** The pids of the workers at the moment. */
  parents(): number[]
  /** How many may have been killed by now: it grows with the work, so that a slow machine gets something done too. */
  budget(): Promise<number>
}

export class Killer {
  readonly #done: Promise<void>
  #isStopped = false
  #kills = 0

  /** Begins at once. */
  constructor(options: KillerOptions) {
    this.#done = this.#kill(options)
  }

  /** Resolves to how many were killed. */
  async stop(): Promise<number> {
    this.#isStopped = true
    await this.#done
    return this.#kills
  }

  async #kill({ random, parents, budget }: KillerOptions): Promise<void> {
    while (!this.#isStopped) {
      await sleep(random.between(1, 100))
      if (this.#kills >= (await budget())) continue
      const alive = parents()
        .flatMap(childrenOf)
        .filter(({ isZombie }) => !isZombie)
      if (alive.length === 0) continue
      try {
        process.kill(random.pick(alive).pid, 'SIGKILL')
        this.#kills++
      } catch {
        // It ended by itself, between the look and the blow.
      }
    }
  }
}
