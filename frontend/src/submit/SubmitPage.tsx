import { useNavigate } from "@tanstack/react-router";
import { type DragEvent, type FormEvent, useCallback, useEffect, useId, useRef, useState } from "react";
import { bytes, dateTime, duration, percent } from "../format";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";
import { PageHead } from "../ui/PageHead";
import { ErrorNotice } from "../ui/states";
import { OptionsForm } from "./OptionsForm";
import { NO_WISHES, nameOf } from "./options";
import { ProbeCard } from "./ProbeCard";
import { forgetUpload, type PendingUpload, pendingUploads } from "./store";
import { doneBytes, isSameFile } from "./upload";
import { type Step, useSubmission } from "./useSubmission";
import "../styles/submit.css";

const text = messages.submit;
const ACCEPT = "video/*,audio/*,.mkv,.mts,.m2ts,.ts,.wmv,.flv,.avi,.mov,.opus";

/** Bring a recording: by file or address, with a look at it before anything is queued. */
export function SubmitPage() {
  const navigate = useNavigate();
  const [wishes, setWishes] = useState(NO_WISHES);
  const onStarted = useCallback(() => void navigate({ to: "/jobs" }), [navigate]);
  const submission = useSubmission(wishes, onStarted);
  const { step, error } = submission;

  const suggest = (name: string) => setWishes((before) => (before.name ? before : { ...before, name: nameOf(name) }));
  const begin = (file: File, handle?: FileSystemFileHandle) => {
    suggest(file.name);
    void submission.begin(file, handle);
  };

  return (
    <div className="page submit">
      <PageHead title={text.title} lead={text.lead} />
      {error !== null && <ErrorNotice error={error} />}
      {step.name === "idle" && (
        <>
          <Pending
            onContinue={(file, upload) => {
              suggest(file.name);
              void submission.send(file, upload);
            }}
          />
          <DropZone onFile={begin} />
          <AddressForm
            onAddress={(sourceUrl) => {
              suggest(decodeURIComponent(new URL(sourceUrl).pathname.split("/").at(-1) ?? ""));
              void submission.probe({ sourceUrl });
            }}
          />
        </>
      )}
      {step.name === "uploading" && (
        <UploadCard
          step={step}
          onPause={submission.pause}
          onResume={submission.resume}
          onDiscard={() => void submission.discard()}
        />
      )}
      {step.name === "probing" && (
        <p className="card submit__busy" role="status">
          <span className="spinner" aria-hidden="true" />
          {text.checking}
        </p>
      )}
      {(step.name === "ready" || step.name === "starting") && <ProbeCard probe={step.probe} />}
      {step.name !== "idle" && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submission.start();
          }}
        >
          <OptionsForm wishes={wishes} onChange={setWishes} />
          <div className="submit__buttons">
            <button
              type="submit"
              className="button button--primary"
              disabled={step.name !== "ready" || step.probe.plan.problem !== null}
            >
              {step.name === "starting" ? text.starting : text.start}
            </button>
            {step.name === "ready" && (
              <button type="button" className="button" onClick={() => void submission.discard()}>
                {text.back}
              </button>
            )}
          </div>
        </form>
      )}
    </div>
  );
}

/** Take a file by dropping or choosing it; a handle is kept where the browser gives one, for going on after a reload. */
function DropZone({ onFile }: { onFile: (file: File, handle?: FileSystemFileHandle) => void }) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  async function onDrop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const item = event.dataTransfer.items[0];
    const file = event.dataTransfer.files[0];
    if (!file) return;
    const handle = await handleOf(item);
    onFile(file, handle);
  }

  return (
    <div
      className={`drop ${over ? "drop--over" : ""}`}
      role="group"
      aria-labelledby={id}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void onDrop(event)}
    >
      <Icon name="upload" />
      <p id={id} className="drop__title">
        {text.drop}
      </p>
      <p className="muted">{text.formats}</p>
      <button type="button" className="button button--primary" onClick={() => input.current?.click()}>
        {text.choose}
      </button>
      <input
        ref={input}
        type="file"
        accept={ACCEPT}
        hidden
        aria-label={text.choose}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onFile(file);
        }}
      />
    </div>
  );
}

interface HandleSource {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}

async function handleOf(item: DataTransferItem | undefined): Promise<FileSystemFileHandle | undefined> {
  const source = item as (DataTransferItem & HandleSource) | undefined;
  const handle = await source?.getAsFileSystemHandle?.().catch(() => null);
  return handle?.kind === "file" ? (handle as FileSystemFileHandle) : undefined;
}

