import { useMutation } from "@tanstack/react-query";
import { fetchPath } from "../api/client";
import { apiUrl } from "../api/config";
import { readToken } from "../api/token";
import type { Schemas, SessionDetail, Transcript } from "../api/types";
import { clock as asClock, bytes, dateTime, percent } from "../format";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";
import { ErrorNotice } from "../ui/states";
import { type Download, downloadsOf, type Group } from "./downloads";

const text = messages.session;

interface DetailsTabProps {
  session: SessionDetail;
  transcript: Transcript | null;
  sidecar: Schemas["SidecarPayload"] | null;
}

/** Show what the recording is, what a reader should know of its results, and every file to download. */
export function DetailsTab({ session, transcript, sidecar }: DetailsTabProps) {
  const warnings = [...(session.media?.warnings ?? []), ...(transcript?.warnings ?? [])];
  const groups = groupsOf(session, sidecar);
  return (
    <div className="stack">
      {warnings.map((warning) => (
        <p key={warning} className="notice notice--warn">
          {warning}
        </p>
      ))}
      <section>
        <h3>{text.downloads}</h3>
        {groups.map(([group, files]) => (
          <section key={group} className="files">
            <h4>{text.fileGroups[group]}</h4>
            <ul>
              {files.map((file) => (
                <File key={file.name} file={file} />
              ))}
            </ul>
          </section>
        ))}
      </section>
      <section>
        <h3>{text.about}</h3>
        <dl className="facts">
          {factsOf(session, transcript).map(([name, value]) => [
            <dt key={`${name}-name`}>{name}</dt>,
            <dd key={name} className="num">
              {value}
            </dd>,
          ])}
        </dl>
      </section>
    </div>
  );
}

/** Return the files of the recording and of its newest job; groups without one are left out. */
function groupsOf(session: SessionDetail, sidecar: DetailsTabProps["sidecar"]): [Group, Download[]][] {
  const of = (path: string) => `/sessions/${session.sessionId}/${path}`;
  const known = downloadsOf(session.sessionId, sidecar?.jobId ?? "", sidecar?.artefacts ?? []);
  const recording = { name: "", label: text.recording, path: of("media"), sizeBytes: session.media?.sizeBytes };
  const more: Download[] = [
    { name: "sidecar.json", label: text.sidecar, path: of("sidecar"), sizeBytes: undefined },
    { name: "package.zip", label: text.package, path: of("package"), sizeBytes: undefined },
    { name: "manifest.json", label: text.manifest, path: of("manifest"), sizeBytes: undefined },
  ];
  return known
    .map(([group, files]): [Group, Download[]] => {
      if (group === "media") return [group, [recording, ...files]];
      return [group, group === "data" && sidecar ? [...files, ...more] : files];
    })
    .filter(([, files]) => files.length > 0);
}

function factsOf(session: SessionDetail, transcript: Transcript | null): [string, string][] {
  const { media } = session;
  const facts: [string, string][] = [[text.added, dateTime(session.createdAt)]];
  if (session.sourceUrl) facts.push([text.from, session.sourceUrl]);
  if (media) {
    facts.push([text.length, asClock(media.durationSec)], [text.size, bytes(media.sizeBytes)]);
    for (const stream of media.streams) {
      facts.push(
        "width" in stream
          ? [text.picture, `${stream.width}×${stream.height}, ${stream.fps.toFixed(0)}/s, ${stream.codec}`]
          : [text.sound, text.channels(stream.channels, stream.sampleRate, stream.codec)],
      );
    }
  }
  if (transcript) {
    facts.push(
      [text.engine, `${transcript.engine.name} ${transcript.engine.model}`],
      [text.language, transcript.language],
    );
    if (transcript.quality) facts.push([text.confidence, percent(transcript.quality.meanConfidence)]);
  }
  for (const [key, value] of Object.entries(session.metadata)) {
    if (key !== "sessionName" && ["string", "number", "boolean"].includes(typeof value))
      facts.push([key, String(value)]);
  }
  return facts;
}

/** Link a file. With a token it is read by fetch first, since a link cannot send one. */
function File({ file }: { file: Download }) {
  const { name, label, path, sizeBytes } = file;
  const save = useMutation({
    mutationFn: async () => {
      const blob = await (await fetchPath(path)).blob();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    },
  });
  const shown = (
    <>
      <Icon name="download" />
      <span>
        {label ?? name} {label !== null && <span className="muted">{name}</span>}
      </span>
      <span className="muted num">{sizeBytes === undefined ? "" : bytes(sizeBytes)}</span>
    </>
  );
  return (
    <li>
      {readToken() === null ? (
        <a className="file" href={apiUrl(path)} download={name}>
          {shown}
        </a>
      ) : (
        <button type="button" className="file" onClick={() => save.mutate()}>
          {shown}
        </button>
      )}
      {save.error && <ErrorNotice error={save.error} />}
    </li>
  );
}
