import * as Tabs from "@radix-ui/react-tabs";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { ApiError } from "../api/problem";
import type { SessionDetail } from "../api/types";
import { clock as asClock, dateTime, duration } from "../format";
import { JobRow } from "../jobs/JobRow";
import { isFinal } from "../jobs/status";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";
import { Empty, ErrorNotice, Skeleton } from "../ui/states";
import { useTitle } from "../ui/useTitle";
import { linkTo, remember, resumeTime, timeInHash } from "./address";
import { ChaptersTab, momentsOf } from "./ChaptersTab";
import { DetailsTab } from "./DetailsTab";
import { JsonLd, videoObject } from "./JsonLd";
import { KeysButton } from "./KeysButton";
import { MediaClock } from "./MediaClock";
import { Player } from "./Player";
import {
  captionsQuery,
  chaptersQuery,
  mediaQuery,
  peaksQuery,
  plotQuery,
  qualityQuery,
  sessionQuery,
  sidecarQuery,
  slidesQuery,
  tilesQuery,
  trackingQuery,
  transcriptQuery,
} from "./queries";
import { SlideBeside, SlidesTab } from "./SlidesTab";
import { useSkips, worthSkipping } from "./silences";
import { Timeline } from "./Timeline";
import { TrackTab } from "./TrackTab";
import { TranscriptPanel } from "./TranscriptPanel";
import { useKeys, useLetterKeys } from "./useKeys";
import { VerdictStrip } from "./VerdictStrip";
import { findPhrase, readScript } from "./words";
import "../styles/session.css";

const text = messages.session;

const Editor = lazy(() => import("../editor/Editor").then((module) => ({ default: module.Editor })));

/** Show one recording with everything that is known of it, on one clock. */
export function SessionPage() {
  const { sessionId } = useParams({ from: "/sessions/$sessionId" });
  const session = useQuery(sessionQuery(sessionId));
  useTitle(session.data?.sessionName ?? "");
  if (session.data) return <Loaded key={sessionId} session={session.data} />;
  return (
    <div className="page page--wide">
      {session.isPending && <Skeleton height="60vh" />}
      {session.error instanceof ApiError && session.error.isMissing ? (
        <Empty icon="film" title={text.missingTitle}>
          <p>{text.missing}</p>
          <Link to="/jobs" className="button">
            {messages.app.toJobs}
          </Link>
        </Empty>
      ) : (
        session.error && <ErrorNotice error={session.error} onRetry={() => void session.refetch()} />
      )}
    </div>
  );
}

