import { useEffect } from "react";
import { messages } from "../messages";

/** Name the browser's tab after the page. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · ${messages.app.name}` : messages.app.name;
  }, [title]);
}
