import * as Dialog from "@radix-ui/react-dialog";
import type { ReactNode } from "react";

interface AskProps {
  open: boolean;
  title: string;
  children: ReactNode;
  yes: string;
  no: string;
  danger?: boolean;
  busy?: boolean;
  onYes: () => void;
  onClose: () => void;
}

/** Ask before something that cannot be undone. The harmless answer has the focus. */
export function Ask({ open, title, children, yes, no, danger = false, busy = false, onYes, onClose }: AskProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim" />
        <Dialog.Content className="dialog" role="alertdialog">
          <Dialog.Title asChild>
            <h2>{title}</h2>
          </Dialog.Title>
          <Dialog.Description className="dialog__text">{children}</Dialog.Description>
          <div className="dialog__buttons">
            <Dialog.Close className="button">{no}</Dialog.Close>
            <button
              type="button"
              className={`button ${danger ? "button--danger" : "button--primary"}`}
              disabled={busy}
              onClick={onYes}
            >
              {yes}
            </button>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
