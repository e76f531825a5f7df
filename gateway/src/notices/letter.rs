//! What a host reads when an event is over. The words are the seed's.

use jiff::Timestamp;
use lettre::message::Mailbox;
use serde::Deserialize;

use crate::mail::{Letter, escaped, one_line};

/// An end that a host is told of.
#[derive(Debug, Clone, Deserialize)]
pub struct Ending {
    pub event_id: String,
    pub title: String,
    pub host_user_id: String,
    pub ended_at: Timestamp,
    pub ended_by: String,
}

const TITLE: &str = "Event Stream Completed";
const SUBTITLE: &str = "Your event stream has ended";
const BUTTON: &str = "View Event Dashboard";

/// The letter about these, of which there is at least one. `frontend`: where hosts have their dashboards.
pub fn about(endings: &[Ending], key: &str, to: &Mailbox, frontend: Option<&str>) -> Letter {
    let subject = match endings {
        [only] => format!("Event Stream Ended - {}", one_line(&only.title)),
        many => format!("{} Event Streams Ended", many.len()),
    };
    let sections: Vec<Section> = endings.iter().map(|ending| Section::of(ending, frontend)).collect();
    Letter { key: key.to_owned(), to: to.clone(), subject, text: text(&sections), html: html(&sections) }
}

/// What is said of one event.
struct Section {
    body: String,
    link: Option<String>,
    facts: String,
}

impl Section {
    fn of(ending: &Ending, frontend: Option<&str>) -> Self {
        let title = one_line(&ending.title);
        let event_id = &ending.event_id;
        let at = ending.ended_at.strftime("%Y-%m-%d %H:%M UTC");
        let host_id = one_line(&ending.host_user_id);
        Self {
            body: format!("Your event \"{title}\" stream has ended. {}", why(&ending.ended_by)),
            link: frontend.map(|frontend| format!("{}/events/{event_id}", frontend.trim_end_matches('/'))),
            facts: format!("Ended at {at}. Event: {event_id}. Host: {host_id}."),
        }
    }
}

/// The seed knows one reason only.
fn why(ended_by: &str) -> &'static str {
    match ended_by {
        "schedule" => "It was scheduled to end now.",
        "stream" => "Its live stream is over.",
        "call" => "It was ended by hand.",
        _ => "All viewers have disconnected from the stream.",
    }
}

fn text(sections: &[Section]) -> String {
    let sections = sections.iter().map(|Section { body, link, facts }| {
        let button = link.as_ref().map(|link| format!("{BUTTON}: {link}\n\n")).unwrap_or_default();
        format!("{body}\n\n{button}{facts}\n")
    });
    format!("{TITLE}\n{SUBTITLE}\n\n{}", sections.collect::<Vec<_>>().join("\n"))
}

fn html(sections: &[Section]) -> String {
    let sections = sections.iter().map(|Section { body, link, facts }| {
        let button = link.as_ref().map(|link| format!("<p><a href=\"{}\">{BUTTON}</a></p>\n", escaped(link)));
        format!("<p>{}</p>\n{}<p><small>{}</small></p>\n", escaped(body), button.unwrap_or_default(), escaped(facts))
    });
    let sections: String = sections.collect();
    let head = format!("<h1>{TITLE}</h1>\n<h2>{SUBTITLE}</h2>\n");
    format!("<!doctype html>\n<html lang=\"en\">\n<body>\n{head}{sections}</body>\n</html>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(title: &str, ended_by: &str) -> Ending {
        Ending {
            event_id: "00000000-0000-4000-8000-000000000001".into(),
            title: title.into(),
            host_user_id: "host-7".into(),
            ended_at: "2026-01-05T12:00:30Z".parse().unwrap(),
            ended_by: ended_by.into(),
        }
    }

    fn letter(endings: &[Ending]) -> Letter {
        about(endings, "event-ended-1", &"Ann <ann@example.org>".parse().unwrap(), Some("https://app.example.org/"))
    }

    #[test]
    fn the_words_are_the_seeds() {
        let letter = letter(&[ending("Concert", "absence")]);
        assert_eq!(letter.subject, "Event Stream Ended - Concert");
        assert_eq!(
            letter.text,
            "Event Stream Completed\nYour event stream has ended\n\n\
             Your event \"Concert\" stream has ended. All viewers have disconnected from the stream.\n\n\
             View Event Dashboard: https://app.example.org/events/00000000-0000-4000-8000-000000000001\n\n\
             Ended at 2026-01-05 12:00 UTC. Event: 00000000-0000-4000-8000-000000000001. Host: host-7.\n"
        );
        for part in [
            "<h1>Event Stream Completed</h1>",
            "<h2>Your event stream has ended</h2>",
            "<p>Your event &quot;Concert&quot; stream has ended. All viewers have disconnected from the stream.</p>",
            "<a href=\"https://app.example.org/events/00000000-0000-4000-8000-000000000001\">View Event Dashboard</a>",
            "Host: host-7.",
        ] {
            assert!(letter.html.contains(part), "{part}: {}", letter.html);
        }
    }

    #[test]
    fn what_ended_otherwise_is_not_said_to_have_been_left() {
        for (ended_by, reason) in [("schedule", "scheduled"), ("stream", "live stream is over"), ("call", "by hand")] {
            let letter = letter(&[ending("Concert", ended_by)]);
            assert!(letter.text.contains(reason) && !letter.text.contains("disconnected"), "{}", letter.text);
        }
    }

    #[test]
    fn a_title_stays_a_title() {
        let letter = letter(&[ending("<b>a</b>\r\nBcc: everybody@example.org\u{2028}\u{0}", "absence")]);
        assert!(!letter.subject.chars().any(|c| c.is_control() || c == '\u{2028}'), "{:?}", letter.subject);
        assert_eq!(letter.text.lines().count(), letter_lines(), "{}", letter.text);
        assert!(letter.html.contains("&lt;b&gt;a&lt;/b&gt;") && !letter.html.contains("<b>"), "{}", letter.html);
    }

    fn letter_lines() -> usize {
        letter(&[ending("Concert", "absence")]).text.lines().count()
    }

    #[test]
    fn several_are_one_letter() {
        let letter = letter(&[ending("Concert", "absence"), ending("Encore", "schedule")]);
        assert_eq!(letter.subject, "2 Event Streams Ended");
        for title in ["\"Concert\" stream has ended. All", "\"Encore\" stream has ended. It"] {
            assert!(letter.text.contains(title), "{}", letter.text);
        }
        assert_eq!(letter.html.matches("View Event Dashboard").count(), 2);
    }

    #[test]
    fn without_a_dashboard_there_is_no_button() {
        let letter = about(&[ending("Concert", "absence")], "k", &"ann@example.org".parse().unwrap(), None);
        assert!(!letter.text.contains(BUTTON) && !letter.html.contains(BUTTON));
    }
}