function Loaded({ session }: { session: SessionDetail }) {
  const { sessionId } = session;
  const ready = session.jobs.find((job) => job.status === "DONE");
  const version = `${ready?.jobId ?? ""}-${session.hasTranscript}-${session.hasInstructorTrackingResult}`;
  const running = session.jobs.find((job) => !isFinal(job.status));
  const transcript = useQuery(transcriptQuery(sessionId, version, running !== undefined)).data ?? null;
  const chapterData = useQuery(chaptersQuery(sessionId, version)).data;
  const tracking = useQuery(trackingQuery(sessionId, version)).data ?? null;
  const plot = useQuery(plotQuery(sessionId, version)).data ?? null;
  const sidecar = useQuery(sidecarQuery(sessionId, version)).data ?? null;
  const has = (name: string) => sidecar?.artefacts?.some((each) => each.name === name) ?? false;
  const slides = useQuery(slidesQuery(sessionId, version, has("slides.json"))).data ?? null;
  const quality = useQuery(qualityQuery(sessionId, version, has("quality.json"))).data ?? null;
  const peaks = useQuery(peaksQuery(sessionId, version, has("peaks.json"))).data ?? null;
  const tiles = useQuery(tilesQuery(sessionId, version, has("sprites/sprite.vtt"))).data ?? null;
  const captions = useQuery(captionsQuery(sessionId, version)).data ?? null;
  const playable = sidecar?.renditions?.find((each) => each.name === "rendition.mp4") ? "playable" : null;
  const media = useQuery(mediaQuery(sessionId, playable));

  const [clock] = useState(() => new MediaClock());
  const [showsTrack, setShowsTrack] = useState(true);
  const [follows, setFollows] = useState(false);
  const [skips, setSkips] = useState(false);
  const [showsSlide, setShowsSlide] = useState(false);
  const [broken, setBroken] = useState(false);
  const [query, setQuery] = useState("");
  const [hit, setHit] = useState(-1);

  const chapters = useMemo(() => chapterData?.chapters ?? [], [chapterData]);
  const script = useMemo(() => (transcript ? readScript(transcript, chapters) : null), [transcript, chapters]);
  const hits = useMemo(() => (script ? findPhrase(script.words, query) : []), [script, query]);
  const durationSec = session.media?.durationSec ?? transcript?.durationSec ?? 0;
  const picture = session.media?.streams.find((stream) => "width" in stream);
  const size = picture && "width" in picture ? picture : { width: 16, height: 9, rotation: 0 };
  const aspect = size.rotation % 180 === 0 ? size.width / size.height : size.height / size.width;
  const of = (path: string) => `/sessions/${sessionId}/${path}${sidecar ? `?jobId=${sidecar.jobId}` : ""}`;
  const thumbnailPath = (name: string) => of(`thumbnails/${name}`);
  const slidePath = (name: string) => of(`slides/${name}`);
  const first = sidecar?.thumbnails?.[0]?.name;
  const failed = !running && session.jobs[0]?.status !== "DONE" ? session.jobs[0] : undefined;

  const isAuto = (session.transcriptReview?.state ?? "auto") === "auto";
  const { edit } = useSearch({ from: "/sessions/$sessionId" });
  const navigate = useNavigate({ from: "/sessions/$sessionId" });
  const setEditing = (on: boolean) => void navigate({ search: on ? { edit: true } : {}, hash: true, replace: true });
  const isEditing = edit === true && session.hasTranscript;

  const silences = useMemo(() => worthSkipping(quality?.silences ?? []), [quality]);
  const silentSec = silences.reduce((sum, [start = 0, end = 0]) => sum + end - start, 0);

  const [hasLetters, setLetters] = useLetterKeys();
  useKeys(clock, hasLetters);
  useSkips(clock, silences, skips);
  const resumed = usePlace(clock, sessionId, durationSec);

  return (
    <div className="page page--wide session">
      <JsonLd value={videoObject(session, chapters, first ? thumbnailPath(first) : null)} />
      <div className="session__head">
        <div>
          <h1>{session.sessionName || messages.jobs.untitled}</h1>
          <p className="muted num">
            {[dateTime(session.createdAt), durationSec > 0 && asClock(durationSec)].filter(Boolean).join(" · ")}
          </p>
        </div>
        <div className="session__tools" role="group" aria-label={text.view}>
          {tracking && tracking.trackPoints.length > 0 && (
            <>
              <button
                type="button"
                className="button button--small"
                aria-pressed={showsTrack}
                onClick={() => setShowsTrack(!showsTrack)}
              >
                <Icon name="box" />
                {text.showTrack}
              </button>
              <button
                type="button"
                className="button button--small"
                aria-pressed={follows}
                onClick={() => setFollows(!follows)}
              >
                <Icon name="crop" />
                {text.follow}
              </button>
            </>
          )}
          {silences.length > 0 && (
            <button
              type="button"
              className="button button--small"
              aria-pressed={skips}
              title={text.skipHelp(silences.length, duration(silentSec))}
              onClick={() => setSkips(!skips)}
            >
              <Icon name="skip" />
              {text.skipSilences}
            </button>
          )}
          {slides && slides.slides.length > 0 && (
            <button
              type="button"
              className="button button--small"
              aria-pressed={showsSlide}
              onClick={() => setShowsSlide(!showsSlide)}
            >
              <Icon name="film" />
              {text.besides}
            </button>
          )}
          <CopyLink clock={clock} />
          <KeysButton areOn={hasLetters} onChange={setLetters} />
        </div>
      </div>

      {(running ?? failed) && (
        <ul className="jobs session__job">
          {running && <JobRow listed={running} />}
          {failed && <JobRow listed={failed} />}
        </ul>
      )}

      <div className={`session__grid ${isEditing ? "session__grid--editing" : ""}`}>
        <div className="session__left">
          <VerdictStrip quality={running ? null : quality} warnings={running?.warnings ?? []} clock={clock} />
          <div className={`session__stage ${showsSlide ? "session__stage--two" : ""}`}>
            {slides && showsSlide && (
              <SlideBeside
                slides={slides}
                clock={clock}
                picturePath={slidePath}
                onFullscreen={(figure) => void figure.requestFullscreen().catch(() => undefined)}
              />
            )}
            {session.media && media.data ? (
              <Player
                key={media.data}
                source={media.data}
                poster={null}
                captions={captions}
                captionsLabel={text.captionsLabel(isAuto)}
                language={transcript?.language ?? "en"}
                clock={clock}
                tracking={tracking}
                aspect={aspect}
                durationSec={durationSec}
                showsTrack={showsTrack}
                follows={follows}
                onBroken={() => setBroken(true)}
              />
            ) : (
              <div className="player player--empty" style={{ aspectRatio: String(aspect) }}>
                {media.error ? <ErrorNotice error={media.error} /> : <Icon name="film" />}
              </div>
            )}
            {broken && (
              <p className="notice notice--warn" role="status">
                {text.broken}
              </p>
            )}
            {durationSec > 0 && (
              <Timeline
                clock={clock}
                durationSec={durationSec}
                chapters={chapters}
                peaks={peaks}
                tiles={tiles ?? []}
                tilePath={(sheet) => of(`sprites/${sheet}`)}
                presence={tracking?.presence ?? []}
                silences={skips ? silences : []}
                thumbnails={sidecar?.thumbnails ?? []}
                thumbnailPath={thumbnailPath}
                marks={hits.map((each) => each.start)}
                current={hits[hit]?.start ?? null}
              />
            )}
            {resumed !== null && <Resumed time={resumed} clock={clock} />}
          </div>
          <Tabs.Root defaultValue="chapters" className="session__tabs">
            <Tabs.List className="segmented" aria-label={text.parts}>
              <Tabs.Trigger value="chapters">{text.chapters}</Tabs.Trigger>
              {slides && slides.slides.length > 0 && <Tabs.Trigger value="slides">{text.slides}</Tabs.Trigger>}
              <Tabs.Trigger value="track">{text.track}</Tabs.Trigger>
              <Tabs.Trigger value="details">{text.details}</Tabs.Trigger>
            </Tabs.List>
            <Tabs.Content value="chapters">
              <ChaptersTab
                moments={momentsOf(chapters, sidecar?.scenes ?? [])}
                clock={clock}
                picturePath={thumbnailPath}
              />
            </Tabs.Content>
            {slides && slides.slides.length > 0 && (
              <Tabs.Content value="slides">
                <SlidesTab slides={slides} clock={clock} picturePath={slidePath} />
              </Tabs.Content>
            )}
            <Tabs.Content value="track">
              <TrackTab tracking={tracking} plot={plot} clock={clock} roomPath={first ? thumbnailPath(first) : null} />
            </Tabs.Content>
            <Tabs.Content value="details">
              <DetailsTab session={session} transcript={transcript} sidecar={sidecar} />
            </Tabs.Content>
          </Tabs.Root>
        </div>
        <div className="session__right">
          {isEditing ? (
            <Suspense fallback={<Skeleton height="60vh" />}>
              <Editor
                session={session}
                clock={clock}
                language={transcript?.language ?? "en"}
                onDone={() => setEditing(false)}
              />
            </Suspense>
          ) : script && script.words.length > 0 ? (
            <TranscriptPanel
              script={script}
              clock={clock}
              language={transcript?.language ?? "en"}
              query={query}
              onQuery={(value) => {
                setQuery(value);
                setHit(-1);
              }}
              hits={hits}
              hit={hit}
              onHit={setHit}
              onEdit={session.hasTranscript ? () => setEditing(true) : null}
            />
          ) : (
            <NoTranscript isRunning={running !== undefined} isEmpty={script !== null} />
          )}
        </div>
      </div>
    </div>
  );
}

