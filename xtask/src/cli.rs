//! The command line.

use crate::failure::{Failure, Result};
use crate::suites::Suite;

/// What `cargo xtask help` prints.
pub const USAGE: &str = "\
cargo xtask demo [--port N] [--no-open]   serve the demo, with a real PostgreSQL and the gateway, until Ctrl-C
cargo xtask test [SUITE] [--soak]         run every suite, or one: lint engine browser database gateway e2e packaging mutants
cargo xtask build                         make pkg/ installable, pack it into target/npm/ and print its sizes
cargo xtask docs                          write the reference of the npm package and of the crates into target/
cargo xtask bench [NAME]                  print a table against the peers, all of them, or the names there are
cargo xtask replay WHAT [OPTION]...       step through a trace (FILE, or - for stdin) or a schedule (WORLD:SEED); --step --quiet
cargo xtask monitor-chat [--json]         how chat is doing, on the database that DATABASE_URL names
cargo xtask test-chat                     try a chat's whole life on that database, and keep nothing of it
cargo xtask close-chats                   close that database's expired chats now
cargo xtask doctor [OPTION]...            what is missing or dangerous in your own project; --help names the options
cargo xtask help                          print this
";

/// A command, with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Demo(Demo),
    /// No suite: all of them. `soak`: the long versions.
    Test {
        suite: Option<Suite>,
        soak: bool,
    },
    Build,
    Docs,
    Bench {
        name: Option<String>,
    },
    /// What is to be replayed, and how.
    Replay(Vec<String>),
    /// The arguments of one of the gateway's commands for operators.
    Operate(Vec<String>),
}

/// The options of `demo`.
#[derive(Debug, PartialEq, Eq)]
pub struct Demo {
    /// Asked for by name: it is this port or none.
    pub port: Option<u16>,
    pub open: bool,
}

/// Reads the arguments that follow `cargo xtask`.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command> {
    let mut arguments = arguments.into_iter();
    match arguments.next().as_deref() {
        None | Some("help" | "--help" | "-h") => Ok(Command::Help),
        Some("demo") => demo(arguments),
        Some("test") => test(arguments),
        Some("build") => at_most_one("build", arguments, |_| None).map(|_: Option<()>| Command::Build),
        Some("docs") => at_most_one("docs", arguments, |_| None).map(|_: Option<()>| Command::Docs),
        Some("bench") => at_most_one("bench", arguments, Some).map(|name| Command::Bench { name }),
        // It reads its options itself.
        Some("replay") => Ok(Command::Replay(arguments.collect())),
        // It reads its options itself: there may be keys among them, and only it knows how not to show them.
        Some("doctor") => Ok(Command::Operate(["doctor".to_owned()].into_iter().chain(arguments).collect())),
        Some(name @ ("monitor-chat" | "test-chat" | "close-chats")) => operate(name, arguments),
        Some(other) => Err(Failure::because(format!(
            "unknown command `{other}`; there are demo, test, build, docs, bench, replay, monitor-chat, test-chat, close-chats, doctor and help"
        ))),
    }
}

fn demo(mut arguments: impl Iterator<Item = String>) -> Result<Command> {
    let mut options = Demo { port: None, open: true };
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            None if argument == "--no-open" => options.open = false,
            None if argument == "--port" => options.port = Some(port(arguments.next())?),
            Some(("--port", value)) => options.port = Some(port(Some(value.to_owned()))?),
            _ => return Err(unknown("demo", &argument)),
        }
    }
    Ok(Command::Demo(options))
}

fn port(value: Option<String>) -> Result<u16> {
    let value = value.unwrap_or_default();
    match value.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Failure::because(format!("--port needs a number from 1 to 65535, not `{value}`"))),
    }
}

fn test(arguments: impl Iterator<Item = String>) -> Result<Command> {
    let (soak, names): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument == "--soak");
    let suite = at_most_one("test", names.into_iter(), |name| Suite::named(&name))?;
    Ok(Command::Test { suite, soak: !soak.is_empty() })
}

