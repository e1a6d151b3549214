/**
 * Which failed lists there are for a page: those of the failure backend and no other key, whatever a URL says.
 */
import { ArgumentsError } from '../errors.js'

export type FailedLists = () => Promise<string[]>

/** The list of this name, or all. Rejects with ArgumentsError where there is none of this name. */
export async function failedListsOf(failedLists: FailedLists, list: string | undefined): Promise<string[]> {
  const lists = await failedLists()
  if (list === undefined) return lists
  if (lists.includes(list)) return [list]
  throw new ArgumentsError(`There is no failed list ${JSON.stringify(list.slice(0, 100))}.`)
}
