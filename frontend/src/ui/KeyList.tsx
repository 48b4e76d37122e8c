interface KeyListProps {
  keys: readonly (readonly [string, string])[];
  className?: string;
}

/** List keys with what they do. */
export function KeyList({ keys, className = "" }: KeyListProps) {
  return (
    <dl className={`keys ${className}`}>
      {keys.map(([key, meaning]) => (
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
