import * as Dialog from "@radix-ui/react-dialog";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";
import { KeyList } from "../ui/KeyList";

const text = messages.session.keys;

/** Tell the page's keys, and let a reader turn off those of one letter, which a voice or a slip may strike. */
export function KeysButton({ areOn, onChange }: { areOn: boolean; onChange: (on: boolean) => void }) {
  return (
    <Dialog.Root>
      <Dialog.Trigger className="button button--small session__keys">
        <Icon name="keyboard" />
        {text.open}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <Dialog.Title asChild>
            <h2>{text.title}</h2>
          </Dialog.Title>
          <KeyList keys={text.list} />
          <label className="check">
            <input type="checkbox" checked={areOn} onChange={(event) => onChange(event.target.checked)} />
            {text.letters}
          </label>
          <div className="dialog__buttons">
            <Dialog.Close className="button">{messages.app.close}</Dialog.Close>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
