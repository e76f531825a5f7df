//! The command line.

/// What `--help` prints, and what follows a mistake.
pub const USAGE: &str = "usage: streamkeeper-gateway [migrate|serve] [--demo] | monitor-chat [--json] | test-chat | close-chats | notices | doctor";

/// A command, with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Help,
    Migrate,
    Serve {
        demo: bool,
    },
    MonitorChat {
        json: bool,
    },
    TestChat,
    CloseChats,
    Notices,
    /// The arguments behind it, which it reads itself: there may be keys among them.
    Doctor(Vec<String>),
}

/// Reads the arguments behind the program's name; an error names the one that is wrong.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if(|first| first == "doctor").is_some() {
        return Ok(Command::Doctor(arguments.collect()));
    }
    let (mut command, mut demo, mut json) = (None, None, None);
    for argument in arguments {
        let option = match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--demo" => &mut demo,
            "--json" => &mut json,
            "migrate" | "serve" | "monitor-chat" | "test-chat" | "close-chats" | "notices" => &mut command,
            _ => return Err(unexpected(&argument)),
        };
        if option.is_some() {
            return Err(unexpected(&argument));
        }
        *option = Some(argument);
    }
    match (command.as_deref(), demo, json) {
        (None | Some("serve"), demo, None) => Ok(Command::Serve { demo: demo.is_some() }),
        (Some("migrate"), _, None) => Ok(Command::Migrate),
        (Some("monitor-chat"), None, json) => Ok(Command::MonitorChat { json: json.is_some() }),
        (Some("test-chat"), None, None) => Ok(Command::TestChat),
        (Some("close-chats"), None, None) => Ok(Command::CloseChats),
        (Some("notices"), None, None) => Ok(Command::Notices),
        (_, demo, json) => Err(unexpected(&json.or(demo).unwrap_or_default())),
    }
}

fn unexpected(argument: &str) -> String {
    format!("unexpected argument `{argument}`; {USAGE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_each_command() {
        for (line, command) in [
            ("", Command::Serve { demo: false }),
            ("--demo", Command::Serve { demo: true }),
            ("serve --demo", Command::Serve { demo: true }),
            ("migrate", Command::Migrate),
            ("monitor-chat", Command::MonitorChat { json: false }),
            ("--json monitor-chat", Command::MonitorChat { json: true }),
            ("test-chat", Command::TestChat),
            ("close-chats", Command::CloseChats),
            ("notices", Command::Notices),
            ("doctor", Command::Doctor(Vec::new())),
            ("doctor --json", Command::Doctor(vec!["--json".to_owned()])),
            ("close-chats -h", Command::Help),
        ] {
            assert_eq!(parsed(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn names_what_it_does_not_expect() {
        for (line, argument) in [
            ("serve migrate", "migrate"),
            ("monitor", "monitor"),
            ("serve --json", "--json"),
            ("--json", "--json"),
            ("--json doctor", "doctor"),
            ("migrate --json", "--json"),
            ("close-chats --json", "--json"),
            ("test-chat --demo", "--demo"),
            ("monitor-chat --demo", "--demo"),
            ("monitor-chat --json --json", "--json"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.starts_with(&format!("unexpected argument `{argument}`")), "{line}: {error}");
        }
    }
}
