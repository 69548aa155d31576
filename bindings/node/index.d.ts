import type {
  BackfillPlan, BackupInfo, BackupRef, DowngradeOptions, Diagnosis, ErrorKind, Event, Failure, Inspected, Log, Plan,
  Recovery, Report, RestorePlan, RowDifference, StateComparison, Stats, Status,
} from './types.js'

export * from './types.js'

/** What a tool that is adopted from is called. */
export type Tool =
  | 'diesel' | 'sqlx' | 'goose' | 'dbmate' | 'refinery' | 'rusqlite_migration' | 'prisma' | 'drizzle' | 'typeorm'
  | (string & {})

/** A folder, or files as values: `[{ name: 'V1__notes.sql', sql: '…' }]`, `{ 'V1__notes.sql': '…' }`. */
export type Migrations = string | URL | Array<{ name: string; sql: string }> | Record<string, string>

/** Where a call tells what happens, and what ends it. */
export interface Watching {
  /** Told what happens, for a splash screen, in order and before the promise is settled. */
  onEvent?: (event: Event) => void
  /**
   * Ends the call: everything is rolled back, and it rejects with an `AbortError`. After the commit it changes
   * nothing any more, and the promise is fulfilled.
   */
  signal?: AbortSignal
}

export interface Options extends Watching {
  /**
   * The migrations. A folder is read by Node at each call, also inside Electron's asar.
   */
  migrations?: Migrations
  /** How the files are called, if not as heirloom's (`V1__name.sql`, `V1__name.down.sql`). */
  layout?: 'heirloom' | 'diesel' | 'sqlx' | 'goose' | 'dbmate'
  /** The file in that folder that holds the schema as it should be, if it is not `schema.sql`. It is not a migration. */
  schemaFile?: string
  /** Migrations with a history of their own, as a library has that keeps tables in the app's database. */
  components?: Array<{ name: string; migrations: Migrations; layout?: Options['layout']; historyTable?: string }>
  /** How many automatic backups to keep (default 5). */
  keepLast?: number
  /** Where automatic backups go (default: `backups` beside the database). */
  backups?: string
  /** The history table (default `refinery_schema_history`). */
  historyTable?: string
  /** Speaks of one component alone, by its name: of its migrations and its history. */
  only?: string
  /** How long to wait for another process, in milliseconds (default 30,000). */
  lockTimeout?: number
  /** The app's version, kept with every migration that it applies. */
  appVersion?: string
  /** Allows whatever the pending migrations destroy. Better: `-- heirloom: allow-destructive` in the file. */
  allowDestructive?: boolean
  /** Imports, at the first start, the history of another tool: by its name, or `true` for the one that is there. */
  adoptFrom?: Tool | boolean
  /** Tables that are left out when the schema is compared with the migrations. */
  leaveOut?: string[]
  /** Keeps what an interrupted run left, where its backup is gone. */
  keepInterrupted?: boolean
  /** Looks at a database as it is, and migrates nothing. */
  withoutMigrating?: boolean
}

/** What failed, where, in what state the data is, and what to do. */
export interface HeirloomError extends Omit<Failure, 'kind'> {}
export class HeirloomError extends Error {
  /** The kind: a word of the library, or that another SQLite library of this process has the file open. */
  kind: ErrorKind | 'open-in-process'
}

/** A backup, or the database as it is. */
export type State = 'live' | BackupRef

export interface Backfill {
  /** What the database knows it by. Under one name it is done once. */
  name: string
  table: string
  /** Statements that fill the rows from rowid `:first` to `:last`. */
  sql: string
  /** Rows at a time (default 10,000). */
  batch?: number
  /** Once more from the first row. */
  again?: boolean
}

/**
 * A value for a statement. A whole number is bound as an INTEGER, any other as a REAL; a whole number from 2^53 on
 * must be a BigInt. A Buffer or a `Uint8Array` is a BLOB. `undefined`, booleans and dates are refused.
 */
export type Given = null | number | bigint | string | Uint8Array

/** The values of `?` in order, or those of `:name`, `@name` and `$name` by name. Each must be given, and no other. */
export type Params = Given[] | Record<string, Given>

/** A value that was read: an INTEGER that no number holds exactly is a BigInt, a BLOB is a Buffer. */
export type Value = null | number | bigint | string | Uint8Array

export type Row = Record<string, Value>

export interface Edit {
  /** One statement: INSERT, UPDATE, DELETE, or one that reads. */
  sql: string
  params?: Params
  /** How many rows it must change, or `'any'`. Where it is another number, nothing of the whole list is changed. */
  changes: number | 'any'
}

export interface Edited {
  /** How many rows it changed, those of triggers and foreign keys left out. */
  changes: number
  /** What RETURNING or a statement that reads gave. */
  rows: Row[]
}

