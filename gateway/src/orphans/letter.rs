//! What the operator reads.

use jiff::Timestamp;
use lettre::message::Mailbox;
use serde::Deserialize;

use crate::mail::{Letter, escaped, one_line};

/// What the database has to tell.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    /// The same for every try to tell the same.
    pub key: String,
    /// How many orphans there are.
    pub total: u64,
    /// How many of them no mail has told of.
    pub new: u64,
    /// Some of them, the new ones first.
    pub streams: Vec<Orphan>,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Orphan {
    pub stream_id: String,
    pub streamer_id: String,
    pub started_at: Timestamp,
    pub since: Timestamp,
    pub reason: String,
    pub is_new: bool,
}

/// What every letter ends with.
const ENDING: [&str; 3] = [
    "What to do is in docs/operations.md, under \"Orphaned streams\".",
    "By hand, with the service role: select end_stream_comprehensive(p_stream_id => '...', p_reason => 'operator');",
    "No stream is told of twice, and there is at most one such mail an hour. All of them: select * from orphaned_streams();",
];

/// The letter about them.
pub fn about(report: &Report, to: &Mailbox) -> Letter {
    let streams = if report.total == 1 { "stream" } else { "streams" };
    let subject = format!("{} orphaned {streams}", report.total);
    let head = format!(
        "{subject}: still live, although nobody holds them and they should have been ended. New since the last mail: {}.",
        report.new
    );
    let facts: Vec<Facts> = report.streams.iter().map(facts).collect();
    let more = report.total.saturating_sub(facts.len() as u64);
    let more = (more > 0).then(|| format!("And {more} more."));
    Letter {
        key: format!("orphans-{}", report.key),
        to: to.clone(),
        subject: format!("Streamkeeper: {subject}"),
        text: text(&head, &facts, more.as_deref()),
        html: html(&head, &facts, more.as_deref()),
    }
}

/// What is said about one stream: names and values.
type Facts = [(&'static str, String); 5];

fn facts(orphan: &Orphan) -> Facts {
    let id = if orphan.is_new { format!("{} (new)", orphan.stream_id) } else { orphan.stream_id.clone() };
    [
        ("stream", id),
        ("streamer", one_line(&orphan.streamer_id)),
        ("live since", minute(orphan.started_at)),
        ("orphan since", minute(orphan.since)),
        ("why", why(&orphan.reason)),
    ]
}

fn why(reason: &str) -> String {
    let why = match reason {
        "not_swept" => "the sweeper runs, but does not end it: look for its warnings in the log",
        "sweeper_stopped" => "nothing has swept for ten minutes: see that a gateway or pg_cron runs",
        "not_auto_ended" => "nobody ever held it, and it was not seen for a day: see that a gateway or pg_cron runs",
        "end_came_first" => "its end came before its start, and nobody ever held it: end it by hand",
        _ => return one_line(reason),
    };
    format!("{why} ({reason})")
}

/// In UTC, as all times here.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn text(head: &str, streams: &[Facts], more: Option<&str>) -> String {
    let streams = streams.iter().map(|facts| {
        let lines: Vec<String> = facts.iter().map(|(name, value)| format!("{name:<14}{value}")).collect();
        lines.join("\n")
    });
    let rest = more.into_iter().chain(ENDING).map(str::to_owned);
    let paragraphs: Vec<String> = [head.to_owned()].into_iter().chain(streams).chain(rest).collect();
    paragraphs.join("\n\n") + "\n"
}

fn html(head: &str, streams: &[Facts], more: Option<&str>) -> String {
    let paragraph = |text: &str| format!("<p>{}</p>\n", escaped(text));
    let row = |(name, value): &(&str, String)| format!("<tr><td>{name}</td><td>{}</td></tr>\n", escaped(value));
    let streams = streams.iter().map(|facts| {
        let rows: String = facts.iter().map(row).collect();
        format!("<table>\n{rows}</table>\n<hr>\n")
    });
    let rest = more.into_iter().chain(ENDING).map(paragraph);
    let body: String = [paragraph(head)].into_iter().chain(streams).chain(rest).collect();
    format!("<!doctype html>\n<html lang=\"en\">\n<body>\n{body}</body>\n</html>\n")
}
