// A web process for the test that kills one: it begins an operation, says its id, and works until it is killed.
import { Resque } from 'resque-ts'
import { Operations } from '#built/web/operations.js'

const [, , redis, spec] = process.argv
const resque = new Resque({ redis })
const operations = new Operations({
  store: resque.store,
  failedLists: () => resque.failed.lists(),
  log: console,
  perSecond: 2_000,
  leaseMs: 400,
})
const { id } = await operations.start(JSON.parse(spec), { by: 'anna' })
console.log(id)
setInterval(() => {}, 1_000)
