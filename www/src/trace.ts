/** Saves the trace as a file, as one would attach it to a bug report. */
export function saveTrace(trace: string): void {
  const link = document.createElement("a");
  link.href = `data:application/json,${encodeURIComponent(trace)}`;
  link.download = "streamkeeper-trace.json";
  link.click();
}
