import type { ReactNode } from "react";
import { useTitle } from "./useTitle";

/** Show the head of a page, and name the browser's tab after it. Children stand at its right. */
export function PageHead({ title, lead, children }: { title: string; lead: string; children?: ReactNode }) {
  useTitle(title);
  return (
    <div className="page__head">
      <div>
        <h1>{title}</h1>
        <p className="page__lead">{lead}</p>
      </div>
      {children}
    </div>
  );
}
