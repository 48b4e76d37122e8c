import { expect, it } from "vitest";
import { ApiError } from "../api/problem";
import { messages } from "../messages";
import type { Segment } from "./document";
import { respell, splitRow, textOf, withRow } from "./document";
import { EditingStore } from "./EditingStore";
import type { Gateway } from "./gateway";
import type { Operation } from "./operations";

function said(id: number, start: number, text: string, confidence = 0.9): Segment {
  const words = text.split(" ").map((word, at) => ({
    id: `w${id}${at}`,
    word,
    start: start + at,
    end: start + at + 1,
    confidence,
  }));
  return { id, start, end: start + words.length, text, confidence: 0.9, words } as Segment;
}

/** A server that understands `replace` of one word by one. */
function server() {
  const state = { segments: [said(0, 0, "one two"), said(1, 5, "three four")], version: 0, offline: false };
  const sent: Operation[][] = [];
  const gateway: Gateway = {
    read: async () => ({ segments: structuredClone(state.segments), doubtfulBelow: 0.6, etag: `${state.version}` }),
    save: async (operations, etag) => {
      const problem = { code: "", title: "", detail: "", retryable: false };
      if (state.offline) throw new ApiError({ ...problem, status: 0 });
      if (etag !== `${state.version}`) throw new ApiError({ ...problem, status: 412 });
      sent.push(operations);
      const changed: Segment[] = [];
      state.segments = state.segments.map((segment) => {
        const words = segment.words.map((word) => {
          const found = operations.find((each) => each.op === "replace" && each.wordIds[0] === word.id);
          return found?.op === "replace" ? { ...word, word: found.text, confidence: 1 } : word;
        });
        const made = { ...segment, words };
        if (words.some((word, at) => word !== segment.words[at])) changed.push(made);
        return made;
      });
      for (const each of operations) {
        const at = state.segments.findIndex(({ words }) =>
          words.some((word) => word.id === (each.op === "insert" ? each.after : each.op === "split" && each.wordId)),
        );
        const segment = state.segments[at];
        if (!segment) continue;
        const cut = each.op === "split" ? segment.words.findIndex((word) => word.id === each.wordId) : 0;
        const made =
          each.op === "insert"
            ? [{ ...segment, words: [...segment.words, ...said(90 + state.version, segment.end, each.text, 1).words] }]
            : [
                { ...segment, words: segment.words.slice(0, cut) },
                { ...segment, id: 50, start: segment.start + cut, words: segment.words.slice(cut) },
              ];
        state.segments.splice(at, 1, ...made);
        changed.push(...made);
      }
      state.version += 1;
      return { changed: { segments: changed, removedSegmentIds: [] }, etag: `${state.version}` };
    },
  };
  return { gateway, sent, state };
}

async function opened(gateway: Gateway): Promise<EditingStore> {
  const store = new EditingStore(gateway);
  await store.load();
  return store;
}

const texts = (store: EditingStore) => store.snapshot().rows.map(textOf);
const keyOf = (store: EditingStore, at: number) => store.snapshot().rows[at]?.key ?? -1;

it("saves what was typed, and is undone across saves", async () => {
  const { gateway, sent } = server();
  const store = await opened(gateway);
  store.type(keyOf(store, 0), "one too");
  expect(store.snapshot().state).toBe("waiting");
  await store.flush();
  expect([store.snapshot().state, store.snapshot().saves]).toEqual(["saved", 1]);
  store.undo();
  expect(texts(store)).toEqual(["one two", "three four"]);
  await store.flush();
  expect(sent).toEqual([
    [{ op: "replace", wordIds: ["w01"], text: "too" }],
    [{ op: "replace", wordIds: ["w01"], text: "two" }],
  ]);
  store.redo();
  expect([texts(store)[0], store.snapshot().canRedo]).toEqual(["one too", false]);
  store.close();
});

it("keeps what is typed while it saves, and saves it, too", async () => {
  const { gateway, sent } = server();
  const store = await opened(gateway);
  store.type(keyOf(store, 0), "one too");
  const saving = store.flush();
  store.type(keyOf(store, 1), "three for");
  await saving;
  expect([store.snapshot().state, sent.length, texts(store)]).toEqual(["saved", 2, ["one too", "three for"]]);
  store.close();
});

