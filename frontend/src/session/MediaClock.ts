import { useSyncExternalStore } from "react";

/** The one clock of the session page: captions, transcript, track and plots all follow the video's own time. */
export class MediaClock {
  time = 0;
  private video: HTMLVideoElement | null = null;
  private readonly listeners = new Set<() => void>();
  private wanted: number | null = null;

  /** Follow a video: every frame that is shown, and every seek. Return how to let go of it. */
  attach(video: HTMLVideoElement): () => void {
    this.video = video;
    let frame = 0;
    const hasFrames = "requestVideoFrameCallback" in video;
    const onFrame = (_: number, shown: { mediaTime: number }) => {
      this.emit(video.paused ? video.currentTime : shown.mediaTime);
      frame = video.requestVideoFrameCallback(onFrame);
    };
    const onTime = () => this.emit(video.currentTime);
    const onReady = () => {
      if (this.wanted !== null) video.currentTime = this.wanted;
      this.wanted = null;
    };
    const events = ["timeupdate", "seeking", "seeked"] as const;
    for (const name of events) video.addEventListener(name, onTime);
    video.addEventListener("loadedmetadata", onReady);
    if (hasFrames) frame = video.requestVideoFrameCallback(onFrame);
    if (video.readyState >= HTMLMediaElement.HAVE_METADATA) onReady();
    return () => {
      for (const name of events) video.removeEventListener(name, onTime);
      video.removeEventListener("loadedmetadata", onReady);
      if (hasFrames) video.cancelVideoFrameCallback(frame);
      this.video = null;
    };
  }

  /** Go to a time; before the video is there, it is remembered and the page already shows it. */
  seek(time: number): void {
    const target = Math.max(0, time);
    if (this.video && this.video.readyState >= HTMLMediaElement.HAVE_METADATA) this.video.currentTime = target;
    else this.wanted = target;
    this.emit(target);
  }

  /** Go to a time and play from there. A browser that forbids playing leaves the video paused at the time. */
  playFrom(time: number): void {
    this.seek(time);
    this.video?.play().catch(() => undefined);
  }

  /** Return whether the video is playing now. */
  get isPlaying(): boolean {
    return this.video !== null && !this.video.paused;
  }

  /** Play or pause. */
  toggle(): void {
    if (this.video?.paused) this.video.play().catch(() => undefined);
    else this.video?.pause();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private emit(time: number): void {
    this.time = time;
    for (const listener of this.listeners) listener();
  }
}

/** Render again only when what `pick` returns for the time changes, such as a row's number. */
export function useClock<T extends string | number | boolean | null>(clock: MediaClock, pick: (time: number) => T): T {
  return useSyncExternalStore(clock.subscribe, () => pick(clock.time));
}
