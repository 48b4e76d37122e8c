import { apiUrl } from "../api/config";
import type { Schemas, SessionDetail } from "../api/types";

/** Return the page's content for search engines: the recording and its chapters (schema.org VideoObject and Clip). */
export function videoObject(
  session: SessionDetail,
  chapters: readonly Schemas["ChapterPayload"][],
  thumbnailPath: string | null,
) {
  const here = `${window.location.origin}/sessions/${session.sessionId}`;
  return {
    "@context": "https://schema.org",
    "@type": "VideoObject",
    name: session.sessionName,
    description: session.sessionName,
    uploadDate: session.createdAt,
    url: here,
    contentUrl: apiUrl(`/sessions/${session.sessionId}/media`),
    ...(session.media ? { duration: `PT${Math.round(session.media.durationSec)}S` } : {}),
    ...(thumbnailPath ? { thumbnailUrl: apiUrl(thumbnailPath) } : {}),
    hasPart: chapters.map((chapter) => ({
      "@type": "Clip",
      name: chapter.title,
      startOffset: Math.round(chapter.start),
      endOffset: Math.round(chapter.end),
      url: `${here}#t=${Math.round(chapter.start)}`,
    })),
  };
}

/** Put an object into the page as JSON-LD. `<` is escaped, so that no title can end the element. */
export function JsonLd({ value }: { value: object }) {
  return <script type="application/ld+json">{JSON.stringify(value).replaceAll("<", "\\u003c")}</script>;
}
