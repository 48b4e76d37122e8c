import * as Dialog from "@radix-ui/react-dialog";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { config } from "../api/config";
import { beginSignIn } from "../api/oidc";
import { noteRefusal, saveToken, useTokenRefused } from "../api/token";
import { messages } from "../messages";

/** Ask for a token as soon as the API refuses a request for want of one. */
export function TokenDialog() {
  const refused = useTokenRefused();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [failed, setFailed] = useState("");
  const { oidc } = config();

  function save(event: FormEvent) {
    event.preventDefault();
    saveToken(text.trim() || null);
    setText("");
    void queries.invalidateQueries();
  }

  return (
    <Dialog.Root open={refused} onOpenChange={(open) => !open && noteRefusal(false)}>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim" />
        <Dialog.Content className="dialog">
          <Dialog.Title asChild>
            <h2>{messages.token.title}</h2>
          </Dialog.Title>
          <Dialog.Description className="dialog__text">
            {oidc ? messages.token.bodyWithSignIn : messages.token.body}
          </Dialog.Description>
          {oidc && (
            <button
              type="button"
              className="button button--primary"
              onClick={() => void beginSignIn(oidc).catch((error: Error) => setFailed(error.message))}
            >
              {messages.token.signIn}
            </button>
          )}
          {failed && <p role="alert">{failed}</p>}
          <form onSubmit={save} className="field">
            <label className="field">
              <span className="field__label">{messages.token.label}</span>
              <input
                className="input"
                type="password"
                autoComplete="off"
                value={text}
                onChange={(event) => setText(event.target.value)}
              />
            </label>
            <div className="dialog__buttons">
              <Dialog.Close className="button">{messages.app.close}</Dialog.Close>
              <button type="submit" className={`button ${oidc ? "" : "button--primary"}`}>
                {messages.token.save}
              </button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