function NoTranscript({ isRunning, isEmpty }: { isRunning: boolean; isEmpty: boolean }) {
  const [title, body] = isRunning
    ? [text.pendingTitle, text.pending]
    : isEmpty
      ? [text.silentTitle, text.silent]
      : [text.noTranscriptTitle, text.noTranscript];
  return (
    <section className="transcript transcript--empty" aria-label={text.transcript}>
      <Empty icon="info" title={title}>
        <p>{body}</p>
      </Empty>
    </section>
  );
}

/** Open at the time in the address, else where the reader left; remember where the reader is. */
function usePlace(clock: MediaClock, sessionId: string, durationSec: number): number | null {
  const [resumed] = useState(() =>
    timeInHash(window.location.hash) === null ? resumeTime(sessionId, durationSec || null) : null,
  );
  useEffect(() => {
    const linked = timeInHash(window.location.hash);
    if (linked !== null) clock.seek(linked);
    else if (resumed !== null) clock.seek(resumed);
    const onHash = () => {
      const time = timeInHash(window.location.hash);
      if (time !== null) clock.seek(time);
    };
    const onLeave = () => remember(sessionId, clock.time);
    window.addEventListener("hashchange", onHash);
    window.addEventListener("pagehide", onLeave);
    return () => {
      onLeave();
      window.removeEventListener("hashchange", onHash);
      window.removeEventListener("pagehide", onLeave);
    };
  }, [clock, sessionId, resumed]);
  return resumed;
}

function Resumed({ time, clock }: { time: number; clock: MediaClock }) {
  const [shown, setShown] = useState(true);
  if (!shown) return null;
  return (
    <p className="resumed" role="status">
      {text.resumed(asClock(time))}{" "}
      <button
        type="button"
        className="button button--small button--quiet"
        onClick={() => {
          clock.seek(0);
          setShown(false);
        }}
      >
        {text.startOver}
      </button>
    </p>
  );
}

function CopyLink({ clock }: { clock: MediaClock }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      className="button button--small"
      onClick={() => {
        const address = linkTo(clock.time);
        window.history.replaceState(window.history.state, "", address);
        void navigator.clipboard?.writeText(address).catch(() => undefined);
        setCopied(true);
        setTimeout(() => setCopied(false), 2000);
      }}
    >
      <Icon name={copied ? "check" : "link"} />
      <span aria-live="polite">{copied ? text.copied : text.copyLink}</span>
    </button>
  );
}
