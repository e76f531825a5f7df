/** A status as one word, with its colour. */
export function Status({ status, testId }: { status: string; testId: string }) {
  return (
    <p className="status" data-status={status}>
      <span aria-hidden="true" className="dot" />
      <span data-testid={testId}>{status}</span>
    </p>
  );
}
