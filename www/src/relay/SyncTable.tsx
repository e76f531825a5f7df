import type { SyncReport } from "streamkeeper";
import type { Operator } from "./api";
import { useSyncCheck } from "./useSyncCheck";

/** Whether what is live and what is open are the same: at the gateway, and in this page. */
export function SyncTable({ operator }: { operator: Operator | null }) {
  const { gateway, page } = useSyncCheck(operator);
  return (
    <section className="card" aria-labelledby="sync-heading">
      <h2 id="sync-heading">In step?</h2>
      <p className="quiet">
        What is live, and what is open for it. <code>GET /debug/sync-check</code> for the gateway, <code>syncCheck()</code> for this page.
      </p>
      <table className="sync" data-testid="sync-check">
        <thead>
          <tr>
            <th scope="col">Where</th>
            <th scope="col">Live</th>
            <th scope="col">HLS</th>
            <th scope="col">TS</th>
            <th scope="col">In step</th>
          </tr>
        </thead>
        <tbody>
          <Row name="Gateway" testId="sync-gateway" report={gateway} />
          <Row name="This page" testId="sync-page" report={page} />
        </tbody>
      </table>
    </section>
  );
}

function Row({ name, testId, report }: { name: string; testId: string; report: SyncReport | null }) {
  const isWell = report && !report.discrepancies.has_issues;
  return (
    <tr data-testid={testId} data-in-step={isWell ?? undefined}>
      <th scope="row">{name}</th>
      <td>{report?.state.stream_count ?? "–"}</td>
      <td>{report?.hls_proxy.session_count ?? "–"}</td>
      <td>{report?.ts_proxy.session_count ?? "–"}</td>
      <td>{report ? verdict(report) : "–"}</td>
    </tr>
  );
}

function verdict({ discrepancies }: SyncReport): string {
  if (!discrepancies.has_issues) return "yes";
  const { orphaned_hls_sessions, orphaned_ts_sessions, missing_hls_sessions, missing_ts_sessions, other } = discrepancies;
  const others = Object.values(other ?? {}).flatMap(({ orphaned }) => orphaned);
  const orphaned = orphaned_hls_sessions.length + orphaned_ts_sessions.length + others.length;
  const missing = missing_hls_sessions.length + missing_ts_sessions.length;
  const found = [orphaned > 0 && `${orphaned} orphaned`, missing > 0 && `${missing} missing`];
  return found.filter(Boolean).join(", ") || "no";
}
