/**
 * heirloom in the pages of a Tauri app. Start with {@link ready}: it waits for the migration, and
 * only then may the app read its data.
 *
 * @module
 */
import { Channel, invoke } from '@tauri-apps/api/core'
import type {
  BackupInfo, BackupRef, Diagnosis, DowngradeOptions, ErrorKind, Event, Failure, Inspected, Log, NamedByData, Plan,
  Report, RestorePlan, StateComparison, Stats, Status,
} from './types'

export type * from './types'

/** A report, and the same as a sentence. */
export type Told = Report & { text: string }

/** A backup, or the database as it is. */
export type State = 'live' | BackupRef

export type Listener = (event: Event) => void

/** What a promise of this module is rejected with. */
export interface HeirloomError extends Failure {}
export class HeirloomError extends Error {
  declare kind: ErrorKind

  constructor(failure: Failure) {
    super(failure.message)
    const { message: _, ...rest } = failure
    Object.assign(this, rest)
    this.name = failure.interrupted ? 'AbortError' : 'HeirloomError'
  }
}

const NAMED_BY_DATA: Record<NamedByData, true> = { columns: true, rows: true }

function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isData = key in NAMED_BY_DATA && !Array.isArray(inner)
      return [key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), isData ? inner : camel(inner)]
    }),
  )
}

async function call<T>(command: string, given: Record<string, unknown> = {}): Promise<T> {
  try {
    return camel(await invoke(`plugin:heirloom|${command}`, given)) as T
  } catch (failure) {
    // A refused permission is a text of Tauri's own.
    if (failure === null || typeof failure !== 'object') throw failure
    throw new HeirloomError(camel(failure) as Failure)
  }
}

function channel(onEvent?: Listener): Channel<unknown> {
  const channel = new Channel<unknown>()
  channel.onmessage = (event) => onEvent?.(camel(event) as Event)
  return channel
}

/**
 * Waits until the migration of the start is over, however long ago that was.
 *
 * @throws HeirloomError if it failed: `kind` is `database-newer` for the dialog of an older app,
 * `locked` if another copy of the app is at work; {@link migrate} tries again.
 */
export function ready(onEvent?: Listener): Promise<Told> {
  return call('ready', { onEvent: channel(onEvent) })
}

/** Migrates as the start of the app does: for a button "Try again". */
export function migrate(onEvent?: Listener): Promise<Told> {
  return call('migrate', { onEvent: channel(onEvent) })
}

/** Ends what is under way: everything is rolled back, and its promise is rejected as `AbortError`. */
export function cancel(): Promise<void> {
  return call('cancel')
}

/** How the database stands to the migrations of the app. */
export function status(): Promise<Status> {
  return call('status')
}

/** What the next migration would do. */
export function plan(): Promise<Plan> {
  return call('plan')
}

/** Every automatic backup and snapshot, the newest first. */
export function backups(verify: 'length' | 'digest' | 'everything' = 'digest'): Promise<BackupInfo[]> {
  return call('backups', { verify })
}

/** What {@link restore} would do, for the question before it. */
export function planRestore(backup: BackupRef): Promise<RestorePlan> {
  return call('plan_restore', { backup })
}

/** What an older app can offer over a newer database. */
export function downgradeOptions(): Promise<DowngradeOptions> {
  return call('downgrade_options')
}

/** Everything that can be wrong with the database and around it. */
export function doctor(): Promise<Diagnosis> {
  return call('doctor')
}

/** Every run, revert, restore and snapshot, the newest first. */
export function log(): Promise<Log> {
  return call('log')
}

/** Rows and bytes, table by table. */
export function stats(): Promise<Stats> {
  return call('stats')
}

/** The schema, or one table or view of it. */
export function inspect(table?: string): Promise<Inspected> {
  return call('inspect', { table })
}

/** What differs between two states, by rows. */
export function compare(from: State, to: State = 'live'): Promise<StateComparison> {
  const state = (of: State) => (of === 'live' ? of : { backup: of })
  return call('compare', { from: state(from), to: state(to) })
}

/** Takes a backup with a name. Permission: `heirloom:snapshots`. */
export function snapshot(name: string): Promise<BackupInfo> {
  return call('snapshot', { name })
}

/**
 * Restores a backup, after a backup of what is there (`replaced` of the report; restoring that one
 * undoes it), and migrates it. Close the database in tauri-plugin-sql before. Permission:
 * `heirloom:restore`.
 */
export function restore(
  backup: BackupRef,
  options: { keepNewer?: boolean; onEvent?: Listener } = {},
): Promise<Told> {
  return call('restore', { backup, keepNewer: options.keepNewer ?? false, onEvent: channel(options.onEvent) })
}

/** Reverts the migrations that this app does not know. Permission: `heirloom:downgrade`. */
export function revertToKnown(onEvent?: Listener): Promise<Told> {
  return call('revert_to_known', { onEvent: channel(onEvent) })
}

/** Whether the newer database may be opened as it is; rejects if not. Permission: `heirloom:downgrade`. */
export function openAnyway(): Promise<Told> {
  return call('open_anyway')
}