it("splits off a row of new words, which have no ids before they are saved", async () => {
  const { gateway, sent, state } = server();
  const store = await opened(gateway);
  const [first] = store.snapshot().rows;
  if (!first) return;
  const typed = withRow(store.snapshot().rows, first.key, respell(first, "one two indeed"));
  store.change(splitRow(typed, first.key, 2));
  await store.flush();
  expect([texts(store), store.snapshot().state]).toEqual([["one two", "indeed", "three four"], "saved"]);
  expect(sent).toEqual([[{ op: "insert", after: "w01", text: "indeed" }], [{ op: "split", wordId: "w900" }]]);
  expect(state.segments.map((segment) => segment.words.length)).toEqual([2, 1, 2]);
  store.close();
});

it("saves very many edits in several requests", async () => {
  const { gateway, sent, state } = server();
  state.segments = Array.from({ length: 1100 }, (_, at) => said(at, at * 5, "one two"));
  const store = await opened(gateway);
  store.change(store.snapshot().rows.map((row) => respell(row, "one too")));
  await store.flush();
  expect([store.snapshot().state, sent.map((each) => each.length)]).toEqual(["saved", [500, 500, 100]]);
  store.type(keyOf(store, 7), "one to");
  await store.flush();
  expect([sent.length, texts(store)[7], state.segments[7]?.words[1]?.word]).toEqual([4, "one to", "to"]);
  store.close();
});

it("merges with another editor and asks about what both changed", async () => {
  const { gateway } = server();
  const [mine, theirs] = [await opened(gateway), await opened(gateway)];
  theirs.type(keyOf(theirs, 0), "one to");
  await theirs.flush();
  mine.type(keyOf(mine, 0), "one too");
  mine.type(keyOf(mine, 1), "three for");
  await mine.flush();
  expect(texts(mine)).toEqual(["one to", "three for"]);
  const [clash] = mine.snapshot().clashes;
  await expect(mine.saveAll()).rejects.toThrow(messages.editor.undecided);
  expect([clash?.mine, clash?.theirs, mine.snapshot().taken]).toEqual(["one too", "one to", 1]);
  await mine.load();
  expect([mine.isSettled(), mine.snapshot().clashes]).toEqual([false, [clash]]);
  if (clash) mine.decide(clash, true);
  await mine.saveAll();
  expect(mine.isSettled()).toBe(true);
  expect([texts(mine), mine.snapshot().clashes, (await gateway.read()).segments[0]?.words[1]?.word]).toEqual([
    ["one too", "three for"],
    [],
    "too",
  ]);
  mine.close();
  theirs.close();
});

it("puts back a passage that the other editor removed", async () => {
  const { gateway, state } = server();
  const mine = await opened(gateway);
  state.segments = state.segments.slice(0, 1);
  state.version += 1;
  mine.type(keyOf(mine, 1), "three for");
  await mine.flush();
  const [clash] = mine.snapshot().clashes;
  expect([texts(mine), clash?.rowKey, clash?.mine, clash?.theirs]).toEqual([["one two"], null, "three for", ""]);
  if (clash) mine.decide(clash, true);
  expect(texts(mine)).toEqual(["one two", "three for"]);
  await mine.saveAll();
  expect(state.segments.map((each) => each.words.map(({ word }) => word).join(" "))).toEqual(["one two", "three for"]);
  expect([texts(mine), mine.isSettled()]).toEqual([["one two", "three for"], true]);
  mine.close();
});

it("says that saving failed, and keeps the text", async () => {
  const { gateway, state } = server();
  const store = await opened(gateway);
  state.offline = true;
  store.type(keyOf(store, 0), "one too");
  await store.flush();
  expect([store.snapshot().state, texts(store)[0]]).toEqual(["failed", "one too"]);
  await expect(store.saveAll()).rejects.toMatchObject({ status: 0 });
  state.offline = false;
  await store.saveAll();
  expect([store.snapshot().state, store.snapshot().error]).toEqual(["saved", null]);
  store.close();
});

it("removes a row without words, and ignores blanks", async () => {
  const store = await opened(server().gateway);
  const { rows } = store.snapshot();
  store.type(keyOf(store, 0), " one  two ");
  expect(store.snapshot().rows).toBe(rows);
  store.type(keyOf(store, 0), " ");
  expect(texts(store)).toEqual(["three four"]);
  store.undo();
  const [first] = store.snapshot().rows;
  if (first) store.change(withRow(splitRow(store.snapshot().rows, first.key, 1), first.key, respell(first, "one")));
  expect(texts(store)).toEqual(["one", "two", "three four"]);
  store.close();
});