/**
 * The start-up call: migrates the database, and closes it again. A database that does not exist is made.
 *
 * Call it **before** another SQLite library of this process opens the file.
 */
export function migrate(options: Options & { database: string | URL }): Promise<Report>

/**
 * One database file, and everything that can be asked of it or done to it. Each call opens the file and closes it
 * again; none may be made while another SQLite library of this process has it open.
 */
export class Database {
  constructor(database: string | URL, options?: Options)
  readonly path: string

  /** Migrates, up to a version where one is given. */
  migrate(options?: { to?: number } & Watching): Promise<Report>
  /** How the database stands to the migrations. Writes nothing. */
  status(): Promise<Status>
  /** What `migrate` would do. Writes nothing. */
  plan(options?: { to?: number }): Promise<Plan>
  /** Does to a scratch copy what `migrate` would do. */
  rehearse(options?: { to?: number } & Watching): Promise<Report>
  /** Reverts migrations, the newest first: so many steps, or until a version is the newest applied one. */
  revert(options: ({ steps: number } | { version: number }) & Watching): Promise<Report>
  /** What `revert` would do. Writes nothing. */
  planRevert(options: { steps: number } | { version: number }): Promise<Plan>

  /** Every automatic backup and snapshot, the newest first. Writes nothing. */
  backups(options?: { verify?: 'length' | 'digest' | 'everything' }): Promise<BackupInfo[]>
  /** Takes a backup with a name, and with it folders beside the database. */
  snapshot(name: string, options?: { folders?: string[] } & Watching): Promise<BackupInfo>
  /** What `restore` would do. Writes nothing. */
  planRestore(backup: BackupRef): Promise<RestorePlan>
  /** Restores a backup or a snapshot, after a backup of the present state; `keepNewer` takes over newer rows. */
  restore(backup: BackupRef, options?: { keepNewer?: boolean } & Watching): Promise<Report>

  /** What the app can offer when an error is of kind `database-newer`. Writes nothing. */
  downgradeOptions(): Promise<DowngradeOptions>
  /** Reverts every migration that this app does not know. */
  revertToKnown(options?: Watching): Promise<Report>
  /** Whether the newer database may be opened all the same: the newer migrations allow it, else this rejects. */
  openAnyway(): Promise<Report>
  /** Builds every index anew, after a backup. */
  reindex(options?: Watching): Promise<Report>
  /** Writes what can still be read of a damaged database into a new file. */
  recover(into: string, options?: Watching): Promise<Recovery>

  /** The schema, or one table or view of it, described. Writes nothing. */
  inspect(table?: string): Promise<Inspected>
  /** Rows and bytes, table by table. Writes nothing. */
  stats(): Promise<Stats>
  /** Everything that can be wrong with the database and around it. Writes nothing. */
  doctor(): Promise<Diagnosis>
  /** Every run, revert, restore and snapshot, the newest first. Writes nothing. */
  log(): Promise<Log>
  /** What is different between two states, by rows. Writes nothing. */
  compare(from: State, to?: State): Promise<StateComparison>
  /** Each row of a table that differs, all in memory. Writes nothing. */
  compareRows(from: State, to: State, table: string): Promise<RowDifference[]>
  /** The statements that make the first state into the second, all in memory. Writes nothing. */
  compareSql(from: State, to?: State): Promise<string[]>

  /** Imports the history of another tool. */
  adopt(tool?: Tool, options?: Watching): Promise<Report>
  planAdopt(tool?: Tool): Promise<Plan>
  /** Records a database without a history as being at a version. */
  baseline(version: number, options?: Watching): Promise<Report>
  planBaseline(version: number): Promise<Plan>

  /** Fills the rows of a large table in batches. */
  backfill(backfill: Backfill & Watching): Promise<Report>
  planBackfill(backfill: Backfill): Promise<BackfillPlan>

  /**
   * Reads the database, or a backup or a snapshot of it, with one statement that only reads: all rows, in memory.
   * Other statements are refused, and so are functions that reach files. Writes nothing.
   *
   * Rejects where two columns have one name, where text is not UTF-8, and where a value is longer than 16 MiB.
   */
  read<R = Row>(sql: string, params?: Params, options?: { state?: State; signal?: AbortSignal }): Promise<R[]>
  /**
   * Changes rows by hand, as support does: all statements in one transaction, under the lock of a run, with foreign
   * keys on. Where one fails or changes another number of rows than it says, all is rolled back. Statements that
   * change the schema, other files or the transaction are refused. No backup is taken: take a snapshot before.
   */
  edit(statements: Edit[], options?: Watching): Promise<Edited[]>
}