function AddressForm({ onAddress }: { onAddress: (address: string) => void }) {
  const [address, setAddress] = useState("");
  function submit(event: FormEvent) {
    event.preventDefault();
    if (URL.canParse(address.trim())) onAddress(address.trim());
  }
  return (
    <form className="address" onSubmit={submit}>
      <label className="field">
        <span className="field__label">{text.addressLabel}</span>
        <input
          className="input"
          type="url"
          required
          placeholder={text.addressPlaceholder}
          value={address}
          onChange={(event) => setAddress(event.target.value)}
        />
      </label>
      <button type="submit" className="button">
        {text.check}
      </button>
    </form>
  );
}

interface UploadCardProps {
  step: Extract<Step, { name: "uploading" }>;
  onPause: () => void;
  onResume: () => void;
  onDiscard: () => void;
}

function UploadCard({ step, onPause, onResume, onDiscard }: UploadCardProps) {
  const { upload, progress, paused } = step;
  const sent = paused ? doneBytes(upload) : (progress?.sentBytes ?? doneBytes(upload));
  const share = Math.min(1, sent / Math.max(1, upload.sizeBytes));
  const speed = paused ? null : (progress?.bytesPerSec ?? null);
  const title = paused ? text.paused(upload.name) : text.uploading(upload.name);
  return (
    <section className="card upload" aria-label={title}>
      <div className="upload__head">
        <h2>{title}</h2>
        <span className="num">{percent(share)}</span>
      </div>
      <div
        className="meter"
        role="progressbar"
        aria-label={title}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <p className="muted num">
        {[
          text.progress(bytes(sent), bytes(upload.sizeBytes)),
          speed && text.speed(bytes(speed)),
          speed && text.left(duration((upload.sizeBytes - sent) / speed)),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <p className="muted">{text.survives}</p>
      <div className="upload__buttons">
        <button type="button" className="button button--small" onClick={paused ? onResume : onPause}>
          <Icon name={paused ? "play" : "pause"} />
          {paused ? text.resume : text.pause}
        </button>
        <button type="button" className="button button--small button--quiet" onClick={onDiscard}>
          {text.discard}
        </button>
      </div>
    </section>
  );
}

/** Offer the uploads that a reload or a closed tab cut off. */
function Pending({ onContinue }: { onContinue: (file: File, upload: PendingUpload) => void }) {
  const [uploads, setUploads] = useState<PendingUpload[]>([]);
  useEffect(() => {
    void pendingUploads().then(setUploads, () => undefined);
  }, []);
  return uploads.map((upload) => (
    <PendingCard
      key={upload.uploadId}
      upload={upload}
      onContinue={onContinue}
      onDiscard={() => {
        void forgetUpload(upload.uploadId);
        setUploads((all) => all.filter((each) => each !== upload));
      }}
    />
  ));
}

interface PendingCardProps {
  upload: PendingUpload;
  onContinue: (file: File, upload: PendingUpload) => void;
  onDiscard: () => void;
}

interface AskingHandle {
  requestPermission?: (wanted: { mode: "read" }) => Promise<PermissionState>;
}

function PendingCard({ upload, onContinue, onDiscard }: PendingCardProps) {
  const input = useRef<HTMLInputElement>(null);
  const [isOther, setIsOther] = useState(false);
  const take = (file: File) => (isSameFile(upload, file) ? onContinue(file, upload) : setIsOther(true));

  async function goOn() {
    const handle = upload.handle as (FileSystemFileHandle & AskingHandle) | undefined;
    const allowed = handle && (await handle.requestPermission?.({ mode: "read" }).catch(() => "denied"));
    if (handle && allowed === "granted") {
      const file = await handle.getFile().catch(() => null);
      if (file) return take(file);
    }
    input.current?.click();
  }

  return (
    <section className="card upload" aria-label={text.pendingTitle(upload.name)}>
      <h2>{text.pendingTitle(upload.name)}</h2>
      <p className="muted num">
        {text.pending(percent(doneBytes(upload) / Math.max(1, upload.sizeBytes)), dateTime(upload.expiresAt))}
      </p>
      {isOther && <p className="is-bad">{text.otherFile(upload.name)}</p>}
      <div className="upload__buttons">
        <button type="button" className="button button--small button--primary" onClick={() => void goOn()}>
          {text.continue}
        </button>
        <button type="button" className="button button--small button--quiet" onClick={onDiscard}>
          {text.discard}
        </button>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={text.pickAgain}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) take(file);
        }}
      />
    </section>
  );
}
