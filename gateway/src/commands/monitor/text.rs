//! The report for a person at a terminal.

use std::fmt::Display;

use super::report::{Finding, Report, Usage};

/// How many of the 24 hours are worth a line.
const BUSIEST_HOURS: usize = 3;

/// The whole report.
pub fn of(report: &Report) -> String {
    let Report { database, chats, log, usage, .. } = report;
    let mut page = Page::default();
    page.title(format!("Chat, {}", minute(&report.checked_at)));
    page.line(
        "health",
        match report.alerts.len() {
            0 => "ok".to_owned(),
            alerts => format!("alerts: {alerts}, see below"),
        },
    );
    page.line("database", format!("{}, PostgreSQL {}", database.status, database.version));
    page.line("latency", format!("{} ms", database.latency_ms));
    page.line("connections", format!("{} open now", usage.open_now));

    page.title("Chats");
    page.line("upcoming", chats.upcoming);
    page.line("open", chats.open);
    page.line("closing", chats.closing);
    page.line("closed", chats.closed);
    page.line("left active", format!("{} ({} for more than a day)", chats.left_active, chats.overdue));
    page.line("closed early", chats.closed_early);

    page.title("Webhook, last 24 hours");
    page.line("events", log.events_in_last_day);
    for (name, count) in &log.by_type {
        page.line("", format!("{count} {name}"));
    }
    page.line("last event", log.last_received_at.as_deref().map_or("never".to_owned(), minute));
    page.line(
        "lag",
        match (log.lag_seconds.median, log.lag_seconds.max) {
            (Some(median), Some(max)) => format!("{median:.1} s (median), {max:.1} s (longest)"),
            _ => "–".to_owned(),
        },
    );

    page.title(format!("Usage, {} to {}", day(&usage.from), day(&usage.to)));
    self::usage(&mut page, usage);

    page.title("Insights and recommendations");
    page.findings(&usage.insights);
    page.title("Alerts");
    page.findings(&report.alerts);
    page.text
}

fn usage(page: &mut Page, usage: &Usage) {
    let months: Vec<String> =
        usage.monthly_active_users.months.iter().map(|month| format!("{}: {}", month.month, month.users)).collect();
    page.line("active users", with_details(usage.monthly_active_users.total, &months));
    page.line("connections", format!("{} ({} never closed)", usage.connections, usage.lost));
    let reconnects: Vec<String> = usage.reconnects.iter().map(|(cause, count)| format!("{cause}: {count}")).collect();
    page.line("reconnects", with_details(usage.reconnects.values().sum::<i64>(), &reconnects));
    let peak_at: Vec<String> = usage.peak_at.as_deref().map(minute).into_iter().collect();
    page.line("peak", with_details(format!("{} at once", usage.peak_concurrent), &peak_at));
    page.line("connected", duration(usage.connected_seconds));
    page.line("efficiency", format!("{} of what asked needed no new connection", percent(usage.efficiency.reuse)));
    page.line(
        "",
        format!(
            "{} of the time saved while nobody was there ({})",
            percent(usage.efficiency.idle),
            duration(usage.idle_saved_seconds)
        ),
    );
    let mut hours: Vec<_> = usage.peak_hours.iter().filter(|hour| hour.peak_concurrent > 0).collect();
    hours.sort_by_key(|hour| (-hour.peak_concurrent, -hour.connections, hour.hour));
    for (n, hour) in hours.iter().take(BUSIEST_HOURS).enumerate() {
        let counts = format!("{} at once, {} connections", hour.peak_concurrent, hour.connections);
        page.line(if n == 0 { "peak hours" } else { "" }, format!("{:02}:00 UTC: {counts}", hour.hour));
    }
}

/// Titles, and lines of a name and a value.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn title(&mut self, title: impl Display) {
        let space = if self.text.is_empty() { "" } else { "\n" };
        self.text.push_str(&format!("{space}{title}\n"));
    }

    fn line(&mut self, name: &str, value: impl Display) {
        self.text.push_str(&format!("  {name:<14}{value}\n"));
    }

    fn findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            self.text.push_str(&format!("  {}: {}\n", finding.level, finding.message));
        }
        if findings.is_empty() {
            self.text.push_str("  none\n");
        }
    }
}

fn with_details(value: impl Display, details: &[String]) -> String {
    if details.is_empty() { value.to_string() } else { format!("{value} ({})", details.join(", ")) }
}

/// From `2026-11-21T12:40:00.123+00:00`; these are always in UTC.
fn minute(time: &str) -> String {
    format!("{} UTC", time.get(..16).unwrap_or(time).replace('T', " "))
}

fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

fn duration(seconds: i64) -> String {
    format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60)
}
