import { ApiError } from "../api/problem";
import { messages } from "../messages";
import { DOUBTFUL_BELOW } from "../session/words";
import { tokensOf } from "./align";
import {
  type EditedRow,
  type EditedWord,
  putBack,
  type Rows,
  respell,
  rowsOf,
  type Segment,
  textOf,
  withRow,
} from "./document";
import { type Gateway, PRECONDITION_FAILED } from "./gateway";
import { type Clash, merge } from "./merge";
import { type Operation, operationsFor } from "./operations";
import { adopt, refreshed, withChanges } from "./saved";

type SaveState = "saved" | "waiting" | "saving" | "failed";

const IDLE_MS = 1500;
const RETRY_MS = 5000;
const MAX_UNDO = 500;
/** The server takes more, but a request has to stay short. */
const MAX_SENT = 500;

/** What the editor shows. */
export interface Shown {
  rows: Rows;
  state: SaveState;
  error: Error | null;
  /** Passages that another editor changed, too. */
  clashes: readonly Clash[];
  /** How many passages of another editor were taken in last. */
  taken: number;
  canUndo: boolean;
  canRedo: boolean;
  /** How many versions this page has saved. */
  saves: number;
  /** Words with a lower confidence are doubtful. */
  doubtfulBelow: number;
}

/** The text that is being edited: it saves itself, merges with what others saved, and can be undone across saves. */
export class EditingStore {
  private readonly gateway: Gateway;
  private readonly listeners = new Set<() => void>();
  private shown: Shown = {
    rows: [],
    state: "saved",
    error: null,
    clashes: [],
    taken: 0,
    canUndo: false,
    canRedo: false,
    saves: 0,
    doubtfulBelow: DOUBTFUL_BELOW,
  };
  private base: Segment[] = [];
  private etag = "";
  private past: Rows[] = [];
  private future: Rows[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private saving: Promise<void> | null = null;
  private readonly present = new Map<number, EditedWord>();
  /** Rows that say what the server has: only the others are compared with it. */
  private saved: ReadonlySet<EditedRow> = new Set();

  constructor(gateway: Gateway) {
    this.gateway = gateway;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Shown => this.shown;

  /** Read the newest text; what was not saved is given up. */
  async load(): Promise<void> {
    const read = await this.gateway.read();
    this.base = read.segments;
    this.etag = read.etag;
    this.past = [];
    this.future = [];
    const { rows } = this.shown;
    const fresh = rows.length > 0 ? refreshed(read.segments, rows) : rowsOf(read);
    this.saved = new Set(fresh);
    const { doubtfulBelow } = read;
    this.show({ rows: fresh, state: "saved", error: null, taken: 0, doubtfulBelow });
  }

  /** Show other rows, which can be undone, and save them soon. */
  change(rows: Rows): void {
    if (rows === this.shown.rows) return;
    this.past = [...this.past.slice(-MAX_UNDO), this.shown.rows];
    this.future = [];
    this.show({ rows, state: this.saving ? "saving" : "waiting" });
    this.soon(IDLE_MS);
  }

  /** Put a typed text in the place of a row's; without words the row goes. */
  type(key: number, text: string): void {
    const row = this.shown.rows.find((each) => each.key === key);
    if (!row || textOf(row) === tokensOf(text).join(" ")) return;
    const made = respell(row, text);
    this.change(withRow(this.shown.rows, key, ...(made.words.length > 0 ? [made] : [])));
  }

  undo(): void {
    this.step(this.past, this.future);
  }

  redo(): void {
    this.step(this.future, this.past);
  }

  /** Decide a clash; `mine` takes my text instead of theirs. */
  decide(clash: Clash, mine: boolean): void {
    this.show({ clashes: this.shown.clashes.filter((each) => each !== clash) });
    if (!mine) return;
    if (clash.rowKey === null) this.change(putBack(this.shown.rows, clash.rows));
    else this.type(clash.rowKey, clash.mine);
  }

  forgetTaken(): void {
    this.show({ taken: 0 });
  }

  /** Save now, and again until everything is saved; resolves when it is, or when saving failed. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    while (this.saving) await this.saving;
    if (this.shown.state === "saved") return;
    this.saving = this.save().finally(() => {
      this.saving = null;
    });
    await this.saving;
    if (this.shown.state === "waiting") await this.flush();
  }

  /** Return whether the server has all that the editor wants: nothing waits, and no clash is undecided. */
  readonly isSettled = (): boolean => this.shown.state === "saved" && this.shown.clashes.length === 0;

  /** Save now; throw what is shown when something is not saved or not decided afterwards. */
  readonly saveAll = async (): Promise<void> => {
    await this.flush();
    const { state, error } = this.shown;
    if (state !== "saved") throw error ?? new Error(messages.editor.states.failed);
    if (!this.isSettled()) throw new Error(messages.editor.undecided);
  };

  /** Stop saving by itself. */
  close(): void {
    clearTimeout(this.timer);
  }

  private async save(): Promise<void> {
    const sent = this.shown.rows;
    const changed = sent.filter((row) => !this.saved.has(row));
    const operations = this.difference(sent, changed);
    if (operations.length === 0) {
      this.show({ state: "saved", error: null });
      return;
    }
    this.show({ state: "saving" });
    try {
      let made: Segment[] | null = null;
      for (let at = 0; at < operations.length; at += MAX_SENT) {
        const answer = await this.gateway.save(operations.slice(at, at + MAX_SENT), this.etag);
        this.base = withChanges(this.base, answer.changed);
        this.etag = answer.etag;
        made = operations.length <= MAX_SENT ? withChanges([], answer.changed) : null;
      }
      const quick = made && adopt(changed, made, this.shown.rows);
      const rows = quick ?? adopt(sent, this.base, this.shown.rows);
      this.show({ saves: this.shown.saves + 1, error: null });
      if (rows) this.adopted(sent, rows);
      else await this.load();
    } catch (error) {
      if (error instanceof ApiError && error.status === PRECONDITION_FAILED) await this.join();
      else this.failed(error);
    }
  }

  /** Return what makes the rows of the server's text; rows that it has already are left out of the comparison. */
  private difference(rows: Rows, changed: Rows): Operation[] {
    if (changed.some((row) => row.words.every((word) => word.id === null))) return operationsFor(this.base, rows);
    const kept = new Set(rows.flatMap((row) => (this.saved.has(row) ? [row.id] : [])));
    return operationsFor(
      this.base.filter((segment) => !kept.has(segment.id)),
      changed,
    );
  }

  private adopted(sent: Rows, rows: Rows): void {
    const before = this.shown.rows;
    const wasSent = new Set(sent);
    const size = new Map(this.base.map((segment) => [segment.id, segment.words.length]));
    const isWhole = (row: EditedRow) => row.id !== null && size.get(row.id) === row.words.length;
    this.saved = new Set(rows.filter((row, at) => isWhole(row) && wasSent.has(before[at] as EditedRow)));
    for (const [at, row] of rows.entries()) {
      if (row !== before[at]) for (const word of row.words) this.present.set(word.key, word);
    }
    const isDone = before === sent && this.saved.size === rows.length;
    this.show({ rows, state: isDone ? "saved" : "waiting" });
    if (!isDone) this.soon(IDLE_MS);
  }

  /** Take in what another editor saved; what this page has changed is put on top of it. */
  private async join(): Promise<void> {
    try {
      const read = await this.gateway.read();
      const merged = merge(this.base, this.shown.rows, read.segments);
      this.base = read.segments;
      this.etag = read.etag;
      this.saved = new Set();
      this.past = [];
      this.future = [];
      const clashes = [...this.shown.clashes, ...merged.clashes];
      this.show({ rows: merged.rows, clashes, taken: merged.taken, state: "waiting", error: null });
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.show({ state: "failed", error: error instanceof Error ? error : new Error(String(error)) });
    if (error instanceof ApiError && error.retryable) this.soon(RETRY_MS);
  }

  private soon(pauseMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), pauseMs);
  }

  private step(from: Rows[], to: Rows[]): void {
    const rows = from.pop();
    if (!rows) return;
    to.push(this.shown.rows);
    this.show({ rows: rows.map((row) => this.current(row)), state: this.saving ? "saving" : "waiting" });
    this.soon(IDLE_MS);
  }

  /** Return the row with the ids that its words were given since. */
  private current(row: EditedRow): EditedRow {
    const words = row.words.map((word) => {
      const known = this.present.get(word.key);
      return known && known.id !== word.id ? { ...word, id: known.id, start: known.start, end: known.end } : word;
    });
    return words.every((word, at) => word === row.words[at]) ? row : { ...row, words };
  }

  private show(change: Partial<Shown>): void {
    this.shown = { ...this.shown, ...change, canUndo: this.past.length > 0, canRedo: this.future.length > 0 };
    for (const listener of this.listeners) listener();
  }
}
