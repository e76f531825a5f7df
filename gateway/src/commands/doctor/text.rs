//! The findings for a person at a terminal: the worst first, and what could not be looked at before what is well.

use super::finding::{Finding, Level};

/// All of them, and a line that counts them.
pub fn of(findings: &[Finding]) -> String {
    let mut text = String::new();
    for level in [Level::Danger, Level::Problem, Level::Hint, Level::Unknown, Level::Ok] {
        for finding in findings.iter().filter(|finding| finding.level == level) {
            text.push_str(&format!("{:<9}{:<19}{}\n", word(level), finding.check, finding.what));
            indented(&mut text, "why", &finding.why);
            indented(&mut text, "fix", &finding.fix);
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    text.push_str(&format!(
        "\ndanger: {}, problems: {}, hints: {}, not looked at: {}, ok: {}\n",
        count(Level::Danger),
        count(Level::Problem),
        count(Level::Hint),
        count(Level::Unknown),
        count(Level::Ok)
    ));
    text
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Danger => "DANGER",
        Level::Problem => "PROBLEM",
        Level::Hint => "hint",
        Level::Unknown => "unknown",
        Level::Ok => "ok",
    }
}

fn indented(text: &mut String, name: &str, lines: &str) {
    for (n, line) in lines.lines().enumerate() {
        text.push_str(&format!("         {:<5}{line}\n", if n == 0 { name } else { "" }));
    }
}
