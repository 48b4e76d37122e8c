import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import type { Schemas } from "../api/types";
import { messages } from "../messages";
import { MediaClock } from "./MediaClock";
import { VerdictStrip } from "./VerdictStrip";

const MUTED = { code: "sound_muted", start: 20, end: 31, text: "The sound is muted from 0:20 to 0:31." };
const QUALITY = { verdict: "check", reasons: [MUTED] } as unknown as Schemas["Quality"];
const text = messages.session.verdict;

describe("the verdict", () => {
  it("names each reason with a link to its time", async () => {
    const clock = new MediaClock();
    render(<VerdictStrip quality={QUALITY} warnings={[]} clock={clock} />);
    expect(screen.getByText(text.check)).toBeTruthy();
    const link = screen.getByRole("link", { name: messages.session.goToTime("0:20–0:31") });
    expect(link.getAttribute("href")).toMatch(/#t=20\.0$/);
    await userEvent.click(link);
    expect(clock.time).toBe(20);
  });

  it("tells the warnings of a job that runs", () => {
    render(<VerdictStrip quality={null} warnings={[MUTED]} clock={new MediaClock()} />);
    expect(screen.getByText(/The sound is muted/)).toBeTruthy();
  });

  it("says nothing about a healthy recording, also after an early warning", () => {
    const healthy = { verdict: "ok", reasons: [] } as unknown as Schemas["Quality"];
    const { container } = render(<VerdictStrip quality={healthy} warnings={[MUTED]} clock={new MediaClock()} />);
    expect(container.innerHTML).toBe("");
  });
});
