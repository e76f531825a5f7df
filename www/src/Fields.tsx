export type Field = [name: string, value: string | null];

/** Columns of a row and what is in them. */
export function Fields({ testId, fields }: { testId: string; fields: Field[] }) {
  return (
    <dl data-testid={testId}>
      {fields.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? <span className="quiet">null</span>}</dd>
        </div>
      ))}
    </dl>
  );
}
