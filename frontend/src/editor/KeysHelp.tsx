import { messages } from "../messages";

const text = messages.editor;

/** List the keys that work while the hands stay in the text. */
export function KeysHelp() {
  return (
    <dl className="epanel keys">
      {text.keys.map(([key, meaning]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
