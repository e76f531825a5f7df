//! What somebody should look at today.

use super::report::{Finding, Report};

/// An event of a minute ago is not what people expect to see at once.
const SLOW_SECONDS: f64 = 60.0;

/// The alerts of this moment.
pub fn of(report: &Report) -> Vec<Finding> {
    let (chats, log) = (&report.chats, &report.log);
    let lag = log.lag_seconds.median.unwrap_or_default();
    let rules = [
        (
            chats.overdue > 0,
            "chats_left_active",
            format!(
                "{} of {} chats that were left active should have been closed a day ago: does a gateway run? \
                 `close-chats` closes them.",
                chats.overdue, chats.left_active
            ),
        ),
        (
            chats.closed_early > 0,
            "chats_closed_early",
            format!(
                "Closed before their time and without a reason: {}. `select repair_chats()` opens them again.",
                chats.closed_early
            ),
        ),
        (
            log.events_in_last_day == 0 && chats.met_in_last_day > 0,
            "webhook_silent",
            format!(
                "No event came within 24 hours, and chats with an appointment in them: {}. Check the webhook's address and \
                 STREAM_API_SECRET.",
                chats.met_in_last_day
            ),
        ),
        (
            lag > SLOW_SECONDS,
            "webhook_slow",
            format!("Half of the events took longer than {lag:.0} s to arrive: look at the gateway's log for 5xx."),
        ),
    ];
    let ours = rules.into_iter().filter(|(applies, ..)| *applies).map(|(_, code, message)| Finding {
        level: "warning".to_owned(),
        code: code.to_owned(),
        message,
    });
    let connections = report
        .last_day
        .iter()
        .map(|finding| Finding { message: format!("Within 24 hours: {}", finding.message), ..finding.clone() });
    ours.chain(connections).collect()
}