fn operate(name: &str, arguments: impl Iterator<Item = String>) -> Result<Command> {
    let json = |argument: String| (name == "monitor-chat" && argument == "--json").then_some(argument);
    let option = at_most_one(name, arguments, json)?;
    Ok(Command::Operate([name.to_owned()].into_iter().chain(option).collect()))
}

/// The one optional argument of a command, if `accept` knows it.
fn at_most_one<T>(
    command: &str,
    mut arguments: impl Iterator<Item = String>,
    accept: impl Fn(String) -> Option<T>,
) -> Result<Option<T>> {
    let Some(first) = arguments.next() else { return Ok(None) };
    match (accept(first.clone()), arguments.next()) {
        (Some(value), None) => Ok(Some(value)),
        (None, _) => Err(unknown(command, &first)),
        (_, Some(second)) => Err(unknown(command, &second)),
    }
}

fn unknown(command: &str, argument: &str) -> Failure {
    let usage = USAGE.lines().find(|line| line.starts_with(&format!("cargo xtask {command}"))).unwrap_or_default();
    let usage = usage.split("   ").next().unwrap_or_default();
    Failure::because(format!("unknown argument `{argument}`; the usage is `{usage}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> std::result::Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned)).map_err(|failure| match failure {
            Failure::Because(why) => why,
            Failure::Interrupted => "interrupted".into(),
        })
    }

    #[test]
    fn reads_each_command() {
        assert_eq!(parsed(""), Ok(Command::Help));
        assert_eq!(parsed("build"), Ok(Command::Build));
        assert_eq!(parsed("docs"), Ok(Command::Docs));
        assert_eq!(parsed("bench"), Ok(Command::Bench { name: None }));
        assert_eq!(parsed("bench size"), Ok(Command::Bench { name: Some("size".into()) }));
        for line in ["monitor-chat", "monitor-chat --json", "test-chat", "close-chats"] {
            let words = line.split(' ').map(str::to_owned).collect();
            assert_eq!(parsed(line), Ok(Command::Operate(words)));
        }
        let replay = ["-", "--quiet"].map(str::to_owned).to_vec();
        assert_eq!(parsed("replay - --quiet"), Ok(Command::Replay(replay)));
        let doctor = ["doctor", "--url", "https://a.example"].map(str::to_owned).to_vec();
        assert_eq!(parsed("doctor --url https://a.example"), Ok(Command::Operate(doctor)));
        assert_eq!(parsed("demo"), Ok(Command::Demo(Demo { port: None, open: true })));
        let busy = Command::Demo(Demo { port: Some(9000), open: false });
        assert_eq!(parsed("demo --no-open --port 9000"), Ok(busy));
        assert_eq!(parsed("demo --port=9000"), Ok(Command::Demo(Demo { port: Some(9000), open: true })));
        assert_eq!(parsed("test"), Ok(Command::Test { suite: None, soak: false }));
        assert_eq!(parsed("test --soak e2e"), Ok(Command::Test { suite: Some(Suite::E2e), soak: true }));
        assert_eq!(parsed("test engine --soak"), Ok(Command::Test { suite: Some(Suite::Engine), soak: true }));
    }

    #[test]
    fn says_in_one_line_what_it_does_not_know() {
        for line in [
            "rewind x",
            "demo --fast",
            "demo --port",
            "demo --port 0",
            "demo --port 70000",
            "test unit",
            "test e2e engine",
            "build all",
            "docs all",
            "bench a b",
            "monitor-chat --xml",
            "monitor-chat --json --json",
            "test-chat --json",
            "close-chats now",
        ] {
            let why = parsed(line).expect_err(line);
            assert_eq!(why.lines().count(), 1, "{why}");
        }
        assert_eq!(
            parsed("test unit").unwrap_err(),
            "unknown argument `unit`; the usage is `cargo xtask test [SUITE] [--soak]`"
        );
    }
}
